"""What differs between two specs, field by field, as it may be shown. Knows nothing of which of them is wanted.

Pods, tasks, ports and whatever else has a name are told by it; other lists are compared whole.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeVar

from sdk.codecs import encode
from sdk.door.paths import below
from sdk.door.types import VEILED
from sdk.plan.disclosure import disclosed, veiled

S = TypeVar("S")
_ABSENT = object()
_Tell = Callable[[object], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field. `old` and `new` are JSON, None where there is nothing; of what is not told they look the same."""

    path: str
    old: object
    new: object


def difference(old: S, new: S, path: str) -> tuple[Difference, ...]:
    """Everything in which two specs of one class, found at `path`, have not the same stored form; empty if nothing."""
    return tuple(_compare(old, new, path, disclosed))


def _compare(old: object, new: object, path: str, tell: _Tell) -> Iterator[Difference]:
    if is_dataclass(old) and type(old) is type(new):
        for item in fields(old):
            hidden = item.name in VEILED
            before, after = getattr(old, item.name), getattr(new, item.name)
            if hidden:
                before, after = (_ABSENT if value is None else value for value in (before, after))
            yield from _compare(before, after, below(path, item.name), veiled if hidden else tell)
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _members(old, new, path, tell)
    elif (before_named := _by_name(old)) is not None and (after_named := _by_name(new)) is not None:
        yield from _members(before_named, after_named, path, tell)
        if [name for name in before_named if name in after_named] != [n for n in after_named if n in before_named]:
            yield Difference(path=path, old=list(before_named), new=list(after_named))
    elif not _same(old, new):
        yield Difference(path=path, old=_told(old, tell), new=_told(new, tell))


def _members(old: Mapping[Any, object], new: Mapping[Any, object], path: str, tell: _Tell) -> Iterator[Difference]:
    for key in dict.fromkeys((*old, *new)):
        yield from _compare(old.get(key, _ABSENT), new.get(key, _ABSENT), below(path, key), tell)


def _by_name(value: object) -> Mapping[str, object] | None:
    """The elements of a list of which each has a name of its own; None of any other value."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return None
    names = [getattr(item, "name", None) for item in value]
    named = {name: item for name, item in zip(names, value, strict=True) if isinstance(name, str)}
    return named if len(named) == len(value) else None


def _same(old: object, new: object) -> bool:
    if old is _ABSENT or new is _ABSENT:
        return old is new
    return encode(old) == encode(new)


def _told(value: object, tell: _Tell) -> object:
    return None if value is _ABSENT else tell(value)
