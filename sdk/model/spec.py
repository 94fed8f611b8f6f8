"""What a plugin wishes for: services, their pods and tasks. Values only; checks are in `sdk.door`.

Scalars are integer thousandths (`cpus=500` is half a core; `mem` and `disk` are thousandths of a MB).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sdk.model.container import ContainerSpec
from sdk.model.group import GroupSpec
from sdk.model.limits import LimitsSpec
from sdk.model.placement import Preference, Rule
from sdk.model.plans import PlanSpec
from sdk.model.readiness import OnNotReady, ReadinessCheckSpec
from sdk.model.resources import Label, Range
from sdk.model.volumes import VolumeSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class PortSpec:
    """A port of a task. `number` 0 means: any free port, kept over relaunches on the same agent.

    Of a task with networks of its own it is a port of the container, which nobody else takes: 0 is then the first one
    of `ranges`, or from 1025 on, that no other port of the task has.
    """

    name: str
    """Tells it from the task's other ports."""
    number: int = 0
    """0: any free one."""
    ranges: tuple[Range, ...] = ()
    """Where a dynamic port may be taken from; empty means anywhere."""
    env: str | None = None
    """Environment variable of the command that receives the number; the task name's `PORT_<NAME>` when None."""
    protocol: str = "tcp"
    """As DiscoveryInfo tells it."""
    labels: tuple[Label, ...] = ()
    """Of the port in DiscoveryInfo, such as `("VIP_0", "/web:80")`."""
    container_port: int | None = None
    """Where the task listens, in a network whose ports are mapped; None: at the number of the agent's port."""
    vips: tuple[str, ...] = ()
    """Virtual addresses that lead to it, `name:port` or `address:port`, such as `/web:80`: labels `VIP_<n>`."""
    optional: bool = False
    """An instance is launched without it where no offer holds it, and launched anew when some agent offers it."""

    def inside(self, number: int, container: ContainerSpec) -> int:
        """Where the task listens in its own network; `number` is what it got, of the agent where ports are mapped."""
        return self.container_port if container.maps_ports and self.container_port is not None else number


@dataclass(frozen=True, slots=True, kw_only=True)
class UriSpec:
    """Something the fetcher puts into the sandbox before the command runs."""

    value: str
    """Where it is."""
    executable: bool = False
    """Whether it gets the permission to be run."""
    extract: bool = True
    """Whether an archive is unpacked."""
    cache: bool = False
    """Whether the agent keeps it for other tasks."""
    output_file: str | None = None
    """Its name in the sandbox; that of the URI when None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSpec:
    """A command line run by the shell, as the agent's user unless `user` is given."""

    value: str
    """What the shell runs."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables; those of the task win."""
    uris: tuple[UriSpec, ...] = ()
    """What is fetched before it runs."""
    user: str | None = None
    """The agent's when None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorSpec:
    """A custom executor; its resources are taken out of the task's (`cpus`, `mem` in thousandths)."""

    command: CommandSpec
    """What starts it."""
    cpus: int = 100
    """Thousandths of a core, out of the task's."""
    mem: int = 32_000
    """Thousandths of a MB, out of the task's."""
    name: str = "executor"
    """For humans."""
    shutdown_grace: float = 10.0
    """Seconds between SHUTDOWN and SIGKILL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheckSpec:
    """A health check that Mesos runs (never for custom executors). Exactly one of command, http_path and tcp."""

    command: str | None = None
    """What the shell runs; 0 is healthy."""
    http_path: str | None = None
    """What is asked for; 200 to 399 is healthy."""
    tcp: bool = False
    """Whether a connection is enough."""
    port: str | None = None
    """Name of the task's port, for http and tcp."""
    grace: float = 10.0
    """Seconds after the start in which failures do not count."""
    interval: float = 10.0
    """Seconds between two checks."""
    timeout: float = 20.0
    """Seconds until a check counts as failed."""
    max_failures: int = 3
    """In a row, until Mesos ends the task."""


class Goal(StrEnum):
    """RUNNING tasks are kept up; FINISHED ones run to completion once per configuration, ONCE ones only once.

    One that fails before is launched again, without its neighbours.
    """

    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    ONCE = "ONCE"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """One Mesos task. `command` alone runs under Mesos' command executor, `executor` under a custom one."""

    name: str
    """Tells it from the pod's other tasks."""
    cpus: int
    """Thousandths of a core."""
    mem: int
    """Thousandths of a MB."""
    disk: int = 0
    """Thousandths of a MB."""
    ports: tuple[PortSpec, ...] = ()
    """Each arrives as `$PORT_<NAME>`."""
    command: CommandSpec | None = None
    """Under Mesos' command executor."""
    executor: ExecutorSpec | None = None
    """A custom executor instead."""
    container: ContainerSpec = field(default_factory=ContainerSpec)
    """Of the executor where there is one, else of the command."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables of the command, or of the executor."""
    labels: tuple[Label, ...] = ()
    """Of the task."""
    volatile_labels: tuple[Label, ...] = ()
    """Labels that inform only: a change of them alone relaunches nothing."""
    discovery_name: str | None = None
    """Name in DiscoveryInfo; a task with ports has one in any case, by default its own Mesos task name."""
    data: Mapping[str, object] | None = None
    """JSON handed to a custom executor as TaskInfo.data; the SDK adds `ports` (name -> number), `pod` and `task_id`."""
    health_check: HealthCheckSpec | None = None
    """A task with one is ready when it is healthy."""
    limits: LimitsSpec | None = None
    """What the kernel lets it have and do."""
    readiness_check: ReadinessCheckSpec | None = None
    """A task with one is ready while it passes."""
    reports_health: bool = False
    """A custom executor sets `healthy` in its updates: RUNNING without it is not ready yet."""
    kill_grace: float = 5.0
    """Seconds between the request to end and SIGKILL."""
    goal: Goal = Goal.RUNNING
    """Whether it is kept up, or runs to its end."""
    essential: bool = True
    """Whether the instance is of no use until it runs, or has run to its end. When an essential task that is kept up
    ends, the others that are kept up are launched again with it; any other task that ends is launched again alone."""
    volumes: tuple[VolumeSpec, ...] = ()
    """Persistent volumes: what it keeps over relaunches."""

    @property
    def apart(self) -> bool:
        """When it ends it is launched again without the others, and they without it."""
        return self.goal is not Goal.RUNNING or not self.essential


class OnUnreachable(StrEnum):
    """What to do with a pod whose agent is lost."""

    REPLACE = "replace"
    WAIT = "wait"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryPolicy:
    """REPLACE runs the pod on another agent `replace_after` seconds after TASK_UNREACHABLE or FAILURE."""

    on_unreachable: OnUnreachable = OnUnreachable.REPLACE
    """Whether it goes elsewhere, or waits for its agent."""
    replace_after: float = 60.0
    """Seconds."""
    backoff_initial: float = 1.0
    """Seconds between the first failure and the next launch."""
    backoff_factor: float = 2.0
    """By how much that grows with each failure in a row."""
    backoff_max: float = 60.0
    """Seconds that it grows to."""
    stable_after: float = 30.0
    """Seconds a task must run before its failures are forgotten."""
    launch_timeout: float = 120.0
    """Seconds without any status after a launch until the task is reconciled and, if unknown, launched again."""
    start_timeout: float = 600.0
    """Seconds after a launch until a task that does not run is ended, and launched again as after any failure. Time
    before the present subscription does not count."""
    ready_timeout: float | None = None
    """Seconds after its start within which a task has to be ready, counted as above; None: any time."""
    on_not_ready: OnNotReady = OnNotReady.WAIT
    """What happens to one that is not: nothing, it is ended as failed, or the step is in error until somebody acts."""
    leave_volumes: bool = False
    """Whether an instance with volumes goes elsewhere, too, when its agent is lost or leaves: without its data, which
    stays where it is. Without, it waits for its agent."""


class StrategyKind(StrEnum):
    """In which order the steps of a phase may run."""

    SERIAL = "serial"
    PARALLEL = "parallel"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateStrategy:
    """How a changed configuration is rolled out to running instances; first deployment is always parallel."""

    kind: StrategyKind = StrategyKind.SERIAL
    """One at a time, or as many as may be unavailable."""
    max_unavailable: int = 1
    """How many instances that served may be down at once; counts when parallel."""
    max_surge: int = 0
    """How many instances may run twice meanwhile: the next task is launched before the present one is ended, on another
    agent or with other ports. An instance that finds no such place within some seconds is updated in its own."""
    min_ready: float = 2.0
    """Seconds that an updated instance has to be ready before the next one is ended, or what it has left on purpose:
    one that runs for a moment and dies must not take the others with it."""
    canary: int = 0
    """So many instances are updated one after the other; after each of them an operator has to say `continue`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSpec:
    """`count` instances named `<name>-<index>`; the tasks of one instance run on one agent.

    `constraints` are Marathon's triples, e.g. `("hostname", "UNIQUE")`. `role` is the role the resources are taken
    from and reserved for. With `prereserved_role` (such as `slave_public`) resources that the agent holds statically
    for that role are refined for `role`, which is then a child of it (`slave_public/web-role`).
    """

    name: str
    """Tells it from the service's other pods."""
    count: int
    """How many instances."""
    tasks: tuple[TaskSpec, ...]
    """What runs together on one agent."""
    group: GroupSpec | None = None
    """With one, its tasks run under one executor, as a task group of Mesos; without, each under its own."""
    role: str = "*"
    """Whose resources it takes, and is reserved for; nothing is reserved for `*`."""
    prereserved_role: str | None = None
    """A static role to be refined."""
    constraints: tuple[tuple[str, ...], ...] = ()
    """Where instances may run, in Marathon's words."""
    placement: tuple[Rule, ...] = ()
    """Where instances may run, as rules: all of them hold, and all of `constraints`."""
    prefer: tuple[Preference, ...] = ()
    """Which of the agents where they may run is taken; the first counts most."""
    recovery: RecoveryPolicy = field(default_factory=RecoveryPolicy)
    """What happens after failures and losses."""
    update: UpdateStrategy = field(default_factory=UpdateStrategy)
    """How a change reaches the instances."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSpec:
    """What a service should be, as a whole: what a plugin publishes."""

    name: str
    """What it is published by."""
    pods: tuple[PodSpec, ...]
    """What it consists of."""
    task_id_prefix: str = ""
    """Put before `<pod>-<index>-<task>__<uuid>` in task ids, with `__` between; the service's name when empty."""
    plans: tuple[PlanSpec, ...] = ()
    """The order in which its pods are deployed or updated, and plans that operators start."""
    policy: str | None = None
    """The policy, of those that the plugin registers (`Host.plan_policies`), that orders deploy and recovery."""
