"""The pool's nodes in ZooKeeper as lbmgr sees them: the head to follow, the parts to fetch, the status to keep.

Knows paths. Does not know what follows from a head. Importing this module imports kazoo, so it happens after HAProxy
was started from the files on disk.
"""

from collections.abc import Callable

import structlog

from pool_executor.bundle import Head, Part, PartDecoder, decode_head
from sdk.errors import CorruptRecord
from sdk.storage.connection import Ephemeral, State, ZooKeeper, connect

_log = structlog.get_logger()


class PartMissing(CorruptRecord):
    """The head names a part that is not there: the head was replaced in between, or its writer is broken."""


class PoolNodes:
    """One pool in ZooKeeper. `on_head` runs on the connection's thread: it must return at once."""

    def __init__(
        self,
        hosts: str,
        *,
        root: str,
        pool: str,
        task_id: str,
        on_head: Callable[[Head | CorruptRecord | None], None],
        on_connected: Callable[[], None],
    ) -> None:
        self._head_path = f"{root.rstrip('/')}/rendered/{pool}"
        self._status_path = f"{root.rstrip('/')}/instances/{pool}/{task_id}"
        self._status: Ephemeral | None = None
        self._on_head = on_head
        self._on_connected = on_connected
        self._zookeeper: ZooKeeper = connect(hosts, on_state=self._state)
        self._watch = self._zookeeper.watch_data(self._head_path, self._seen)

    def close(self) -> None:
        """End the session; the status node disappears with it."""
        self._zookeeper.close()

    def publish(self, status: bytes) -> None:
        """Keep the status node at these bytes, now and after every session loss."""
        if self._status is None:
            self._status = self._zookeeper.keep_ephemeral(self._status_path, status)
        else:
            self._status.set(status)

    def fetch(self, part: Part) -> str:
        """The text of a part. Raises PartMissing, CorruptRecord, or StorageUnavailable while ZooKeeper is away."""
        path = f"{self._head_path}/parts/{part.sha256}"
        decoder = PartDecoder(part)
        whole = self._zookeeper.get(path)
        if whole is not None:
            decoder.feed(whole[0])
            return decoder.text()
        index = 0
        while True:
            piece = self._zookeeper.get(f"{path}.{index}")
            if piece is None:
                raise PartMissing(path, "the head names this part, but it is not there" if index == 0 else "ends early")
            if decoder.feed(piece[0]):
                return decoder.text()
            index += 1

    def _state(self, state: State) -> None:
        if state is State.CONNECTED:
            self._on_connected()

    def _seen(self, found: tuple[bytes, int] | None) -> None:
        if found is None or not found[0]:
            self._on_head(None)  # an empty node: parts stand below it already, the first head comes next
            return
        try:
            self._on_head(decode_head(found[0]))
        except CorruptRecord as error:
            _log.error("The head of the bundle cannot be read; the present configuration goes on", error=str(error))
            self._on_head(error)
