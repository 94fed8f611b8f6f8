"""Whether the values of a spec are what their annotations say: what passes here can be stored and read back the same.

Python checks no types, and specs come from other people's code: `cpus=0.5` and `replace_after=math.inf` would run well
until the next start of the scheduler, which could not read them. The first wrong value is raised as `InvalidSpec` with
the path of its field.
"""

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any

from sdk.errors import InvalidSpec

DEPTH = 64
"""Levels of JSON in `TaskSpec.data`: reading and writing it is recursive."""

_THOUSANDTHS = frozenset({"cpus", "mem", "disk"})


def check_types(value: object, kind: Any, path: str) -> None:
    """Raises `InvalidSpec` unless `value` is of the dataclass or annotation `kind`, down to the last field."""
    while isinstance(kind, typing.NewType):
        kind = kind.__supertype__
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is object:
        _json(value, path, DEPTH)
    elif origin in (types.UnionType, typing.Union):
        if value is not None:
            check_types(value, next(each for each in arguments if each is not types.NoneType), path)
    elif origin is tuple:
        _tuple(value, arguments, path)
    elif origin is not None and issubclass(origin, Mapping):
        for key, item in _mapping(value, path).items():
            check_types(item, arguments[1], f"{path}.{key}")
    elif dataclasses.is_dataclass(kind):
        _record(value, typing.cast(type, kind), path)
    elif isinstance(kind, type) and issubclass(kind, Enum):
        if not isinstance(value, kind):
            raise InvalidSpec(path, f"{value!r:.80} is no {kind.__name__}; it has to be one of {', '.join(kind)}")
    else:
        _scalar(value, kind, path)


def _scalar(value: object, kind: Any, path: str) -> None:
    if kind is bool:
        if not isinstance(value, bool):
            raise InvalidSpec(path, f"{value!r:.80} is not true or false")
    elif kind is int:
        if not isinstance(value, int) or isinstance(value, bool):
            unit = " (thousandths)" if path.rpartition(".")[2] in _THOUSANDTHS else ""
            raise InvalidSpec(path, f"{value!r:.80} is not an integer{unit}")
    elif kind is float:
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            raise InvalidSpec(path, f"{value!r:.80} is not a finite number")
    elif kind is str:
        _text(value, path)
    else:
        raise TypeError(f"{kind!r} has no place in a spec")


def _text(value: object, path: str) -> None:
    if not isinstance(value, str):
        raise InvalidSpec(path, f"{value!r:.80} is not a string")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise InvalidSpec(path, f"{value!r:.80} has characters that are none in Unicode (lone surrogates)")


def _tuple(value: object, arguments: tuple[Any, ...], path: str) -> None:
    if not isinstance(value, tuple):
        raise InvalidSpec(path, f"{value!r:.80} is a {type(value).__name__}; it has to be a tuple")
    many = arguments[-1] is Ellipsis
    if not many and len(value) != len(arguments):
        raise InvalidSpec(path, f"{value!r:.80} has {len(value)} parts; it has to have {len(arguments)}")
    for index, item in enumerate(value):
        name = getattr(item, "name", None)
        where = f"{path}.{name}" if isinstance(name, str) and name else f"{path}[{index}]"
        check_types(item, arguments[0] if many else arguments[index], where)


def _mapping(value: object, path: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise InvalidSpec(path, f"{value!r:.80} is a {type(value).__name__}; it has to be a mapping")
    for key in value:
        _text(key, f"{path}, key")
    return value


def _record(value: object, kind: type, path: str) -> None:
    if not isinstance(value, kind):
        raise InvalidSpec(path, f"{value!r:.80} is a {type(value).__name__}; it has to be a {kind.__name__}")
    for name, annotation in _fields(kind):
        check_types(getattr(value, name), annotation, f"{path}.{name}")


@functools.cache
def _fields(kind: type) -> tuple[tuple[str, Any], ...]:
    hints = typing.get_type_hints(kind)
    return tuple((item.name, hints[item.name]) for item in dataclasses.fields(kind))


def _json(value: object, path: str, depth: int) -> None:
    if depth == 0:
        raise InvalidSpec(path, f"is nested more than {DEPTH} levels deep")
    if isinstance(value, Mapping):
        for key, item in _mapping(value, path).items():
            _json(item, f"{path}.{key}", depth - 1)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _json(item, f"{path}[{index}]", depth - 1)
    elif isinstance(value, str):
        _text(value, path)
    elif isinstance(value, float):
        _scalar(value, float, path)
    elif value is not None and not isinstance(value, int):
        raise InvalidSpec(path, f"{value!r:.80} is a {type(value).__name__}, which JSON cannot tell")
