"""The servers of pools as they are published, so that whoever asks again reads only what came since.

Knows what it has given before. Does not know where parts are: their texts come from whoever asks.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pool_executor.contract import Endpoints, Fetch, Operation, Servers, State, apply, operations_after, read_whole

#: Servers of so many pools are kept in memory.
_MOST_POOLS = 4096


class _Seen(NamedTuple):
    lineage: str
    sequence: int
    servers: Servers


class PublishedServers:
    """Thread-safe; bounded. What it gives is never changed afterwards."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of_pool: OrderedDict[str, _Seen] = OrderedDict()

    def of(self, head: Endpoints, fetch: Fetch) -> Servers:
        """The servers up to the head's last operation, by backend and name.

        May raise CorruptRecord, of which BlobMissing means that there may be a newer head.
        """
        with self._lock:
            seen = self._of_pool.get(head.pool)
        if seen is not None and head.continues(seen.lineage, seen.sequence):
            operations = operations_after(head, seen.sequence, fetch)
            servers = _applied(seen.servers, operations) if operations else seen.servers
        else:
            servers = read_whole(head, fetch).servers
        with self._lock:
            self._of_pool[head.pool] = _Seen(head.lineage, head.sequence, servers)
            self._of_pool.move_to_end(head.pool)
            while len(self._of_pool) > _MOST_POOLS:
                self._of_pool.popitem(last=False)
        return servers

    def forget(self, pool: str) -> None:
        """There is nothing of this pool any more."""
        with self._lock:
            self._of_pool.pop(pool, None)


def counted(servers: Servers) -> Mapping[str, int]:
    """How many servers each backend has that are ready for requests; those without any may be left out."""
    return {backend: sum(one.state is State.READY for one in ones.values()) for backend, ones in servers.items()}


def _applied(servers: Servers, operations: Sequence[Operation]) -> Servers:
    # Others may be reading the servers as they were: of what changes a copy is changed.
    touched = {operation.backend for operation in operations}
    kept = {backend: ones for backend, ones in servers.items() if backend not in touched}
    changed = {backend: dict(ones) for backend, ones in servers.items() if backend in touched}
    apply(changed, operations)
    return {**kept, **changed}
