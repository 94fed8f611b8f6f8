"""Frozen values as JSON that holds only what differs from their defaults, and back. Pure.

Knows dataclasses and their types, no rules: whatever a value can hold is written and read. What is of another type than
the field is refused, because a guess would serve something that nobody asked for; fields that are not known are passed
over, because a newer release may have written them, and `with_unknown` keeps them.

What is large changes in few places: who has the value before beside its JSON (`Known`) pays for these alone.
"""

import dataclasses
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, NamedTuple, TypeVar, cast, get_args, get_origin, get_type_hints

from sdk.errors import CorruptRecord

T = TypeVar("T")
Json = Mapping[str, Any]


class Known(NamedTuple):
    """A value and its JSON, both of which nobody changes."""

    record: Any
    value: Any


Reader = Callable[[Any, str, Known | None], Any]
"""From a JSON value and its path to the value of a field; the third is what it was before, where that is known."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    name: str
    key: str
    read: Reader
    kind: type | None
    """The dataclass that it holds, alone or as items; None for single values."""
    default: object
    """All values are frozen: one default serves for all."""


_REQUIRED = object()


def key_of(name: str) -> str:
    """`frameworkIDPattern` for `framework_id_pattern`: the names of the V2 API."""
    first, *others = name.split("_")
    return first + "".join("ID" if word == "id" else word.capitalize() for word in others)


def written(value: Any, before: Known | None = None) -> dict[str, Any]:
    """The JSON object of a dataclass; of what is the same object as in the value before, it is the same JSON."""
    record, kind = {}, cast(type, type(value))
    for field in _fields(kind):
        held = getattr(value, field.name)
        if held is not field.default and held != field.default:
            record[field.key] = _json(held, _inner(before, field))
    return record


def read(kind: type[T], record: object, path: str, before: Known | None = None) -> T:
    """The dataclass of type `kind` that `written` wrote; of what is the same JSON as before, it is the same value.

    Raises CorruptRecord with the path of what is of another type or missing.
    """
    if not isinstance(record, Mapping):
        raise CorruptRecord(path, f"is {record!r:.80}; it must be an object")
    held, fields = {}, _fields(cast(type, kind))
    for field in fields:
        if field.key in record:
            held[field.name] = field.read(record[field.key], f"{path}.{field.key}", _inner(before, field))
        elif field.default is _REQUIRED:
            raise CorruptRecord(f"{path}.{field.key}", "is missing")
    return kind(**held)


def with_unknown(kind: type, record: Json, before: object) -> dict[str, Any]:
    """`record` of type `kind` with the fields of the one before that this release does not know.

    Items of a list are the same if they have the same name, or, where they have none, the same known fields.
    """
    if not isinstance(before, Mapping):
        return dict(record)
    known = {field.key: field for field in _fields(kind)}
    kept = {key: value for key, value in before.items() if key not in known}
    for key, value in record.items():
        field = known.get(key)
        kept[key] = value if field is None or field.kind is None else _held(field.kind, value, before.get(key))
    return kept


def _held(kind: type, value: Any, before: object) -> Any:
    if isinstance(value, Mapping):
        return with_unknown(kind, value, before)
    known = {field.key for field in _fields(kind)}
    items = before if isinstance(before, list) else []
    others = {_identity(item, known): item for item in items if isinstance(item, Mapping)}
    return [with_unknown(kind, item, others.get(_identity(item, known))) for item in value]


def _identity(item: Json, known: set[str]) -> str:
    return repr(item["name"] if "name" in item else sorted((key, item[key]) for key in known & item.keys()))


def _inner(before: Known | None, field: _Field) -> Known | None:
    """What a field of it was, if that holds others."""
    if before is None or field.kind is None or field.key not in before.record:
        return None
    value = getattr(before.value, field.name)
    return None if value is None else Known(before.record[field.key], value)


def _json(value: object, before: Known | None = None) -> object:
    if before is not None and value is before.value:
        return before.record
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [_json(item) for item in value] if before is None else _list(value, before)
    return written(value, before) if dataclasses.is_dataclass(value) else value


def _list(items: tuple[Any, ...], before: Known) -> list[Any]:
    first, last = _same(items, before.value, operator.is_)
    others = {_name(record): Known(record, value) for record, value in _between(before, first, last)}
    changed = items[first : len(items) - last]
    between = [_json(item, others.get(getattr(item, "name", None))) for item in changed]
    return [*before.record[:first], *between, *before.record[len(before.record) - last :]]


def _items(item: Reader, value: Any, path: str, before: Known | None) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise CorruptRecord(path, f"is {value!r:.80}; it must be an array")
    if before is None:
        return tuple(item(one, f"{path}[{at}]", None) for at, one in enumerate(value))
    first, last = _same(value, before.record, operator.eq)
    others = {_name(record): Known(record, held) for record, held in _between(before, first, last)}
    changed = range(first, len(value) - last)
    between = [item(value[at], f"{path}[{at}]", others.get(_name(value[at]))) for at in changed]
    return (*before.value[:first], *between, *before.value[len(before.value) - last :])


def _same(items: Sequence[Any], before: Sequence[Any], equal: Callable[[Any, Any], bool]) -> tuple[int, int]:
    """How many at the begin, and how many at the end, are those of before."""
    most, first, last = min(len(items), len(before)), 0, 0
    while first < most and equal(items[first], before[first]):
        first += 1
    while last < most - first and equal(items[-1 - last], before[-1 - last]):
        last += 1
    return first, last


def _between(before: Known, first: int, last: int) -> Iterator[tuple[Any, Any]]:
    """Record and value of the items of before that are not among the same."""
    end = len(before.record) - last
    named = zip(before.record[first:end], before.value[first:end], strict=True)
    return (both for both in named if _name(both[0]) is not None)


def _name(record: object) -> str | None:
    """By which an item is found again; None where it has no name."""
    name = record.get("name") if isinstance(record, Mapping) else None
    return name if isinstance(name, str) else None


@cache
def _fields(kind: type) -> Sequence[_Field]:
    hints = get_type_hints(kind)
    found = []
    for field in dataclasses.fields(kind):
        reader, inner = _reader(hints[field.name])
        found.append(
            _Field(name=field.name, key=key_of(field.name), read=reader, kind=inner, default=_default_of(field))
        )
    return tuple(found)


def _default_of(field: "dataclasses.Field[Any]") -> object:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default if field.default is not dataclasses.MISSING else _REQUIRED


def _reader(hint: Any) -> tuple[Reader, type | None]:
    """How a field of this type is read, and the dataclass in it."""
    if isinstance(hint, UnionType) and any(dataclasses.is_dataclass(one) for one in get_args(hint)):
        [object_or_null] = (one for one in get_args(hint) if one is not NoneType)
        item, inner = _reader(object_or_null)
        return lambda value, path, before: None if value is None else item(value, path, before), inner
    if dataclasses.is_dataclass(hint):
        kind = cast(type, hint)
        return lambda value, path, before: read(kind, value, path, before), kind
    if get_origin(hint) is tuple:
        item, inner = _reader(get_args(hint)[0])
        return lambda value, path, before: _items(item, value, path, before), inner
    if isinstance(hint, type) and issubclass(hint, Enum):
        return lambda value, path, _: _choice(hint, value, path), None
    allowed = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    return lambda value, path, _: _scalar(allowed, value, path), None


def _choice(kind: type[Enum], value: Any, path: str) -> Enum:
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(str(one.value) for one in kind)
        raise CorruptRecord(path, f"is {value!r:.80}; this release knows {known}") from None


def _scalar(allowed: Sequence[type], value: Any, path: str) -> Any:
    if type(value) in allowed or (value is None and NoneType in allowed):
        return value
    # JSON has one kind of numbers: 1 may stand for 1.0, and 80.0 for 80.
    if float in allowed and type(value) is int:
        return float(value)
    if int in allowed and type(value) is float and value.is_integer():
        return int(value)
    wanted = " or ".join("null" if one is NoneType else one.__name__ for one in allowed)
    raise CorruptRecord(path, f"is {value!r:.80}; it must be of type {wanted}")
