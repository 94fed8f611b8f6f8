"""What happens to the scheduler. Values only; who makes them stands beside each."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sdk.model.ids import AgentId, ConfigId, ExecutorId, FrameworkId, OfferId, TaskId
from sdk.model.records import Budget
from sdk.model.resources import AgentReservations, Offer
from sdk.model.spec import ServiceSpec
from sdk.model.status import OperationStatus, TaskStatus
from sdk.plan.commands import Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribed:
    """The master accepted the subscription (driver)."""

    framework_id: FrameworkId
    master: str
    """`host:port`, for humans."""
    heartbeat_interval: float | None = None
    roles: tuple[str, ...] | None = None
    """The roles it subscribed with, when the driver knows: others are added with UPDATE_FRAMEWORK."""
    user: str | None = None
    checkpoint: bool | None = None
    """What Mesos was told of us, and changes for no framework that has an id."""
    region: str | None = None
    """Where the master is, when it tells."""
    version: str | None = None
    """The version of Mesos that the master runs, when it tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnected:
    """The stream ended after it was subscribed; all offers are void (driver)."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The master ended the subscription with an ERROR (driver). `removed`: the framework id is gone for good."""

    message: str
    removed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OffersReceived:
    """New offers (driver)."""

    offers: tuple[Offer, ...]
    unreadable: Mapping[OfferId, str] = field(default_factory=dict)
    """Offers that came with them and cannot be used: why. They are ours until they are declined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferRescinded:
    """An offer is void (driver)."""

    offer_id: OfferId


@dataclass(frozen=True, slots=True, kw_only=True)
class InverseOffer:
    """Mesos asks whether an agent may become unavailable."""

    offer_id: OfferId
    agent_id: AgentId
    start: float
    """Seconds since the epoch."""
    duration: float | None = None
    """Seconds; None: without an announced end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InverseOffersReceived:
    """Planned maintenance of agents that we use or are offered (driver)."""

    inverse_offers: tuple[InverseOffer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReceived:
    """A task update (driver)."""

    status: TaskStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusesReceived:
    """Updates of different tasks that wait together (runner): what is done after each event is done once for all."""

    statuses: tuple[TaskStatus, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationStatusReceived:
    """An operation update (driver)."""

    status: OperationStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationsListed:
    """What is reserved on all agents that the master knows (feed, when asked)."""

    agents: tuple[AgentReservations, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFailed:
    """FAILURE with an agent id only: the agent was removed from the cluster (driver)."""

    agent_id: AgentId


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorFailed:
    """FAILURE of one executor (driver). `status` is a wait status."""

    agent_id: AgentId
    executor_id: ExecutorId
    status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorMessage:
    """What an executor says to its framework. Mesos names the sender, stores nothing of it, and may lose it."""

    agent_id: AgentId
    executor_id: ExecutorId
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetChanged:
    """What a service should be, as the door let it in (host)."""

    service: str
    spec: ServiceSpec = field(repr=False)
    """Its environments may hold secrets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRefused:
    """What a service should be breaks rules, or cannot be stored: it stays as it was (host, runner)."""

    service: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetWithdrawn:
    """A service is wanted no more (host)."""

    service: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetsListed:
    """All services that are wanted, by name: the others are to be removed (host)."""

    services: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoringFailed:
    """What was decided about services can never be stored, so it did not happen (runner)."""

    services: Mapping[str, str]
    """Sentence by service."""
    target: TargetChanged | TargetWithdrawn | None = None
    """What one of them should be, to be taken later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodActionRequested:
    """An operator's wish for one instance (HTTP): `restart` in place, `replace` elsewhere, or `excuse` it: a rolling
    update goes on although it has lost its place. `pause` has something that does nothing run in the place of tasks,
    until they are told to `resume`."""

    service: str
    pod: str
    """Instance name `<pod>-<index>`."""
    action: str
    tasks: tuple[str, ...] = ()
    """Names of those that `pause` and `resume` are about; all that are kept up when empty."""
    grace: float | None = None
    """Seconds that what is ended has for that, instead of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCommandRequested:
    """An operator says something about a plan of a service (HTTP)."""

    service: str
    plan: str
    asked: Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackRequested:
    """An operator goes back to a stored configuration of a pod, whatever is published (HTTP)."""

    service: str
    config: ConfigId
    by: str = ""
    """Who it is, as far as that was said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpinRequested:
    """What was published last is what a pod should be, or all of a service when `pod` is None (HTTP)."""

    service: str
    pod: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRequested:
    """What may be on its way at once in the whole framework (HTTP)."""

    budget: Budget


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalRequested:
    """Mesos removed the framework id for good, and an operator wants to go on under a new one (HTTP)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UninstallRequested:
    """Remove everything: tasks, reservations, framework, stored nodes (HTTP or CLI)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFailed:
    """An effect that goes to the master could not be delivered (runner); it may be tried again."""

    effect: str
    why: str
    task_ids: tuple[TaskId, ...] = ()
    offer_ids: tuple[OfferId, ...] = ()
    refused: bool = False
    """Mesos understood the call and refused it as wrong (400, 403): nothing of it was done, nor would be if it came
    again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RolesAccepted:
    """Mesos took an UPDATE_FRAMEWORK: these are all the roles that it has of us now (runner)."""

    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Time has passed; comes at the latest when `next_wake` asked for it (runner)."""


Event = (
    Subscribed
    | Disconnected
    | Failed
    | OffersReceived
    | OfferRescinded
    | InverseOffersReceived
    | StatusReceived
    | StatusesReceived
    | OperationStatusReceived
    | ReservationsListed
    | AgentFailed
    | ExecutorFailed
    | TargetChanged
    | TargetRefused
    | TargetWithdrawn
    | TargetsListed
    | StoringFailed
    | PodActionRequested
    | PlanCommandRequested
    | RollbackRequested
    | UnpinRequested
    | BudgetRequested
    | RenewalRequested
    | UninstallRequested
    | CallFailed
    | RolesAccepted
    | ExecutorMessage
    | Tick
)
