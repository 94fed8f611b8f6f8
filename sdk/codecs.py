"""Stored values as JSON and back: specs, pod records and the framework record.

Knows how a frozen dataclass looks as a JSON object: every field by its name, enums by their value, sets sorted, absent
values as null, and of a class that is one of a union its `KIND` as `kind`. Reading is strict about what it knows (a
wrong type is a CorruptRecord with the field path) and lenient about what it does not (fields that a newer program added
are ignored; a field that an older one did not write gets its default). Does not know where the bytes are kept.
"""

import dataclasses
import functools
import json
import math
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING
from enum import Enum
from typing import Any, TypeVar, cast

from sdk.errors import CorruptRecord

T = TypeVar("T")
_Decode = Callable[[object, str], Any]


def encode(value: Any) -> bytes:
    """The JSON of a frozen dataclass, keys sorted. Raises ValueError for what could not be read again."""
    text = json.dumps(to_json(value), sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode()


def decode(kind: type[T], data: bytes, path: str) -> T:
    """The value of class `kind` in `data`; `path` names the place in complaints. Raises CorruptRecord."""
    try:
        value = json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise CorruptRecord(path, f"is not JSON: {error}") from error
    try:
        return from_json(kind, value, path)
    except RecursionError as error:  # rules of placement hold others
        raise CorruptRecord(path, "is nested too deeply") from error


def to_json(value: Any) -> object:
    """Dataclasses, tuples, sets, enums and mappings as JSON dicts and lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        found: dict[str, object] = {item.name: to_json(getattr(value, item.name)) for item in dataclasses.fields(value)}
        kind = getattr(value, "KIND", None)
        return found if kind is None else {"kind": kind, **found}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(to_json(item) for item in value)  # type: ignore[type-var]
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    return value


def from_json(kind: type[T], value: object, path: str) -> T:
    """The inverse of `to_json` for the class `kind`; raises CorruptRecord."""
    return cast(T, _decoder(cast(Any, kind))(value, path))


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON number")


def _wrong(path: str, value: object, wanted: str) -> CorruptRecord:
    return CorruptRecord(path, f"is {value!r:.80}; it must be {wanted}")


@functools.cache
def _decoder(kind: Any) -> _Decode:
    """The function that reads `kind`, a type annotation as it stands in the dataclasses."""
    while isinstance(kind, typing.NewType):
        kind = kind.__supertype__
    if kind in _PLAIN:
        return _PLAIN[kind]
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return _union(kind, arguments)
    if origin is tuple:
        return _list_of(arguments[0], tuple) if arguments[-1] is Ellipsis else _fixed(arguments)
    if origin is frozenset:
        return _list_of(arguments[0], frozenset)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(arguments[1])
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _enum(kind)
    if dataclasses.is_dataclass(kind):
        return _record(cast(type, kind))
    raise TypeError(f"{kind!r} has no JSON form here")


def _text(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise _wrong(path, value, "a string")
    return value


def _integer(value: object, path: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong(path, value, "a whole number")
    return value


def _number(value: object, path: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) or not isinstance(value, int | float) else float(value)
    except OverflowError:  # JSON knows whole numbers of any size
        number = math.inf
    if not math.isfinite(number):
        raise _wrong(path, value, "a finite number")
    return number


def _boolean(value: object, path: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong(path, value, "true or false")
    return value


def _any(value: object, _path: str) -> object:
    return value


_PLAIN: Mapping[Any, _Decode] = types.MappingProxyType(
    {str: _text, int: _integer, float: _number, bool: _boolean, object: _any}
)


def _union(kind: Any, arguments: tuple[Any, ...]) -> _Decode:
    inner = [argument for argument in arguments if argument is not types.NoneType]
    read = _decoder(inner[0]) if len(inner) == 1 else _one_of(kind, inner)
    if len(inner) == len(arguments):
        return read
    return lambda value, path: None if value is None else read(value, path)


def _one_of(kind: Any, classes: list[Any]) -> _Decode:
    by_kind: dict[str, Any] = {each.KIND: each for each in classes if hasattr(each, "KIND")}
    if len(by_kind) < len(classes):
        raise TypeError(f"{kind!r} is a union of types without a KIND each; it has no JSON form here")

    def decode_one(value: object, path: str) -> Any:
        if not isinstance(value, dict):
            raise _wrong(path, value, "an object")
        word = value.get("kind")
        found = by_kind.get(word) if isinstance(word, str) else None
        if found is None:
            raise _wrong(f"{path}.kind", word, f"one of {', '.join(by_kind)}")
        return _decoder(found)(value, path)  # found now: one of them may hold others of the same union

    return decode_one


def _list_of(item: Any, build: Callable[[list[Any]], Any]) -> _Decode:
    read = _decoder(item)

    def decode_list(value: object, path: str) -> Any:
        if not isinstance(value, list):
            raise _wrong(path, value, "a list")
        return build([read(each, f"{path}[{index}]") for index, each in enumerate(value)])

    return decode_list


def _fixed(arguments: tuple[Any, ...]) -> _Decode:
    readers = [_decoder(argument) for argument in arguments]

    def decode_fixed(value: object, path: str) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) != len(readers):
            raise _wrong(path, value, f"a list of {len(readers)}")
        return tuple(
            read(each, f"{path}[{index}]") for index, (read, each) in enumerate(zip(readers, value, strict=True))
        )

    return decode_fixed


def _mapping(item: Any) -> _Decode:
    read = _decoder(item)

    def decode_mapping(value: object, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _wrong(path, value, "an object")
        return {key: read(each, f"{path}.{key}") for key, each in value.items()}

    return decode_mapping


def _enum(kind: type[Enum]) -> _Decode:
    def decode_enum(value: object, path: str) -> Enum:
        try:
            return kind(value)
        except ValueError:
            raise _wrong(path, value, f"one of {', '.join(str(each.value) for each in kind)}") from None

    return decode_enum


def _record(kind: type) -> _Decode:
    hints = typing.get_type_hints(kind)
    fields = [
        (item.name, _decoder(hints[item.name]), item.default is MISSING and item.default_factory is MISSING)
        for item in dataclasses.fields(kind)
    ]

    def decode_record(value: object, path: str) -> Any:
        if not isinstance(value, dict):
            raise _wrong(path, value, "an object")
        read: dict[str, Any] = {}
        for name, decode_field, required in fields:
            if name in value:
                read[name] = decode_field(value[name], f"{path}.{name}")
            elif required:
                raise CorruptRecord(f"{path}.{name}", "is missing")
        return kind(**read)

    return decode_record
