"""The servers of pools as they are published, so that whoever asks again reads only what came since.

Knows the log of operations and its shards. Does not know where their nodes are: texts come from whoever asks.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import NamedTuple

from pool_executor.contract import (
    Blob,
    Endpoints,
    Operation,
    Server,
    Servers,
    State,
    apply,
    decode_segment,
    decode_shard,
    decode_shards,
)

TextOf = Callable[[Blob], str | None]
"""The text of a part, None when it was removed meanwhile."""

#: Servers of so many pools are kept in memory.
_MOST_POOLS = 4096


class _Seen(NamedTuple):
    lineage: str
    sequence: int
    servers: dict[str, dict[str, Server]]


class PublishedServers:
    """Thread-safe; bounded. What it gives is never changed afterwards."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of_pool: OrderedDict[str, _Seen] = OrderedDict()

    def of(self, head: Endpoints, text_of: TextOf) -> Servers | None:
        """The servers up to the head's last operation, by backend and name; None when a part was removed meanwhile, as
        after a newer head. May raise CorruptRecord.
        """
        with self._lock:
            seen = self._of_pool.get(head.pool)
        if seen is not None and seen.lineage == head.lineage and seen.sequence == head.sequence:
            found: _Seen | None = seen
        elif seen is not None and seen.lineage == head.lineage and head.since <= seen.sequence <= head.sequence:
            found = _applied(seen.servers, seen.sequence, head, text_of)
        else:
            found = _loaded(head, text_of)
        if found is None:
            return None
        with self._lock:
            self._of_pool[head.pool] = found
            self._of_pool.move_to_end(head.pool)
            while len(self._of_pool) > _MOST_POOLS:
                self._of_pool.popitem(last=False)
        return found.servers

    def forget(self, pool: str) -> None:
        """There is nothing of this pool any more."""
        with self._lock:
            self._of_pool.pop(pool, None)


def counted(servers: Servers) -> Mapping[str, int]:
    """How many servers each backend has that are ready for requests; those without any may be left out."""
    return {backend: sum(one.state is State.READY for one in ones.values()) for backend, ones in servers.items()}


def _loaded(head: Endpoints, text_of: TextOf) -> _Seen | None:
    base: dict[str, dict[str, Server]] = {}
    if head.shards is not None:
        listed = text_of(head.shards)
        if listed is None:
            return None
        for shard in decode_shards(listed).values():
            text = text_of(shard)
            if text is None:
                return None
            base |= decode_shard(text)
    return _applied(base, head.base, head, text_of)


def _applied(servers: Mapping[str, dict[str, Server]], sequence: int, head: Endpoints, text_of: TextOf) -> _Seen | None:
    operations: list[Operation] = []
    for segment in head.segments:
        if segment.last > sequence:
            text = text_of(segment.blob)
            if text is None:
                return None
            operations += decode_segment(segment, text)[max(0, sequence + 1 - segment.first) :]
    operations += head.operations[max(0, sequence + 1 - head.inline_from) :]
    # Others may be reading the servers as they were: of what changes a copy is changed.
    touched = {operation.backend for operation in operations}
    copied = {backend: dict(ones) if backend in touched else ones for backend, ones in servers.items()}
    apply(copied, operations)
    return _Seen(head.lineage, head.sequence, copied)
