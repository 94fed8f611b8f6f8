"""Keeping the servers on disk, and the file for people; off the fast path, when there is something new.

Knows when is written. Does not know the forms (journal.py, files.py). Used by lbmgr's thread only.
"""

import time
from collections.abc import Callable
from pathlib import Path

import structlog

from pool_executor.lbmgr.servers.journal import Journal
from pool_executor.lbmgr.servers.lane import Lane
from pool_executor.lbmgr.servers.position import Position
from pool_executor.lbmgr.status.metrics import Counters

_log = structlog.get_logger()

# Between two writes; after the disk did not take something.
_EACH, _AGAIN = 0.25, 1.0
# The file for people is written after each change of structure, and when changes of servers were quiet for so long, or
# went on for so long. It holds all servers: where they are many it takes a two hundredth of the time at most when
# changes pause, and a thousandth when they never do.
_QUIET, _LATE = 1.0, 30.0
_SHARE_QUIET, _SHARE_LATE = 200, 1000


class Keeper:
    """Of one instance. Times are monotonic seconds."""

    def __init__(self, directory: Path, lane: Lane, counters: Counters, write_overview: Callable[[], None]) -> None:
        self._journal = Journal(directory)
        self._lane = lane
        self._counters = counters
        self._write_overview = write_overview
        self._next = 0.0
        self._seen: Position | None = None
        self._changed: tuple[float, float] | None = None
        """When the first and the last change happened that the file for people lacks."""
        self._news = False
        self._not_before, self._late = 0.0, _LATE
        self.trouble: str | None = None
        """What keeps the servers on disk behind those that HAProxy has."""

    def load(self) -> None:
        """Take up the servers on disk."""
        stored = self._journal.load()
        if stored is not None:
            self._lane.resume(stored.servers, Position(stored.lineage, stored.sequence))

    def changed(self) -> None:
        """The structure is another one."""
        self._news = True

    def save(self, now: float) -> None:
        """Write what is new, if it is time."""
        if now < self._next:
            return
        self._next = now + _EACH
        try:
            self._save_servers()
            self._save_overview(now)
        except OSError as error:
            self._counters.count("disk_failed")
            self._next = now + _AGAIN
            if self.trouble is None:
                _log.warning("The servers cannot be stored; they are followed all the same", error=str(error))
            self.trouble = f"the sandbox cannot be written: {error.strerror or error} ({error.filename})"

    def _save_servers(self) -> None:
        if not self._lane.unsaved:
            return
        position, operations = self._lane.take_unsaved()
        try:
            if operations is None or not self._journal.append(position.lineage, position.sequence, operations):
                position, servers = self._lane.take_all()
                self._journal.write(position.lineage, position.sequence, servers)
        except OSError:
            self._lane.save_all()
            raise
        self.trouble = None

    def _save_overview(self, now: float) -> None:
        position = self._lane.position
        if position != self._seen:
            self._seen = position
            self._changed = (self._changed[0] if self._changed is not None else now, now)
        if self._news or (self._changed is not None and self._is_time(now, *self._changed)):
            self._news, self._changed = False, None
            began = time.thread_time()
            self._write_overview()
            took = time.thread_time() - began
            self._not_before, self._late = now + took * _SHARE_QUIET, max(_LATE, took * _SHARE_LATE)

    def _is_time(self, now: float, first: float, last: float) -> bool:
        return now >= max(last + _QUIET, self._not_before) or now >= first + self._late
