"""Reading JSON into messages without trust: every value may be missing, of another type than documented, or odd.

Most messages are as documented, and msgspec decodes them at once. One that is not is read again field by field, and
what does not fit is empty: one odd field must not hide a task, nor one odd task all others. Both ways give the same for
what both can read. Pure.
"""

import json
from collections.abc import Callable
from functools import cache
from typing import Generic, TypeVar

import msgspec
from msgspec import inspect

M = TypeVar("M", bound=msgspec.Struct)
_Fit = Callable[[object], object]
#: What a value that does not fit becomes.
_NOTHING = object()


class Unreadable(ValueError):
    """It is no JSON, or nested too deeply."""


class Reader(Generic[M]):
    """Reads messages of one kind; `odd` counts those that were not as documented."""

    def __init__(self, kind: type[M]) -> None:
        self._kind = kind
        self._decode = msgspec.json.Decoder(kind).decode
        self.odd = 0

    def read(self, data: bytes | msgspec.Raw | msgspec.Struct) -> M:
        """The message in these bytes, or what has been read already; raises Unreadable."""
        if isinstance(data, self._kind):
            return data
        assert not isinstance(data, msgspec.Struct)
        try:
            return self._decode(data)
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            self.odd += 1
            return fit(loads(bytes(data)), self._kind)


def loads(data: bytes) -> object:
    """JSON as Python's own decoder reads it, bytes that are no UTF-8 replaced; raises Unreadable."""
    try:
        return json.loads(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"it is not JSON: {error}") from error


def fit(value: object, kind: type[M]) -> M:
    """The message of this kind in a value of decoded JSON."""
    found = _fit_of(kind)(value)
    return kind() if found is _NOTHING else found  # type: ignore[return-value]


@cache
def _fit_of(kind: type[msgspec.Struct]) -> _Fit:
    return _fit(inspect.type_info(kind))


def _fit(info: inspect.Type) -> _Fit:
    match info:
        case inspect.StructType(cls=cls, fields=fields):
            known = {field.encode_name: _fit(field.type) for field in fields}
            return lambda value: _struct(cls, known, value)
        case inspect.VarTupleType(item_type=item):
            each = _fit(item)
            return lambda value: _tuple(each, value)
        case inspect.StrType():
            return _text
        case inspect.IntType():
            return lambda value: value if type(value) is int else _NOTHING
        case inspect.FloatType():
            return _number
        case inspect.RawType():
            return _raw
        case inspect.UnionType():  # bool or nothing
            return lambda value: value if isinstance(value, bool) else _NOTHING
    raise TypeError(f"messages have no fields of type {info}")


def _struct(cls: type[msgspec.Struct], known: dict[str, _Fit], value: object) -> object:
    if not isinstance(value, dict):
        return _NOTHING
    read = {name: of(value[name]) for name, of in known.items() if name in value}
    return cls(**{name: told for name, told in read.items() if told is not _NOTHING})


def _tuple(each: _Fit, value: object) -> object:
    if not isinstance(value, list):
        return _NOTHING
    return tuple(told for one in value if (told := each(one)) is not _NOTHING)


def _text(value: object) -> object:
    """What UTF-8 cannot write, JSON can, and readers get UTF-8."""
    if not isinstance(value, str):
        return _NOTHING
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


def _number(value: object) -> object:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return _NOTHING
    try:
        number = float(value)
    except OverflowError:  # JSON knows integers of any length
        return _NOTHING
    return number if number - number == 0 else _NOTHING  # nor infinity


def _raw(value: object) -> object:
    """Whether there is something in it is all that anybody asks."""
    return msgspec.Raw(b"{}" if not value else b'{"":0}') if isinstance(value, dict) else _NOTHING
