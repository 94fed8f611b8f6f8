"""The guard of one pool against a mass removal that nobody asked for. Pure.

Mesos tells the end of a task, an agent or a framework with an event. When tasks are merely not named any more (a master
that lost its registry or is still learning, an address of another cluster), a few of them ended in between; when more
than a share of a pool's servers goes that way at once, the view is more likely wrong than the servers. They are *held*
then: kept as they were until their tasks are named again, somebody accepts the removal, or the place of a server is
known to be somebody else's.
"""

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace

from api.dcos_template.selecting.endpoint import Endpoint
from api.dcos_template.selecting.touched import Spot
from api.mesos_listener.task import NetworkMode, Task

#: Percent of a pool's servers that may go unexplained at once.
DEFAULT_PERCENT = 50
#: Fewer than so many are never held while Mesos names any task at all: an application of one or two instances that ends
#: during a failover of the master looks the same.
LEAST = 3

#: An address and a port.
Place = tuple[str, int]


def places_of(task: Task) -> Iterator[Place]:
    """The addresses and ports at which a task is by the word of Mesos: a task's own would let go servers of others.

    On its agent these are the ports that Mesos gave to it. Its container's addresses count where an executor of Mesos
    tells them, and not a framework's own; in a container on a bridge they mean something to its agent alone.
    """
    told = task.addresses if task.network_mode is NetworkMode.CONTAINER and not task.executor_id else ()
    addresses = [address for address in told if address != task.agent_address]
    for port in task.ports:
        if port.number and not port.unallocated:
            yield task.agent_address, port.number
        if inside := port.container_port or port.number:
            yield from ((address, inside) for address in addresses)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Servers that are kept; `since` in epoch seconds, also the name of this hold."""

    since: float
    kept: Mapping[Spot, Endpoint] = field(default_factory=dict)
    places: frozenset[Place] = field(init=False, compare=False, repr=False)
    """Where those that are kept are: every change of a task is compared with them."""

    def __post_init__(self) -> None:
        places = frozenset((one.host, one.port) for one in self.kept.values())
        object.__setattr__(self, "places", places)

    @property
    def count(self) -> int:
        """How many servers are kept."""
        return len(self.kept)

    def reason(self) -> str:
        """A sentence for people."""
        several, backends = self.count != 1, sorted({spot.backend for spot in self.kept})
        return (
            f"{self.count} server{'s are' if several else ' is'} kept in {', '.join(backends)}:"
            f" Mesos does not name {'their tasks' if several else 'its task'} any more,"
            f" and no event said that {'they' if several else 'it'} ended"
        )


def judge(
    hold: Hold | None,
    missing: Mapping[Spot, Endpoint],
    there: Callable[[Spot], bool],
    here: int,
    *,
    percent: int,
    cluster_is_empty: bool,
    now: float,
    waiting: bool = False,
) -> Hold | None:
    """What is held from now on. `missing` are servers whose tasks were not named any more since the last time, `there`
    tells whether somebody names a server now, `here` how many servers of the pool somebody does; `percent` is the
    setting (0: never hold). While the master is `waiting` for agents, all are held, however few they are."""
    if percent <= 0:
        return None
    before = hold.kept if hold else {}
    kept = {spot: one for spot, one in ({**before, **missing}).items() if not there(spot)}
    count = len(kept)
    if not count or (not waiting and count * 100 <= percent * (count + here)):
        return None
    if hold is None and not waiting and count < LEAST and not cluster_is_empty:
        return None
    return replace(hold, kept=kept) if hold else Hold(since=now, kept=kept)


def without(hold: Hold, taken: Set[Place]) -> Hold | None:
    """The hold without servers at whose address and port something else is known to run."""
    if hold.places.isdisjoint(taken):
        return hold
    return only(hold, lambda spot: (hold.kept[spot].host, hold.kept[spot].port) not in taken)


def only(hold: Hold, wanted: Callable[[Spot], bool]) -> Hold | None:
    """The hold of those servers alone."""
    kept = {spot: one for spot, one in hold.kept.items() if wanted(spot)}
    return replace(hold, kept=kept) if kept else None
