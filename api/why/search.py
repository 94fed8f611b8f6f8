"""Which tasks are meant by what somebody typed: an id, a name, Marathon's id, a framework, or that and a name. Pure."""

import difflib
from collections.abc import Collection, Iterable
from typing import NamedTuple

from api.mesos_listener.task import Task

MOST_TASKS = 100
"""More are counted and not looked at."""
_MOST_COMPARED = 1_000
_MOST_MEANT = 3
_LONGEST_MISTAKE = 120


class Found(NamedTuple):
    """The first of them, how many there are in all, and where there are none, what may be meant."""

    tasks: tuple[Task, ...]
    total: int
    near: tuple[str, ...] = ()


def search(tasks: Collection[Task], text: str) -> Found:
    """The tasks with this id; without one those of this name or Marathon's id, or else those of this framework."""
    named = (
        [task for task in tasks if task.id == text]
        or [task for task in tasks if _is_called(task, text)]
        or [task for task in tasks if task.framework_name == text]
    )
    if not named:
        return Found((), 0, _near(tasks, text))
    named.sort(key=lambda task: (task.framework_name, task.id))
    return Found(tuple(named[:MOST_TASKS]), len(named))


def _is_called(task: Task, text: str) -> bool:
    if text == task.name:
        return True
    if text.startswith("/"):
        return task.marathon and task.marathon_id == text
    framework, slash, name = text.partition("/")
    if slash and framework == task.framework_name and (name == task.name or _is_app(task, f"/{name}")):
        return True
    return bool(slash) and _is_app(task, f"/{text}")


def _is_app(task: Task, name: str) -> bool:
    return task.marathon and task.marathon_id == name


def _near(tasks: Iterable[Task], text: str) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for task in tasks:
        names[task.marathon_id if task.marathon and text.startswith("/") else task.name] = None
        if len(names) >= _MOST_COMPARED:
            break
    if len(text) > _LONGEST_MISTAKE:
        return ()
    return tuple(difflib.get_close_matches(text, [name for name in names if name], n=_MOST_MEANT))
