"""Frozen values as JSON that holds only what differs from their defaults, and back. Pure.

Knows dataclasses and their types, no rules: whatever a value can hold is written and read. What is of another type than
the field is refused, because a guess would serve something that nobody asked for; fields that are not known are passed
over, because a newer release may have written them, and `with_unknown` keeps them.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from sdk.errors import CorruptRecord

T = TypeVar("T")
Json = Mapping[str, Any]
Reader = Callable[[Any, str], Any]
"""From a JSON value and its path to the value of a field."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    name: str
    key: str
    read: Reader
    kind: type | None
    """The dataclass that it holds, alone or as items; None for single values."""
    default: Callable[[], object]


_REQUIRED = object()


def key_of(name: str) -> str:
    """`frameworkIDPattern` for `framework_id_pattern`: the names of the V2 API."""
    first, *others = name.split("_")
    return first + "".join("ID" if word == "id" else word.capitalize() for word in others)


def written(value: Any) -> dict[str, Any]:
    """The JSON object of a dataclass."""
    record, kind = {}, cast(type, type(value))
    for field in _fields(kind):
        held = getattr(value, field.name)
        if held != field.default():
            record[field.key] = _json(held)
    return record


def read(kind: type[T], record: object, path: str) -> T:
    """The dataclass of type `kind` that `written` wrote; raises CorruptRecord with the path of what is of another type
    or missing.
    """
    if not isinstance(record, Mapping):
        raise CorruptRecord(path, f"is {record!r:.80}; it must be an object")
    held, fields = {}, _fields(cast(type, kind))
    for field in fields:
        if field.key in record:
            held[field.name] = field.read(record[field.key], f"{path}.{field.key}")
        elif field.default() is _REQUIRED:
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


def _json(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [_json(item) for item in value]
    return written(value) if dataclasses.is_dataclass(value) else value


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


def _default_of(field: "dataclasses.Field[Any]") -> Callable[[], object]:
    if field.default_factory is not dataclasses.MISSING:
        # All values are frozen: one default serves for all.
        made = field.default_factory()
        return lambda: made
    if field.default is not dataclasses.MISSING:
        return lambda: field.default
    return lambda: _REQUIRED


def _reader(hint: Any) -> tuple[Reader, type | None]:
    """How a field of this type is read, and the dataclass in it."""
    if isinstance(hint, UnionType) and any(dataclasses.is_dataclass(one) for one in get_args(hint)):
        [object_or_null] = (one for one in get_args(hint) if one is not NoneType)
        item, inner = _reader(object_or_null)
        return lambda value, path: None if value is None else item(value, path), inner
    if dataclasses.is_dataclass(hint):
        kind = cast(type, hint)
        return lambda value, path: read(kind, value, path), kind
    if get_origin(hint) is tuple:
        item, inner = _reader(get_args(hint)[0])
        return lambda value, path: _items(item, value, path), inner
    if isinstance(hint, type) and issubclass(hint, Enum):
        return lambda value, path: _choice(hint, value, path), None
    allowed = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    return lambda value, path: _scalar(allowed, value, path), None


def _items(item: Reader, value: Any, path: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise CorruptRecord(path, f"is {value!r:.80}; it must be an array")
    return tuple(item(one, f"{path}[{at}]") for at, one in enumerate(value))


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
