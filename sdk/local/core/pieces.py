"""Large JSON documents in pieces: a snapshot of 50,000 tasks is encoded bit by bit, so that others get their turn.

Pure: an iterator of bytes whose sum is the encoded document. The document must not change meanwhile: views build their
own dictionaries and lists, of values that nobody changes.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

try:
    import orjson
except ModuleNotFoundError:
    # Part of the extra `local`; the pure core is also used without it.
    orjson = None  # type: ignore[assignment]

LONG = 100
"""Elements of a list that are encoded at once; one of a shorter list may hold a long one."""
_DEPTH = 6


@dataclass(frozen=True, slots=True)
class Mapped:
    """A list whose elements are worked out when they are encoded."""

    items: list[Any]
    make: Callable[[Any], Any]

    def __iter__(self) -> Iterator[Any]:
        return map(self.make, self.items)

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True, slots=True)
class Encoded:
    """JSON that is encoded already."""

    body: bytes


def _plain(value: object) -> list[Any]:
    if isinstance(value, Mapped):
        return list(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def encode(value: Any) -> bytes:
    """Compact JSON with unescaped text, as Mesos prints it."""
    if isinstance(value, Encoded):
        return value.body
    if orjson is not None:
        # Twelve times as fast as json: 0.3 s instead of 3.5 s of CPU for a snapshot of 50,000 tasks.
        try:
            return orjson.dumps(value, default=_plain, option=orjson.OPT_PASSTHROUGH_DATACLASS)
        except TypeError:
            # Integers of more than 64 bits and half characters, which json prints.
            pass
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=_plain).encode(errors="replace")


def decode(raw: bytes) -> Any:
    """The value of JSON that `encode` made in another process of ours: its depth is not looked at, and integers of more
    than 64 bits may lose digits.
    """
    return json.loads(raw) if orjson is None else orjson.loads(raw)


def is_unicode(value: Any) -> bool:
    """Whether all text in a JSON value can be written: halves of surrogate pairs cannot."""
    if orjson is not None:
        try:
            orjson.dumps(value)
            return True
        except TypeError:
            pass
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def is_large(value: Any, depth: int = _DEPTH) -> bool:
    """Whether there is a long list not too deep in it."""
    if isinstance(value, dict):
        return depth > 0 and any(is_large(part, depth - 1) for part in value.values())
    if isinstance(value, list):
        return len(value) > LONG or (depth > 0 and any(is_large(part, depth - 1) for part in value))
    return isinstance(value, Mapped) and len(value) > LONG


def pieces(value: Any, depth: int = _DEPTH) -> Iterator[bytes]:
    """The encoded value, each piece small enough to be made without a pause for others."""
    if depth <= 0 or not is_large(value, depth):
        yield encode(value)
    elif isinstance(value, dict):
        start = b"{"
        for name, part in value.items():
            yield b"%s%s:" % (start, encode(str(name)))
            yield from pieces(part, depth - 1)
            start = b","
        yield b"}"
    elif len(value) <= LONG or _nested(value):
        start = b"["
        for part in value:
            yield start
            yield from pieces(part, depth - 1)
            start = b","
        yield b"]"
    else:
        items, make = (value.items, value.make) if isinstance(value, Mapped) else (value, None)
        start = b"["
        for index in range(0, len(items), LONG):
            some = items[index : index + LONG]
            yield start + encode([make(item) for item in some] if make else some)[1:-1]
            start = b","
        yield b"]"


def _nested(value: Any) -> bool:
    """Whether elements of a long list hold long lists themselves, as many frameworks with many tasks do."""
    return isinstance(value, list) and any(
        isinstance(item, dict)
        and any(isinstance(part, Mapped) or (isinstance(part, list) and len(part) > LONG) for part in item.values())
        for item in value
    )
