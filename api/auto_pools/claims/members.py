"""The applications behind the tasks of one pool template, and the sets of labels that their tasks have. Pure.

A task of an application and of labels that are known already is a counter and nothing else. An application whose last
task ended is kept as it was for a grace: a restart changes nothing. Labels of which the last task ended are let go at
once while other tasks of their application live.
"""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple

from api.auto_pools.app import app_of
from api.auto_pools.claim import App, Exposure
from api.mesos_listener.task import Labels, Task, TaskKey

Read = Callable[[Task], Exposure | None]
"""What the labels of a task say, None when they do not expose it; it goes by application, role, labels and the names of
ports alone."""

#: What tells tasks with the same claims from others.
_said = attrgetter(
    *("labels", "ports", "role", "name", "framework_name", "marathon", "marathon_id", "marathon_container")
)


class _SetKey(NamedTuple):
    app: App | None
    role: str
    labels: Labels
    ports: tuple[str, ...]


@dataclass(slots=True, eq=False, kw_only=True)
class LabelSet:
    """Labels as tasks of one application have them."""

    key: _SetKey
    exposure: Exposure
    since: float
    """When the first task of them started that was heard of before they were told to others."""
    tasks: int = 0
    told: bool = False

    @property
    def app(self) -> App | None:
        """None for tasks that nothing names which would outlive them."""
        return self.key.app

    @property
    def role(self) -> str:
        return self.key.role


class Came(NamedTuple):
    """An application has labels that it had not; its first task started at `since`."""

    app: App
    label_set: LabelSet
    since: float


class Left(NamedTuple):
    """It has them no more."""

    app: App
    label_set: LabelSet


@dataclass(slots=True, eq=False)
class _Application:
    sets: dict[_SetKey, LabelSet] = field(default_factory=dict)
    tasks: int = 0
    due: float | None = None
    """When it is given up; None while it has tasks."""


class Members:
    """Of one template; `read` reads labels, `grace` is in seconds."""

    def __init__(self, template: str, read: Read, grace: float) -> None:
        self._template = template
        self._read = read
        self._grace = grace
        self._tasks: dict[TaskKey, tuple[Task, LabelSet]] = {}
        self._apps: dict[App, _Application] = {}
        self._nameless: dict[_SetKey, LabelSet] = {}
        self._touched: dict[App, None] = {}
        self._dues: list[tuple[float, App]] = []

    @property
    def tasks(self) -> Iterator[tuple[TaskKey, LabelSet]]:
        """All that are exposed."""
        return ((key, label_set) for key, (_, label_set) in self._tasks.items())

    def label_set(self, key: TaskKey) -> LabelSet | None:
        """That of a task."""
        known = self._tasks.get(key)
        return None if known is None else known[1]

    @property
    def exposed(self) -> int:
        """How many."""
        return len(self._tasks)

    @property
    def present(self) -> int:
        """How many applications have tasks."""
        return sum(1 for app in self._apps.values() if app.tasks)

    @property
    def due(self) -> float | None:
        """When the next application is given up."""
        while self._dues:
            due, name = self._dues[0]
            app = self._apps.get(name)
            if app is not None and app.due == due:
                return due
            heapq.heappop(self._dues)
        return None

    @property
    def label_sets(self) -> Iterator[LabelSet]:
        """Those that tasks have."""
        for app in self._apps.values():
            yield from (one for one in app.sets.values() if one.tasks)
        yield from self._nameless.values()

    @property
    def changed(self) -> bool:
        """Whether there is something to tell, if no grace ended."""
        return bool(self._touched)

    def has(self, app: App) -> bool:
        """Whether it has tasks, or had some until a moment ago."""
        return app in self._apps

    def put(self, task: Task, now: float) -> None:
        """A task is there, or changed."""
        key = task.key
        known = self._tasks.get(key)
        if known is None and not task.labels:
            return
        if known is not None and _said(known[0]) == _said(task):
            self._tasks[key] = (task, known[1])
            return
        found = self._set_of(task, min(task.started or now, now))
        if found is not None:
            self._in(found)
            self._tasks[key] = (task, found)
        if known is not None:
            if found is None:
                del self._tasks[key]
            # What is called otherwise is another application: nothing of the one before will come again.
            renamed = found is not None and found.app is not None and found.app != known[1].app
            self._out(known[1], now if renamed else now + self._grace)

    def drop(self, key: TaskKey, now: float) -> None:
        """A task is there no more."""
        known = self._tasks.pop(key, None)
        if known is not None:
            self._out(known[1], now + self._grace)

    def settle(self, now: float) -> Iterator[Came | Left]:
        """What applications say now and did not, and what they say no more; at `now` graces may have ended."""
        while (due := self.due) is not None and due <= now:
            self._touched[heapq.heappop(self._dues)[1]] = None
        touched, self._touched = self._touched, {}
        for name in touched:
            app = self._apps.get(name)
            if app is None:
                continue
            given_up = app.due is not None and app.due <= now
            since = min(one.since for one in app.sets.values())
            for label_set in [one for one in app.sets.values() if one.tasks and not one.told]:
                label_set.told = True
                yield Came(name, label_set, since)
            for label_set in [one for one in app.sets.values() if not one.tasks]:
                if app.tasks or given_up or not label_set.told:
                    del app.sets[label_set.key]
                    if label_set.told:
                        yield Left(name, label_set)
            if not app.sets:
                del self._apps[name]

    def _set_of(self, task: Task, since: float) -> LabelSet | None:
        """The set of its labels; None when they do not expose it under this template."""
        app = app_of(task)
        key = _SetKey(app, task.role, task.labels, tuple(port.name for port in task.ports))
        known = self._apps.get(app) if app is not None else None
        sets = self._nameless if app is None else known.sets if known is not None else {}
        found = sets.get(key)
        if found is None:
            exposure = self._read(task)
            if exposure is None or exposure.template != self._template:
                return None
            found = LabelSet(key=key, exposure=exposure, since=since)
            if app is not None:
                sets = self._apps.setdefault(app, _Application()).sets
                self._touched[app] = None
            sets[key] = found
        elif not found.told:
            found.since = min(found.since, since)
        return found

    def _in(self, label_set: LabelSet) -> None:
        label_set.tasks += 1
        if label_set.app is not None:
            app = self._apps[label_set.app]
            app.tasks += 1
            app.due = None

    def _out(self, label_set: LabelSet, due: float) -> None:
        label_set.tasks -= 1
        if label_set.app is None:
            if not label_set.tasks:
                del self._nameless[label_set.key]
            return
        app = self._apps[label_set.app]
        app.tasks -= 1
        if label_set.tasks:
            return
        if app.tasks:
            self._touched[label_set.app] = None
        else:
            app.due = due
            heapq.heappush(self._dues, (due, label_set.app))
