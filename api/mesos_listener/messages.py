"""Messages of Mesos' operator API, as far as they matter to load balancing. Pure.

Knows their shape and nothing else: each field is one of `mesos/v1/mesos.proto` and `mesos/v1/master/master.proto`, and
empty where a message does not have it. What a message has besides is skipped while it is decoded.
"""

import msgspec


class Message(msgspec.Struct, frozen=True, gc=False):
    """Messages hold no cycles, so the garbage collector need not look at them."""


class Id(Message, frozen=True, gc=False):
    value: str = ""


class Range(Message, frozen=True, gc=False):
    begin: int = 0
    end: int = 0


class Ranges(Message, frozen=True, gc=False):
    range: tuple[Range, ...] = ()


class AllocationInfo(Message, frozen=True, gc=False):
    role: str = ""


class Resource(Message, frozen=True, gc=False):
    name: str = ""
    ranges: Ranges = Ranges()
    allocation_info: AllocationInfo = AllocationInfo()


class Label(Message, frozen=True, gc=False):
    key: str = ""
    value: str = ""


class Labels(Message, frozen=True, gc=False):
    labels: tuple[Label, ...] = ()


class IpAddress(Message, frozen=True, gc=False):
    ip_address: str = ""


class PortMapping(Message, frozen=True, gc=False):
    host_port: int = 0
    container_port: int = 0
    protocol: str = ""


class NetworkInfo(Message, frozen=True, gc=False):
    name: str = ""
    ip_addresses: tuple[IpAddress, ...] = ()
    port_mappings: tuple[PortMapping, ...] = ()


class ContainerStatus(Message, frozen=True, gc=False):
    network_infos: tuple[NetworkInfo, ...] = ()


class TaskStatus(Message, frozen=True, gc=False):
    task_id: Id = Id()
    state: str = ""
    healthy: bool | None = None
    timestamp: float = 0.0
    container_status: ContainerStatus = ContainerStatus()


class DockerInfo(Message, frozen=True, gc=False):
    network: str = ""
    port_mappings: tuple[PortMapping, ...] = ()


class ContainerInfo(Message, frozen=True, gc=False):
    docker: DockerInfo = DockerInfo()
    network_infos: tuple[NetworkInfo, ...] = ()


class Port(Message, frozen=True, gc=False):
    number: int = 0
    name: str = ""
    protocol: str = ""
    labels: Labels = Labels()


class Ports(Message, frozen=True, gc=False):
    ports: tuple[Port, ...] = ()


class DiscoveryInfo(Message, frozen=True, gc=False):
    name: str = ""
    ports: Ports = Ports()


class Task(Message, frozen=True, gc=False):
    name: str = ""
    task_id: Id = Id()
    framework_id: Id = Id()
    executor_id: Id = Id()
    agent_id: Id = Id()
    state: str = ""
    resources: tuple[Resource, ...] = ()
    statuses: tuple[TaskStatus, ...] = ()
    discovery: DiscoveryInfo = DiscoveryInfo()
    container: ContainerInfo = ContainerInfo()
    health_check: msgspec.Raw = msgspec.Raw(b"")
    """Only whether there is one counts."""
    labels: Labels = Labels()


class EndedTask(Message, frozen=True, gc=False):
    """What counts of a task that runs no more."""

    task_id: Id = Id()
    framework_id: Id = Id()
    agent_id: Id = Id()


class AgentInfo(Message, frozen=True, gc=False):
    id: Id = Id()
    hostname: str = ""
    resources: tuple[Resource, ...] = ()


class Agent(Message, frozen=True, gc=False):
    agent_info: AgentInfo = AgentInfo()
    pid: str = ""
    total_resources: tuple[Resource, ...] = ()


class FrameworkInfo(Message, frozen=True, gc=False):
    id: Id = Id()
    name: str = ""


class Framework(Message, frozen=True, gc=False):
    framework_info: FrameworkInfo = FrameworkInfo()


class TaskAdded(Message, frozen=True, gc=False):
    task: Task = Task()


class TaskUpdated(Message, frozen=True, gc=False):
    framework_id: Id = Id()
    status: TaskStatus = TaskStatus()
    state: str = ""


class AgentAdded(Message, frozen=True, gc=False):
    agent: Agent = Agent()


class AgentRemoved(Message, frozen=True, gc=False):
    agent_id: Id = Id()


class FrameworkChanged(Message, frozen=True, gc=False):
    framework: Framework = Framework()


class FrameworkRemoved(Message, frozen=True, gc=False):
    framework_info: FrameworkInfo = FrameworkInfo()


class Event(Message, frozen=True, gc=False):
    """An event of the stream; of SUBSCRIBED only its type, what it tells is taken apart (snapshot.py)."""

    type: str = ""
    task_added: TaskAdded = TaskAdded()
    task_updated: TaskUpdated = TaskUpdated()
    agent_added: AgentAdded = AgentAdded()
    agent_removed: AgentRemoved = AgentRemoved()
    framework_added: FrameworkChanged = FrameworkChanged()
    framework_updated: FrameworkChanged = FrameworkChanged()
    framework_removed: FrameworkRemoved = FrameworkRemoved()


class Subscribed(Message, frozen=True, gc=False):
    heartbeat_interval_seconds: float = 0.0


class SubscribedEvent(Message, frozen=True, gc=False):
    """What SUBSCRIBED says besides its lists."""

    type: str = ""
    subscribed: Subscribed = Subscribed()
