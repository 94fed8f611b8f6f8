"""What became of the last changes: for each server that came or went, when its change passed each hop.

Knows the hops up to ZooKeeper and keeps so many of the last changes. Times are epoch seconds. May be asked from any
thread.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from api.dcos_template.selecting.touched import Spot

#: Changes that are remembered.
KEPT = 1_000


@dataclass(frozen=True, slots=True)
class Stamps:
    """When a change of a task was read from Mesos, was put into the listener's index, came here, was selected; 0: not
    known.
    """

    event: float = 0.0
    index: float = 0.0
    taken: float = 0.0
    selected: float = 0.0

    def and_selected(self, at: float) -> "Stamps":
        """The same, with the moment at which the change was selected."""
        return Stamps(self.event, self.index, self.taken, at)

    def told(self) -> dict[str, float]:
        """Those that are known, by name."""
        hops = {"event": self.event, "index": self.index, "taken": self.taken, "selected": self.selected}
        return {name: at for name, at in hops.items() if at > 0}


NO_STAMPS = Stamps()


class Step(NamedTuple):
    """One operation on its way: of which task's server, and what happened to it."""

    task: str
    spot: Spot
    added: bool
    sequence: int


class _Written(NamedTuple):
    pool: str
    step: Step
    stamps: Mapping[str, float]


class Trace:
    """The last KEPT changes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tasks: OrderedDict[str, Stamps] = OrderedDict()
        self._written: deque[_Written] = deque(maxlen=KEPT)

    def selected(self, tasks: Iterable[str], stamps: Stamps) -> None:
        """These tasks changed servers."""
        with self._lock:
            for task in tasks:
                self._tasks[task] = stamps
                self._tasks.move_to_end(task)
            while len(self._tasks) > KEPT:
                self._tasks.popitem(last=False)

    def stamps(self, task: str) -> Stamps:
        """Those of the last change of a task."""
        return self._tasks.get(task, NO_STAMPS)

    def published(self, pool: str, steps: Sequence[Step], published: float, stored: float) -> None:
        """These operations stand in ZooKeeper: they were written at `published`, and the answer came at `stored`."""
        with self._lock:
            for step in steps[-KEPT:]:
                stamps = {**self.stamps(step.task).told(), "published": published, "stored": stored}
                self._written.append(_Written(pool, step, stamps))

    def of(self, task: str) -> list[dict[str, object]]:
        """The changes of the servers of tasks whose ids contain the text, the newest first."""
        with self._lock:
            found = [one for one in reversed(self._written) if task in one.step.task]
        return [
            {
                "task": one.step.task,
                "pool": one.pool,
                "backend": one.step.spot.backend,
                "server": one.step.spot.name,
                "change": "put" if one.step.added else "remove",
                "sequence": one.step.sequence,
                "stamps": dict(one.stamps),
            }
            for one in found
        ]
