"""The pool's nodes in ZooKeeper as lbmgr sees them: the heads to follow, the parts to fetch, the status to keep.

Knows paths. Does not know what follows from a head. Importing this module imports kazoo, so it happens after HAProxy
was started from the files on disk.
"""

from collections.abc import Sequence
from typing import Protocol

import structlog

from pool_executor.contract import Blob, Structure, decode_structure
from sdk.errors import CorruptRecord
from sdk.storage.blobs import read_blobs
from sdk.storage.connection import Ephemeral, SessionState, ZooKeeper, connect

_log = structlog.get_logger()


class Hearer(Protocol):
    """Who is told. All calls come from threads of the connection: they must return at once."""

    def structure_seen(self, head: Structure | CorruptRecord | None) -> None:
        """The head of the structure is this now; None when there is none."""

    def endpoints_seen(self, data: bytes | None) -> None:
        """The node of the endpoints holds this now; None when there is none."""

    def connected(self) -> None:
        """ZooKeeper answers, again or for the first time."""


class PoolNodes:
    """One pool in ZooKeeper."""

    def __init__(self, hosts: str, *, root: str, pool: str, task_id: str, hearer: Hearer) -> None:
        base = f"{root.rstrip('/')}/rendered/{pool}"
        self._parts_path = f"{base}/parts"
        self._instances_path = f"{root.rstrip('/')}/instances/{pool}"
        self._status_path = f"{self._instances_path}/{task_id}"
        self._status: Ephemeral | None = None
        self._hearer = hearer
        self.connected = False
        """Whether ZooKeeper answers."""
        self._zookeeper: ZooKeeper = connect(hosts, on_state=self._state)
        # First: a removed server must not wait until a structure was read.
        self._endpoints = self._zookeeper.watch_data_quickly(f"{base}/endpoints", self._endpoints_seen)
        self._structure = self._zookeeper.watch_data(f"{base}/structure", self._structure_seen)

    def close(self) -> None:
        """End the session; the status node disappears with it."""
        self._zookeeper.close()

    def publish(self, status: bytes) -> None:
        """Keep the status node at these bytes, now and after every session loss."""
        if self._status is None:
            self._status = self._zookeeper.keep_ephemeral(self._status_path, status)
        else:
            self._status.set(status)

    def instances(self) -> int:
        """How many instances of the pool there are; raises StorageUnavailable while ZooKeeper is away."""
        return len(self._zookeeper.children(self._instances_path))

    def fetch(self, blobs: Sequence[Blob]) -> Sequence[str]:
        """The texts of parts, asked for together.

        Raises CorruptRecord, or StorageUnavailable while ZooKeeper is away.
        """
        return read_blobs(self._zookeeper.get_all, self._parts_path, blobs)

    def _state(self, state: SessionState) -> None:
        self.connected = state is SessionState.CONNECTED
        if self.connected:
            self._hearer.connected()

    def _endpoints_seen(self, found: tuple[bytes, int] | None) -> None:
        self._hearer.endpoints_seen(found[0] if found is not None else None)

    def _structure_seen(self, found: tuple[bytes, int] | None) -> None:
        if found is None:
            self._hearer.structure_seen(None)
            return
        try:
            self._hearer.structure_seen(decode_structure(found[0]))
        except CorruptRecord as error:
            _log.error("The head of the structure cannot be read; the present one goes on", error=str(error))
            self._hearer.structure_seen(error)
