"""What the reasons of Mesos say about another try.

Most of what ends a task may be over the next time: it is tried again after a backoff. What the master refuses because
of what the task is, or whose, it refuses again, however often. Mesos' own words do not always mean that: a task is
"invalid", too, when a reservation that it was to use could not be made. So one refusal may be an accident; two in a row
are final.
"""

from collections.abc import Mapping
from types import MappingProxyType

from sdk.model.records import TaskRecord
from sdk.model.status import TaskState, TaskStatus

FINAL_REFUSALS = 2
"""So many in a row, of the same configuration, and it is not tried any more."""

REFUSALS: Mapping[str, str] = MappingProxyType(
    {
        "REASON_TASK_INVALID": "Mesos refuses the task as invalid",
        "REASON_TASK_GROUP_INVALID": "Mesos refuses the task's group as invalid",
        "REASON_TASK_UNAUTHORIZED": "Mesos forbids the task",
        "REASON_TASK_GROUP_UNAUTHORIZED": "Mesos forbids the task's group",
    }
)
"""Why a TASK_ERROR comes again for the same task; what to say about each."""

INVALID_OFFERS = "REASON_INVALID_OFFERS"
"""Nothing is wrong with the task: it is launched again with the next offer."""


def refusal(status: TaskStatus, name: str) -> str | None:
    """The sentence about a status with which Mesos refuses task `name`, None for any other."""
    sentence = REFUSALS.get(status.reason or "") if status.state is TaskState.ERROR else None
    return None if sentence is None else f"{sentence} {name}: {status.message or status.reason}"


def refused_for_good(task: TaskRecord) -> str | None:
    """Why a task is not tried again as it is, None when it is."""
    return refusal(task.status, task.name) if task.refusals >= FINAL_REFUSALS else None
