"""Which services a task can match, found by the values that it has, and which tasks have a value. Pure.

Knows an inverted index from values and patterns to services, so that the cost of one task follows what it touches, not
the number of pools. Does not know what all conditions of a selector mean together (selector.py).
"""

from collections import OrderedDict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from typing import TypeVar

from api.dcos_template.selector import Field, Selector
from api.mesos_listener.task import TaskKey
from sdk.pattern import Pattern, PatternSet

_K = TypeVar("_K")
_V = TypeVar("_V")
_S = TypeVar("_S", bound=Hashable)

_MOST_KEPT, _LONGEST_KEPT = 16_384, 256
# From the values that few tasks share to those that many do: a condition on a framework alone says little.
_RARE = (Field.TASK_ID, Field.TASK_NAME, Field.SERVICE_ID, Field.CONTAINER_NAME)


class Services:
    """The selectors, each found by the one of its conditions that fewest tasks meet."""

    def __init__(self) -> None:
        self._by_value: dict[tuple[Field, str], set[Hashable]] = {}
        self._by_pattern: dict[Field, dict[Pattern, set[Hashable]]] = {field: {} for field in Field}
        self._patterns: dict[Field, PatternSet] = {field: PatternSet() for field in Field}
        # What was found in the values that tasks have: a few names, which come again and again.
        self._found: dict[Field, OrderedDict[str, tuple[Pattern, ...]]] = {field: OrderedDict() for field in Field}

    def add(self, service: Hashable, selector: Selector) -> None:
        """Find the service by the values of tasks from now on."""
        value, pattern = _entry(selector)
        if value is not None:
            self._by_value.setdefault(value, set()).add(service)
        elif pattern is not None:
            field, expression = pattern
            services = self._by_pattern[field].setdefault(expression, set())
            services.add(service)
            if len(services) == 1:
                self._patterns[field].add(expression)
                self._found[field].clear()

    def discard(self, service: Hashable, selector: Selector) -> None:
        """Undo `add`."""
        value, pattern = _entry(selector)
        if value is not None:
            _discard(self._by_value, value, service)
        elif pattern is not None:
            field, expression = pattern
            _discard(self._by_pattern[field], expression, service)
            if expression not in self._by_pattern[field]:
                self._patterns[field].discard(expression)
                self._found[field].clear()

    def candidates(self, values: Mapping[Field, str]) -> Iterator[Hashable]:
        """The services of which one condition is met."""
        for field, value in values.items():
            yield from self._by_value.get((field, value), ())
            if self._by_pattern[field]:
                for pattern in self._found_in(field, value):
                    yield from self._by_pattern[field][pattern]

    def _found_in(self, field: Field, value: str) -> tuple[Pattern, ...]:
        known = self._found[field]
        if value in known:
            known.move_to_end(value)
            return known[value]
        found = tuple(self._patterns[field].found_in(value))
        # What is long is searched again rather than kept: it comes from applications.
        if len(value) <= _LONGEST_KEPT:
            known[value] = found
            if len(known) > _MOST_KEPT:
                known.popitem(last=False)
        return found


class Tasks:
    """The tasks by the values that they have."""

    def __init__(self) -> None:
        # Most values are of one task, and a set of one takes four times the memory of a tuple.
        self._by_value: dict[Field, dict[str, tuple[TaskKey] | set[TaskKey]]] = {field: {} for field in Field}

    def add(self, key: TaskKey, values: Mapping[Field, str]) -> None:
        """The task has these values."""
        for field, value in values.items():
            known = self._by_value[field]
            there = known.get(value)
            if there is None:
                known[value] = (key,)
            elif isinstance(there, set):
                there.add(key)
            elif there[0] != key:
                known[value] = {there[0], key}

    def discard(self, key: TaskKey, values: Mapping[Field, str]) -> None:
        """Undo `add`."""
        for field, value in values.items():
            there = self._by_value[field][value]
            if isinstance(there, set):
                there.discard(key)
                if there:
                    continue
            del self._by_value[field][value]

    def of(self, field: Field) -> Mapping[str, Collection[TaskKey]]:
        """The tasks that have each value of a field."""
        return self._by_value[field]

    def candidates(self, selector: Selector) -> Iterable[TaskKey]:
        """The tasks that meet one condition of the selector."""
        value, pattern = _entry(selector)
        if value is not None:
            return self._by_value[value[0]].get(value[1], ())
        if pattern is None:
            return ()
        field, expression = pattern
        hits = [keys for value, keys in self._by_value[field].items() if expression.found_in(value)]
        return [key for keys in hits for key in keys]


def _entry(selector: Selector) -> tuple[tuple[Field, str] | None, tuple[Field, Pattern] | None]:
    """The condition by which a selector is found: a value, else a pattern."""
    for field in _RARE:
        for exact in selector.exact:
            if exact[0] is field:
                return exact, None
        for pattern in selector.patterns:
            if pattern[0] is field:
                return None, pattern
    if selector.exact:
        return selector.exact[0], None
    return None, (selector.patterns[0] if selector.patterns else None)


def _discard(table: dict[_K, set[_V]], entry: _K, value: _V) -> None:
    """Take `value` out of a set in `table`, and the set out of the table with its last value."""
    table[entry].discard(value)
    if not table[entry]:
        del table[entry]
