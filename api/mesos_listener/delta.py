"""What changes in the set of running tasks."""

from dataclasses import dataclass

from api.mesos_listener.task import Task, TaskKey
from api.mesos_listener.unheard import NO_NEWS, News, Unheard


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """What changed in the set of running tasks; `revision` is the index's revision after it.

    `missing` are those of `removed` that the master stopped naming, without an event that says that the task ended or
    that its agent or framework is gone. `unheard` is there with the first snapshot, and what changes in it later is
    `news`.
    """

    revision: int
    updated: tuple[Task, ...] = ()
    removed: tuple[TaskKey, ...] = ()
    missing: frozenset[TaskKey] = frozenset()
    unheard: Unheard | None = None
    news: News = NO_NEWS

    @property
    def is_empty(self) -> bool:
        """True when nothing that readers see changed."""
        return not (self.updated or self.removed or self.news) and self.unheard is None
