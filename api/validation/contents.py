"""Pools in their stored JSON, as they go to a process that judges: who sends one again, or gets one again, pays for the
places that changed.

Knows the last pools, up to a size. Does not know what they are sent for. Any thread may ask.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from scheduler.pools.model import Pool
from scheduler.pools.stored.sparse import Known, read, written

#: Bytes of JSON of all pools together; what is made of it takes many times as much.
_MOST = 8_000_000
_ENCODER = msgspec.json.Encoder()


class Content(NamedTuple):
    """Of one pool: its JSON, which nobody changes, and the text of that."""

    value: Mapping[str, Any]
    text: bytes


class _Last(NamedTuple):
    known: Known
    size: int


class Contents:
    """The last of each name."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._size = 0
        self._last: OrderedDict[str, _Last] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, pool: Pool) -> Content:
        """The pool's content."""
        value = written(pool, self._known(pool.name))
        text = _ENCODER.encode(value)
        self._keep(Known(value, pool), len(text))
        return Content(value, text)

    def pool(self, text: bytes) -> Pool:
        """The pool of a text that `of` made."""
        value = msgspec.json.decode(text)
        pool = read(Pool, value, "pool", self._known(value["name"]))
        self._keep(Known(value, pool), len(text))
        return pool

    def _known(self, name: str) -> Known | None:
        with self._lock:
            last = self._last.get(name)
        return last.known if last is not None else None

    def _keep(self, known: Known, size: int) -> None:
        name = known.value.name
        with self._lock:
            if (last := self._last.pop(name, None)) is not None:
                self._size -= last.size
            self._last[name] = _Last(known, size)
            self._size += size
            while self._size > self._most:
                _, oldest = self._last.popitem(last=False)
                self._size -= oldest.size
