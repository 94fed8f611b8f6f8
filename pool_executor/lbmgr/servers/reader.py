"""The thread that reads the log of endpoints and has its operations carried out (lane.py).

Knows whether it has to begin with the base. Does nothing else, so that a removed server waits for nobody.
"""

import queue
import threading
import time
from collections.abc import Sequence
from typing import Protocol

import structlog

from pool_executor.contract import Blob, decode_endpoints, operations_after, read_whole
from pool_executor.lbmgr.servers.lane import Lane
from pool_executor.lbmgr.servers.position import Position
from sdk.errors import CorruptRecord, TemporaryFailure
from sdk.retry import Policy

_log = structlog.get_logger()
_AGAIN = Policy(first=0.05, most=5.0)
_END_TIMEOUT = 0.5


class Parts(Protocol):
    """Where parts are fetched from."""

    def fetch(self, blobs: Sequence[Blob]) -> Sequence[str]:
        """The texts of parts, asked for together; raises TemporaryFailure or CorruptRecord."""


class Reader:
    """Of one instance. `seen` and `attach` may be called from any thread."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._heads: queue.SimpleQueue[tuple[bytes | None, float] | None] = queue.SimpleQueue()
        self._parts: Parts | None = None
        self._backoff = _AGAIN.backoff()
        self._thread = threading.Thread(target=self._run, name="endpoints", daemon=True)
        self._published = Position()
        """How far the log is in ZooKeeper, as far as that was read."""
        self.error: str | None = None
        """Why the last head could not be followed."""

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """End. It may still wait for an answer of ZooKeeper, after which it does nothing more."""
        self._heads.put(None)
        if self._thread.is_alive():
            self._thread.join(_END_TIMEOUT)

    def attach(self, parts: Parts) -> None:
        """Fetch parts from there."""
        self._parts = parts

    def seen(self, data: bytes | None) -> None:
        """The node is this now; None when there is none."""
        self._heads.put((data, time.time()))

    @property
    def behind(self) -> int | None:
        """Operations that are published and not carried out; None while that is not known."""
        published, position = self._published, self._lane.position
        if not published.lineage or published.lineage != position.lineage:
            return None
        return max(0, published.sequence - position.sequence)

    def _run(self) -> None:
        timeout: float | None = None
        last: tuple[bytes | None, float] | None = None
        while True:
            try:
                found = self._heads.get(timeout=timeout)
                while True:  # of several heads the last one has all operations
                    if found is None:
                        return
                    last = found
                    try:
                        found = self._heads.get_nowait()
                    except queue.Empty:
                        break
            except queue.Empty:
                pass  # the time to try again has come
            assert last is not None, "nothing was seen, and there is nothing to try again"
            try:
                self._follow(*last)
                timeout, self.error = None, None
                self._backoff.reset()
            except (TemporaryFailure, CorruptRecord) as error:
                timeout = self._backoff.delay()
                self._complain(f"the servers in ZooKeeper cannot be read: {error}")
            except Exception as error:  # noqa: BLE001 - a head that trips over a defect of ours must not end the thread
                timeout = self._backoff.delay()
                _log.exception("The log of endpoints could not be followed")
                self._complain(f"lbmgr failed on the servers in ZooKeeper: {type(error).__name__}: {error}")

    def _complain(self, error: str) -> None:
        if error != self.error:
            _log.error(f"{error}; the present servers stay")
        self.error = error

    def _follow(self, data: bytes | None, seen: float) -> None:
        if not data:
            return  # nobody has said yet which servers there shall be, or the pool is gone: what is served goes on
        before = self._lane.position
        head = decode_endpoints(data, before.lineage, before.sequence)
        self._published = after = Position(head.lineage, head.sequence)
        stamps = dict(head.stamps) | {"seen": seen}
        if after == before and self._lane.known:
            return
        if head.continues(before.lineage, before.sequence):
            self._lane.follow(operations_after(head, before.sequence, self._fetch), after, stamps)
            return
        began = time.monotonic()
        servers = read_whole(decode_endpoints(data), self._fetch).servers
        self._lane.replace(servers, after, stamps)
        _log.info(
            "All servers were read anew",
            sequence=head.sequence,
            servers=sum(map(len, servers.values())),
            ms=round((time.monotonic() - began) * 1000),
        )

    def _fetch(self, blobs: Sequence[Blob]) -> Sequence[str]:
        if self._parts is None:
            raise TemporaryFailure("ZooKeeper is not connected yet")
        return self._parts.fetch(blobs)
