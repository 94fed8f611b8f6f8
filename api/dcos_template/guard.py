"""The guard of one pool against a mass removal that nobody asked for. Pure.

Mesos tells the end of a task, an agent or a framework with an event. When tasks are merely not named any more (a master
that lost its registry or is still learning, an address of another cluster), a few of them ended in between; when more
than a share of a pool's servers goes that way at once, the view is more likely wrong than the servers. They are *held*
then: kept as they were until their tasks are named again, somebody accepts the removal, or the place of a server is
known to be somebody else's.
"""

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from api.dcos_template.endpoint import Endpoint

#: Percent of a pool's servers that may go unexplained at once.
DEFAULT_PERCENT = 50
#: Fewer than so many are never held while Mesos names any task at all: an application of one or two instances that ends
#: during a failover of the master looks the same.
LEAST = 3

Backends = Mapping[str, Collection[Endpoint]]
#: An address and a port.
Place = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Servers that are kept, by backend; `since` in epoch seconds, also the name of this hold."""

    since: float
    kept: Mapping[str, frozenset[Endpoint]] = field(default_factory=dict)
    places: frozenset[Place] = field(init=False, compare=False, repr=False)
    """Where those that are kept are: every change of a task is compared with them."""

    def __post_init__(self) -> None:
        places = frozenset((one.host, one.port) for ones in self.kept.values() for one in ones)
        object.__setattr__(self, "places", places)

    @property
    def count(self) -> int:
        """How many servers are kept."""
        return sum(map(len, self.kept.values()))

    def reason(self) -> str:
        """A sentence for people."""
        several = self.count != 1
        return (
            f"{self.count} server{'s are' if several else ' is'} kept in {', '.join(sorted(self.kept))}:"
            f" Mesos does not name {'their tasks' if several else 'its task'} any more,"
            f" and no event said that {'they' if several else 'it'} ended"
        )


def judge(
    hold: Hold | None,
    missing: Backends,
    selected: Backends,
    *,
    percent: int,
    cluster_is_empty: bool,
    now: float,
) -> Hold | None:
    """What is held from now on. `missing` are servers whose tasks were not named any more since the last time,
    `selected` those of all backends now, `percent` the setting (0: never hold)."""
    if percent <= 0:
        return None
    present = {name: {one[:3] for one in told} for name, told in selected.items()}
    before = hold.kept if hold else {}
    kept = {}
    for name in before.keys() | missing.keys():
        gone = frozenset(
            one for one in (*before.get(name, ()), *missing.get(name, ())) if one[:3] not in present.get(name, ())
        )
        if gone:
            kept[name] = gone
    count, here = sum(map(len, kept.values())), sum(map(len, present.values()))
    if count * 100 <= percent * (count + here):
        return None
    if hold is None and count < LEAST and not cluster_is_empty:
        return None
    return replace(hold, kept=kept) if hold else Hold(since=now, kept=kept)


def without(hold: Hold, taken: Set[Place]) -> Hold | None:
    """The hold without servers at whose address and port something else is known to run."""
    if hold.places.isdisjoint(taken):
        return hold
    kept = {
        name: left
        for name, ones in hold.kept.items()
        if (left := frozenset(one for one in ones if (one.host, one.port) not in taken))
    }
    return replace(hold, kept=kept) if kept else None


def with_kept(hold: Hold | None, backend: str, endpoints: Sequence[Endpoint]) -> tuple[Endpoint, ...]:
    """The endpoints of a backend together with those that are held for it."""
    kept = hold.kept.get(backend, frozenset[Endpoint]()) if hold else ()
    if not kept:
        return tuple(endpoints)
    unique = {one[:3]: one for one in kept} | {one[:3]: one for one in endpoints}
    return tuple(sorted(unique.values()))
