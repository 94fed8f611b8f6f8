"""Rules that their weight puts before others of the same host: whose requests they would take, and who takes theirs.
Pure.

Without weights whoever asks for more of a host is looked at first, so that nobody takes what another one has. A weight
can turn that round.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from api.auto_pools.claims.app_claim import AppClaim
from api.auto_pools.claims.demand import Demand, Route, RuleKey
from api.auto_pools.claims.holders import Holders
from api.auto_pools.claims.map_lines import is_tried


class Overtaking(NamedTuple):
    """A rule of a claim and one that is held of which one would take requests that the other one asks for."""

    demand: Demand
    held: RuleKey
    is_taken: bool
    """Whether it is the held one that would lose them."""


class Weights:
    """Of the rules that are held."""

    def __init__(self) -> None:
        self._weighed: Counter[tuple[int, str]] = Counter()
        """How many rules have another weight than usual, by port and host."""

    def add(self, new: Iterable[Demand]) -> None:
        """More is held."""
        for demand in new:
            if _is_weighed(demand):
                self._weighed[_place(demand)] += 1

    def remove(self, free: Iterable[Demand]) -> None:
        """Less is held."""
        for demand in free:
            if _is_weighed(demand):
                self._weighed[_place(demand)] -= 1
                if not self._weighed[_place(demand)]:
                    del self._weighed[_place(demand)]

    def overtaking(self, claim: AppClaim, holders: Holders) -> Iterator[Overtaking]:
        """Where the claim's rules and those that are held would take what the other one asks for by name."""
        for demand in claim.demands:
            if isinstance(demand.key, RuleKey) and (self._weighed[_place(demand)] or _is_weighed(demand)):
                yield from _overtaking(demand, demand.key, holders)


def _overtaking(demand: Demand, key: RuleKey, holders: Holders) -> Iterator[Overtaking]:
    port, host, path = key.port, key.conditions.host, key.conditions.path_beg
    mine = demand.value
    assert isinstance(mine, Route)
    for held in holders.hosts.below(port, host, path) if not is_tried(key) else ():
        other = holders.value(held)
        if isinstance(other, Route) and mine.weight > other.weight and mine.group != other.group and _meet(key, held):
            yield Overtaking(demand, held, True)
    for held in holders.hosts.around(port, host, path):
        other = None if is_tried(held) else holders.value(held)
        if isinstance(other, Route) and mine.weight < other.weight and mine.group != other.group and _meet(key, held):
            yield Overtaking(demand, held, False)


def _meet(one: RuleKey, other: RuleKey) -> bool:
    """Two ports behind a host are two different things that clients say."""
    hosts = (one.conditions.host, other.conditions.host)
    return hosts[0] == hosts[1] or not all(":" in host for host in hosts)


def _is_weighed(demand: Demand) -> bool:
    """Whether it is a rule that has another weight than usual."""
    key, route = demand.key, demand.value
    return isinstance(key, RuleKey) and isinstance(route, Route) and route.weight != bool(key.conditions.path_beg)


def _place(demand: Demand) -> tuple[int, str]:
    assert isinstance(demand.key, RuleKey)
    return demand.key.port, demand.key.conditions.host.partition(":")[0]
