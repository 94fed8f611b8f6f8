"""The notice board between the one thread that follows Mesos and the many that serve clients.

Knows: the running tasks, the last changes, and how a client at some revision is brought up to date with what it wants.
Memory is bounded by the number of tasks and by HISTORY, not by clients: no client has a queue, each has only a
revision; one that falls out of the history starts again with a snapshot. A task is written as bytes once, when the
first client wants it. Does not know gRPC.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from api.mesos_listener.delta import Delta
from api.mesos_listener.filter import ALL, Filter
from api.mesos_listener.task import Task, TaskKey
from api.mesos_listener.unheard import NO_NEWS, News, Unheard, union
from api.mesos_listener.wire import removed_part, updated_part

#: Changes (not deltas) that are kept for clients that come back or are slow.
HISTORY = 20_000
#: Tasks of one delta that are looked at to find out who is concerned.
_MOST_LOOKED_AT = 50


class Notice:
    """A task on the board."""

    __slots__ = ("_part", "task")

    def __init__(self, task: Task) -> None:
        self.task = task
        self._part: bytes | None = None

    @property
    def part(self) -> bytes:
        """The task as clients get it. Two threads that ask for it first write the same."""
        if self._part is None:
            self._part = updated_part(self.task)
        return self._part


@dataclass(frozen=True, slots=True)
class Stamps:
    """When something was read from Mesos and put into the index, in seconds since the epoch; 0: unknown."""

    event: float = 0.0
    index: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All running tasks of one revision; what runs on agents that are `unheard` is not among them."""

    revision: int
    notices: tuple[Notice, ...]
    unheard: Unheard

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks themselves."""
        return tuple(notice.task for notice in self.notices)

    def parts(self, wanted: Filter) -> list[bytes]:
        """Those that somebody wants, as he gets them."""
        return [notice.part for notice in self.notices if wanted.wants(notice.task)]


class _Change(NamedTuple):
    """How a task was at the asked revision and how it is now; None: it did not run, or runs no more."""

    before: Task | None
    after: Notice | None
    missing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Everything that changed after the asked revision up to `revision`, each task once; `stamps` are the first one's.

    `everything` is there when it was asked for: all tasks of `revision`. `news` are those of agents.
    """

    revision: int
    changes: Mapping[TaskKey, _Change]
    stamps: Stamps
    news: News = NO_NEWS
    everything: Snapshot | None = None

    def parts(self, wanted: Filter, had: Filter | None = None) -> list[bytes]:
        """What somebody is told who wants these tasks now, and wanted `had` (if less) until now."""
        had = had or wanted
        told = []
        for key, change in self.changes.items():
            if change.after is not None and wanted.wants(change.after.task):
                told.append(change.after.part)
            elif change.before is not None and had.wants(change.before):
                told.append(removed_part(key, missing=change.missing and change.after is None))
        if had is not wanted and self.everything is not None:
            told += [
                notice.part
                for notice in self.everything.notices
                if notice.task.key not in self.changes and wanted.wants(notice.task) and not had.wants(notice.task)
            ]
        return told


class _Entry(NamedTuple):
    revision: int
    before: dict[TaskKey, Task | None]
    missing: frozenset[TaskKey]
    stamps: Stamps
    news: News


class _Reader:
    """Somebody who waits for changes of what he wants."""

    __slots__ = ("condition", "news", "wanted")

    def __init__(self, condition: threading.Condition, wanted: Filter, news: bool) -> None:
        self.condition = condition
        self.wanted = wanted
        self.news = news

    def hear(self, changed: Sequence[Task], agents: News) -> None:
        """These tasks are new, or are not any more as they were; all hear of agents."""
        if self.news:
            return
        # This is the time of all readers: one that wants much looks for itself whether it concerns him.
        if agents or len(changed) > _MOST_LOOKED_AT or self.wanted.is_costly or any(map(self.wanted.wants, changed)):
            self.news = True
            self.condition.notify()


class Board:
    """Thread-safe. `run_id` names this run of the process: revisions of different runs are not comparable."""

    def __init__(self, run_id: str, history: int = HISTORY) -> None:
        self.run_id = run_id
        self._history = history
        self._lock = threading.Lock()
        self._waiting: set[_Reader] = set()
        self._notices: dict[TaskKey, Notice] = {}
        self._revision = 0
        self._log: deque[_Entry] = deque()
        self._logged = 0
        self._floor = 0  # the oldest revision that the log can continue
        self._complete = False
        self._unheard: Unheard | None = None
        self._closed = False

    def publish(self, delta: Delta, complete: bool, stamps: Stamps | None = None) -> None:
        """Take the index's next delta; an empty one may still complete the view."""
        if delta.is_empty and complete == self._complete:
            return
        with self._lock:
            self._complete = self._complete or complete
            if not delta.is_empty:
                before: dict[TaskKey, Task | None] = {}
                for task in delta.updated:
                    key = task.key
                    old = self._notices.get(key)
                    before[key] = old.task if old else None
                    self._notices[key] = Notice(task)
                for key in delta.removed:
                    gone = self._notices.pop(key, None)
                    before[key] = gone.task if gone else None
                self._revision = delta.revision
                self._unheard = delta.unheard or self._unheard or Unheard()
                self._unheard.take(delta.news)
                self._log.append(_Entry(delta.revision, before, delta.missing, stamps or Stamps(), delta.news))
                self._logged += len(before) + len(delta.news.heard)
                while self._logged > self._history and self._log:
                    oldest = self._log.popleft()
                    self._logged -= len(oldest.before) + len(oldest.news.heard)
                    self._floor = oldest.revision
                changed = (*delta.updated, *(old for old in before.values() if old is not None))
                for reader in self._waiting:
                    reader.hear(changed, delta.news)

    def close(self) -> None:
        """Wake everyone who waits, for the last time."""
        with self._lock:
            self._closed = True
        self.wake()

    @property
    def complete(self) -> bool:
        """True once a complete view of the master was published."""
        return self._complete

    @property
    def begun(self) -> bool:
        """True once any view was: complete, or of the agents that the master has heard from."""
        return self._unheard is not None

    @property
    def size(self) -> int:
        """How many tasks there are."""
        return len(self._notices)

    @property
    def closed(self) -> bool:
        """True after close()."""
        return self._closed

    def snapshot(self) -> Snapshot:
        """All tasks as of now."""
        with self._lock:
            return self._snapshot()

    def can_continue(self, revision: int) -> bool:
        """True when every change after `revision` is still known."""
        with self._lock:
            return self._floor <= revision <= self._revision

    def changes_after(
        self,
        revision: int,
        wait: float,
        give_up: Callable[[], bool],
        everything: Callable[[], bool] = lambda: False,
        wanted: Filter = ALL,
        rest: Callable[[], float] = lambda: 0.0,
    ) -> Changes | None:
        """What changed after `revision`; None when it can no longer be told.

        Waits for a change of what is wanted at most `wait` seconds, and not when `give_up` says so after a wake(): then
        `Changes` may have the same revision and nothing in it. All tasks are there as well when `everything` says so
        then. Once there is a change, more are waited for as many seconds as `rest` says.
        """
        with self._lock:
            reader = _Reader(threading.Condition(self._lock), wanted, self._revision > revision)
            self._waiting.add(reader)
            try:
                reader.condition.wait_for(lambda: reader.news or self._closed or give_up(), wait)
                if reader.news and (early := rest()) > 0:
                    reader.condition.wait_for(lambda: self._closed or give_up(), early)
            finally:
                self._waiting.discard(reader)
            if not self._floor <= revision <= self._revision:
                return None
            # The oldest entry of a task tells how it was, the newest whether anybody said that it ended.
            before: dict[TaskKey, Task | None] = {}
            missing: dict[TaskKey, bool] = {}
            stamps = Stamps()
            news: list[News] = []
            for entry in reversed(self._log):
                if entry.revision <= revision:
                    break
                stamps = entry.stamps
                before |= entry.before
                if entry.news:
                    news.append(entry.news)
                for key in entry.before:
                    missing.setdefault(key, key in entry.missing)
            return Changes(
                revision=self._revision,
                changes={key: _Change(task, self._notices.get(key), missing[key]) for key, task in before.items()},
                stamps=stamps,
                news=union(news) if news else NO_NEWS,
                everything=self._snapshot() if everything() else None,
            )

    def _snapshot(self) -> Snapshot:
        unheard = self._unheard.copy() if self._unheard is not None else Unheard()
        return Snapshot(revision=self._revision, notices=tuple(self._notices.values()), unheard=unheard)

    def wake(self) -> None:
        """Let waiting readers look at their own state again: their client is gone, or wants more."""
        with self._lock:
            for reader in self._waiting:
                reader.condition.notify()


def pages(parts: Iterable[bytes], most: int, most_bytes: int) -> Iterator[list[bytes]]:
    """`parts` in lists of at most `most` entries and at most `most_bytes`, unless one alone is larger; one empty list
    when there are none.
    """
    page: list[bytes] = []
    size = 0
    sent = False
    for part in parts:
        if page and (len(page) >= most or size + len(part) > most_bytes):
            yield page
            page, size, sent = [], 0, True
        page.append(part)
        size += len(part)
    if page or not sent:
        yield page
