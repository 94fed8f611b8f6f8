"""A Mesos task as readers of the cluster need it, and how it is read from the JSON of the operator API.

Knows: the fields of Task, Agent and Framework messages that matter to load balancing, and Marathon's names.
Does not know: how tasks come and go (index.py). Every field may be missing or of another type than Mesos documents:
the parsers here give an empty value instead of failing, because one odd task must not hide all others.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache

Labels = tuple[tuple[str, str], ...]

RUNNING = "TASK_RUNNING"
#: States in which a task may still take or come to take traffic. All others are terminal, or mean that nobody can tell.
LIVE_STATES = frozenset({"TASK_STAGING", "TASK_STARTING", RUNNING, "TASK_KILLING"})

# Names under which bridged containers are known: their addresses are reachable only through host ports.
_BRIDGES = frozenset({"bridge", "docker", "docker0", "mesos-bridge"})
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# "/" of an app or pod id is "_" in the task id, which no id may contain: so, unlike the reversed task name, the task id
# is unambiguous even for ids with dots. Forms: foo_bar.<uuid>[.<attempt>] (apps, Marathon before 1.9),
# foo_bar.instance-<uuid>._app[.<attempt>] (apps since), foo_bar.instance-<uuid>.<container>[.<attempt>] (pods).
_MARATHON_TASK_ID = re.compile(
    rf"(?P<path>[a-z0-9._-]+?)\.(?:{_UUID}|instance-{_UUID}(?:\.(?P<container>[A-Za-z0-9_-]+))?)(?:\.[0-9]+)?"
)


class NetworkMode(IntEnum):
    """How a task's container is attached; the numbers are those of taskinfo.proto."""

    HOST = 0
    BRIDGE = 1
    CONTAINER = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskKey:
    """What names a task: its id is unique only within its framework."""

    framework_id: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """One port of a task: `number` on the agent (0: none), `container_port` inside (0: the same as `number`)."""

    name: str = ""
    number: int = 0
    container_port: int = 0
    protocol: str = ""
    labels: Labels = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """An agent: the name it was given and the IP address under which the master knows it."""

    id: str
    hostname: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A live task together with what is known of its framework and agent.

    `started` and `revision` do not count in comparisons: a task that differs only there did not change.
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
    marathon_id: str = ""
    marathon_container: str = ""
    started: float = field(default=0.0, compare=False)
    revision: int = field(default=0, compare=False)

    @property
    def key(self) -> TaskKey:
        """What names the task."""
        return TaskKey(framework_id=self.framework_id, id=self.id)

    @property
    def takes_traffic(self) -> bool:
        """Running, and healthy where health is known: a checked task waits for its first success."""
        return self.state == RUNNING and (self.healthy is True or (self.healthy is None and not self.health_checked))


# ---------------------------------------------------------------- Mesos JSON


def parse_task(raw: object, framework_name: str, agent: Agent | None) -> Task | None:
    """The task in a `Task` message of the operator API, or None when it names no framework or has no id."""
    data = mapping(raw)
    task_id, framework_id = id_of(data.get("task_id")), id_of(data.get("framework_id"))
    if not task_id or not framework_id:
        return None
    name = text(data.get("name"))
    discovery, container = mapping(data.get("discovery")), mapping(data.get("container"))
    statuses = [status for status in items(data.get("statuses")) if isinstance(status, dict)]
    told = _network_infos(statuses)
    marathon_id, marathon_container = marathon_names(framework_name, name, task_id)
    return Task(
        id=task_id,
        framework_id=framework_id,
        name=name,
        state=text(data.get("state")),
        healthy=next((s["healthy"] for s in reversed(statuses) if isinstance(s.get("healthy"), bool)), None),
        health_checked=bool(mapping(data.get("health_check"))),
        framework_name=framework_name,
        agent_id=id_of(data.get("agent_id")),
        agent_hostname=agent.hostname if agent else "",
        agent_address=agent.address if agent else "",
        addresses=_addresses(told),
        network_mode=_network_mode(container, told),
        ports=tuple(_ports(data, discovery, container)),
        labels=labels(data.get("labels")),
        discovery_name=text(discovery.get("name")),
        executor_id=id_of(data.get("executor_id")),
        role=_role(data),
        marathon_id=marathon_id,
        marathon_container=marathon_container,
        started=next((number(s.get("timestamp")) for s in statuses if s.get("state") == RUNNING), 0.0),
    )


def status_changes(task: Task, state: str, status: Mapping[str, object]) -> dict[str, object]:
    """The fields of `task` that a later status changes. A status that tells nothing of a field leaves it as it is:
    updates of the master (returned agent) carry neither health nor addresses, and mean no change of them."""
    changes: dict[str, object] = {"state": state}
    healthy = status.get("healthy")
    if isinstance(healthy, bool):
        changes["healthy"] = healthy
    told = _network_infos([status])
    if addresses := _addresses(told):
        changes["addresses"] = addresses
    if task.network_mode is NetworkMode.HOST:
        changes["network_mode"] = _network_mode({}, told)
    if not task.started and status.get("state") == RUNNING:
        changes["started"] = number(status.get("timestamp"))
    return changes


def parse_agent(raw: object) -> Agent | None:
    """The agent in an `Agent` message (with `agent_info` and `pid`) or a bare AgentInfo (of a recovered agent)."""
    data = mapping(raw)
    info = mapping(data.get("agent_info")) or data
    agent_id = id_of(info.get("id"))
    if not agent_id:
        return None
    hostname = text(info.get("hostname"))
    # "slave(1)@10.0.0.1:5051": the address from which the agent talks to the master, which is what tasks listen on.
    address = text(data.get("pid")).partition("@")[2].rpartition(":")[0].strip("[]")
    if not is_ip(address):
        address = hostname if is_ip(hostname) else ""
    return Agent(id=agent_id, hostname=hostname, address=address)


def marathon_names(framework_name: str, task_name: str, task_id: str) -> tuple[str, str]:
    """The app or pod id and, for pods, the container's name; empty when the framework is not a Marathon.

    A Marathon on Marathon is called as its operator likes; by custom the name has "marathon" in it.
    """
    if "marathon" not in framework_name.lower():
        return "", ""
    match = _MARATHON_TASK_ID.fullmatch(task_id)
    if match:
        container = match["container"] or ""
        return "/" + match["path"].replace("_", "/"), "" if container == "_app" else container
    if task_name:
        return "/" + "/".join(reversed(task_name.split("."))), ""
    return "", ""


def _ports(
    data: Mapping[str, object], discovery: Mapping[str, object], container: Mapping[str, object]
) -> Iterator[Port]:
    """What the task announces (DiscoveryInfo) first; else its port mappings; else the ports it was allocated."""
    mappings = list(_port_mappings(container))
    announced = [mapping(port) for port in items(mapping(discovery.get("ports")).get("ports"))]
    for raw in announced:
        told = port_number(raw.get("number"))
        tags = labels(raw.get("labels"))
        # Marathon says with this label whether `number` is the container's port or the agent's.
        if ("network-scope", "container") in tags:
            host = next((host for host, inside in mappings if inside == told), 0)
            inside = told
        else:
            host = told
            inside = next((inside for host_port, inside in mappings if host_port == told), 0)
        yield Port(
            name=text(raw.get("name")),
            number=host,
            container_port=inside,
            protocol=text(raw.get("protocol")),
            labels=tags,
        )
    if announced:
        return
    for host, inside in mappings:
        yield Port(number=host, container_port=inside)
    if mappings:
        return
    for resource in items(data.get("resources")):
        entry = mapping(resource)
        if entry.get("name") == "ports":
            for raw_range in items(mapping(entry.get("ranges")).get("range")):
                begin, end = port_number(mapping(raw_range).get("begin")), port_number(mapping(raw_range).get("end"))
                if begin:
                    yield from (Port(number=host) for host in range(begin, end + 1))


def _port_mappings(container: Mapping[str, object]) -> Iterator[tuple[int, int]]:
    sources = [mapping(container.get("docker")).get("port_mappings")]
    sources += [mapping(info).get("port_mappings") for info in items(container.get("network_infos"))]
    for source in sources:
        for raw in items(source):
            entry = mapping(raw)
            inside = port_number(entry.get("container_port"))
            if inside:
                yield port_number(entry.get("host_port")), inside


def _network_infos(statuses: list[dict[str, object]] | list[Mapping[str, object]]) -> list[Mapping[str, object]]:
    """Those of the last status that has any."""
    for status in reversed(statuses):
        infos = items(mapping(status.get("container_status")).get("network_infos"))
        if infos:
            return [mapping(info) for info in infos]
    return []


def _addresses(infos: list[Mapping[str, object]]) -> tuple[str, ...]:
    told = [text(mapping(raw).get("ip_address")) for info in infos for raw in items(info.get("ip_addresses"))]
    valid = dict.fromkeys(address for address in told if is_ip(address))
    return tuple(sorted(valid, key=lambda address: ":" in address))  # stable: IPv4 first, else as told


def _network_mode(container: Mapping[str, object], told: list[Mapping[str, object]]) -> NetworkMode:
    docker = text(mapping(container.get("docker")).get("network"))
    if docker in ("HOST", "BRIDGE"):
        return NetworkMode[docker]
    wanted = [mapping(info) for info in items(container.get("network_infos"))]
    names = {name for info in (*wanted, *told) if (name := text(info.get("name")))}
    if names & _BRIDGES:
        return NetworkMode.BRIDGE
    return NetworkMode.CONTAINER if names or docker == "USER" else NetworkMode.HOST


def _role(data: Mapping[str, object]) -> str:
    for resource in items(data.get("resources")):
        role = text(mapping(mapping(resource).get("allocation_info")).get("role"))
        if role:
            return role
    return ""


# ---------------------------------------------------------------- reading without trust


def mapping(value: object) -> Mapping[str, object]:
    """`value` when it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[object]:
    """`value` when it is a JSON array, else an empty one."""
    return value if isinstance(value, list) else []


def text(value: object) -> str:
    """`value` when it is a string, else the empty one; what UTF-8 cannot write, JSON can, and readers get UTF-8."""
    if not isinstance(value, str):
        return ""
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


def number(value: object) -> float:
    """`value` when it is a number that a double can hold, else 0."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return 0.0
    try:
        return float(value)
    except OverflowError:  # JSON knows integers of any length
        return 0.0


def port_number(value: object) -> int:
    """`value` when it is a port, else 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65536 else 0


def id_of(value: object) -> str:
    """The text of a Mesos id, `{"value": "..."}`."""
    return text(value.get("value")) if isinstance(value, dict) else ""


def labels(value: object) -> Labels:
    """The labels of a `Labels` message, sorted; of a key that stands twice the last value counts."""
    found = {
        text(mapping(raw).get("key")): text(mapping(raw).get("value")) for raw in items(mapping(value).get("labels"))
    }
    found.pop("", None)
    return tuple(sorted(found.items()))


# A cluster has few agents and many tasks, so most addresses come again and again.
@lru_cache(maxsize=65536)
def is_ip(value: str) -> bool:
    """True for an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True
