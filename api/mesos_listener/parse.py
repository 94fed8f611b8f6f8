"""How a task and an agent are read from the messages of the operator API. Pure.

Knows what the fields of Task and Agent messages mean to load balancing. What a task says of itself is untrusted: it is
bounded by the table in task.py, and what exceeds it or cannot be meant is left out with a note. What many tasks say is
kept once.
"""

from collections.abc import Sequence
from functools import lru_cache
from sys import intern

import msgspec
from msgspec.structs import replace

from api.mesos_listener import messages
from api.mesos_listener import task as bounds
from api.mesos_listener.labels import read_labels
from api.mesos_listener.marathon import marathon_names
from api.mesos_listener.notes import Notes
from api.mesos_listener.ports import port_ranges, ports_on, read_ports
from api.mesos_listener.task import RUNNING, Agent, NetworkMode, Task
from sdk.net import address as addresses

# Names under which bridged containers are known: their addresses are reachable only through host ports.
_BRIDGES = frozenset({"bridge", "docker", "docker0", "mesos-bridge"})
_ADDRESS_NOTE = "it tells the address"
#: Of an IPv6 address with an IPv4 one in it, in brackets.
_LONGEST_ADDRESS = 47
# The same containers tell the same addresses with every status.
_canonical = lru_cache(maxsize=65536)(addresses.canonical)
#: No health check, as bytes of JSON.
_EMPTY = frozenset({b"", b"{}", b"null"})


def parse_task(raw: messages.Task) -> Task | None:
    """The task in a message, or None when it has no usable id or names no framework.

    Its framework and agent are other messages; see `joined`.
    """
    task_id, framework_id = raw.task_id.value, raw.framework_id.value
    if not 0 < len(task_id) <= bounds.MAX_ID or not 0 < len(framework_id) <= bounds.MAX_ID:
        return None
    notes = Notes()
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
        health_checked=_is_filled(raw.health_check),
        agent_id=_short(raw.agent_id.value),
        addresses=_addresses(told, notes) if told else (),
        network_mode=_network_mode(raw.container, told),
        ports=read_ports(raw, notes),
        labels=read_labels(raw.labels, notes) if raw.labels.labels else (),
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
        ports=ports_on(task, agent),
        started=started,
    )


def of_framework(task: Task, name: str, *, marathon: bool) -> Task:
    """The task once its framework has another name."""
    return replace(task, framework_name=name, marathon=marathon)


def on_agent(task: Task, agent: Agent) -> Task:
    """The task once more is known of its agent."""
    return replace(task, agent_hostname=agent.hostname, agent_address=agent.address, ports=ports_on(task, agent))


def after_status(task: Task, state: str, status: messages.TaskStatus) -> Task:
    """The task after a later status. One that tells nothing of a field leaves it as it is: updates of the master
    (returned agent) carry neither health nor addresses, and mean no change of them."""
    changes: dict[str, object] = {"state": intern(state)}
    if status.healthy is not None:
        changes["healthy"] = status.healthy
    told = status.container_status.network_infos
    notes = Notes()
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
        ports=port_ranges(raw.total_resources) or port_ranges(info.resources),
    )


def _short(text: str) -> str:
    return intern(text) if len(text) <= bounds.MAX_ID else ""


def _network_infos(statuses: Sequence[messages.TaskStatus]) -> Sequence[messages.NetworkInfo]:
    """Those of the last status that has any."""
    for status in reversed(statuses):
        if status.container_status.network_infos:
            return status.container_status.network_infos
    return ()


def _is_filled(value: msgspec.Raw) -> bool:
    text = bytes(value)
    return text[:1] == b"{" and text.strip() not in _EMPTY


def _addresses(infos: Sequence[messages.NetworkInfo], notes: Notes) -> tuple[str, ...]:
    valid: dict[str, None] = {}
    for info in infos:
        for one in info.ip_addresses:
            told = one.ip_address
            if not told:
                continue
            if not (address := _canonical(told) if len(told) <= _LONGEST_ADDRESS else ""):
                notes.add(f"{_ADDRESS_NOTE} {told[:60]!a}, which is not an IP address that others can use")
            elif len(valid) < bounds.MAX_ADDRESSES:
                valid[address] = None
    if len(valid) < 2:
        return tuple(valid)
    return tuple(sorted(valid, key=lambda address: ":" in address))  # stable: IPv4 first, else as told


def _network_mode(container: messages.ContainerInfo, told: Sequence[messages.NetworkInfo]) -> NetworkMode:
    docker = container.docker.network
    if docker in ("HOST", "BRIDGE"):
        return NetworkMode[docker]
    if not docker and not container.network_infos and not any(info.name for info in told):
        return NetworkMode.HOST
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
