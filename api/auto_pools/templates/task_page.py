"""Tasks that run under a pool template, a page of them at a time, as the template process tells them. Pure.

Whoever asks gets tasks as that process knows them, and what it goes by when it reads their labels.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec

from api.auto_pools.balancer_groups import BalancerGroups
from api.auto_pools.dialects import Dialects
from api.mesos_listener.task import Task
from sdk.errors import CorruptRecord

#: Few enough that telling them keeps nobody waiting.
_MOST = 500

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPage:
    """Some of the tasks; `after` is where the next page begins, None where there is none."""

    tasks: tuple[Task, ...]
    after: int | None
    complete: bool
    """Whether all running tasks are known."""
    dialects: Dialects


def page_of(tasks: Collection[Task], first: int, *, complete: bool, dialects: Dialects) -> TaskPage:
    """The page of these tasks that begins with the first one of that number, counted from 0."""
    found = tuple(islice(tasks, first, first + _MOST))
    after = first + len(found) if first + len(found) < len(tasks) else None
    return TaskPage(tasks=found, after=after, complete=complete, dialects=dialects)


def written_page(page: TaskPage) -> Json:
    """As JSON."""
    return {
        "tasks": [msgspec.to_builtins(task) for task in page.tasks],
        "after": page.after,
        "complete": page.complete,
        "marathonLbGroups": sorted(page.dialects.groups.served),
    }


def read_page(told: Mapping[str, Any]) -> TaskPage:
    """Raises CorruptRecord for what is none."""
    try:
        groups: Sequence[str] = msgspec.convert(told["marathonLbGroups"], list[str])
        return TaskPage(
            tasks=tuple(msgspec.convert(one, Task) for one in told["tasks"]),
            after=msgspec.convert(told["after"], int | None),
            complete=told["complete"] is True,
            dialects=Dialects(BalancerGroups(frozenset(groups))),
        )
    except (msgspec.ValidationError, KeyError, TypeError) as error:
        raise CorruptRecord("tasks", f"are no page of tasks: {error}") from error
