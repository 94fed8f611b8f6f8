"""A client's own copy of the running tasks, and what each event of a Watch changes in it.

Knows snapshots, deltas in pieces, resume tokens, and since which `select` the copy has all that is wanted. Of a
snapshot only the difference is told. Does not know where events come from. One thread uses it.
"""

from dataclasses import dataclass

from api.mesos_listener import taskinfo_pb2 as pb
from api.mesos_listener.task import Task, TaskKey
from api.mesos_listener.wire import from_message, key_from_message


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskChanges:
    """What changed in the set of running tasks; `revision` is that of the listener which told it.

    `missing` are those of `removed` that are not named any more, and nobody said that they ended. `event` and `index`
    say when the first of these changes was read from Mesos and put into the listener's index, in seconds since the
    epoch, 0 where that is unknown. `selected` is the number of the last `TaskWatch.select` of which all tasks have been
    told with these changes and those before.
    """

    revision: int
    updated: tuple[Task, ...] = ()
    removed: tuple[TaskKey, ...] = ()
    missing: frozenset[TaskKey] = frozenset()
    event: float = 0.0
    index: float = 0.0
    selected: int = 0


class Replica:
    """`tasks` are those of the last event that completed a revision."""

    def __init__(self) -> None:
        self.tasks: dict[TaskKey, Task] = {}
        self.synced = False
        """True once there was a complete snapshot."""
        self._selected = 0
        self._begun = 0
        self._token = ""
        self._fresh: dict[TaskKey, Task] = {}
        self._pieces: list[pb.Delta] = []
        """Of the revision that is being told."""

    def begin(self, number: int) -> str:
        """A new call, with the filter of the `select` of this number; the answer is the token that it may resume."""
        self._fresh, self._pieces, self._begun = {}, [], number
        # What the token continues was told under the filter of that time.
        return self._token if self._selected == number else ""

    def forget(self) -> None:
        """An event could not be used: only a new snapshot can be trusted."""
        self._token = ""

    def take(self, event: pb.WatchEvent) -> TaskChanges | None:
        """What the event changes, if it completes anything."""
        match event.WhichOneof("event"):
            case "snapshot":
                if event.snapshot.first:
                    self._fresh = {}
                for message in event.snapshot.tasks:
                    task = from_message(message)
                    self._fresh[task.key] = task
                return None
            case "synced":
                changes = self._synced(event)
            case "delta":
                # What changed at once is passed on at once, in however many pieces it is told.
                self._pieces.append(event.delta)
                changes = self._change(event.revision) if event.resume_token else None
            case "selected":
                self._selected = max(self._selected, event.selected.number)
                changes = TaskChanges(revision=event.revision, selected=self._selected)
            case _:  # it tells no tasks
                changes = None
        if event.resume_token and not self._pieces:
            self._token = event.resume_token
        return changes

    def _synced(self, event: pb.WatchEvent) -> TaskChanges | None:
        news = not self.synced or self._begun > self._selected
        self.synced, self._selected = True, max(self._selected, self._begun)
        if event.synced.resumed:
            return None
        before, self.tasks, self._fresh = self.tasks, self._fresh, {}
        removed = tuple(key for key in before if key not in self.tasks)
        updated = tuple(task for key, task in self.tasks.items() if before.get(key) != task)
        if not (updated or removed or news):
            return None
        return TaskChanges(
            revision=event.revision,
            updated=updated,
            removed=removed,
            missing=frozenset(removed),
            selected=self._selected,
        )

    def _change(self, revision: int) -> TaskChanges:
        pieces, self._pieces = self._pieces, []
        updated = tuple(from_message(one) for piece in pieces for one in piece.updated)
        gone = [one for piece in pieces for one in piece.removed]
        removed = tuple(key_from_message(one) for one in gone)
        for task in updated:
            self.tasks[task.key] = task
        for key in removed:
            self.tasks.pop(key, None)
        return TaskChanges(
            revision=revision,
            updated=updated,
            removed=removed,
            missing=frozenset(key_from_message(one) for one in gone if one.missing),
            event=pieces[0].event,
            index=pieces[0].index,
            selected=self._selected,
        )
