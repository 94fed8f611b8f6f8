"""Ordered routing rules as map files, without losing their order.

Documented: the first rule whose conditions all hold wins. All hosts of rules are known here, so for each of them (and
for every other host) the rules that can apply are listed once; hosts with equal lists share a *group*. Within a group
the winner for each path prefix E is the first rule whose prefix is a prefix of E; since a path whose longest listed
prefix is E begins with exactly the prefixes of E, one longest-prefix lookup of `<group>|<path>` gives the documented
answer. A prefix at which the same backend wins as at the next shorter one is left out: it changes no answer.

Rules without a host are not repeated in the groups of hosts; hosts times rules would be too many lines. They are a
group of their own, in which each line tells its *turn*: rules with and without a host that follow each other in the
list count 0, 1, 2, ... A rule of a host before which stands no rule without one is its backend and final. Any other
line of a host tells its turn and that group, and whichever of the two lookups has the lower turn wins. A host for which
some paths have no rule has a line that comes after all turns.

A group is named by what it leads to, so its lines never change their meaning: whoever brings a running HAProxy from
one pair of maps to another adds lines to `paths` first, then edits `hosts`, then takes lines out of `paths`, and at
every moment each host finds its old group or its new one whole, and through it the rules without a host that belong to
it.

Pure. Knows MapRules and the texts of two map files. Does not know how HAProxy is told to use them.
"""

import hashlib
import heapq
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from scheduler.pools.model import MapRule
from sdk.errors import InvalidSpec

#: Both maps together; 16 MB of text are more than anybody writes.
MOST_LINES = 200_000
#: Stands in `hosts` for all hosts that no rule names. No host can be called so.
ANY_HOST = "*"
_SEPARATOR = "|"  # neither in hosts nor in the name of a group, so no group is a prefix of another
_TURN = "|{turn:07}|{backend}"  # no backend's name begins like that; as text they are in the order of turns
_NO_RULE = "|~|"  # after all turns, and no backend


class _Numbered(NamedTuple):
    """A rule at its place in the list, and what stands in the map where it wins."""

    number: int
    prefix: str
    value: str


class MapEntry(NamedTuple):
    """One line of a map file."""

    key: str
    value: str

    @property
    def backend(self) -> str:
        """The backend that a line of `paths` leads to; empty when it leads to none."""
        return self.value.split("|")[2] if self.value.startswith("|") else self.value


class Routes(NamedTuple):
    """`hosts` maps a host (with or without port) to its group, `paths` maps `<group>|<prefix>` to what wins there.

    That is `<backend>`, or `|<turn>|<backend>|<other group>` when a lower turn in the other group wins.
    """

    hosts: tuple[MapEntry, ...]
    paths: tuple[MapEntry, ...]

    @property
    def ports_in_hosts(self) -> bool:
        """True when some rule names a host together with a port."""
        return any(":" in entry.key for entry in self.hosts)

    @property
    def turns(self) -> bool:
        """True when some line has to be compared with another group's."""
        return any(entry.value.startswith("|") for entry in self.paths)


def build_routes(rules: Sequence[MapRule]) -> Routes:
    """The two maps of a frontend; sorted, so that equal rules give equal files.

    Raises InvalidSpec when they would have more than MOST_LINES lines: a rule of a host is repeated for each of the
    host's ports that have rules of their own.
    """
    maps = _Maps()
    by_host: dict[str, list[tuple[int, int, MapRule]]] = {}
    turn = 0
    for number, rule in enumerate(rules):
        turn += bool(rule.host_eq) == bool(turn % 2)  # even turns are those of hosts
        by_host.setdefault(rule.host_eq, []).append((number, turn, rule))
    others = by_host.pop("", [])
    maps.add_host(ANY_HOST, [_Numbered(number, rule.path_beg, rule.backend) for number, _, rule in others])
    with_turns = [_Numbered(number, rule.path_beg, _of_turn(turn, rule)) for number, turn, rule in others]
    last = _Numbered(len(rules), "", _NO_RULE)
    other = f"|{_group(_winners([*with_turns, last]))}" if others else ""
    compared = False
    for host in sorted(by_host):
        # A host without port stands for that host on every port.
        names = dict.fromkeys((host, host.partition(":")[0]))
        own = [
            _Numbered(number, rule.path_beg, f"{_of_turn(turn, rule)}{other}" if turn else rule.backend)
            for number, turn, rule in heapq.merge(*(by_host.get(name, ()) for name in names))
        ]
        if others:
            own.append(last._replace(value=f"{_NO_RULE}{other}"))
        compared |= maps.add_host(host, own)
    if compared:
        maps.add_group([*with_turns, last])
    return Routes(tuple(sorted(maps.hosts)), tuple(sorted(maps.paths)))


class _Maps:
    """The lines so far."""

    def __init__(self) -> None:
        self.hosts: list[MapEntry] = []
        self.paths: set[MapEntry] = set()

    def add_host(self, host: str, rules: Sequence[_Numbered]) -> bool:
        """Whether any line of its group has to be compared with another one."""
        group, compared = self.add_group(rules)
        self.hosts.append(MapEntry(host, group))
        return compared

    def add_group(self, rules: Sequence[_Numbered]) -> tuple[str, bool]:
        """Its name, and whether any of its lines has to be compared with another one."""
        winners = _winners(rules)
        group = _group(winners)
        self.paths.update(MapEntry(f"{group}{_SEPARATOR}{prefix}", value) for prefix, value in winners)
        if len(self.paths) > MOST_LINES:
            why = (
                f"has so many rules, and hosts with many ports for which those of the host without a port are repeated,"
                f" that it needs more than {MOST_LINES} lines: split it into several pools"
            )
            raise InvalidSpec("linkBackend.map", why)
        return group, any(value.startswith("|") for _, value in winners)


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
