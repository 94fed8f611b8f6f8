"""Tasks in a file, as a Mesos master tells them or as somebody writes them down. Pure.

Knows the shapes: `/state`, `/tasks` and the operator API (GET_STATE, GET_TASKS) of a master, and a list of short forms.
What a task says is read as the listener reads it.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from api.mesos_listener import messages
from api.mesos_listener.marathon import DEFAULT_FRAMEWORKS, marathon_names
from api.mesos_listener.parse import joined, parse_task
from api.mesos_listener.reading import Reader
from api.mesos_listener.task import LIVE_STATES, RUNNING, Agent, Task
from sdk.pattern import Pattern

_MARATHONS = Pattern(DEFAULT_FRAMEWORKS)
_PORTS = re.compile(r"(\d+)-(\d+)")
_SHORT = ("id", "frameworkId", "frameworkName", "name", "role", "labels", "ports")
#: Of a task that nobody gave a framework.
_FRAMEWORK = "marathon"
_FIRST_PORT = 31_000

Json = Mapping[str, Any]


class NoTasks(ValueError):
    """It holds none; the message says what there should be."""


def read_tasks(text: str) -> tuple[Task, ...]:
    """The live tasks in the file. Raises NoTasks."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NoTasks(f"is not JSON: {error}") from error
    if isinstance(value, list):
        return tuple(_read(*_from_short(one, index)) for index, one in enumerate(value))
    if not isinstance(value, Mapping):
        raise NoTasks("must be what a Mesos master tells, or a list of tasks")
    found = [_told(one) for one in _tasks_of(value)]
    names = {_id(one.get("id")): str(one.get("name", "")) for one in _frameworks_of(value)}
    return tuple(_read(task, names) for task in found if task.get("state", RUNNING) in LIVE_STATES)


def _tasks_of(value: Json) -> Iterable[Any]:
    for place in (value.get("get_state"), value):
        if isinstance(place, Mapping) and isinstance(place.get("get_tasks"), Mapping):
            return _list(place["get_tasks"].get("tasks"))
    if isinstance(value.get("tasks"), list):
        return _list(value["tasks"])
    if isinstance(value.get("frameworks"), list):
        return [task for one in _frameworks_of(value) for task in _list(one.get("tasks"))]
    raise NoTasks("holds neither tasks nor frameworks; give what GET /tasks or GET /state of a Mesos master answers")


def _frameworks_of(value: Json) -> Iterator[Json]:
    state = value.get("get_state", value)
    listed = state.get("get_frameworks", state) if isinstance(state, Mapping) else {}
    for one in _list(listed.get("frameworks")) if isinstance(listed, Mapping) else ():
        info = one.get("framework_info", one) if isinstance(one, Mapping) else None
        if isinstance(info, Mapping):
            yield info


def _told(task: Any) -> dict[str, Any]:
    """A task of `/state` in the form of the operator API, which is left as it is."""
    if not isinstance(task, Mapping):
        raise NoTasks("holds a task that is no object")
    told = dict(task)
    for short, long in (("id", "task_id"), ("framework_id", "framework_id"), ("slave_id", "agent_id")):
        if isinstance(told.get(short), str):
            told[long] = {"value": told[short]}
    if isinstance(told.get("labels"), list):
        told["labels"] = {"labels": told["labels"]}
    if isinstance(told.get("resources"), Mapping):
        ranges = [
            {"begin": int(low), "end": int(high)}
            for low, high in _PORTS.findall(str(told["resources"].get("ports", "")))
        ]
        role = {"allocation_info": {"role": str(told.get("role", ""))}}
        told["resources"] = [{"name": "ports", "ranges": {"range": ranges}, **role}]
    return told


def _from_short(task: Any, index: int) -> tuple[dict[str, Any], dict[str, str]]:
    """A task that somebody wrote down, and the name of its framework by the id."""
    if not isinstance(task, Mapping):
        raise NoTasks(f"tasks[{index}]: must be an object")
    if unknown := next((key for key in task if key not in _SHORT), None):
        raise NoTasks(f"tasks[{index}].{unknown}: unknown field; known are {', '.join(_SHORT)}")
    if not isinstance(task.get("id"), str):
        raise NoTasks(f"tasks[{index}].id: is required, a string")
    labels = task.get("labels", {})
    if not isinstance(labels, Mapping):
        raise NoTasks(f"tasks[{index}].labels: must be an object of names and values")
    ports = [
        one if isinstance(one, Mapping) else {"number": one} if isinstance(one, int) else {"name": str(one)}
        for one in _list(task.get("ports", [{"name": "web"}]))
    ]
    numbered = [{"number": _FIRST_PORT + at, "protocol": "tcp", **port} for at, port in enumerate(ports)]
    numbers = [{"begin": port["number"], "end": port["number"]} for port in numbered]
    role = {"allocation_info": {"role": str(task.get("role", "*"))}}
    framework = str(task.get("frameworkId", _FRAMEWORK))
    told = {
        "task_id": {"value": task["id"]},
        "framework_id": {"value": framework},
        "name": str(task.get("name", task["id"])),
        "state": RUNNING,
        "labels": {"labels": [{"key": str(key), "value": str(value)} for key, value in labels.items()]},
        "resources": [{"name": "ports", "ranges": {"range": numbers}, **role}],
        "discovery": {"ports": {"ports": numbered}},
    }
    return told, {framework: str(task.get("frameworkName", ""))}


def _read(told: Json, names: Mapping[str, str]) -> Task:
    task = parse_task(_READER.read(json.dumps(told).encode()))
    if task is None:
        raise NoTasks("holds a task without a usable id, or without a framework")
    # Without the list of frameworks the id tells a task of Marathon.
    unnamed = _FRAMEWORK if marathon_names("", task.id)[0] or task.framework_id == _FRAMEWORK else task.framework_id
    framework = names.get(task.framework_id) or unnamed
    return joined(
        task,
        framework_name=framework,
        marathon=_MARATHONS.found_in(framework),
        agent=Agent(id=task.agent_id),
        started=task.started,
    )


_READER = Reader(messages.Task)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _id(value: Any) -> str:
    return str(value.get("value", "") if isinstance(value, Mapping) else value)
