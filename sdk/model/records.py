"""What is stored about a pod instance: one value, one ZooKeeper node, written before any call goes out.

A record is a fact about the past; what should be is in `sdk.model.spec`. The JSON form is in `sdk.storage.codecs`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sdk.model.ids import AgentId, ConfigId, ExecutorId, FrameworkId, TaskId
from sdk.model.resources import Resource
from sdk.model.status import TaskStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRecord:
    """One launched task and its last status (TASK_STAGING is written ahead of the ACCEPT)."""

    name: str
    task_id: TaskId
    agent_id: AgentId
    hostname: str
    config: ConfigId
    """Fingerprint of the pod spec that it was launched with."""
    status: TaskStatus
    launched_at: float
    changed_at: float
    """When `status.state` last changed, seconds since the epoch."""
    ports: Mapping[str, int] = field(default_factory=dict)
    executor_id: ExecutorId | None = None
    address: str | None = None
    """IP of the agent as its offer told."""
    confirmed: bool = False
    """Whether Mesos has said anything about this task since it was launched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """Resources reserved with our labels on one agent."""

    agent_id: AgentId
    hostname: str
    resources: tuple[Resource, ...]
    """Each with its whole reservation stack; the innermost carries `resource_id`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Superseded:
    """A task that was replaced while its agent was away: to be killed when it shows up again."""

    task_id: TaskId
    agent_id: AgentId
    since: float


class PodGoal(StrEnum):
    """What the instance is meant to be, beside its configuration."""

    RUNNING = "running"
    DECOMMISSION = "decommission"


@dataclass(frozen=True, slots=True, kw_only=True)
class PodRecord:
    """All that is known about one instance `<pod>-<index>` of a service."""

    service: str
    pod: str
    index: int
    goal: PodGoal = PodGoal.RUNNING
    tasks: tuple[TaskRecord, ...] = ()
    holding: Holding | None = None
    """Reservations of the present place; None before the first launch and after a replacement was decided."""
    superseded: tuple[Superseded, ...] = ()
    lost_at: float | None = None
    """When the agent was last reported lost (TASK_UNREACHABLE or FAILURE), None while it is there."""
    restart: bool = False
    """An operator asked for a restart in place; cleared by the next launch."""
    failures: int = 0
    """Failed runs in a row, for the backoff."""
    not_before: float = 0.0
    """No launch before this time, seconds since the epoch."""
    last_failure: str | None = None
    """The sentence that explains the last failed run."""

    @property
    def name(self) -> str:
        """`<pod>-<index>`."""
        return f"{self.pod}-{self.index}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkRecord:
    """The framework's identity in Mesos."""

    name: str
    framework_id: FrameworkId | None = None
    roles: tuple[str, ...] = ()
    uninstalling: bool = False
    """Set once, never taken back: the framework is being removed."""
