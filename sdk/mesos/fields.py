"""Single fields of Mesos' JSON, each of the type that it must have, or TypeError or ValueError is raised. Pure."""

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

Json = Mapping[str, Any]
T = TypeVar("T")
NANO = 1_000_000_000


def value(raw: Json | None) -> str | None:
    """The content of an id; Mesos writes an absent one also as `{"value": ""}`."""
    return optional((raw or {}).get("value"), text) or None


def seconds(raw: Json | None) -> float | None:
    """Mesos counts nanoseconds; None where it says nothing."""
    return None if raw is None or "nanoseconds" not in raw else number(raw["nanoseconds"]) / NANO


def optional(raw: object, read: Callable[[object], T]) -> T | None:
    """None where there is nothing, else what `read` makes of it."""
    return None if raw is None else read(raw)


def text(raw: object) -> str:
    """A string, with U+FFFD for lone surrogates: JSON allows them, and UTF-8, in which it is stored, does not."""
    if not isinstance(raw, str):
        raise TypeError(f"expected a text, got {type(raw).__name__}")
    return raw if raw.isascii() else raw.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def identity(raw: object) -> str:
    """A string that is not empty."""
    found = text(raw)
    if not found:
        raise ValueError("an id is empty")
    return found


def number(raw: object) -> float:
    """A finite number, which is no boolean."""
    # Most are of just this type, which is looked at first: looking whether they are of one of several takes longer.
    if type(raw) is not float and (isinstance(raw, bool) or not isinstance(raw, int | float)):
        raise TypeError(f"expected a number, got {type(raw).__name__}")
    if not math.isfinite(raw):
        raise ValueError(f"expected a finite number, got {raw}")
    return float(raw)


def integer(raw: object) -> int:
    """A whole one."""
    if isinstance(raw, bool) or not isinstance(raw, int):
        raise TypeError(f"expected an integer, got {type(raw).__name__}")
    return raw


def truth(raw: object) -> bool:
    """A boolean."""
    if not isinstance(raw, bool):
        raise TypeError(f"expected true or false, got {type(raw).__name__}")
    return raw
