"""The running tasks that are known, by their keys and by the values that they have. Pure.

Knows how tasks with a value are found. A table of the values of a field is made when somebody asks for that field: most
clusters are selected from by one or two of them, and all tables together take as much memory as the tasks. Does not
know what a selector means as a whole (selector.py), nor where tasks come from.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Protocol, TypeVar

from api.dcos_template.selecting.selector import Field, Selector, value_of
from api.mesos_listener.task import Task, TaskKey

T = TypeVar("T")
# So few tasks of one value are looked through as soon as a set is asked.
_SET_FROM = 200


class Over(Protocol):
    """How items are gone through."""

    def __call__(self, items: Iterable[T], /) -> Iterator[T]:
        """All of them, in their order."""


class Tasks:
    """`generation` is another one after every change that was told together."""

    def __init__(self, tasks: Mapping[TaskKey, Task] = MappingProxyType({}), *, over: "Over" = iter) -> None:
        """At first these; the table that is given may change afterwards. `over` goes through what is long."""
        self.generation = 0
        self._over = over
        self._tasks = dict(tasks)
        self._by_value: dict[Field, _Table] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator[Task]:
        return iter(self._tasks.values())

    def task(self, key: TaskKey) -> Task:
        """One of the tasks."""
        return self._tasks[key]

    def get(self, key: TaskKey) -> Task | None:
        """The same; None when there is none."""
        return self._tasks.get(key)

    def put(self, task: Task) -> None:
        """The task is as it is now."""
        old = self._tasks.get(task.key)
        for field, table in self._by_value.items():
            before, now = value_of(field, old) if old is not None else "", value_of(field, task)
            if before != now:
                table.discard(before, task.key)
                table.add(now, task.key)
        self._tasks[task.key] = task

    def remove(self, key: TaskKey) -> None:
        """The task runs no more."""
        old = self._tasks.pop(key, None)
        if old is not None:
            for field, table in self._by_value.items():
                table.discard(value_of(field, old), key)

    def values(self, field: str) -> Mapping[str, Collection[TaskKey]]:
        """The tasks that have each value of a field of selectors."""
        return self._table(Field(field)).keys

    def candidates(self, selector: Selector) -> Iterable[TaskKey]:
        """The tasks that meet one condition of the selector."""
        value, pattern = selector.entry
        if value is not None:
            return self._table(value[0]).keys.get(value[1], ())
        if pattern is None:
            return ()
        field, expression = pattern
        hits = [keys for value, keys in self._over(self._table(field).keys.items()) if expression.found_in(value)]
        return [key for keys in hits for key in keys]

    def _table(self, field: Field) -> "_Table":
        table = self._by_value.get(field)
        if table is None:
            table = _Table()
            for task in self._over(self._tasks.values()):
                table.add(value_of(field, task), task.key)
            self._by_value[field] = table
        return table


class _Table:
    """The tasks that have each value of one field; what a task does not have is empty, and no value."""

    __slots__ = ("keys",)

    def __init__(self) -> None:
        # Most values are of one task, or of a few: a set takes ten times the memory of a list.
        self.keys: dict[str, tuple[TaskKey] | list[TaskKey] | set[TaskKey]] = {}

    def add(self, value: str, key: TaskKey) -> None:
        """One more task, which does not have the value yet."""
        if not value:
            return
        match self.keys.get(value):
            case None:
                self.keys[value] = (key,)
            case set() as many:
                many.add(key)
            case list() as some if len(some) < _SET_FROM:
                some.append(key)
            case list() as some:
                self.keys[value] = {*some, key}
            case (only,):
                self.keys[value] = [only, key]

    def discard(self, value: str, key: TaskKey) -> None:
        if not value:
            return
        there = self.keys[value]
        if not isinstance(there, tuple):
            if key in there:
                there.remove(key)
            if there:
                return
        del self.keys[value]
