"""Changes of tasks that may concern auto pools, out of all changes. Pure.

Most tasks of a cluster say nothing to load balancers: what happens to them must cost next to nothing, so it ends here,
on the thread that hears of it. Does not know what labels mean.
"""

from dataclasses import replace

from api.mesos_listener.replica import TaskChanges
from api.mesos_listener.task import TaskKey


class Sieve:
    """One thread uses it; the first changes that it is given hold all tasks."""

    def __init__(self) -> None:
        self._passed: set[TaskKey] = set()
        """Those that run and have labels."""
        self._begun = self._incomplete = False

    def sift(self, changes: TaskChanges) -> TaskChanges | None:
        """What is left of these; None when nothing is that anybody would have to hear."""
        passed = self._passed
        updated = tuple(task for task in changes.updated if task.labels or task.key in passed)
        removed = tuple(key for key in changes.removed if key in passed)
        silent = self._begun and not updated and not removed and changes.incomplete == self._incomplete
        if silent:
            return None
        passed.difference_update(removed)
        passed.update(task.key for task in updated if task.labels)
        passed.difference_update(task.key for task in updated if not task.labels)
        self._begun, self._incomplete = True, changes.incomplete
        missing = changes.missing.intersection(removed)
        return replace(changes, updated=updated, removed=removed, missing=missing)
