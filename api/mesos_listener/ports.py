"""The ports of a task: what it announces, what is mapped, and what Mesos gave to it. Pure."""

from collections.abc import Iterator, Sequence
from sys import intern

from api.mesos_listener import messages
from api.mesos_listener import task as bounds
from api.mesos_listener.labels import read_labels
from api.mesos_listener.notes import Notes
from api.mesos_listener.task import Agent, Port, Task

#: Port of the agent (0: none), port inside, protocol.
_Mapping = tuple[int, int, str]
#: First and last port.
_Range = tuple[int, int]


def ports_on(task: Task, agent: Agent) -> tuple[Port, ...]:
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


def _ports(raw: messages.Task, notes: Notes) -> Iterator[Port]:
    """What the task announces (DiscoveryInfo) first; else its port mappings; else the ports it was allocated."""
    announced = raw.discovery.ports.ports
    mappings = _port_mappings(raw.container)
    allocated = port_ranges(raw.resources)
    if announced:
        yield from _announced(announced, mappings, allocated, notes)
    elif mappings:
        for host, inside, protocol in mappings:
            yield Port(
                number=host, container_port=inside, protocol=protocol, unallocated=_is_unallocated(host, allocated)
            )
    else:
        for first, last in allocated:
            yield from (Port(number=host) for host in range(first, last + 1))


def _announced(
    announced: Sequence[messages.Port], mappings: Sequence[_Mapping], allocated: Sequence[_Range], notes: Notes
) -> Iterator[Port]:
    inside_of = {host: inside for host, inside, _ in reversed(mappings)}
    host_of = {inside: host for host, inside, _ in reversed(mappings)}
    for port in announced:
        told, labels = _port_number(port.number), port.labels.labels
        # Marathon says with this label whether `number` is the container's port or the agent's.
        if labels and any(label.key == "network-scope" and label.value == "container" for label in labels):
            host, inside = host_of.get(told, 0), told
        else:
            host, inside = told, inside_of.get(told, 0)
        yield Port(
            name=notes.text(port.name, bounds.MAX_PORT_NAME, "name of a port"),
            number=host,
            container_port=inside,
            protocol=_protocol(port.protocol),
            labels=read_labels(port.labels, notes, "labels of ports") if labels else (),
            unallocated=_is_unallocated(host, allocated),
        )


def _is_unallocated(host: int, allocated: Sequence[_Range]) -> bool:
    return bool(host) and not any(first <= host <= last for first, last in allocated)


def read_ports(raw: messages.Task, notes: Notes) -> tuple[Port, ...]:
    """The ports of a task, as many as are kept."""
    kept: list[Port] = []
    left_out = size = 0
    for port in _ports(raw, notes):
        size += len(port.name)
        if port.labels:
            size += sum(len(key) + len(value) for key, value in port.labels)
        if len(kept) < bounds.MAX_PORTS and size <= bounds.MAX_PORTS_TEXT:
            kept.append(port)
        else:
            left_out += 1
    if left_out:
        notes.add(f"{left_out} of its {left_out + len(kept)} ports are not used: they are too many or too long")
    return tuple(kept)


def _port_mappings(container: messages.ContainerInfo) -> Sequence[_Mapping]:
    if not container.docker.port_mappings and not container.network_infos:
        return ()
    return [
        (_port_number(entry.host_port), inside, _protocol(entry.protocol))
        for source in (container.docker.port_mappings, *(info.port_mappings for info in container.network_infos))
        for entry in source
        if (inside := _port_number(entry.container_port))
    ]


def _port_number(value: int) -> int:
    return value if 0 < value < 65536 else 0


def _protocol(text: str) -> str:
    return intern(text) if len(text) <= 64 else ""


def port_ranges(resources: Sequence[messages.Resource]) -> tuple[_Range, ...]:
    """The ranges of all `ports` resources, first and last port, as they stand there."""
    return tuple(
        (one.begin, one.end)
        for resource in resources
        if resource.name == "ports"
        for one in resource.ranges.range
        if 0 < one.begin <= one.end < 65536
    )
