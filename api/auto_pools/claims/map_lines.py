"""How many lines the maps of each port have for the rules that are held there. Pure.

A rule of a host is repeated for each of its ports that have rules, one of `*.example.com` for each host that ends so,
unless that host has all paths for itself (api/dcos_template/rendering/routes.py). So a few rules may need many lines,
and a frontend that needs too many would not be made at all. Counted is what may be needed at most.
"""

from collections import Counter
from collections.abc import Hashable, Iterable
from typing import TypeVar

from api.auto_pools.claims.demand import RuleKey
from scheduler.pools.routing import covering

K = TypeVar("K", bound=Hashable)

_Place = tuple[int, str]
"""A port and a host."""


class MapLines:
    """Of all ports."""

    def __init__(self) -> None:
        self._lines: Counter[int] = Counter()
        self._rules: Counter[_Place] = Counter()
        self._whole: Counter[_Place] = Counter()
        """Rules that meet all paths."""
        self._repeated: Counter[_Place] = Counter()
        """For how many others the rules of a host are repeated."""

    def at_port(self, port: int) -> int:
        """How many there are."""
        return self._lines[port]

    def of_host(self, port: int, host: str) -> int:
        """How many rules a host has."""
        return self._rules[port, host]

    def add(self, keys: Iterable[RuleKey]) -> None:
        """More rules."""
        for key in keys:
            self._count(key, 1)

    def remove(self, keys: Iterable[RuleKey]) -> None:
        """Less of them."""
        for key in keys:
            self._count(key, -1)

    def _count(self, key: RuleKey, by: int) -> None:
        if is_tried(key):
            return
        place = port, host = key.port, key.conditions.host
        were = self._repeated_for(place)
        before = sum(self._rules[one] for one in were)
        _add(self._rules, place, by)
        if not key.conditions.path_beg:
            _add(self._whole, place, by)
        are = self._repeated_for(place)
        after = sum(self._rules[one] for one in are)
        # Rules for all hosts may stand there twice: for hosts that are named, and for others.
        _add(self._lines, port, after - before + by * ((1 if host else 2) + self._repeated[place]))
        for other in set(were) ^ set(are):
            _add(self._repeated, other, 1 if other in are else -1)

    def _repeated_for(self, place: _Place) -> list[_Place]:
        """The other hosts whose rules are repeated for this one, if it has some of its own.

        A host without its port comes before the one with it, so its rules are met first whatever that one has.
        """
        port, host = place
        if place not in self._rules:
            return []
        others = [name for name in dict.fromkeys(covering(host)) if name != host]
        return [(port, name) for name in others if place not in self._whole or not name.startswith("*")]


def is_tried(key: RuleKey) -> bool:
    """True for a rule that is in no map: HAProxy tries it for each request."""
    _, host_reg, _, path_end, path_reg, headers, cookies = key.conditions
    return bool(host_reg or path_end or path_reg or headers or cookies)


def _add(counter: Counter[K], key: K, by: int) -> None:
    counter[key] += by
    if not counter[key]:
        del counter[key]
