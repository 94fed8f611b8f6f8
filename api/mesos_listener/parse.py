"""How a task and an agent are read from the JSON of the operator API.

Knows the fields of Task and Agent messages that matter to load balancing. What a task says of itself is untrusted: it
is bounded by the table in task.py, and what exceeds it or cannot be meant is left out with a note.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from api.mesos_listener import task as bounds
from api.mesos_listener.marathon import marathon_names
from api.mesos_listener.reading import Labels, id_of, items, mapping, number, port_number, port_ranges, text
from api.mesos_listener.task import RUNNING, Agent, NetworkMode, Port, Task
from sdk.net import address as addresses

# Names under which bridged containers are known: their addresses are reachable only through host ports.
_BRIDGES = frozenset({"bridge", "docker", "docker0", "mesos-bridge"})
_UNKNOWN_AGENT = Agent(id="")
_ADDRESS_NOTE = "it tells the address"


class _Notes:
    """What is not used of one task, as sentences; the first few of them."""

    def __init__(self) -> None:
        self._told: dict[str, None] = {}

    def add(self, sentence: str) -> None:
        if len(self._told) < bounds.MAX_NOTES:
            self._told[sentence[: bounds.MAX_NOTE]] = None

    def text(self, value: object, most: int, what: str) -> str:
        if isinstance(value, str) and len(value) > most:
            self.add(f"its {what} of {len(value)} characters is not used: the limit is {most}")
            return ""
        return text(value)

    def told(self) -> tuple[str, ...]:
        return tuple(self._told)


def parse_task(raw: object, framework_name: str, agent: Agent | None, *, marathon: bool = False) -> Task | None:
    """The task in a `Task` message of the operator API, or None when it has no usable id or names no framework.

    `marathon`: whether its framework counts as a Marathon.
    """
    data = mapping(raw)
    task_id, framework_id = id_of(data.get("task_id")), id_of(data.get("framework_id"))
    if not 0 < len(task_id) <= bounds.MAX_ID or not 0 < len(framework_id) <= bounds.MAX_ID:
        return None
    notes = _Notes()
    name = notes.text(data.get("name"), bounds.MAX_NAME, "name")
    discovery, container = mapping(data.get("discovery")), mapping(data.get("container"))
    statuses = [status for status in items(data.get("statuses")) if isinstance(status, dict)]
    told = _network_infos(statuses)
    executor_id = text(mapping(data.get("executor_id")).get("value"), bounds.MAX_ID)
    marathon_id, marathon_container = marathon_names(name, task_id)
    where = agent or _UNKNOWN_AGENT
    task = Task(
        id=task_id,
        framework_id=framework_id,
        name=name,
        state=text(data.get("state"), bounds.MAX_ID),
        healthy=next((s["healthy"] for s in reversed(statuses) if isinstance(s.get("healthy"), bool)), None),
        health_checked=bool(mapping(data.get("health_check"))),
        framework_name=framework_name,
        agent_id=text(mapping(data.get("agent_id")).get("value"), bounds.MAX_ID),
        agent_hostname=where.hostname,
        agent_address=where.address,
        addresses=_addresses(told, notes),
        network_mode=_network_mode(container, told),
        ports=_bounded_ports(_ports(data, discovery, container, notes), notes),
        labels=_labels(data.get("labels"), notes),
        discovery_name=notes.text(discovery.get("name"), bounds.MAX_NAME, "discovery name"),
        executor_id=executor_id,
        role=_role(data),
        marathon=marathon,
        marathon_id=marathon_id,
        marathon_container=marathon_container,
        notes=notes.told(),
        started=next((number(s.get("timestamp")) for s in statuses if s.get("state") == RUNNING), 0.0),
    )
    return replace(task, ports=ports_on(task, where)) if executor_id else task


def ports_on(task: Task, agent: Agent) -> tuple[Port, ...]:
    """The ports of `task` once its agent is known.

    A task of an executor may use ports that were given to the executor, whose resources no event tells: so those count
    as allocated that Mesos gives away on this agent at all. A task of a command has only its own.
    """
    if not task.executor_id or not any(port.unallocated for port in task.ports):
        return task.ports
    return tuple(
        replace(port, unallocated=False) if port.unallocated and agent.offers(port.number) else port
        for port in task.ports
    )


def status_changes(task: Task, state: str, status: Mapping[str, object]) -> dict[str, object]:
    """The fields of `task` that a later status changes. A status that tells nothing of a field leaves it as it is:
    updates of the master (returned agent) carry neither health nor addresses, and mean no change of them."""
    changes: dict[str, object] = {"state": state}
    healthy = status.get("healthy")
    if isinstance(healthy, bool):
        changes["healthy"] = healthy
    told = _network_infos([status])
    notes = _Notes()
    found = _addresses(told, notes)
    if found or notes.told():
        changes["addresses"] = found
        others = (note for note in task.notes if not note.startswith(_ADDRESS_NOTE))
        changes["notes"] = (*notes.told(), *others)[: bounds.MAX_NOTES]
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
    if not 0 < len(agent_id) <= bounds.MAX_ID:
        return None
    hostname = text(info.get("hostname"), bounds.MAX_NAME)
    # "slave(1)@10.0.0.1:5051": the address from which the agent talks to the master, which is what tasks listen on.
    address = addresses.canonical(text(data.get("pid"), bounds.MAX_NAME).partition("@")[2].rpartition(":")[0])
    return Agent(
        id=agent_id,
        hostname=hostname,
        address=address or addresses.canonical(hostname),
        ports=port_ranges(data.get("total_resources")) or port_ranges(info.get("resources")),
    )


def _ports(
    data: Mapping[str, object], discovery: Mapping[str, object], container: Mapping[str, object], notes: _Notes
) -> Iterator[Port]:
    """What the task announces (DiscoveryInfo) first; else its port mappings; else the ports it was allocated."""
    mappings = list(_port_mappings(container))
    inside_of = {host: inside for host, inside, _ in reversed(mappings)}
    host_of = {inside: host for host, inside, _ in reversed(mappings)}
    allocated = port_ranges(data.get("resources"))

    def unallocated(host: int) -> bool:
        return bool(host) and not any(first <= host <= last for first, last in allocated)

    announced = [mapping(port) for port in items(mapping(discovery.get("ports")).get("ports"))]
    for raw in announced:
        told = port_number(raw.get("number"))
        tags = _labels(raw.get("labels"), notes, "labels of ports")
        # Marathon says with this label whether `number` is the container's port or the agent's.
        if ("network-scope", "container") in tags:
            host, inside = host_of.get(told, 0), told
        else:
            host, inside = told, inside_of.get(told, 0)
        yield Port(
            name=notes.text(raw.get("name"), bounds.MAX_PORT_NAME, "name of a port"),
            number=host,
            container_port=inside,
            protocol=text(raw.get("protocol"), 64),
            labels=tags,
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


def _port_mappings(container: Mapping[str, object]) -> Iterator[tuple[int, int, str]]:
    """Port of the agent (0: none), port inside, protocol."""
    sources = [mapping(container.get("docker")).get("port_mappings")]
    sources += [mapping(info).get("port_mappings") for info in items(container.get("network_infos"))]
    for source in sources:
        for raw in items(source):
            entry = mapping(raw)
            inside = port_number(entry.get("container_port"))
            if inside:
                yield port_number(entry.get("host_port")), inside, text(entry.get("protocol"), 64)


def _network_infos(statuses: list[dict[str, object]] | list[Mapping[str, object]]) -> list[Mapping[str, object]]:
    """Those of the last status that has any."""
    for status in reversed(statuses):
        infos = items(mapping(status.get("container_status")).get("network_infos"))
        if infos:
            return [mapping(info) for info in infos]
    return []


def _addresses(infos: list[Mapping[str, object]], notes: _Notes) -> tuple[str, ...]:
    valid: dict[str, None] = {}
    for info in infos:
        for raw in items(info.get("ip_addresses")):
            told = mapping(raw).get("ip_address")
            if not isinstance(told, str):
                continue
            if not (address := addresses.canonical(told)):
                notes.add(f"{_ADDRESS_NOTE} {told[:60]!a}, which is not an IP address that others can use")
            elif len(valid) < bounds.MAX_ADDRESSES:
                valid[address] = None
    return tuple(sorted(valid, key=lambda address: ":" in address))  # stable: IPv4 first, else as told


def _network_mode(container: Mapping[str, object], told: list[Mapping[str, object]]) -> NetworkMode:
    docker = text(mapping(container.get("docker")).get("network"), bounds.MAX_NAME)
    if docker in ("HOST", "BRIDGE"):
        return NetworkMode[docker]
    wanted = [mapping(info) for info in items(container.get("network_infos"))]
    names = {name for info in (*wanted, *told) if isinstance(name := info.get("name"), str) and name}
    if names & _BRIDGES:
        return NetworkMode.BRIDGE
    return NetworkMode.CONTAINER if names or docker == "USER" else NetworkMode.HOST


def _role(data: Mapping[str, object]) -> str:
    for resource in items(data.get("resources")):
        role = text(mapping(mapping(resource).get("allocation_info")).get("role"), bounds.MAX_NAME)
        if role:
            return role
    return ""


def _labels(value: object, notes: _Notes, what: str = "labels") -> Labels:
    """The labels of a `Labels` message, sorted; of a key that stands twice the last value counts.

    Where there are too many, those that are meant for load balancers are kept first.
    """
    found: dict[str, str] = {}
    left_out = 0
    for raw in items(mapping(value).get("labels")):
        key, told = mapping(raw).get("key"), mapping(raw).get("value")
        if not isinstance(key, str) or not key:
            continue
        if len(key) > bounds.MAX_LABEL_KEY or (isinstance(told, str) and len(told) > bounds.MAX_LABEL_VALUE):
            left_out += 1
            continue
        found[text(key)] = text(told)
    total = sum(len(key) + len(said) for key, said in found.items())
    if len(found) > bounds.MAX_LABELS or total > bounds.MAX_LABELS_TEXT:
        kept: dict[str, str] = {}
        total = 0
        for key in sorted(found, key=lambda key: (not key.lower().startswith("edgelb"), key)):
            total += len(key) + len(found[key])
            if len(kept) < bounds.MAX_LABELS and total <= bounds.MAX_LABELS_TEXT:
                kept[key] = found[key]
        left_out += len(found) - len(kept)
        found = kept
    if left_out:
        notes.add(f"{left_out} of its {what} are not used: they are too many or too long")
    return tuple(sorted(found.items()))
