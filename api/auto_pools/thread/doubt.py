"""The guard of an auto pool against a mass removal that nobody asked for. Pure.

Mesos tells the end of a task with an event. When tasks are merely not named any more, a few of them ended in between;
when more than a share of them goes that way at once, the view is more likely wrong than the applications are gone. They
are kept then, and the pool with them, until they are named again or their end is told. The same holds for
applications that the process in charge before has known, and nobody names to this one.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from api.dcos_template.guard import LEAST
from api.mesos_listener.task import TaskKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Tasks that are kept although nobody names them; `since` in epoch seconds."""

    since: float
    tasks: frozenset[TaskKey]

    @property
    def reason(self) -> str:
        """A sentence for people."""
        count = len(self.tasks)
        return (
            f"{count} task{'s are' if count != 1 else ' is'} taken to run on: Mesos does not name"
            f" {'them' if count != 1 else 'it'} any more, and no event said that {'they' if count != 1 else 'it'} ended"
        )


def too_many(gone: int, here: int, *, percent: int, cluster_is_empty: bool) -> bool:
    """Whether so many are not to be believed gone at once, where so many others are still named."""
    if percent <= 0 or not gone or gone * 100 <= percent * (gone + here):
        return False
    return gone >= LEAST or cluster_is_empty


def judge(
    doubt: Doubt | None,
    missing: Iterable[TaskKey],
    here: int,
    *,
    percent: int,
    cluster_is_empty: bool,
    waiting: bool,
    now: float,
) -> Doubt | None:
    """What is kept from now on: of what was kept before, and of what is not named any more since then.

    While the master is `waiting` for agents, all are kept.
    """
    tasks = frozenset(missing) | (doubt.tasks if doubt else frozenset())
    if not tasks or percent <= 0:
        return None
    # What is doubted already goes below the share only, or the last few would never be believed.
    least = cluster_is_empty or doubt is not None
    if not waiting and not too_many(len(tasks), here, percent=percent, cluster_is_empty=least):
        return None
    return replace(doubt, tasks=tasks) if doubt else Doubt(since=now, tasks=tasks)


def without(doubt: Doubt, tasks: Iterable[TaskKey]) -> Doubt | None:
    """What is kept when these are named again, or ended."""
    left = doubt.tasks.difference(tasks)
    return replace(doubt, tasks=left) if left else None
