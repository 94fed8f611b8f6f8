"""What the master knows: frameworks, agents, tasks, offers, operations. Plain mutable records, owned by one Master.

Knows no rules; they stand in `allocation`, `accept`, `tasks`, `frameworks`, `operations` and, for agents, in
`registration`, `reregistration`, `accounts`, `connections`, `pings`, `drains` and `removal`.
"""

import base64
import hashlib
from collections import deque
from dataclasses import dataclass, field

from sdk.local.core.authorization import Acls
from sdk.local.core.capacity import Capacity
from sdk.local.core.constraints import NONE as NO_CONSTRAINTS
from sdk.local.core.constraints import Constraints
from sdk.local.core.filters import Filters
from sdk.local.core.machines import MachineKey, Maintenance, machine_key
from sdk.local.core.outputs import Output
from sdk.local.core.placed import Placed
from sdk.local.core.resources import Resources
from sdk.local.core.wire import Json

TERMINAL = frozenset(
    {
        "TASK_FINISHED",
        "TASK_FAILED",
        "TASK_KILLED",
        "TASK_ERROR",
        "TASK_LOST",
        "TASK_DROPPED",
        "TASK_GONE",
        "TASK_GONE_BY_OPERATOR",
    }
)
VERSION = "1.12.0"
"""The version of Apache Mesos whose recorded answers this follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterConfig:
    """Settings of a master; times in seconds. The defaults are those of the real master's flags."""

    master_id: str
    hostname: str = "127.0.0.1"
    ip: str = "127.0.0.1"
    port: int = 5050
    cluster: str | None = None
    allocation_interval: float = 1.0
    heartbeat_interval: float = 15.0
    agent_ping_timeout: float = 15.0
    max_agent_ping_timeouts: int = 5
    agent_reregister_timeout: float = 600.0
    max_completed_frameworks: int = 50
    max_completed_tasks: int = 1000
    max_unreachable_tasks: int = 1000
    max_operators: int = 1000
    """Subscribers of the operator API."""
    domain: Json | None = None
    """The fault domain that the master shows of itself."""
    authenticate: bool = False
    """Whether clients have to say who they are; only shown here."""
    acls: Acls | None = None
    """Who may do what; None lets everybody do all."""
    log_dir: str | None = None
    """Shown to the web UI, which then offers the master's log."""
    webui_dir: str = ""
    """Where the pages are; like the following, only shown here."""
    zk: str | None = None
    zk_session_timeout: float = 10.0
    quorum: int | None = None


@dataclass(slots=True, kw_only=True)
class Task:
    """A task as the master tells operators.

    `state` is the newest known, `sent_state` the one last forwarded to the scheduler.
    """

    framework_id: str
    task_id: str
    agent_id: str
    info: Json
    """The constant fields of the Task message: name, ids, resources, labels, discovery, ..."""
    resources: Resources
    executor_id: str | None
    """None for a command task, whose executor is the agent's own business."""
    state: str = "TASK_STAGING"
    sent_state: str | None = None
    sent_uuid: str | None = None
    statuses: list[Json] = field(default_factory=list)
    learned: bool = False
    """Whether it is known from its agent alone, before its first update here."""
    charged: bool = True
    """Whether its resources count as used: until it is terminal."""

    @property
    def terminal(self) -> bool:
        """Whether it is in a state that it cannot leave."""
        return self.state in TERMINAL


@dataclass(slots=True, kw_only=True)
class Offer:
    """Resources of one agent lent to one framework in one role."""

    offer_id: str
    framework_id: str
    agent_id: str
    role: str
    taken: Resources
    """What the agent has no longer free while it lasts."""
    resources: Resources
    """The same, allocated to the role."""
    message: Json


@dataclass(slots=True, kw_only=True)
class Operation:
    """A RESERVE, UNRESERVE, CREATE or DESTROY that an agent was asked to apply."""

    uuid: str
    framework_id: str
    agent_id: str
    info: Json
    state: str = "OPERATION_PENDING"
    status: Json | None = None

    @property
    def operation_id(self) -> str | None:
        """The framework's own id; only operations that have one get feedback."""
        return self.info["id"]["value"] if "id" in self.info else None


def _declares(info: Json, capability: str) -> bool:
    return any(item.get("type") == capability for item in info.get("capabilities", ()))


def roles_of(info: Json) -> list[str]:
    """The roles of a FrameworkInfo, in its order."""
    return list(info.get("roles", ())) if _declares(info, "MULTI_ROLE") else [info.get("role", "*")]


@dataclass(slots=True, kw_only=True)
class Framework:
    """A framework, subscribed or waiting for its failover timeout."""

    framework_id: str
    info: Json
    registered: float
    reregistered: float
    stream: str | None = None
    returned: bool = False
    """Whether it came with an id: after a failover, or to a new master."""
    recovered: bool = False
    """Known only from agents that came back to a restarted master."""
    unregistered: float = 0.0
    heartbeat_at: float = 0.0
    remove_at: float | None = None
    suppressed: set[str] = field(default_factory=set)
    offer_constraints: Json = field(default_factory=dict)
    constraints: Constraints = NO_CONSTRAINTS
    """The same, ready to be asked."""
    tasks: Placed[Task] = field(default_factory=Placed)
    unreachable: Placed[Task] = field(default_factory=Placed)
    completed: deque[Task] = field(default_factory=deque)
    operations: dict[str, Operation] = field(default_factory=dict)
    offers: dict[str, Offer] = field(default_factory=dict)
    held: dict[str, dict[str, int]] = field(default_factory=dict)
    """Thousandths by role and scalar name of what it uses or is offered."""
    metrics: dict[str, int] = field(default_factory=dict)
    """What is counted for it alone: see `metrics`."""
    unreserved: dict[str, dict[str, int]] = field(default_factory=dict)
    """The part of that which is not reserved: quotas count it."""
    allocations: dict[str, int] = field(default_factory=dict)
    """How many offers it got in each role: who got fewer comes first at equal shares."""
    _declared: tuple[Json, frozenset[str]] | None = None
    """An info, and the capabilities that it declares: they are asked for with every offer and every event."""

    def count(self, name: str, by: int = 1) -> None:
        """So many more of what /metrics/snapshot counts under `name` for this framework."""
        self.metrics[name] = self.metrics.get(name, 0) + by

    @property
    def connected(self) -> bool:
        """Whether a scheduler listens."""
        return self.stream is not None

    def has(self, capability: str) -> bool:
        """Whether the scheduler declared that capability."""
        if self._declared is None or self._declared[0] is not self.info:
            names = frozenset(str(item.get("type")) for item in self.info.get("capabilities", ()))
            self._declared = (self.info, names)
        return capability in self._declared[1]

    @property
    def roles(self) -> list[str]:
        """Its roles, in the order of the FrameworkInfo."""
        return roles_of(self.info)


@dataclass(slots=True, kw_only=True)
class Executor:
    """A custom executor on an agent; command executors belong to the agent alone."""

    framework_id: str
    executor_id: str
    info: Json
    resources: Resources
    """What counts as used for it: nothing when its agent does not have what it was launched on."""


@dataclass(slots=True, kw_only=True)
class Agent:
    """A registered agent."""

    agent_id: str
    info: Json
    total: Resources
    free: Resources
    registered: float
    version: str = VERSION
    reregistered: float | None = None
    connection: str | None = None
    deactivated: bool = False
    drain: Json | None = None
    """`{"config", "since"}` while an operator drains it, and after that until it is activated again."""
    drained: bool = False
    offers: dict[str, Offer] = field(default_factory=dict)
    executors: dict[tuple[str, str], Executor] = field(default_factory=dict)
    operations: dict[str, Operation] = field(default_factory=dict)
    killed: dict[tuple[str, str], Json] = field(default_factory=dict)
    """Kills sent, repeated when the agent comes back with the task still running."""
    ping_at: float = 0.0
    pings_missed: int = 0
    ping_open: bool = False

    @property
    def hostname(self) -> str:
        """Its hostname."""
        return str(self.info["hostname"])

    @property
    def machine(self) -> MachineKey:
        """The machine that it says it runs on."""
        return machine_key(self.info)

    @property
    def url(self) -> Json:
        """Where it serves, as offers say it."""
        ip = self.info.get("ip", "127.0.0.1")
        address = {"hostname": self.hostname, "ip": ip, "port": self.info["port"]}
        return {"scheme": "http", "address": address, "path": "/slave(1)"}

    @property
    def pid(self) -> str:
        """Its libprocess address, as shown to people and to the web UI."""
        return f"slave(1)@{self.info.get('ip', '127.0.0.1')}:{self.info['port']}"


@dataclass(slots=True, kw_only=True)
class State:
    """All that one master knows, and the outputs of the input at work."""

    config: MasterConfig
    started: float
    frameworks: dict[str, Framework] = field(default_factory=dict)
    completed_frameworks: dict[str, Framework] = field(default_factory=dict)
    removed_frameworks: list[str] = field(default_factory=list)
    agents: dict[str, Agent] = field(default_factory=dict)
    recovered_agents: dict[str, Json] = field(default_factory=dict)
    """AgentInfos from the registry of agents that did not come back yet."""
    recover_until: float | None = None
    unreachable_agents: dict[str, Json] = field(default_factory=dict)
    """Agent id -> `{"info", "since"}`."""
    gone_agents: dict[str, float] = field(default_factory=dict)
    deactivated: dict[str, Json | None] = field(default_factory=dict)
    """Agents that get no work, with how they are drained if they are."""
    reactivated: set[str] = field(default_factory=set)
    """Agents that were away when their draining was called off: they are told when they are back."""
    weights: dict[str, float] = field(default_factory=dict)
    quotas: dict[str, Json] = field(default_factory=dict)
    """QuotaConfigs by role."""
    connections: dict[str, str] = field(default_factory=dict)
    """Agent ids by connection."""
    ping_at: float | None = None
    """No agent's ping is due before that; None without agents. Looked at after every input, so it is not exact."""
    capacity: Capacity = field(default_factory=Capacity)
    offers: dict[str, Offer] = field(default_factory=dict)
    """All outstanding offers; agents and frameworks have their own."""
    filters: Filters = field(default_factory=Filters)
    operators: dict[str, float] = field(default_factory=dict)
    """Operator streams and when their next heartbeat is due."""
    allocation_at: float | None = None
    """When the next allocation cycle is due; None while nothing could change."""
    last_allocation: float = 0.0
    hold: tuple[int, float] | None = None
    """After a restart with quotas: no offers until so many agents are back, or until that time."""
    maintenance: Maintenance = field(default_factory=Maintenance)
    next_framework: int = 0
    next_agent: int = 0
    next_offer: int = 0
    next_operation: int = 0
    allocation_lateness: float = 0.0
    """How much later than it was due the last allocation ran."""
    metrics: dict[str, int] = field(default_factory=dict)
    out: list[Output] = field(default_factory=list)

    def tasks_on(self, agent_id: str) -> list[Task]:
        """The tasks on one agent, framework by framework."""
        return [task for framework in self.frameworks.values() for task in framework.tasks.on(agent_id)]

    def offer_id(self) -> str:
        """A new id of an offer or inverse offer."""
        self.next_offer += 1
        return f"{self.config.master_id}-O{self.next_offer - 1}"

    def operation_uuid(self) -> str:
        """A new id of an operation, as the bytes of a UUID."""
        self.next_operation += 1
        name = f"{self.config.master_id}/{self.next_operation}".encode()
        return base64.b64encode(hashlib.blake2b(name, digest_size=16).digest()).decode()

    def count(self, name: str) -> None:
        """One more of what /metrics/snapshot counts under `name`."""
        self.metrics[name] = self.metrics.get(name, 0) + 1
