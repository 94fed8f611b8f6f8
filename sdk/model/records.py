"""What is stored about a pod instance: one value, one ZooKeeper node, written before any call goes out.

A record is a fact about the past; what should be is in `sdk.model.spec`. The JSON form is in `sdk.codecs`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from sdk.model.ids import AgentId, ConfigId, ExecutorId, FrameworkId, OperationId, ResourceId, TaskId
from sdk.model.resources import Attribute, Resource
from sdk.model.status import TaskStatus
from sdk.model.volumes import VolumeRecord


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
    """IP of the agent as its offer told; None where the task has addresses of its own, which its statuses tell."""
    confirmed: bool = False
    """Whether Mesos has said anything about this task since it was launched."""
    ending: bool = False
    """We want it to end: a KILL goes out until it has, and however it ends, that is no failure."""
    failures: int = 0
    """Failed runs in a row, of one that is launched again without the others."""
    not_before: float = 0.0
    """No launch of such a one before this time, seconds since the epoch."""
    grace: float | None = None
    """Seconds that an operator gives it to end, instead of its own."""
    paused: bool = False
    """Something that does nothing runs in its place."""
    was_ready: bool = False
    """It has been ready since it was launched."""
    refusals: int = 0
    """How often in a row Mesos has refused to run it as it is."""


class OperationKind(StrEnum):
    """What is done to resources, spelled as on the wire."""

    RESERVE = "RESERVE"
    UNRESERVE = "UNRESERVE"
    CREATE = "CREATE"
    DESTROY = "DESTROY"
    GROW_VOLUME = "GROW_VOLUME"
    SHRINK_VOLUME = "SHRINK_VOLUME"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationRecord:
    """An operation that a launch rests on, from before its ACCEPT until its outcome is known."""

    operation_id: OperationId
    kind: OperationKind
    failed: str | None = None
    """Mesos' words for why it was not carried out; None while the outcome is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """The place of an instance: an agent, and what is reserved there with our labels."""

    agent_id: AgentId
    hostname: str
    role: str
    """The role of the offers in which the resources come back."""
    resources: tuple[Resource, ...]
    """Each with its whole reservation stack; the innermost carries the label `resource_id`."""
    resource_id: ResourceId | None = None
    """One id for all resources of the holding; None when nothing is reserved (role `*`)."""
    region: str | None = None
    zone: str | None = None
    attributes: tuple[Attribute, ...] = ()
    """As the offer told them: placement rules of the sibling instances compare them."""
    confirmed: bool = False
    """A task ran in it or an offer showed it: Mesos carried the RESERVE out."""
    operations: tuple[OperationRecord, ...] = ()
    """Those of the latest launch that were not carried out, or whose outcome is not known."""
    volumes: tuple[VolumeRecord, ...] = ()
    """Those among the resources, by their ids."""

    @property
    def known(self) -> bool:
        """Nothing of it has yet to be told."""
        return self.confirmed and not self.operations and all(each.made for each in self.volumes)

    def seen(self) -> "Holding":
        """All of it is there: nobody needs to be told that each operation was carried out."""
        volumes = tuple(each if each.made else replace(each, made=True) for each in self.volumes)
        return replace(self, confirmed=True, operations=(), volumes=volumes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Superseded:
    """What an instance left behind on an agent: a task to be killed when it shows up, a reservation to be released."""

    task_id: TaskId
    agent_id: AgentId
    since: float
    hostname: str | None = None
    """Host name of that agent."""
    role: str = "*"
    resource_id: ResourceId | None = None
    """The reservation left behind with it, until it has been released."""
    ended: bool = False
    """Mesos said that the task is over; only the reservation is left."""
    serving: bool = False
    """It was left on purpose, and the task runs on until the instance has proved itself at its new place."""
    volumes: tuple[VolumeRecord, ...] = ()
    """Volumes among what is reserved."""
    replaced: bool = False
    """An operator wanted it to be left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Avoided:
    """A host that an instance is not placed on for a while."""

    hostname: str
    until: float
    """Seconds since the epoch."""


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
    """Failed runs in a row, for the backoff, of the tasks that are launched together."""
    not_before: float = 0.0
    """No launch before this time, seconds since the epoch."""
    failed: bool = False
    """A task of the present launch has failed, which is counted; what becomes of the others is counted with it."""
    last_failure: str | None = None
    """The sentence that explains the last failed run."""
    deployed: ConfigId | None = None
    """Fingerprint of the pod spec with which all tasks were last ready: what deploy and recovery plans differ by."""
    earlier: ConfigId | None = None
    """Fingerprint of the configuration that it keeps until a rolling update gets to it; None: it is to be as the target
    says. Only one with which it has been ready is kept."""
    ready_since: float | None = None
    """Since when all tasks have been ready, None while they are not."""
    replacing_since: float | None = None
    """When it was launched as the replacement of one on a lost or leaving agent; None once that has been ready."""
    displaced_since: float | None = None
    """Since when it has had no place of its own: its agent is lost, or it waits for an offer of any agent."""
    paused: tuple[str, ...] = ()
    """Names of tasks in whose place something that does nothing is to run, until an operator has them resume."""
    excused: bool = False
    """An operator lets a rolling update go on without it; cleared when it is ready again."""
    avoid: tuple[Avoided, ...] = ()
    """Hosts that an operator replaced it from lately."""
    widened: tuple[float, ...] = ()
    """When it was launched anew for optional ports that it lacked: the last few times."""

    @property
    def has_data(self) -> bool:
        """Whether it has volumes where it is."""
        return self.holding is not None and any(each.made for each in self.holding.volumes)

    @property
    def runs_twice(self) -> bool:
        """Whether it runs at the place that it leaves on purpose, too."""
        return any(left.serving for left in self.superseded)

    @property
    def name(self) -> str:
        """`<pod>-<index>`."""
        return f"{self.pod}-{self.index}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What may be on its way at once in the whole framework."""

    replacements: int | None = None
    """Instances of lost or leaving agents that are launched elsewhere and not ready yet; None: as the process was
    started with."""
    unavailable: int | None = None
    """So many instances that were ready, and are not, keep updates from ending any other; None: any number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkRecord:
    """The framework's identity in Mesos."""

    name: str
    framework_id: FrameworkId | None = None
    roles: tuple[str, ...] = ()
    uninstalling: bool = False
    """Set once, never taken back: the framework is being removed."""
    earlier: tuple[FrameworkId, ...] = ()
    """Ids that Mesos had given before and removed: what is reserved under them is ours as well."""
    budget: Budget = field(default_factory=Budget)
    """As an operator has set it."""
    user: str | None = None
    checkpoint: bool | None = None
    """What Mesos was told with the first subscription under this id: it refuses updates that say something else."""

    @property
    def ids(self) -> tuple[FrameworkId, ...]:
        """All ids whose reservations are ours, the present one first."""
        return (*((self.framework_id,) if self.framework_id is not None else ()), *self.earlier)
