"""Ordered routing rules as map files, without losing their order.

Documented: the first rule whose conditions all hold wins. All hosts of rules are known here, so for each of them (and
for every other host) the rules that can apply are listed once; hosts with equal lists share a *group*. Within a group
the winner for each path prefix E is the first rule whose prefix is a prefix of E; since a path whose longest listed
prefix is E begins with exactly the prefixes of E, one longest-prefix lookup of `<group>|<path>` gives the documented
answer. A prefix at which the same backend wins as at the next shorter one is left out: it changes no answer.

`*.example.com` is a host among others: a host that ends so has the rules of both in its list, in their order.

Rules without a host are not repeated in the groups of hosts; hosts times rules would be too many lines. They are a
group of their own, in which each line tells its *turn*: rules with a host, without one, and with patterns that follow
each other in the list count 0, 1, 2, ... A rule of a host before which stand only such is its backend and final. Any
other line of a host tells its turn and that group, and whichever of the two lookups has the lower turn wins. A host for
which some paths have no rule has a line that comes after all turns.

Rules with patterns are in no map. They are tried one after the other, and the first that matches has its turn, too.

A group is named by what it leads to, so its lines never change their meaning: whoever brings a running HAProxy from
one pair of maps to another adds lines to `paths` first, then edits `hosts`, then takes lines out of `paths`, and at
every moment each host finds its old group or its new one whole, and through it the rules without a host that belong to
it.

Pure. Knows MapRules and the texts of two map files. Does not know how HAProxy is told to use them.
"""

import hashlib
import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from scheduler.pools.model import MapRule
from scheduler.pools.routing import covering
from sdk.errors import InvalidSpec

#: Both maps together; 16 MB of text are more than anybody writes.
MOST_LINES = 200_000
#: Stands in `hosts` for all hosts that no rule names. No host can be called so.
ANY_HOST = "*"
_SEPARATOR = "|"  # neither in hosts nor in the name of a group, so no group is a prefix of another
_TURN = "|{turn:07}|{backend}"  # no backend's name begins like that; as text they are in the order of turns
_NO_RULE = "|~|"  # after all turns, and no backend
_NEVER = 10**7  # after all turns


class _Numbered(NamedTuple):
    """A rule at its place in the list, and what stands in the map where it wins."""

    number: int
    prefix: str
    value: str


_LAST = _Numbered(_NEVER, "", _NO_RULE)


class _Placed(NamedTuple):
    """A rule at its place in the list, with its turn."""

    number: int
    turn: int
    rule: MapRule


class MapEntry(NamedTuple):
    """One line of a map file."""

    key: str
    value: str

    @property
    def backend(self) -> str:
        """The backend that a line of `paths` leads to; empty when it leads to none."""
        return self.value.split("|")[2] if self.value.startswith("|") else self.value


class Tried(NamedTuple):
    """A rule with patterns at its place in the list, with its turn."""

    number: int
    turn: int
    rule: MapRule

    @property
    def value(self) -> str:
        """What wins for requests that match, as in `paths`."""
        return _of_turn(self.turn, self.rule)


class Routes(NamedTuple):
    """`hosts` maps a host (with or without port) to its group, `paths` maps `<group>|<prefix>` to what wins there.

    That is `<backend>`, or `|<turn>|<backend>` when a rule in `tried` with a lower turn wins, and
    `|<turn>|<backend>|<other group>` when a lower turn in the other group wins as well.
    """

    hosts: tuple[MapEntry, ...]
    paths: tuple[MapEntry, ...]
    tried: tuple[Tried, ...] = ()

    @property
    def ports_in_hosts(self) -> bool:
        """True when some rule names a host together with a port."""
        return any(":" in entry.key for entry in self.hosts)

    @property
    def wildcards(self) -> tuple[int, ...]:
        """Of how many labels the ends of hosts are that rules name, the fewest first."""
        return tuple(sorted({entry.key.count(".") for entry in self.hosts if entry.key.startswith("*.")}))

    @property
    def turns(self) -> bool:
        """True when some line has to be compared with another group's."""
        return any(entry.value.count("|") > 2 for entry in self.paths)


def build_routes(rules: Sequence[MapRule]) -> Routes:
    """The maps of a frontend; sorted, so that equal rules give equal files.

    Raises InvalidSpec when they would have more than MOST_LINES lines: a rule of a host is repeated for each of the
    host's ports that have rules of their own, and one of `*.example.com` for each host that ends so and has some.
    """
    by_host: dict[str, list[_Placed]] = {}
    tried: list[Tried] = []
    turn = 0
    for number, rule in enumerate(rules):
        kind = 2 if rule.is_tried else 0 if rule.hosts else 1
        turn += (kind - turn) % 3
        if rule.is_tried:
            tried.append(Tried(number, turn, rule))
        for host in () if rule.is_tried else rule.hosts or (ANY_HOST,):
            by_host.setdefault(host, []).append(_Placed(number, turn, rule))
    return _Maps(by_host, tried).routes()


class _Maps:
    """The lines of the rules at each host, beside rules that are tried."""

    def __init__(self, by_host: Mapping[str, Sequence[_Placed]], tried: Sequence[Tried]) -> None:
        self._by_host, self._tried = by_host, tuple(tried)
        self._hosts: list[MapEntry] = []
        self._paths: set[MapEntry] = set()

    def routes(self) -> Routes:
        """All lines."""
        others = self._by_host.get(ANY_HOST, ())
        with_turns = [*(_Numbered(number, rule.path_beg, _of_turn(turn, rule)) for number, turn, rule in others), _LAST]
        other = f"|{_group(_winners(with_turns))}" if others else ""
        first_tried = min((one.turn for one in self._tried), default=_NEVER)
        self._add(ANY_HOST, others, first_tried, other)
        first = min(first_tried, others[0].turn if others else _NEVER)
        for host in sorted(self._by_host.keys() - {ANY_HOST}):
            names = dict.fromkeys(covering(host))
            rules = heapq.merge(*(self._by_host.get(name, ()) for name in names), key=lambda placed: placed.number)
            self._add(host, rules, first, other)
        if other and any(entry.value.endswith(other) for entry in self._paths):
            self._add_group(with_turns)
        return Routes(tuple(sorted(self._hosts)), tuple(sorted(self._paths)), self._tried)

    def _add(self, host: str, rules: Iterable[_Placed], first: int, other: str) -> None:
        """The group of a host, for which other rules are looked at from the turn `first` on, those of `other` too."""
        own = [
            _Numbered(number, rule.path_beg, rule.backend if turn < first else f"{_of_turn(turn, rule)}{other}")
            for number, turn, rule in rules
        ]
        if first < _NEVER:
            own.append(_LAST._replace(value=f"{_NO_RULE}{other}"))
        self._hosts.append(MapEntry(host, self._add_group(own)))

    def _add_group(self, rules: Sequence[_Numbered]) -> str:
        """Its name."""
        winners = _winners(rules)
        group = _group(winners)
        self._paths.update(MapEntry(f"{group}{_SEPARATOR}{prefix}", value) for prefix, value in winners)
        if len(self._paths) > MOST_LINES:
            why = (
                f"has so many rules, and hosts with many ports or under many * for which rules are repeated, that it"
                f" needs more than {MOST_LINES} lines: split it into several pools"
            )
            raise InvalidSpec("linkBackend.map", why)
        return group


def _of_turn(turn: int, rule: MapRule) -> str:
    return _TURN.format(turn=turn, backend=rule.backend)


def _group(winners: Iterable[tuple[str, str]]) -> str:
    lines = "\n".join(f"{prefix} {value}" for prefix, value in sorted(winners))
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def _winners(rules: Iterable[_Numbered]) -> list[tuple[str, str]]:
    """What wins at each prefix at which something else begins to win, of rules in their order."""
    first: dict[str, _Numbered] = {}
    for rule in rules:
        first.setdefault(rule.prefix, rule)
        if not rule.prefix:
            break  # what comes after a rule that every path meets wins nowhere
    found = []
    above: list[tuple[str, _Numbered]] = []  # prefixes of the one that is looked at, with what wins at each
    for prefix in sorted(first):
        while above and not prefix.startswith(above[-1][0]):
            above.pop()
        best = min(first[prefix], above[-1][1]) if above else first[prefix]
        if not above or best.value != above[-1][1].value:
            found.append((prefix, best.value))
        above.append((prefix, best))
    return found
