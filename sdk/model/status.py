"""Task states and statuses as the scheduler receives them."""

from dataclasses import dataclass
from enum import StrEnum

from sdk.model.ids import AgentId, ExecutorId, OperationId, TaskId

AGENT_DRAINING = "REASON_AGENT_DRAINING"
"""An operator drains the agent of the task."""


class TaskState(StrEnum):
    """All states of Mesos 1.12, spelled as on the wire."""

    STAGING = "TASK_STAGING"
    STARTING = "TASK_STARTING"
    RUNNING = "TASK_RUNNING"
    KILLING = "TASK_KILLING"
    FINISHED = "TASK_FINISHED"
    FAILED = "TASK_FAILED"
    KILLED = "TASK_KILLED"
    ERROR = "TASK_ERROR"
    LOST = "TASK_LOST"
    DROPPED = "TASK_DROPPED"
    UNREACHABLE = "TASK_UNREACHABLE"
    GONE = "TASK_GONE"
    GONE_BY_OPERATOR = "TASK_GONE_BY_OPERATOR"
    UNKNOWN = "TASK_UNKNOWN"

    @property
    def terminal(self) -> bool:
        """The task will never run again under this id; its resources are free."""
        return self in _TERMINAL

    @property
    def live(self) -> bool:
        """A process exists or is about to."""
        return self in _LIVE


_TERMINAL = frozenset(
    {
        TaskState.FINISHED,
        TaskState.FAILED,
        TaskState.KILLED,
        TaskState.ERROR,
        TaskState.LOST,
        TaskState.DROPPED,
        TaskState.GONE,
        # Practically terminal: the agent may never come back under its id.
        TaskState.GONE_BY_OPERATOR,
    }
)
_LIVE = frozenset({TaskState.STAGING, TaskState.STARTING, TaskState.RUNNING, TaskState.KILLING})


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStatus:
    """One update of a task. `uuid` (base64, as on the wire) is absent when the update must not be acknowledged."""

    task_id: TaskId
    state: TaskState
    agent_id: AgentId | None = None
    executor_id: ExecutorId | None = None
    source: str | None = None
    reason: str | None = None
    message: str | None = None
    uuid: str | None = None
    timestamp: float | None = None
    healthy: bool | None = None
    passes: bool | None = None
    """Whether it passes its check; None: nothing is said about that."""
    addresses: tuple[str, ...] = ()
    """IP addresses of the container, in the order that Mesos lists them."""
    unreachable_time: float | None = None

    @property
    def reconciliation(self) -> bool:
        """It answers a RECONCILE (or KILL of an unknown task) and carries only the state."""
        return self.reason == "REASON_RECONCILIATION"


class OperationState(StrEnum):
    """States of an offer operation with feedback, spelled as on the wire."""

    PENDING = "OPERATION_PENDING"
    FINISHED = "OPERATION_FINISHED"
    FAILED = "OPERATION_FAILED"
    ERROR = "OPERATION_ERROR"
    DROPPED = "OPERATION_DROPPED"
    UNREACHABLE = "OPERATION_UNREACHABLE"
    GONE_BY_OPERATOR = "OPERATION_GONE_BY_OPERATOR"
    RECOVERING = "OPERATION_RECOVERING"
    UNKNOWN = "OPERATION_UNKNOWN"
    UNSUPPORTED = "OPERATION_UNSUPPORTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationStatus:
    """One update of an operation; `uuid` (base64) is absent when it must not be acknowledged."""

    operation_id: OperationId
    state: OperationState
    agent_id: AgentId | None = None
    resource_provider_id: str | None = None
    message: str | None = None
    uuid: str | None = None
