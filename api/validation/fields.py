"""Which fields of a pool differ between two of its states, as JSON. Pure.

Frontends and backends are told apart by their names: one that moved in its list has not changed.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

_MISSING = object()


class FieldChange(NamedTuple):
    """One field that differs, by its path in the new state (in the old one where it is gone); None: it is not there."""

    field: str
    old: Any
    new: Any


def field_changes(old: object, new: object, path: str = "pool") -> Iterator[FieldChange]:
    """In the order of the fields."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*new, *(key for key in old if key not in new)]:
            yield from field_changes(old.get(key, _MISSING), new.get(key, _MISSING), f"{path}.{key}")
    elif isinstance(old, list) and isinstance(new, list):
        yield from _items(old, new, path)
    elif old != new:
        yield FieldChange(path, None if old is _MISSING else old, None if new is _MISSING else new)


def _items(old: Sequence[Any], new: Sequence[Any], path: str) -> Iterator[FieldChange]:
    before, after = _keyed(old), _keyed(new)
    for key, (at, item) in after.items():
        yield from field_changes(before[key][1] if key in before else _MISSING, item, f"{path}[{at}]")
    for key, (at, item) in before.items():
        if key not in after:
            yield FieldChange(f"{path}[{at}]", item, None)


def _keyed(items: Sequence[Any]) -> dict[object, tuple[int, Any]]:
    """The items by name where all have one of their own, else by place."""
    names = [item.get("name") if isinstance(item, Mapping) else None for item in items]
    named = all(isinstance(name, str) for name in names) and len(set(names)) == len(names)
    return {names[at] if named else at: (at, item) for at, item in enumerate(items)}
