"""Which services a task can match, found by the values that it has. Pure.

Knows an inverted index from values and patterns to services, so that the cost of one task follows what it touches, not
the number of pools. Does not know what all conditions of a selector mean together (selector.py).
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterator, Mapping
from typing import TypeVar

from api.dcos_template.selecting.selector import Field, Selector
from sdk.pattern import Pattern, PatternSet

_K = TypeVar("_K")
_V = TypeVar("_V")
_S = TypeVar("_S", bound=Hashable)

_MOST_KEPT, _LONGEST_KEPT = 16_384, 256


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
        value, pattern = selector.entry
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
        value, pattern = selector.entry
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


def _discard(table: dict[_K, set[_V]], entry: _K, value: _V) -> None:
    """Take `value` out of a set in `table`, and the set out of the table with its last value."""
    table[entry].discard(value)
    if not table[entry]:
        del table[entry]
