"""A Mesos task as readers of the cluster need it: the values, and how much of each is kept.

Does not know where tasks come from (parse.py reads the operator API) nor how they come and go (index.py).
"""

from dataclasses import dataclass
from enum import IntEnum
from operator import attrgetter
from typing import NamedTuple

import msgspec
from msgspec.structs import force_setattr

RUNNING = "TASK_RUNNING"
KILLING = "TASK_KILLING"
#: States in which a task may still take or come to take traffic. All others are terminal, or mean that nobody can tell.
LIVE_STATES = frozenset({"TASK_STAGING", "TASK_STARTING", RUNNING, KILLING})

# How much is kept of what a task says, in characters or entries. What exceeds it is left out and noted, never cut: half
# a name could be the whole name of something else. Together they keep a task far below the size of one message.
#: Mesos itself refuses longer ids of tasks and executors; a task with such an id is left out as a whole.
MAX_ID = 255
MAX_NAME = 4096
MAX_ADDRESSES = 16
MAX_PORTS = 1024
MAX_PORT_NAME = 1024
#: Of all names and labels of a task's ports together.
MAX_PORTS_TEXT = 100_000
#: Labels of tasks and ports are kept when their key begins so, in whatever case: ours, and those of Marathon-LB. Nobody
#: else's are: an application may say as much as it likes in them.
LABEL_PREFIXES = ("edgelb.", "edgelb_", "haproxy_")
MAX_LABEL_KEY = 256
MAX_LABEL_VALUE = 4096
MAX_LABELS = 64
#: Of all labels of a task that are ours together, and of all those of Marathon-LB.
MAX_LABELS_TEXT = 32_768
MAX_NOTES = 5
MAX_NOTE = 200

Labels = tuple[tuple[str, str], ...]


class NetworkMode(IntEnum):
    """How a task's container is attached; the numbers are those of taskinfo.proto."""

    HOST = 0
    BRIDGE = 1
    CONTAINER = 2


class TaskKey(NamedTuple):
    """What names a task: its id is unique only within its framework."""

    framework_id: str
    id: str


class Port(NamedTuple):
    """One port of a task: `number` on the agent (0: none), `container_port` inside (0: the same as `number`).

    `unallocated`: Mesos did not give `number` to the task, as far as its resources tell.
    """

    name: str = ""
    number: int = 0
    container_port: int = 0
    protocol: str = ""
    labels: Labels = ()
    unallocated: bool = False

    @property
    def is_udp_only(self) -> bool:
        """True when the task says UDP and nothing else: `udp`, but not `udp,tcp` nor nothing."""
        return self.protocol.strip().lower() == "udp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """An agent: the name it was given, the IP address under which the master knows it, the ports that it offers."""

    id: str
    hostname: str = ""
    address: str = ""
    ports: tuple[tuple[int, int], ...] = ()

    def offers(self, port: int) -> bool:
        """True when `port` is one that Mesos gives to tasks of this agent."""
        return any(first <= port <= last for first, last in self.ports)


class Task(msgspec.Struct, frozen=True, kw_only=True, gc=False, eq=False):
    """A live task together with what is known of its framework and agent.

    `marathon_id` and `marathon_container` are what a Marathon would mean with the task's name and id, whatever its
    framework; `marathon` tells whether the framework counts as one. `notes` are sentences about what the task says and
    what is not used of it. `started` and `revision` do not count in comparisons: a task that differs only there did
    not change.
    """

    id: str
    framework_id: str
    name: str = ""
    state: str = ""
    healthy: bool | None = None
    health_checked: bool = False
    framework_name: str = ""
    agent_id: str = ""
    agent_hostname: str = ""
    agent_address: str = ""
    addresses: tuple[str, ...] = ()
    network_mode: NetworkMode = NetworkMode.HOST
    ports: tuple[Port, ...] = ()
    labels: Labels = ()
    discovery_name: str = ""
    executor_id: str = ""
    role: str = ""
    marathon: bool = False
    marathon_id: str = ""
    marathon_container: str = ""
    notes: tuple[str, ...] = ()
    started: float = 0.0
    revision: int = 0
    key: TaskKey = TaskKey("", "")
    """What names the task: `framework_id` and `id`, whatever is given. Made once, as it stands in many tables."""

    def __post_init__(self) -> None:
        if self.key.id is not self.id or self.key.framework_id is not self.framework_id:
            force_setattr(self, "key", TaskKey(self.framework_id, self.id))

    def __eq__(self, other: object) -> bool:
        return _compared(self) == _compared(other) if isinstance(other, Task) else NotImplemented

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment] # its key names it

    @property
    def leaving(self) -> bool:
        """It was told to end: it finishes the requests that it has, and new ones are better sent elsewhere."""
        return self.state == KILLING

    @property
    def takes_traffic(self) -> bool:
        """Running, and healthy where health is known: a checked task waits for its first success."""
        return self.state == RUNNING and (self.healthy is True or (self.healthy is None and not self.health_checked))


_compared = attrgetter(*(name for name in Task.__struct_fields__ if name not in ("started", "revision", "key")))
