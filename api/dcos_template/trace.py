"""What became of the last changes of tasks, for people who ask about one. Pure but for its lock.

Knows when a change passed which place on its way from Mesos to ZooKeeper (stamps, in epoch seconds: `event`, `index`,
`taken`, `selected`, `published`) and which operations it became. Keeps a bounded number of them. Any thread may ask.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from api.dcos_template.inbox import TaskChange
from api.mesos_listener.task import TaskKey
from pool_executor.contract import Operation, Put

MOST = 1_000
"""Changes that are kept, and at most so many of a pool that are on their way."""

Stamps = Mapping[str, float]


class Told(NamedTuple):
    """An operation and the task that it is about; empty for an address that the pool itself names."""

    operation: Operation
    task: str


class Change(NamedTuple):
    """A change of a server that was published."""

    pool: str
    lineage: str
    sequence: int
    told: Told
    stamps: Stamps


class Trace:
    """Of one process."""

    def __init__(self, written: Callable[[Stamps], None] = lambda _: None) -> None:
        """`written` is told the stamps of each head."""
        self._written = written
        self._lock = threading.Lock()
        self._coming: dict[str, dict[str, Stamps]] = {}
        """By pool and task: what is on its way."""
        self._changes: deque[Change] = deque(maxlen=MOST)

    def selected(
        self, pools: Iterable[str], changes: Sequence[tuple[TaskKey, TaskChange]], taken: float, now: float
    ) -> None:
        """These changes, taken at that time, have been found to touch these pools."""
        if not (pools := list(pools)):
            return
        for key, change in changes:
            known = {"event": change.event_at, "index": change.index_at}
            stamps = {name: at for name, at in known.items() if at} | {"taken": taken, "selected": now}
            for pool in pools:
                coming = self._coming.setdefault(pool, {})
                if len(coming) < MOST:
                    coming.setdefault(key.id, stamps)

    def published(self, pool: str, lineage: str, last: int, told: Sequence[Told], now: float) -> Stamps:
        """These operations, of which the last has that number, are being written; the stamps of their head: those of
        the change that was on its way for the longest time.
        """
        coming, head = self._coming.pop(pool, {}), {"published": now}
        changes = []
        for number, one in enumerate(told, last - len(told) + 1):
            stamps = {**coming.get(one.task, {}), "published": now}
            if _begun(stamps) < _begun(head):
                head = stamps
            changes.append(Change(pool, lineage, number, one, stamps))
        with self._lock:
            self._changes.extend(changes[-MOST:])
        if told:
            self._written(head)
        return head

    def of(self, task: str) -> list[dict[str, Any]]:
        """The changes of tasks whose id contains the text, the oldest first, as JSON."""
        with self._lock:
            found = [change for change in self._changes if change.told.task and task in change.told.task]
        return [_json(change) for change in found]


def _begun(stamps: Stamps) -> float:
    return min(stamps.values())


def _json(change: Change) -> dict[str, Any]:
    operation = change.told.operation
    put = isinstance(operation, Put)
    return {
        "task": change.told.task,
        "pool": change.pool,
        "backend": operation.backend,
        "server": operation.server.name if isinstance(operation, Put) else operation.name,
        "operation": "put" if put else "remove",
        "state": str(operation.server.state) if isinstance(operation, Put) else None,
        "lineage": change.lineage,
        "sequence": change.sequence,
        "stamps": dict(change.stamps),
    }
