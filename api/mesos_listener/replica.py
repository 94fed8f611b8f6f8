"""A client's own copy of the running tasks, and what each event of a Watch changes in it.

Knows snapshots, deltas in pieces, resume tokens, and since which `select` the copy has all that is wanted. Of a
snapshot only the difference is told; tasks on agents that nobody has heard of stay (kept.py). Does not know where
events come from. One thread uses it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from api.mesos_listener import taskinfo_pb2 as pb
from api.mesos_listener.kept import Kept
from api.mesos_listener.task import Task, TaskKey
from api.mesos_listener.unheard import Unheard
from api.mesos_listener.wire import from_message, key_from_message, news_in, unheard_in


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskChanges:
    """What changed in the set of running tasks; `revision` is that of the listener which told it.

    `missing` are those of `removed` that are not named any more, and nobody said that they ended. `event` and `index`
    say when the first of these changes was read from Mesos and put into the listener's index, in seconds since the
    epoch, 0 where that is unknown. `selected` is the number of the last `TaskWatch.select` of which all tasks have been
    told with these changes and those before. While `incomplete` the listener's master waits for agents, and more tasks
    may run than anybody names.
    """

    revision: int
    updated: tuple[Task, ...] = ()
    removed: tuple[TaskKey, ...] = ()
    missing: frozenset[TaskKey] = frozenset()
    event: float = 0.0
    index: float = 0.0
    selected: int = 0
    incomplete: bool = False


class Replica:
    """`tasks` are those of the last event that completed a revision, and those that are kept."""

    def __init__(self) -> None:
        self.tasks: dict[TaskKey, Task] = {}
        self.synced = False
        """True once there was a complete snapshot."""
        self._kept = Kept()
        self._unheard = Unheard()
        self._selected = 0
        self._begun = 0
        self._token = ""
        self._fresh: dict[TaskKey, Task] = {}
        self._pieces: list[pb.Delta] = []
        """Of the revision that is being told."""

    @property
    def kept(self) -> int:
        """How many of the tasks are kept although nobody names them."""
        return len(self._kept)

    @property
    def incomplete(self) -> bool:
        """Whether the listener's master waits for agents."""
        return bool(self._unheard.awaited)

    def begin(self, number: int) -> str:
        """A new call, with the filter of the `select` of this number; the answer is the token that it may resume."""
        self._fresh, self._pieces, self._begun = {}, [], number
        # What the token continues was told under the filter of that time.
        return self._token if self._selected == number else ""

    def forget(self) -> None:
        """An event could not be used: only a new snapshot can be trusted."""
        self._token = ""

    def take(self, event: pb.WatchEvent, now: float) -> TaskChanges | None:
        """What the event changes, if it completes anything; `now` in seconds of a clock that does not jump."""
        match event.WhichOneof("event"):
            case "snapshot":
                if event.snapshot.first:
                    self._fresh = {}
                for message in event.snapshot.tasks:
                    task = from_message(message)
                    self._fresh[task.key] = task
                return None
            case "synced":
                changes = self._synced(event, now)
            case "delta":
                # What changed at once is passed on at once, in however many pieces it is told.
                self._pieces.append(event.delta)
                changes = self._change(event.revision) if event.resume_token else None
            case "selected":
                self._selected = max(self._selected, event.selected.number)
                changes = self._changes(event.revision)
            case _:  # it tells no tasks, but time has passed
                overdue = frozenset(self._kept.overdue(now))
                changes = self._changes(event.revision, removed=overdue, missing=overdue) if overdue else None
        if event.resume_token and not self._pieces:
            self._token = event.resume_token
        return changes

    def _synced(self, event: pb.WatchEvent, now: float) -> TaskChanges | None:
        news = not self.synced or self._begun > self._selected
        self.synced, self._selected = True, max(self._selected, self._begun)
        if event.synced.resumed:
            return None
        news |= self.incomplete
        before, self.tasks, self._fresh = self.tasks, self._fresh, {}
        self._unheard = unheard_in(event.synced)
        named = tuple(self.tasks.values())
        self._kept.begin((task for key, task in before.items() if key not in self.tasks), self._unheard, now)
        displaced = self._kept.named(named)
        self.tasks |= self._kept.tasks
        removed = [key for key in before if key not in self.tasks]
        updated = tuple(task for key, task in self.tasks.items() if before.get(key) != task)
        if not (updated or removed or news):
            return None
        return self._changes(
            event.revision, updated=updated, removed=removed, missing=frozenset(removed).difference(displaced)
        )

    def _change(self, revision: int) -> TaskChanges:
        pieces, self._pieces = self._pieces, []
        updated = tuple(from_message(one) for piece in pieces for one in piece.updated)
        gone = [one for piece in pieces for one in piece.removed]
        removed = [key_from_message(one) for one in gone]
        missing = {key_from_message(one) for one in gone if one.missing}
        for task in updated:
            self.tasks[task.key] = task
        for key in removed:
            self._kept.drop(key)
        removed += self._kept.named(updated)
        if news := news_in(pieces):
            self._unheard.take(news)
            ended, lost = self._kept.hear(news, self._unheard)
            removed += ended | lost
            missing |= lost
        return self._changes(
            revision,
            updated=updated,
            removed=removed,
            missing=frozenset(missing),
            stamps=(pieces[0].event, pieces[0].index),
        )

    def _changes(
        self,
        revision: int,
        *,
        updated: tuple[Task, ...] = (),
        removed: Iterable[TaskKey] = (),
        missing: frozenset[TaskKey] = frozenset(),
        stamps: tuple[float, float] = (0.0, 0.0),
    ) -> TaskChanges:
        gone = tuple(removed)
        for key in gone:
            self.tasks.pop(key, None)
        return TaskChanges(
            revision=revision,
            updated=updated,
            removed=gone,
            missing=missing,
            event=stamps[0],
            index=stamps[1],
            selected=self._selected,
            incomplete=self.incomplete,
        )
