"""The thread that brings what a connection keeps up to date: after each event, reconnection and new session.

Knows when something is due and when it is tried again. Does not know what is kept.
"""

import queue
import threading

import structlog

from sdk.errors import StorageUnavailable
from sdk.storage.kept import Kept
from sdk.storage.session import Session, SessionState

_log = structlog.get_logger()


class Upkeep:
    """One thread, on which callbacks of watches run one after the other; they may call ZooKeeper."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lock = threading.Lock()
        self._kept: set[Kept] = set()
        self._due: set[Kept] = set()
        self._work: queue.SimpleQueue[Kept | None] = queue.SimpleQueue()
        self._closing = False
        self._worker = threading.Thread(target=self._run, name="zookeeper", daemon=True)

    def start(self) -> None:
        """Begin; once."""
        self._worker.start()

    def close(self) -> None:
        """No callback begins any more; waits for the one that runs, unless that is the caller."""
        self._closing = True
        self._work.put(None)
        if threading.current_thread() is not self._worker:
            self._worker.join()

    def keep(self, kept: Kept) -> None:
        """One more, from now on."""
        with self._lock:
            self._kept.add(kept)
        self.schedule(kept)

    def forget(self, kept: Kept) -> None:
        """One less."""
        with self._lock:
            self._kept.discard(kept)

    def schedule(self, kept: Kept) -> None:
        """Have it refreshed soon; of several calls before that, one counts."""
        with self._lock:
            if kept in self._due or self._closing:
                return
            self._due.add(kept)
        self._work.put(kept)

    def schedule_all(self) -> None:
        """There is a new connection, perhaps a new session: nothing that was armed counts."""
        with self._lock:
            kept = list(self._kept)
        for each in kept:
            self.schedule(each)

    def _run(self) -> None:
        while (kept := self._work.get()) is not None and not self._closing:
            with self._lock:
                self._due.discard(kept)
            if kept.closed and not kept.wants_last_run:
                continue
            self._refresh(kept)

    def _refresh(self, kept: Kept) -> None:
        try:
            kept.refresh()
            kept.backoff.reset()
        except StorageUnavailable as error:
            # Scheduled again with the next connection. An operation can also time out on a connection that
            # stays, for which there is no event: come back then.
            if self._session.state is SessionState.CONNECTED:
                _log.warning("ZooKeeper did not answer; trying again", path=kept.path, error=str(error))
                self._later(kept)
        except Exception:  # noqa: BLE001 - one broken callback must not end the watches of the others
            _log.exception("Work on a ZooKeeper node failed", path=kept.path)
            if kept.retry_after_error:
                self._later(kept)

    def _later(self, kept: Kept) -> None:
        timer = threading.Timer(kept.backoff.delay(), self.schedule, (kept,))
        timer.daemon = True
        timer.start()
