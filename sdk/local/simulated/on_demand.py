"""The framework of the tasks that somebody asks for one by one, and what such a request may say. Pure.

It has agents of its own: one for each address that a task was asked for at, which offer everything to its role alone
and hold nothing that others could want. So it keeps their offers, and a task is launched as soon as its agent is there.
A task stays TASK_STARTING until it is told to change: what happens then happens at once, for thousands of tasks as for
one.
"""

import ipaddress
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sdk.local.core.model import TERMINAL
from sdk.local.core.wire import Json
from sdk.local.simulated.contents import Profile, container_id, framework_info

ROLE = FRAMEWORK = "on-demand"
MAX_TASKS = 10_000
"""In one request."""
STATES = ("TASK_RUNNING", "TASK_KILLING", "TASK_KILLED", "TASK_FINISHED", "TASK_FAILED")
"""What a task can be told to be."""
_ATTRIBUTE = "on-demand"
_SIZES = {"cpus": 0.01, "mem": 32.0, "disk": 1.0}
_ROOM = 65_536
"""Tasks of which an agent has room for: as many as it has ports."""


class BadRequest(ValueError):
    """A request that cannot be carried out; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """A task that is to be launched: its server is `address:port`."""

    name: str
    address: str
    port: int
    labels: Mapping[str, str] = field(default_factory=dict)


def new_tasks(content: object) -> list[NewTask]:
    """The tasks in a request."""
    return [_new_task(item, f"tasks[{at}]") for at, item in enumerate(_items(content, "tasks"))]


def _new_task(item: object, path: str) -> NewTask:
    labels: object = {}
    match item:
        case {"name": str(name), "address": str(address), "port": int(port), **more}:
            labels = more.get("labels", {})
        case _:
            raise BadRequest(f"{path} is {item!r:.80}: it needs a name, an address and a port")
    if not 0 < len(name) <= 255:
        raise BadRequest(f"{path}.name has {len(name)} characters: choose 1 to 255")
    try:
        ipaddress.IPv4Address(address)
    except ValueError:
        raise BadRequest(f"{path}.address is {address!r:.80}, which is no IPv4 address") from None
    if isinstance(port, bool) or not 0 < port < 65536:
        raise BadRequest(f"{path}.port is {port}: choose 1 to 65535")
    if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
        raise BadRequest(f"{path}.labels must be an object of texts")
    return NewTask(name=name, address=address, port=port, labels=labels)


def new_states(content: object) -> list[tuple[str, str]]:
    """Which tasks are to be in which states, in the order of a request."""
    found: list[tuple[str, str]] = []
    for at, item in enumerate(_items(content, "changes")):
        match item:
            case [str(task_id), str(state)] if state in STATES:
                found.append((task_id, state))
            case _:
                wanted = ", ".join(STATES)
                raise BadRequest(f"changes[{at}] is {item!r:.80}: it needs the id of a task and one of {wanted}")
    return found


def _items(content: object, path: str) -> list[Any]:
    if not isinstance(content, list) or not 0 < len(content) <= MAX_TASKS:
        raise BadRequest(f"{path} must be a list of 1 to {MAX_TASKS:,} items")
    return content


def agent_info(address: str) -> Json:
    """AgentInfo of the agent at that address."""
    reserved = [{"type": "STATIC", "role": ROLE}]
    scalars = [
        {"name": name, "type": "SCALAR", "scalar": {"value": size * _ROOM * 20}, "reservations": reserved}
        for name, size in _SIZES.items()
    ]
    ports = {"range": [{"begin": 1, "end": 65_535}]}
    return {
        "hostname": address,
        "ip": address,
        "port": 5051,
        "resources": [*scalars, {"name": "ports", "type": "RANGES", "ranges": ports, "reservations": reserved}],
        "attributes": [{"name": _ATTRIBUTE, "type": "TEXT", "text": {"value": "true"}}],
    }


@dataclass(slots=True)
class _Place:
    agent_id: str
    started: bool = False


class OnDemandFramework:
    """The scheduler: launches what is wanted where it is wanted. `seed` makes the ids of tasks."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._number = 0
        self._wanted: dict[str, deque[tuple[str, NewTask]]] = {}
        """Tasks with their ids that are not launched yet, by address."""
        self._offers: dict[str, list[Json]] = {}
        """Offers by the address of their agent."""
        self._places: dict[str, _Place] = {}
        self.framework_id: str | None = None
        self.problem: str | None = None
        """Why the master refused it or a task, if it did."""

    def subscription(self) -> Json:
        """The SUBSCRIBE call: it is offered its own agents only."""
        info = framework_info(Profile(name=FRAMEWORK, kind="command", share=0)) | {"roles": [ROLE]}
        own = {"selector": {"attribute_name": _ATTRIBUTE}, "predicate": {"exists": {}}}
        constraints = {"role_constraints": {ROLE: {"groups": [{"attribute_constraints": [own]}]}}}
        return {"type": "SUBSCRIBE", "subscribe": {"framework_info": info, "offer_constraints": constraints}}

    def want(self, task: NewTask) -> str:
        """Launch the task when that is possible; its id."""
        self._number += 1
        task_id = f"{task.name}.instance-{container_id(self._seed, self._number)}._app.1"
        self._wanted.setdefault(task.address, deque()).append((task_id, task))
        return task_id

    def started(self, task_id: str) -> bool:
        """Whether it is launched, and can be told to change."""
        place = self._places.get(task_id)
        return place is not None and place.started

    def agent_of(self, task_id: str) -> str:
        """The id of the agent that has the task; BadRequest when it has ended or was never there."""
        place = self._places.get(task_id)
        if place is None or not place.started:
            raise BadRequest(f"there is no task {task_id:.200} that was asked for and has not ended")
        return place.agent_id

    def event(self, event: Json) -> list[Json]:
        """One event of the stream; returns the calls that it causes."""
        match event["type"]:
            case "SUBSCRIBED":
                self.framework_id = event["subscribed"]["framework_id"]["value"]
            case "OFFERS":
                for offer in event["offers"]["offers"]:
                    self._offers.setdefault(offer["hostname"], []).append(offer)
                return self.launches()
            case "RESCIND":
                gone = event["rescind"]["offer_id"]
                for offers in self._offers.values():
                    offers[:] = [offer for offer in offers if offer["id"] != gone]
            case "UPDATE":
                return self._update(event["update"]["status"])
            case "ERROR":
                self.problem = event["error"]["message"]
            case _:
                # HEARTBEAT, FAILURE and MESSAGE change nothing: what a lost agent means is told by updates.
                pass
        return []

    def launches(self) -> list[Json]:
        """Calls that launch what is wanted on agents whose offers are here."""
        calls = []
        for address in [name for name, offers in self._offers.items() if offers and self._wanted.get(name)]:
            offers, queue = self._offers[address], self._wanted[address]
            free = [span for offer in offers for span in _spans(offer)]
            taken: dict[int, tuple[str, NewTask]] = {}
            waiting: deque[tuple[str, NewTask]] = deque()
            for task_id, task in queue:
                fits = task.port not in taken and any(first <= task.port <= last for first, last in free)
                if fits:
                    taken[task.port] = task_id, task
                else:
                    # Its port is another task's: it comes back with an offer once that one has ended.
                    waiting.append((task_id, task))
            self._wanted[address] = waiting
            if taken:
                calls.append(self._accept(offers, list(taken.values())))
                self._offers[address] = []
        return calls

    def _accept(self, offers: list[Json], tasks: list[tuple[str, NewTask]]) -> Json:
        agent_id = offers[0]["agent_id"]["value"]
        for task_id, _ in tasks:
            self._places[task_id] = _Place(agent_id)
        infos = [_task_info(task_id, task, agent_id) for task_id, task in tasks]
        content = {
            "offer_ids": [offer["id"] for offer in offers],
            "operations": [{"type": "LAUNCH", "launch": {"task_infos": infos}}],
            # What is left comes back at once.
            "filters": {"refuse_seconds": 0.0},
        }
        return self._call("ACCEPT", content)

    def _call(self, kind: str, content: Json) -> Json:
        return {"type": kind, "framework_id": {"value": self.framework_id}, kind.lower(): content}

    def _update(self, status: Json) -> list[Json]:
        task_id, state = status["task_id"]["value"], status["state"]
        if state == "TASK_ERROR":
            self.problem = status.get("message", state)
        if state in TERMINAL:
            self._places.pop(task_id, None)
        elif task_id in self._places:
            self._places[task_id].started = True
        if "uuid" not in status:
            return []
        content = {"agent_id": status["agent_id"], "task_id": status["task_id"], "uuid": status["uuid"]}
        return [self._call("ACKNOWLEDGE", content)]


def _spans(offer: Json) -> list[tuple[int, int]]:
    return [
        (span["begin"], span["end"])
        for item in offer["resources"]
        if item["name"] == "ports"
        for span in item["ranges"]["range"]
    ]


def _task_info(task_id: str, task: NewTask, agent_id: str) -> Json:
    reserved = [{"type": "STATIC", "role": ROLE}]
    port = {"begin": task.port, "end": task.port}
    return {
        "name": task.name,
        "task_id": {"value": task_id},
        "agent_id": {"value": agent_id},
        "resources": [
            *(
                {"name": name, "type": "SCALAR", "scalar": {"value": size}, "reservations": reserved}
                for name, size in _SIZES.items()
            ),
            {"name": "ports", "type": "RANGES", "ranges": {"range": [port]}, "reservations": reserved},
        ],
        "labels": {"labels": [{"key": key, "value": value} for key, value in task.labels.items()]},
        "discovery": {
            "visibility": "FRAMEWORK",
            "name": task.name,
            "ports": {"ports": [{"number": task.port, "name": "http", "protocol": "tcp"}]},
        },
        "command": {"value": f"exec ./{task.name} --port {task.port}"},
    }
