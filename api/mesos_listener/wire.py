"""Tasks as messages of taskinfo.proto, and back. Knows both shapes and nothing else.

What readers get is composed of bytes: each task is written once, however many readers there are. `updated_part` and
`removed_part` are fields of a Delta; a SnapshotPage and a ListPage have their tasks in a field of the same number.
Parts that follow each other are one message.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import TypeVar, cast

from api.mesos_listener import taskinfo_pb2 as pb
from api.mesos_listener.filter import Filter
from api.mesos_listener.task import NetworkMode, Port, Task, TaskKey
from api.mesos_listener.unheard import News, Unheard, union

_T = TypeVar("_T", bound=tuple[object, ...])

_LENGTH_DELIMITED = 2
_LONGEST_SHARED = 128
_UPDATED = pb.Delta.UPDATED_FIELD_NUMBER
_REMOVED = pb.Delta.REMOVED_FIELD_NUMBER
_SNAPSHOT = pb.WatchEvent.SNAPSHOT_FIELD_NUMBER
_DELTA = pb.WatchEvent.DELTA_FIELD_NUMBER


def to_message(task: Task) -> pb.Task:
    """The message of a task."""
    message = pb.Task(
        id=task.id,
        name=task.name,
        state=task.state,
        healthy=task.healthy,
        health_checked=task.health_checked,
        framework_id=task.framework_id,
        framework_name=task.framework_name,
        agent_id=task.agent_id,
        agent_hostname=task.agent_hostname,
        agent_address=task.agent_address,
        addresses=task.addresses,
        network_mode=int(task.network_mode),  # type: ignore[arg-type] # the numbers are those of the enumeration
        discovery_name=task.discovery_name,
        executor_id=task.executor_id,
        role=task.role,
        marathon=task.marathon,
        marathon_id=task.marathon_id,
        marathon_container=task.marathon_container,
        notes=task.notes,
        started_time=task.started,
        revision=task.revision,
        leaving=task.leaving,
    )
    for key, value in task.labels:
        message.labels[key] = value
    for port in task.ports:
        told = message.ports.add(
            name=port.name,
            number=port.number,
            container_port=port.container_port,
            protocol=port.protocol,
            unallocated=port.unallocated,
        )
        for key, value in port.labels:
            told.labels[key] = value
    return message


def from_message(message: pb.Task) -> Task:
    """The task in a message."""
    try:
        mode = NetworkMode(message.network_mode)
    except ValueError:  # of a later version: an unknown network has addresses of its own
        mode = NetworkMode.CONTAINER
    return Task(
        id=message.id,
        name=_shared(message.name),
        state=_shared(message.state),
        healthy=message.healthy if message.HasField("healthy") else None,
        health_checked=message.health_checked,
        framework_id=_shared(message.framework_id),
        framework_name=_shared(message.framework_name),
        agent_id=_shared(message.agent_id),
        agent_hostname=_shared(message.agent_hostname),
        agent_address=_shared(message.agent_address),
        addresses=_addresses(message),
        network_mode=mode,
        ports=_ports(message),
        labels=tuple(sorted(message.labels.items())),
        discovery_name=_shared(message.discovery_name),
        executor_id=_shared(message.executor_id),
        role=_shared(message.role),
        marathon=message.marathon,
        marathon_id=_shared(message.marathon_id),
        marathon_container=_shared(message.marathon_container),
        notes=tuple(message.notes),
        started=message.started_time,
        revision=message.revision,
    )


def _addresses(message: pb.Task) -> tuple[str, ...]:
    # Most tasks have one, which is their agent's, or nobody else's.
    if len(message.addresses) == 1 and message.addresses[0] == message.agent_address:
        return _same((_shared(message.agent_address),))
    return tuple(message.addresses)


def _ports(message: pb.Task) -> tuple[Port, ...]:
    ports = tuple(
        Port(
            name=_shared(port.name),
            number=port.number,
            container_port=port.container_port,
            protocol=_shared(port.protocol),
            labels=tuple(sorted(port.labels.items())),
            unallocated=port.unallocated,
        )
        for port in message.ports
    )
    # Agents give away the same few thousand ports. What is long is not kept beyond its task.
    if len(ports) != 1 or ports[0].labels or len(ports[0].name) > _LONGEST_SHARED:
        return ports
    return _same(ports)


# What tasks of one application, framework or agent say again and again is kept once: a third of a copy's memory.
@lru_cache(maxsize=16_384)
def _kept(text: str) -> str:
    return text


def _shared(text: str) -> str:
    """The text, as the same object for all tasks that say it; what is long is not kept beyond its task."""
    return _kept(text) if len(text) <= _LONGEST_SHARED else text


@lru_cache(maxsize=16_384)
def _known(values: tuple[object, ...]) -> tuple[object, ...]:
    return values


def _same(values: _T) -> _T:
    """Equal values as the same object for all tasks."""
    return cast(_T, _known(values))


def key_from_message(message: pb.TaskKey) -> TaskKey:
    """The key in a message."""
    return TaskKey(framework_id=message.framework_id, id=message.id)


def filter_message(wanted: Filter) -> pb.Filter | None:
    """The message of a filter; None for all tasks."""
    if wanted.terms is None:
        return None
    terms = (
        pb.Term(field=term.field, text=term.text, pattern=term.pattern, key=term.key) for term in sorted(wanted.terms)
    )
    return pb.Filter(terms=terms)


def updated_part(task: Task) -> bytes:
    """A task as a part of a Delta, a SnapshotPage or a ListPage."""
    return _field(_UPDATED, to_message(task).SerializeToString())


def removed_part(key: TaskKey, *, missing: bool) -> bytes:
    """A removed task as a part of a Delta."""
    message = pb.TaskKey(framework_id=key.framework_id, id=key.id, missing=missing)
    return _field(_REMOVED, message.SerializeToString())


def list_page(parts: Iterable[bytes], *, revision: int, last: bool) -> bytes:
    """A ListPage."""
    return b"".join((*parts, pb.ListPage(revision=revision, last=last).SerializeToString()))


def snapshot_event(parts: Iterable[bytes], *, revision: int, first: bool) -> bytes:
    """A WatchEvent with a SnapshotPage."""
    page = b"".join((*parts, pb.SnapshotPage(first=first).SerializeToString()))
    return pb.WatchEvent(revision=revision).SerializeToString() + _field(_SNAPSHOT, page)


def delta_event(parts: Iterable[bytes], *, revision: int, token: str, event: float, index: float, news: News) -> bytes:
    """A WatchEvent with a Delta; `event` and `index` are its stamps, `news` those of agents."""
    rest = pb.Delta(
        event=event, index=index, heard=news.heard, overdue=news.overdue, others_overdue=news.others_overdue
    )
    delta = b"".join((*parts, rest.SerializeToString()))
    return pb.WatchEvent(revision=revision, resume_token=token).SerializeToString() + _field(_DELTA, delta)


def unheard_message(unheard: Unheard) -> pb.Unheard | None:
    """The message of agents that were not heard; None for none."""
    if not unheard:
        return None
    return pb.Unheard(awaited=unheard.awaited, others=unheard.others, heard=unheard.heard)


def unheard_in(synced: pb.Synced) -> Unheard:
    """The agents that were not heard, in a Synced."""
    told = synced.unheard
    return Unheard(awaited=told.awaited, others=told.others, heard=told.heard)


def news_in(pieces: Iterable[pb.Delta]) -> News:
    """The news of agents in the pieces of one Delta."""
    return union(
        [
            News(heard=frozenset(one.heard), overdue=frozenset(one.overdue), others_overdue=one.others_overdue)
            for one in pieces
        ]
    )


def _field(number: int, content: bytes) -> bytes:
    return bytes((number << 3 | _LENGTH_DELIMITED,)) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
