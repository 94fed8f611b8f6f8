"""What may be done with the resources of an offer: the operations inside an ACCEPT, in the words of a Mesos operator.

Values with all numbers decided. Whether they fit is decided in `sdk.offer`, their form on the wire is in
`sdk.mesos.calls`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sdk.model.container import ContainerSpec
from sdk.model.ids import AgentId, ExecutorId, OperationId, TaskId
from sdk.model.limits import LimitsSpec
from sdk.model.readiness import ReadinessCheckSpec
from sdk.model.resources import Label, Resource
from sdk.model.spec import CommandSpec, ExecutorSpec, HealthCheckSpec, PortSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve:
    """RESERVE: each resource carries the whole stack it shall have."""

    resources: tuple[Resource, ...]
    operation_id: OperationId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreserve:
    """UNRESERVE the innermost reservation of each resource."""

    resources: tuple[Resource, ...]
    operation_id: OperationId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """CREATE: each resource is a disk that is reserved, with the volume that it shall be."""

    volumes: tuple[Resource, ...]
    operation_id: OperationId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Destroy:
    """DESTROY volumes, with all that is in them."""

    volumes: tuple[Resource, ...]
    operation_id: OperationId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GrowVolume:
    """GROW_VOLUME: `addition` is a part of the same disk, reserved alike."""

    volume: Resource
    addition: Resource
    operation_id: OperationId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShrinkVolume:
    """SHRINK_VOLUME by so many thousandths of a MB."""

    volume: Resource
    subtract: int
    operation_id: OperationId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLaunch:
    """Everything a TaskInfo is made of, with all numbers decided."""

    task_id: TaskId
    name: str
    agent_id: AgentId
    resources: tuple[Resource, ...]
    command: CommandSpec | None = None
    executor: ExecutorSpec | None = None
    executor_id: ExecutorId | None = None
    executor_resources: tuple[Resource, ...] = ()
    container: ContainerSpec = field(default_factory=ContainerSpec)
    environment: Mapping[str, str]
    labels: tuple[Label, ...] = ()
    discovery_name: str | None = None
    ports: tuple[tuple[PortSpec, int], ...] = ()
    """Each port with the number it got."""
    data: str | None = None
    """JSON text for TaskInfo.data, not yet base64."""
    health_check: HealthCheckSpec | None = None
    readiness_check: ReadinessCheckSpec | None = None
    limits: LimitsSpec | None = None
    kill_grace: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """LAUNCH of tasks that go to one agent."""

    tasks: tuple[TaskLaunch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchGroup(Launch):
    """LAUNCH_GROUP of tasks under Mesos' default executor, which runs there already or comes with them."""

    executor_id: ExecutorId
    executor_resources: tuple[Resource, ...]
    shutdown_grace: float


Change = Reserve | Unreserve | Create | Destroy | GrowVolume | ShrinkVolume
"""What an operation may do to resources; Mesos tells the outcome of one with an id."""
Operation = Change | Launch | LaunchGroup
