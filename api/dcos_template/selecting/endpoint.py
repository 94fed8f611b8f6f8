"""Which address and ports of a task become servers, and why others do not. Pure.

Knows endpoint types and what may be believed of a task: its agent's address comes from Mesos, everything else from the
task itself. Does not know selectors, pools or HAProxy.
"""

import hashlib
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from api.mesos_listener.task import NetworkMode, Port, Task
from pool_executor.contract import State
from scheduler.pools.model import Endpoint as EndpointWish
from scheduler.pools.model import EndpointType
from scheduler.pools.words.server_fields import field_words
from scheduler.pools.words.server_words import ServerWords, check_problem, misc_problem, server_words
from sdk.net.address import Reach, canonical, parse, reach

#: Servers that one task becomes at most, however many ports it announces (`allPorts`).
SERVERS_PER_TASK = 100
_MOST_NAMED = 3
# What no server is reached by, and what reaches the balancer's own machine or link instead of the task.
_SUSPECT = frozenset({Reach.LOOPBACK, Reach.UNSPECIFIED, Reach.LINK_LOCAL, Reach.MULTICAST})
# Of the agent's own address Mesos says that tasks listen there: agents of one machine may be told apart by 127.0.0.x.
_FINE_FOR_AGENTS = frozenset({Reach.HOST, Reach.LOOPBACK, Reach.LINK_LOCAL})


#: HAProxy's usual weight, which is 1.
NO_WEIGHT = -1


class Kind(StrEnum):
    """Where an endpoint's address comes from; the word is part of the server's name."""

    ADDRESS = "address"
    AGENT_IP = "agentip"
    CONTAINER_IP = "containerip"


class Endpoint(NamedTuple):
    """One server of a backend. Sorts by kind, host and port, which is the documented order of servers."""

    kind: Kind
    host: str
    port: int
    check: bool = True
    task: str = ""
    """The id of the task behind it; empty for an address that the pool itself names."""
    state: State = State.READY
    words: str = ""
    """Key of the words that its service says of it; empty when it says none."""
    weight: int = NO_WEIGHT

    @property
    def name(self) -> str:
        """What the server is called, which no other of its backend is."""
        return f"{self.kind}_{self.host}_{self.port}"


class Chosen(NamedTuple):
    """The servers that a task becomes, and why it becomes fewer than it seems to offer (empty: it does not)."""

    endpoints: tuple[Endpoint, ...] = ()
    left_out: str = ""


def task_endpoints(wish: EndpointWish, task: Task, most: int = SERVERS_PER_TASK, state: State = State.READY) -> Chosen:
    """The servers of a task. It becomes none when it has no such address or port yet, which is nothing to tell."""
    in_container = wish.type is EndpointType.CONTAINER_IP or (
        wish.type is EndpointType.AUTO_IP and task.network_mode is NetworkMode.CONTAINER
    )
    agent = _canonical(task.agent_address)
    if in_container:
        kind, (host, why) = Kind.CONTAINER_IP, _container_address(wish, task, agent)
    else:
        kind, (host, why) = Kind.AGENT_IP, _agent_address(task, agent)
    if not host:
        return Chosen(left_out=why)
    ports, why = _port_numbers(wish, task, in_container=in_container, on_agent=host == agent)
    if len(ports) > most:
        why = f"offers {len(ports)} ports; the first {most} of them are servers"
    checked, (words, weight) = wish.check.enabled, said_of(wish)
    found = (Endpoint(kind, host, port, checked, task.id, state, words, weight) for port in ports[:most])
    return Chosen(tuple(found), why)


def said_of(wish: EndpointWish) -> tuple[str, int]:
    """Key of the words that servers go by, and their weight."""
    return _said(field_words(wish), wish.misc_str, wish.check.custom_str if wish.check.enabled else "")


# Asked for every task; the texts are those of the services that there are.
@lru_cache(maxsize=16384)
def _said(fields: str, misc: str, check: str) -> tuple[str, int]:
    words, weight = _spoken(fields, misc, check)
    return (words_key(words), NO_WEIGHT if weight is None else weight)


def spoken(wish: EndpointWish) -> ServerWords:
    """The words that servers go by and their weight; none when they break the rules that are in force now."""
    return _spoken(field_words(wish), wish.misc_str, wish.check.custom_str if wish.check.enabled else "")


def _spoken(fields: str, misc: str, check: str) -> ServerWords:
    if misc_problem(fields) or misc_problem(misc) or check_problem(check):
        return ServerWords()
    return server_words(f"{fields} {misc}", check)


def words_key(words: str) -> str:
    """The same for equal words, in whatever service."""
    return hashlib.sha256(words.encode()).hexdigest()[:12] if words else ""


def standing(task: Task) -> State | None:
    """What the servers of a task may be asked for; None when it has none."""
    if task.leaving:  # it finishes what it has, and what is bound to it
        return None if task.healthy is False else State.DRAIN
    return State.READY if task.takes_traffic else None


def _agent_address(task: Task, agent: str) -> tuple[str, str]:
    found = _reach(agent)
    if found is None:
        return "", f"its agent {task.agent_hostname or task.agent_id} is known without an IP address"
    if found not in _FINE_FOR_AGENTS:
        return "", f"its agent's address {agent} is {_article(found)} address"
    return agent, ""


# Agents are few, and each task names one: their addresses are looked at once.
@lru_cache(maxsize=16_384)
def _canonical(address: str) -> str:
    return canonical(address)


@lru_cache(maxsize=16_384)
def _reach(address: str) -> Reach | None:
    parsed = parse(address)
    return None if parsed is None else reach(parsed)


def _container_address(wish: EndpointWish, task: Task, agent: str) -> tuple[str, str]:
    """The first address that can be used, and else why none can."""
    why = "tells no IP address of its container"
    for told in task.addresses:
        address = parse(told)
        if address is None:
            continue
        host, found = str(address), reach(address)
        if wish.trust_announced or found not in _SUSPECT or (host == agent and found in _FINE_FOR_AGENTS):
            return host, ""
        why = f"tells {host} as its container's address, which is {_article(found)} address"
    return "", "; ".join((why, *task.notes))


def _port_numbers(wish: EndpointWish, task: Task, *, in_container: bool, on_agent: bool) -> tuple[list[int], str]:
    """The ports, each once, and why others are left out."""
    found: dict[int, None] = {}
    refused: dict[int, None] = {}
    for port in _wished_ports(wish, task):
        number = (port.container_port or port.number) if in_container else port.number
        if not number:
            continue
        # The agent's ports belong to those whom Mesos gave them to; a container's own are the container's affair.
        foreign = port.unallocated or number != port.number
        if on_agent and foreign and not wish.trust_announced:
            refused[number] = None
        else:
            found[number] = None
    if not refused:
        return list(found), ""
    named = ", ".join(map(str, list(refused)[:_MOST_NAMED]))
    more = f" and {len(refused) - _MOST_NAMED} more" if len(refused) > _MOST_NAMED else ""
    return list(found), f"announces port {named}{more}, which Mesos did not give to it"


def _wished_ports(wish: EndpointWish, task: Task) -> Iterator[Port]:
    if wish.port:
        yield Port(number=wish.port, container_port=wish.port)
        return
    # HAProxy forwards TCP only.
    ports = (port for port in task.ports if not port.is_udp_only)
    if wish.port_name:
        yield from (port for port in ports if port.name == wish.port_name)
    elif wish.all_ports:
        yield from ports
    else:
        for port in ports:
            yield port
            return


def _article(found: Reach) -> str:
    return f"an {found}" if found is Reach.UNSPECIFIED else f"a {found}"
