"""What an agent knows: executors, tasks with their unacknowledged updates, operations; and what it asks its
surroundings to do.

Plain records owned by one Agent; the rules stand in `agent`, `launches`, `executors` and `updates`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from sdk.local.core.model import TERMINAL
from sdk.local.core.resources import Resources
from sdk.local.core.wire import Json

Key = tuple[str, str]
"""Framework id and executor id, or framework id and task id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToMaster:
    """Send one message to the master (see `core.master`); lost when the connection is."""

    message: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class ToExecutor:
    """Write one event to an executor's stream."""

    stream: str
    event: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseExecutor:
    """End an executor's stream."""

    stream: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerAddress:
    """Of a container on a network of containers; `namespace` is the file of the network namespace in which it is."""

    ip: str
    namespace: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """Make a sandbox, fetch what the command names and start the executor.

    Then report `launched` or `launch_failed`. A command executor runs the command of `task`.
    """

    container_id: str
    framework_id: str
    executor_id: str
    executor: Json
    framework: Json
    task: Json | None
    resources: list[Json] = field(default_factory=list)
    """What the executor and its first tasks may use; volumes among it are mounted."""
    addresses: tuple[ContainerAddress, ...] = ()
    """On the networks that the container joins; none on the agent's own."""
    refusal: str | None = None
    """Why the container cannot be started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destroy:
    """Kill everything in the container; its end is reported with `exited`."""

    container_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Volumes:
    """Make the directories of new persistent volumes, or remove those of destroyed ones."""

    kind: Literal["CREATE", "DESTROY"]
    volumes: list[Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Keep `content` under `name` across restarts of the agent; None forgets it."""

    name: str
    content: Json | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminate:
    """The master wants this agent to end for good; its id is worthless now."""

    reason: str


AgentOutput = ToMaster | ToExecutor | CloseExecutor | Launch | Destroy | Volumes | Checkpoint | Terminate


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentConfig:
    """Settings of an agent; times in seconds."""

    info: Json
    """AgentInfo without an id: hostname, port, ip, resources, attributes."""
    new_uuid: Callable[[], str]
    """Base64 of 16 random bytes; randomness comes from outside."""
    new_container_id: Callable[[], str]
    executor_registration_timeout: float = 60.0
    executor_reregistration_timeout: float = 15.0
    """How long executors have to come back after a restart of the agent.

    The real flag's default of 2 s is too short for executors that share two cores with the whole cluster.
    """
    executor_shutdown_grace_period: float = 5.0
    executor_heartbeat_interval: float = 1800.0
    """Real agents since 1.10 send HEARTBEAT to executors every half an hour, and none at first."""
    update_retry_min: float = 10.0
    update_retry_max: float = 600.0
    max_completed: int = 150
    networks: Mapping[str, tuple[ContainerAddress, ...]] = field(default_factory=dict)
    """Networks of containers by their names, with the addresses that this agent may give out."""
    keeps: bool = True
    """Whether something is kept for a restart: without it there are no Checkpoint outputs."""
    trusting: bool = False
    """Whether messages of the master are used as they are: it is one of this version, and nobody is between."""


@dataclass(slots=True, kw_only=True)
class AgentTask:
    """A task and the updates that the scheduler has not acknowledged, oldest first."""

    framework_id: str
    info: Json
    executor_id: str | None
    state: str = "TASK_STAGING"
    statuses: list[Json] = field(default_factory=list)
    pending: list[Json] = field(default_factory=list)
    delivered: bool = False
    """Whether the executor got it."""
    command: bool = False
    group: list[str] | None = None
    """The ids of the tasks that were launched with it as one group, its own included."""
    kill: Json | None = None
    """A KILL that waits for the executor to be connected."""
    retry_at: float | None = None
    retry_delay: float = 0.0

    @property
    def task_id(self) -> str:
        """Its id."""
        return str(self.info["task_id"]["value"])

    @property
    def terminal(self) -> bool:
        """Whether it ended, acknowledged or not."""
        return self.state in TERMINAL


ExecutorState = Literal["STARTING", "RUNNING", "TERMINATING"]


@dataclass(slots=True, kw_only=True)
class ExecutorRun:
    """One run of an executor in one container."""

    framework_id: str
    executor_id: str
    container_id: str
    info: Json
    command: bool
    """Whether it is the agent's own executor for one command task."""
    state: ExecutorState = "STARTING"
    pid: int | None = None
    stream: str | None = None
    deadline: float | None = None
    """When it is destroyed unless it subscribes (or ends, after SHUTDOWN) before."""
    heartbeat_at: float | None = None
    """When its stream gets the next HEARTBEAT."""
    why: tuple[str, str] | None = None
    """Reason and message for its tasks if it was the agent that ended it."""
    dropped: bool = False
    """Whether it never came to be, so that its tasks are dropped, not failed."""
    stamp: Json | None = None
    """What the agent adds to all its statuses, once it has a process."""
    limitation: list[Json] | None = None
    """The resources of which it used more than it may."""
    networks: list[Json] = field(default_factory=list)
    """The `network_infos` of its status where it has addresses of its own."""

    @property
    def key(self) -> Key:
        """Framework id and executor id."""
        return (self.framework_id, self.executor_id)


@dataclass(slots=True, kw_only=True)
class AgentOperation:
    """An applied operation whose status the scheduler has not acknowledged."""

    uuid: str
    framework_id: str
    status: Json
    retry_at: float
    retry_delay: float


@dataclass(slots=True, kw_only=True)
class AgentState:
    """All that one agent knows, and the outputs of the input at work."""

    config: AgentConfig
    started: float
    agent_id: str | None = None
    resources: Resources = field(default_factory=Resources)
    registered: bool = False
    """Whether the master answered on the current connection."""
    recover_until: float | None = None
    """Until when executors may come back before the agent registers without them."""
    draining: Json | None = None
    """The drain configuration while the agent is to become empty."""
    frameworks: dict[str, Json] = field(default_factory=dict)
    runs: dict[Key, ExecutorRun] = field(default_factory=dict)
    tasks: dict[Key, AgentTask] = field(default_factory=dict)
    completed_frameworks: dict[str, Json] = field(default_factory=dict)
    completed_runs: list[ExecutorRun] = field(default_factory=list)
    completed_tasks: list[AgentTask] = field(default_factory=list)
    operations: dict[str, AgentOperation] = field(default_factory=dict)
    applied: dict[str, None] = field(default_factory=dict)
    """Operations that were applied, so that the master does not take them for lost."""
    out: list[AgentOutput] = field(default_factory=list)

    def keep(self, name: str, content: Json | None) -> None:
        """Keep something under a name for the time after a restart; None: no longer."""
        if self.config.keeps:
            self.out.append(Checkpoint(name=name, content=content))

    def tasks_of(self, run: ExecutorRun) -> list[AgentTask]:
        """The tasks that run, or ran, in that executor and are not yet forgotten."""
        return [
            task
            for task in self.tasks.values()
            if task.framework_id == run.framework_id and task.executor_id == run.executor_id
        ]
