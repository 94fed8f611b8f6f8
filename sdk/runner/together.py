"""Events that are decided on together: updates of different tasks that wait one behind the other are one event.

Most of what an update costs is what is done after each event; while many wait that is done once for all of them. Two
updates of one task are two events: between them something may follow from the first.
"""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from sdk.core.events import Event, StatusesReceived, StatusReceived
from sdk.model.ids import TaskId
from sdk.model.status import TaskStatus

T = TypeVar("T")


def together(items: Sequence[T], events: Sequence[Event]) -> Iterator[tuple[Event, list[T]]]:
    """The events in their order, each with the items that it is of; `items` and `events` are of one length."""
    statuses: dict[TaskId, TaskStatus] = {}
    begun = 0
    for position, event in enumerate(events):
        status = event.status if isinstance(event, StatusReceived) else None
        if statuses and (status is None or status.task_id in statuses):
            yield _joined(statuses), list(items[begun:position])
            statuses = {}
        if status is None:
            yield event, [items[position]]
        else:
            begun = begun if statuses else position
            statuses[status.task_id] = status
    if statuses:
        yield _joined(statuses), list(items[begun:])


def _joined(statuses: dict[TaskId, TaskStatus]) -> Event:
    found = tuple(statuses.values())
    return StatusReceived(status=found[0]) if len(found) == 1 else StatusesReceived(statuses=found)
