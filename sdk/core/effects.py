"""What the scheduler wants done, in the words of a Mesos operator.

The runner carries out one frame of effects in order, all `Store*`/`Delete*` first and in one transaction: nothing is
said to Mesos before it is stored. A frame whose storing fails is not carried out at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sdk.model.ids import AgentId, ConfigId, ExecutorId, OfferId, OperationId, TaskId
from sdk.model.operations import Operation
from sdk.model.plans import PlanRecord
from sdk.model.records import FrameworkRecord, PodRecord
from sdk.model.spec import PodSpec, ServiceSpec
from sdk.model.status import OperationStatus, TaskStatus
from sdk.model.versions import Versions

# Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFramework:
    """Write the framework's identity."""

    record: FrameworkRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreTarget:
    """Write a service's configuration under its id and make it the target."""

    config: ConfigId
    spec: ServiceSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreEarlier:
    """Keep a configuration that instances have until a rolling update gets to them."""

    service: str
    config: ConfigId
    spec: PodSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteEarlier:
    """No instance has it any more."""

    service: str
    config: ConfigId


@dataclass(frozen=True, slots=True, kw_only=True)
class StorePlan:
    """Write what operators have said about a plan."""

    record: PlanRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletePlan:
    """Nothing of what was said about a plan holds any more."""

    service: str
    plan: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreVersions:
    """Write what a service has been, and what is pinned of it."""

    record: Versions


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteVersions:
    """Nothing of it need be remembered."""

    service: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StorePod:
    """Write a pod record."""

    record: PodRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletePod:
    """Forget a pod instance: nothing of it is left in the cluster."""

    service: str
    pod: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteService:
    """Forget a service: nothing of it is left in the cluster."""

    service: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteFramework:
    """Forget the framework: the last act of an uninstall."""


# Calls to the master


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept:
    """ACCEPT of offers of one agent and one role."""

    offer_ids: tuple[OfferId, ...]
    operations: tuple[Operation, ...]
    refuse_seconds: float = 0.0
    """How long the remainder of the offers stays away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decline:
    """DECLINE of many offers at once."""

    offer_ids: tuple[OfferId, ...]
    refuse_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptInverseOffers:
    """ACCEPT_INVERSE_OFFERS: what we have on these agents goes elsewhere, or is nothing."""

    offer_ids: tuple[OfferId, ...]
    refuse_seconds: float
    """When Mesos may ask again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclineInverseOffers:
    """DECLINE_INVERSE_OFFERS: something that we have on these agents cannot go elsewhere (yet)."""

    offer_ids: tuple[OfferId, ...]
    refuse_seconds: float
    """When Mesos may ask again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """KILL of one task; `grace` (seconds) overrides the task's own when given."""

    task_id: TaskId
    agent_id: AgentId | None
    grace: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge:
    """ACKNOWLEDGE of an update that has been stored (or needs no storing)."""

    status: TaskStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgeOperation:
    """ACKNOWLEDGE_OPERATION_STATUS."""

    status: OperationStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconcile:
    """RECONCILE of the given tasks; an empty tuple is the implicit form."""

    tasks: tuple[tuple[TaskId, AgentId | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileOperations:
    """RECONCILE_OPERATIONS about operations whose outcome is not known."""

    operations: tuple[tuple[OperationId, AgentId], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppress:
    """SUPPRESS offers for these roles."""

    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Revive:
    """REVIVE offers for these roles; clears their filters."""

    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateRoles:
    """UPDATE_FRAMEWORK with this set of roles."""

    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SendMessage:
    """MESSAGE to an executor: Mesos stores nothing of it, and may lose it. Never decided on here: plugins send them."""

    agent_id: AgentId
    executor_id: ExecutorId
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListReservations:
    """Ask the master, beside the subscription, what is reserved on all agents; `ReservationsListed` is the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Teardown:
    """TEARDOWN: the framework and all its tasks end. Only an uninstall asks for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """One sentence for the log, with key-values for machines."""

    level: str
    sentence: str
    fields: Mapping[str, object]


StoreEffect = (
    StoreFramework
    | StoreTarget
    | StoreEarlier
    | DeleteEarlier
    | StorePlan
    | DeletePlan
    | StoreVersions
    | DeleteVersions
    | StorePod
    | DeletePod
    | DeleteService
    | DeleteFramework
)
CallEffect = (
    Accept
    | Decline
    | AcceptInverseOffers
    | DeclineInverseOffers
    | Kill
    | Acknowledge
    | AcknowledgeOperation
    | Reconcile
    | ReconcileOperations
    | Suppress
    | Revive
    | UpdateRoles
    | SendMessage
    | ListReservations
    | Teardown
)
Effect = StoreEffect | CallEffect | Log
