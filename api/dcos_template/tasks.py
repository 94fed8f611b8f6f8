"""The running tasks that are known, by their keys and by the values that they have. Pure.

Knows how tasks with a value are found. Does not know what a selector means as a whole (selector.py), nor where tasks
come from.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping

from api.dcos_template.selector import Field, Selector, values_of
from api.mesos_listener.task import Task, TaskKey


class Tasks:
    """`generation` is another one after every change that was told together."""

    def __init__(self) -> None:
        self.generation = 0
        self._tasks: dict[TaskKey, Task] = {}
        # Most values are of one task, and a set of one takes four times the memory of a tuple.
        self._by_value: dict[Field, dict[str, tuple[TaskKey] | set[TaskKey]]] = {field: {} for field in Field}

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator[Task]:
        return iter(self._tasks.values())

    def task(self, key: TaskKey) -> Task:
        """One of the tasks."""
        return self._tasks[key]

    def put(self, task: Task) -> None:
        """The task is as it is now."""
        key, values = task.key, values_of(task)
        old = self._tasks.get(key)
        before = values_of(old) if old is not None else {}
        if before != values:
            self._discard(key, before)
            self._add(key, values)
        self._tasks[key] = task

    def remove(self, key: TaskKey) -> None:
        """The task runs no more."""
        old = self._tasks.pop(key, None)
        if old is not None:
            self._discard(key, values_of(old))

    def values(self, field: str) -> Mapping[str, Collection[TaskKey]]:
        """The tasks that have each value of a field of selectors."""
        return self._by_value[Field(field)]

    def candidates(self, selector: Selector) -> Iterable[TaskKey]:
        """The tasks that meet one condition of the selector."""
        value, pattern = selector.entry
        if value is not None:
            return self._by_value[value[0]].get(value[1], ())
        if pattern is None:
            return ()
        field, expression = pattern
        hits = [keys for value, keys in self._by_value[field].items() if expression.found_in(value)]
        return [key for keys in hits for key in keys]

    def _add(self, key: TaskKey, values: Mapping[Field, str]) -> None:
        for field, value in values.items():
            known = self._by_value[field]
            there = known.get(value)
            if there is None:
                known[value] = (key,)
            elif isinstance(there, set):
                there.add(key)
            elif there[0] != key:
                known[value] = {there[0], key}

    def _discard(self, key: TaskKey, values: Mapping[Field, str]) -> None:
        for field, value in values.items():
            there = self._by_value[field][value]
            if isinstance(there, set):
                there.discard(key)
                if there:
                    continue
            del self._by_value[field][value]
