"""The notice board between the one thread that follows Mesos and the many that serve clients.

Knows: the running tasks as messages, the last deltas, and how a client at some revision is brought up to date.
Memory is bounded by the number of tasks and by HISTORY, not by clients: no client has a queue, each has only a
revision; one that falls out of the history starts again with a snapshot. Does not know gRPC.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from api.mesos_listener import taskinfo_pb2 as pb
from api.mesos_listener.index import Delta
from api.mesos_listener.task import TaskKey
from api.mesos_listener.wire import to_message

#: Changes (not deltas) that are kept for clients that come back or are slow.
HISTORY = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All running tasks of one revision."""

    revision: int
    tasks: tuple[pb.Task, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Everything that changed after the asked revision up to `revision`, each task once."""

    revision: int
    updated: tuple[pb.Task, ...]
    removed: tuple[TaskKey, ...]
    missing: frozenset[TaskKey] = frozenset()
    """Those of `removed` that nothing says ended."""


@dataclass(frozen=True, slots=True)
class _Entry:
    revision: int
    keys: tuple[TaskKey, ...]
    missing: frozenset[TaskKey]


class Board:
    """Thread-safe. `run_id` names this run of the process: revisions of different runs are not comparable."""

    def __init__(self, run_id: str, history: int = HISTORY) -> None:
        self.run_id = run_id
        self._history = history
        self._changed = threading.Condition()
        self._tasks: dict[TaskKey, pb.Task] = {}
        self._revision = 0
        self._log: deque[_Entry] = deque()
        self._logged = 0
        self._floor = 0  # the oldest revision that the log can continue
        self._complete = False
        self._closed = False

    def publish(self, delta: Delta, complete: bool) -> None:
        """Take the index's next delta (empty ones too: they may complete the view)."""
        messages = {task.key: to_message(task) for task in delta.updated}
        with self._changed:
            self._complete = self._complete or complete
            if not delta.is_empty:
                self._tasks.update(messages)
                for key in delta.removed:
                    self._tasks.pop(key, None)
                self._revision = delta.revision
                entry = _Entry(delta.revision, (*messages, *delta.removed), delta.missing)
                self._log.append(entry)
                self._logged += len(entry.keys)
                while self._logged > self._history and self._log:
                    oldest = self._log.popleft()
                    self._logged -= len(oldest.keys)
                    self._floor = oldest.revision
            self._changed.notify_all()

    def close(self) -> None:
        """Wake everyone who waits, for the last time."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def complete(self) -> bool:
        """True once a complete view of the master was published."""
        with self._changed:
            return self._complete

    @property
    def size(self) -> int:
        """How many tasks there are."""
        with self._changed:
            return len(self._tasks)

    @property
    def closed(self) -> bool:
        """True after close()."""
        with self._changed:
            return self._closed

    def snapshot(self) -> Snapshot:
        """All tasks as of now."""
        with self._changed:
            return Snapshot(revision=self._revision, tasks=tuple(self._tasks.values()))

    def can_continue(self, revision: int) -> bool:
        """True when every change after `revision` is still known."""
        with self._changed:
            return self._floor <= revision <= self._revision

    def changes_after(self, revision: int, wait: float, give_up: Callable[[], bool]) -> Changes | None:
        """What changed after `revision`; None when it can no longer be told.

        Waits for a change at most `wait` seconds, and not when `give_up` says so after a wake(): then `Changes` may
        have the same revision and nothing in it.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._revision > revision or self._closed or give_up(), wait)
            if not self._floor <= revision <= self._revision:
                return None
            # The newest entry of a task counts: how it went last.
            keys: dict[TaskKey, bool] = {}
            for entry in reversed(self._log):
                if entry.revision <= revision:
                    break
                for key in entry.keys:
                    keys.setdefault(key, key in entry.missing)
            return Changes(
                revision=self._revision,
                updated=tuple(self._tasks[key] for key in keys if key in self._tasks),
                removed=tuple(key for key in keys if key not in self._tasks),
                missing=frozenset(key for key, missing in keys.items() if missing and key not in self._tasks),
            )

    def wake(self) -> None:
        """Let waiting readers look at their own state again (their client is gone)."""
        with self._changed:
            self._changed.notify_all()


_Message = TypeVar("_Message", pb.Task, pb.TaskKey)


def pages(messages: Iterable[_Message], most: int, most_bytes: int) -> Iterator[list[_Message]]:
    """`messages` in lists of at most `most` entries and at most `most_bytes`, unless one alone is larger; one empty
    list when there are none.
    """
    page: list[_Message] = []
    size = 0
    sent = False
    for message in messages:
        bytes_of_message = message.ByteSize()
        if page and (len(page) >= most or size + bytes_of_message > most_bytes):
            yield page
            page, size, sent = [], 0, True
        page.append(message)
        size += bytes_of_message
    if page or not sent:
        yield page
