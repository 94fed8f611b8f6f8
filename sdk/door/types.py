"""Whether the values of a spec are what their annotations say, and keep the rules of their class.

Python checks no types, and specs come from other people's code: `cpus=0.5` and `replace_after=math.inf` would run well
until the next start of the scheduler, which could not read them. Everything that is wrong is found, with the path of
its field. What the rules are is not known here.
"""

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any

from sdk.door.paths import below, element
from sdk.door.problems import Problems, shown
from sdk.door.rule import Rule

DEPTH = 64
"""Levels of JSON in `TaskSpec.data`: reading and writing it is recursive."""

_THOUSANDTHS = frozenset({"cpus", "mem", "disk", "size"})
VEILED = frozenset({"environment", "data"})
"""Fields that may hold secrets: what their values are is told nowhere."""


class Look:
    """One look at a spec. It does not end at the first thing that is wrong."""

    def __init__(self, rules: Mapping[type, Iterable[Rule]], problems: Problems) -> None:
        """`rules` by class; what is wrong is added to `problems`."""
        self._rules = rules
        self._problems = problems

    def at(self, value: object, kind: Any, path: str, *, veiled: bool = False) -> bool:
        """Whether `value` is of the dataclass or annotation `kind`, down to the last field."""
        while isinstance(kind, typing.NewType):
            kind = kind.__supertype__
        origin, arguments = typing.get_origin(kind), typing.get_args(kind)
        if kind is object:
            return self._json(value, path, DEPTH)
        if origin in (types.UnionType, typing.Union):
            inner = [each for each in arguments if each is not types.NoneType]
            if value is None and len(inner) < len(arguments):
                return True
            return self._one_of(value, inner, path) if len(inner) > 1 else self.at(value, inner[0], path, veiled=veiled)
        if origin is tuple:
            return self._tuple(value, arguments, path)
        if origin is not None and issubclass(origin, Mapping):
            return self._mapping(value, path, lambda item, where: self.at(item, arguments[1], where, veiled=veiled))
        if dataclasses.is_dataclass(kind):
            return self._record(value, typing.cast(type, kind), path)
        if isinstance(kind, type) and issubclass(kind, Enum):
            return isinstance(value, kind) or self._wrong(
                path, f"{shown(value)} is no {kind.__name__}; it has to be one of {', '.join(map(str, kind))}"
            )
        return self._scalar(value, kind, path, veiled=veiled)

    def _wrong(self, path: str, rule: str) -> bool:
        self._problems.add(path, rule)
        return False

    def _record(self, value: object, kind: type, path: str) -> bool:
        if not isinstance(value, kind):
            return self._wrong(path, f"is a {type(value).__name__}; it has to be a {kind.__name__}")
        sound = {
            name: self.at(getattr(value, name), annotation, f"{path}.{name}", veiled=name in VEILED)
            for name, annotation in _fields(kind)
        }
        for rule in self._rules.get(kind, ()):
            if all(sound[name] for name in rule.fields):
                for where, what in rule.check(value):
                    self._problems.add(f"{path}.{where}" if where else path, what)
        return all(sound.values())

    def _one_of(self, value: object, kinds: list[type], path: str) -> bool:
        if type(value) in kinds:
            return self._record(value, type(value), path)
        names = ", ".join(each.__name__ for each in kinds)
        return self._wrong(path, f"is a {type(value).__name__}; it has to be one of {names}")

    def _tuple(self, value: object, arguments: tuple[Any, ...], path: str) -> bool:
        if not isinstance(value, tuple):
            return self._wrong(path, f"is a {type(value).__name__}; it has to be a tuple")
        many = arguments[-1] is Ellipsis
        if not many and len(value) != len(arguments):
            return self._wrong(path, f"has {len(value)} parts; it has to have {len(arguments)}")
        sound = [
            self.at(item, arguments[0] if many else arguments[index], element(path, index, item))
            for index, item in enumerate(value)
        ]
        return all(sound)

    def _mapping(self, value: object, path: str, look: Callable[[object, str], bool]) -> bool:
        if not isinstance(value, Mapping):
            return self._wrong(path, f"is a {type(value).__name__}; it has to be a mapping")
        sound = [self._text(key, f"{path}, key") for key in value]
        sound += [look(item, below(path, key)) for key, item in value.items()]
        return all(sound)

    def _json(self, value: object, path: str, depth: int) -> bool:
        if depth == 0:
            return self._wrong(path, f"is nested more than {DEPTH} levels deep")
        if isinstance(value, Mapping):
            return self._mapping(value, path, lambda item, where: self._json(item, where, depth - 1))
        if isinstance(value, list | tuple):
            sound = [self._json(item, f"{path}[{index}]", depth - 1) for index, item in enumerate(value)]
            return all(sound)
        if isinstance(value, str):
            return self._text(value, path, veiled=True)
        if isinstance(value, float):
            return self._scalar(value, float, path, veiled=True)
        if value is not None and not isinstance(value, int):
            return self._wrong(path, f"is a {type(value).__name__}, which JSON cannot tell")
        return True

    def _scalar(self, value: object, kind: Any, path: str, *, veiled: bool) -> bool:
        if kind is bool:
            return isinstance(value, bool) or self._wrong(path, f"{shown(value, veiled=veiled)} is not true or false")
        if kind is int:
            if isinstance(value, int) and not isinstance(value, bool):
                return True
            unit = " (thousandths)" if path.rpartition(".")[2] in _THOUSANDTHS else ""
            return self._wrong(path, f"{shown(value, veiled=veiled)} is not an integer{unit}")
        if kind is float:
            return _finite(value) or self._wrong(path, f"{shown(value, veiled=veiled)} is not a finite number")
        if kind is str:
            return self._text(value, path, veiled=veiled)
        raise TypeError(f"{kind!r} has no place in a spec")

    def _text(self, value: object, path: str, *, veiled: bool = False) -> bool:
        if not isinstance(value, str):
            return self._wrong(path, f"{shown(value, veiled=veiled)} is not a string")
        if any("\ud800" <= character <= "\udfff" for character in value):
            said = shown(value, veiled=veiled)
            return self._wrong(path, f"{said} has characters that are none in Unicode (lone surrogates)")
        return True


def _finite(value: object) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond all floats
        return False


@functools.cache
def _fields(kind: type) -> tuple[tuple[str, Any], ...]:
    hints = typing.get_type_hints(kind)
    return tuple((item.name, hints[item.name]) for item in dataclasses.fields(kind))
