"""How a task and an agent are read from the messages of the operator API. Pure.

Knows what the fields of Task and Agent messages mean to load balancing. What a task says of itself is untrusted: it is
bounded by the table in task.py, and what exceeds it or cannot be meant is left out with a note. What many tasks say is
kept once.
"""

from collections.abc import Iterator, Sequence
from sys import intern

from msgspec.structs import replace

from api.mesos_listener import messages
from api.mesos_listener import task as bounds
from api.mesos_listener.marathon import marathon_names
from api.mesos_listener.task import RUNNING, Agent, Labels, NetworkMode, Port, Task
from sdk.net import address as addresses

# Names under which bridged containers are known: their addresses are reachable only through host ports.
_BRIDGES = frozenset({"bridge", "docker", "docker0", "mesos-bridge"})
_ADDRESS_NOTE = "it tells the address"
#: No health check, as bytes of JSON.
_EMPTY = frozenset({b"", b"{}", b"null"})


class _Notes:
    """What is not used of one task, as sentences; the first few of them."""

    __slots__ = ("_told",)

    def __init__(self) -> None:
        self._told: dict[str, None] = {}

    def add(self, sentence: str) -> None:
        if len(self._told) < bounds.MAX_NOTES:
            self._told[sentence[: bounds.MAX_NOTE]] = None

    def text(self, value: str, most: int, what: str) -> str:
        if len(value) > most:
            self.add(f"its {what} of {len(value)} characters is not used: the limit is {most}")
            return ""
        return intern(value)

    def told(self) -> tuple[str, ...]:
        return tuple(self._told)


def parse_task(raw: messages.Task) -> Task | None:
    """The task in a message, or None when it has no usable id or names no framework.

    Its framework and agent are other messages; see `joined`.
    """
    task_id, framework_id = raw.task_id.value, raw.framework_id.value
    if not 0 < len(task_id) <= bounds.MAX_ID or not 0 < len(framework_id) <= bounds.MAX_ID:
        return None
    notes = _Notes()
    name = notes.text(raw.name, bounds.MAX_NAME, "name")
    told = _network_infos(raw.statuses)
    marathon_id, marathon_container = marathon_names(name, task_id)
    healthy: bool | None = None
    started = 0.0
    for status in raw.statuses:
        if status.healthy is not None:
            healthy = status.healthy
        if not started and status.state == RUNNING:
            started = status.timestamp
    return Task(
        id=task_id,
        framework_id=intern(framework_id),
        name=name,
        state=_short(raw.state),
        healthy=healthy,
        health_checked=bytes(raw.health_check).strip() not in _EMPTY and bytes(raw.health_check)[:1] == b"{",
        agent_id=_short(raw.agent_id.value),
        addresses=_addresses(told, notes) if told else (),
        network_mode=_network_mode(raw.container, told),
        ports=_bounded_ports(_ports(raw, notes), notes),
        labels=_labels(raw.labels, notes) if raw.labels.labels else (),
        discovery_name=notes.text(raw.discovery.name, bounds.MAX_NAME, "discovery name"),
        executor_id=_short(raw.executor_id.value),
        role=_role(raw.resources),
        marathon_id=intern(marathon_id),
        marathon_container=intern(marathon_container),
        notes=notes.told(),
        started=started,
    )


def joined(task: Task, *, framework_name: str, marathon: bool, agent: Agent, started: float) -> Task:
    """The task with what other messages tell; `marathon`: its framework counts as one."""
    return replace(
        task,
        framework_name=framework_name,
        marathon=marathon,
        agent_hostname=agent.hostname,
        agent_address=agent.address,
        ports=_ports_on(task, agent),
        started=started,
    )


def of_framework(task: Task, name: str, *, marathon: bool) -> Task:
    """The task once its framework has another name."""
    return replace(task, framework_name=name, marathon=marathon)


def on_agent(task: Task, agent: Agent) -> Task:
    """The task once more is known of its agent."""
    return replace(task, agent_hostname=agent.hostname, agent_address=agent.address, ports=_ports_on(task, agent))


def _ports_on(task: Task, agent: Agent) -> tuple[Port, ...]:
    """The ports of `task` once its agent is known.

    A task of an executor may use ports that were given to the executor, whose resources no event tells: so those count
    as allocated that Mesos gives away on this agent at all. A task of a command has only its own.
    """
    if not task.executor_id or not any(port.unallocated for port in task.ports):
        return task.ports
    return tuple(
        port._replace(unallocated=False) if port.unallocated and agent.offers(port.number) else port
        for port in task.ports
    )


def after_status(task: Task, state: str, status: messages.TaskStatus) -> Task:
    """The task after a later status. One that tells nothing of a field leaves it as it is: updates of the master
    (returned agent) carry neither health nor addresses, and mean no change of them."""
    changes: dict[str, object] = {"state": intern(state)}
    if status.healthy is not None:
        changes["healthy"] = status.healthy
    told = status.container_status.network_infos
    notes = _Notes()
    found = _addresses(told, notes)
    if found or notes.told():
        changes["addresses"] = found
        others = (note for note in task.notes if not note.startswith(_ADDRESS_NOTE))
        changes["notes"] = (*notes.told(), *others)[: bounds.MAX_NOTES]
    if task.network_mode is NetworkMode.HOST:
        changes["network_mode"] = _network_mode(messages.ContainerInfo(), told)
    if not task.started and status.state == RUNNING:
        changes["started"] = status.timestamp
    return replace(task, **changes)


def parse_agent(raw: messages.Agent) -> Agent | None:
    """The agent in an `Agent` message, None when it has no usable id."""
    info = raw.agent_info
    if not 0 < len(info.id.value) <= bounds.MAX_ID:
        return None
    # "slave(1)@10.0.0.1:5051": the address from which the agent talks to the master, which is what tasks listen on.
    pid = raw.pid if len(raw.pid) <= bounds.MAX_NAME else ""
    address = addresses.canonical(pid.partition("@")[2].rpartition(":")[0])
    hostname = info.hostname if len(info.hostname) <= bounds.MAX_NAME else ""
    return Agent(
        id=intern(info.id.value),
        hostname=hostname,
        address=address or addresses.canonical(hostname),
        ports=_port_ranges(raw.total_resources) or _port_ranges(info.resources),
    )


def _short(text: str) -> str:
    return intern(text) if len(text) <= bounds.MAX_ID else ""


def _ports(raw: messages.Task, notes: _Notes) -> Iterator[Port]:
    """What the task announces (DiscoveryInfo) first; else its port mappings; else the ports it was allocated."""
    mappings = list(_port_mappings(raw.container))
    inside_of = {host: inside for host, inside, _ in reversed(mappings)}
    host_of = {inside: host for host, inside, _ in reversed(mappings)}
    allocated = _port_ranges(raw.resources)

    def unallocated(host: int) -> bool:
        return bool(host) and not any(first <= host <= last for first, last in allocated)

    announced = raw.discovery.ports.ports
    for port in announced:
        told = _port_number(port.number)
        # Marathon says with this label whether `number` is the container's port or the agent's.
        if any(label.key == "network-scope" and label.value == "container" for label in port.labels.labels):
            host, inside = host_of.get(told, 0), told
        else:
            host, inside = told, inside_of.get(told, 0)
        yield Port(
            name=notes.text(port.name, bounds.MAX_PORT_NAME, "name of a port"),
            number=host,
            container_port=inside,
            protocol=_protocol(port.protocol),
            labels=_labels(port.labels, notes, "labels of ports") if port.labels.labels else (),
            unallocated=unallocated(host),
        )
    if announced:
        return
    for host, inside, protocol in mappings:
        yield Port(number=host, container_port=inside, protocol=protocol, unallocated=unallocated(host))
    if mappings:
        return
    for first, last in allocated:
        yield from (Port(number=host) for host in range(first, last + 1))


def _bounded_ports(ports: Iterator[Port], notes: _Notes) -> tuple[Port, ...]:
    kept: list[Port] = []
    left_out = size = 0
    for port in ports:
        size += len(port.name) + sum(len(key) + len(value) for key, value in port.labels)
        if len(kept) < bounds.MAX_PORTS and size <= bounds.MAX_PORTS_TEXT:
            kept.append(port)
        else:
            left_out += 1
    if left_out:
        notes.add(f"{left_out} of its {left_out + len(kept)} ports are not used: they are too many or too long")
    return tuple(kept)


def _port_mappings(container: messages.ContainerInfo) -> Iterator[tuple[int, int, str]]:
    """Port of the agent (0: none), port inside, protocol."""
    for source in (container.docker.port_mappings, *(info.port_mappings for info in container.network_infos)):
        for entry in source:
            inside = _port_number(entry.container_port)
            if inside:
                yield _port_number(entry.host_port), inside, _protocol(entry.protocol)


def _port_number(value: int) -> int:
    return value if 0 < value < 65536 else 0


def _protocol(text: str) -> str:
    return intern(text) if len(text) <= 64 else ""


def _port_ranges(resources: Sequence[messages.Resource]) -> tuple[tuple[int, int], ...]:
    """The ranges of all `ports` resources, first and last port, as they stand there."""
    return tuple(
        (one.begin, one.end)
        for resource in resources
        if resource.name == "ports"
        for one in resource.ranges.range
        if 0 < one.begin <= one.end < 65536
    )


def _network_infos(statuses: Sequence[messages.TaskStatus]) -> Sequence[messages.NetworkInfo]:
    """Those of the last status that has any."""
    for status in reversed(statuses):
        if status.container_status.network_infos:
            return status.container_status.network_infos
    return ()


def _addresses(infos: Sequence[messages.NetworkInfo], notes: _Notes) -> tuple[str, ...]:
    valid: dict[str, None] = {}
    for info in infos:
        for one in info.ip_addresses:
            told = one.ip_address
            if not told:
                continue
            if not (address := addresses.canonical(told)):
                notes.add(f"{_ADDRESS_NOTE} {told[:60]!a}, which is not an IP address that others can use")
            elif len(valid) < bounds.MAX_ADDRESSES:
                valid[intern(address)] = None
    if len(valid) < 2:
        return tuple(valid)
    return tuple(sorted(valid, key=lambda address: ":" in address))  # stable: IPv4 first, else as told


def _network_mode(container: messages.ContainerInfo, told: Sequence[messages.NetworkInfo]) -> NetworkMode:
    docker = container.docker.network
    if docker in ("HOST", "BRIDGE"):
        return NetworkMode[docker]
    names = {info.name for info in (*container.network_infos, *told) if info.name}
    if names & _BRIDGES:
        return NetworkMode.BRIDGE
    return NetworkMode.CONTAINER if names or docker == "USER" else NetworkMode.HOST


def _role(resources: Sequence[messages.Resource]) -> str:
    for resource in resources:
        role = resource.allocation_info.role
        if role and len(role) <= bounds.MAX_NAME:
            return intern(role)
    return ""


def _labels(value: messages.Labels, notes: _Notes, what: str = "labels") -> Labels:
    """Those that are meant for load balancers, sorted; of a key that stands twice the last value counts."""
    found: dict[str, str] = {}
    left_out = total = 0
    for label in value.labels:
        if not label.key.lower().startswith(bounds.LABEL_PREFIXES):
            continue
        if len(label.key) > bounds.MAX_LABEL_KEY or len(label.value) > bounds.MAX_LABEL_VALUE:
            left_out += 1
        else:
            found[intern(label.key)] = intern(label.value)
    if not found and not left_out:
        return ()
    kept: dict[str, str] = {}
    for key in sorted(found):
        total += len(key) + len(found[key])
        if len(kept) < bounds.MAX_LABELS and total <= bounds.MAX_LABELS_TEXT:
            kept[key] = found[key]
    left_out += len(found) - len(kept)
    if left_out:
        notes.add(f"{left_out} of its {what} are not used: they are too many or too long")
    return tuple(kept.items())
