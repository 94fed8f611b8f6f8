"""Ordered routing rules as map files, without losing their order.

Documented: the first rule whose conditions all hold wins. All hosts of rules are known here, so for each of them (and
for every other host) the rules that can apply are listed once; hosts with equal lists share a *group*. Within a group
the winner for each path prefix E is the first rule whose prefix is a prefix of E; since a path whose longest listed
prefix is E begins with exactly the prefixes of E, one longest-prefix lookup of `<group>|<path>` gives the documented
answer. A prefix at which the same backend wins as at the next shorter one is left out: it changes no answer.

A group is named by what it leads to, so its lines never change their meaning: whoever brings a running HAProxy from
one pair of maps to another adds lines to `paths` first, then edits `hosts`, then takes lines out of `paths`, and at
every moment each host finds its old group or its new one whole.

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


_Numbered = tuple[int, str, str]


class MapEntry(NamedTuple):
    """One line of a map file."""

    key: str
    value: str


class Routes(NamedTuple):
    """`hosts` maps a host (with or without port) to its group, `paths` maps `<group>|<prefix>` to a backend."""

    hosts: tuple[MapEntry, ...]
    paths: tuple[MapEntry, ...]

    @property
    def ports_in_hosts(self) -> bool:
        """True when some rule names a host together with a port."""
        return any(":" in entry.key for entry in self.hosts)


def build_routes(rules: Sequence[MapRule]) -> Routes:
    """The two maps of a frontend; sorted, so that equal rules give equal files.

    Raises InvalidSpec when they would have more than MOST_LINES lines: a rule without a host is repeated for each host
    whose own rules do not come before it.
    """
    by_host: dict[str, list[_Numbered]] = {}
    for number, rule in enumerate(rules):
        by_host.setdefault(rule.host_eq, []).append((number, rule.path_beg, rule.backend))
    paths = set[MapEntry]()
    hosts = []
    for host in (ANY_HOST, *sorted(by_host.keys() - {""})):
        # A host without port stands for that host on every port.
        names = dict.fromkeys(("", host, host.partition(":")[0]))
        winners = _winners([by_host.get(name, ()) for name in names])
        group = _group(winners)
        paths.update(MapEntry(f"{group}{_SEPARATOR}{prefix}", backend) for prefix, backend in winners)
        hosts.append(MapEntry(host, group))
        if len(paths) > MOST_LINES:
            why = (
                f"has so many hosts, and rules without a host before or beside theirs, that it needs more than"
                f" {MOST_LINES} lines: put rules without a host behind those with one, or split it into several pools"
            )
            raise InvalidSpec("linkBackend.map", why)
    return Routes(tuple(sorted(hosts)), tuple(sorted(paths)))


def _group(winners: Iterable[tuple[str, str]]) -> str:
    lines = "\n".join(f"{prefix} {backend}" for prefix, backend in sorted(winners))
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def _winners(lists: Iterable[Sequence[_Numbered]]) -> list[tuple[str, str]]:
    """The backend for each prefix at which another one begins to win, of rules that are each in their order."""
    first: dict[str, tuple[int, str]] = {}
    for number, prefix, backend in heapq.merge(*lists):
        first.setdefault(prefix, (number, backend))
        if not prefix:
            break  # what comes after a rule that every path meets wins nowhere
    lengths = sorted({len(prefix) for prefix in first})
    best: dict[str, tuple[int, str]] = {}
    found = []
    for prefix in sorted(first, key=len):
        shorter = next(
            (prefix[:length] for length in reversed(lengths) if length < len(prefix) and prefix[:length] in best), None
        )
        above = None if shorter is None else best[shorter]
        best[prefix] = min(first[prefix], above) if above is not None else first[prefix]
        if above is None or best[prefix][1] != above[1]:
            found.append((prefix, best[prefix][1]))
    return found
