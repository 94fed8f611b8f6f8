"""Ordered routing rules as map files, without losing their order.

Documented: the first rule whose conditions all hold wins. All hosts of rules are known here, so for each of them (and
for every other host) the rules that can apply are listed once; hosts with equal lists share a *group*. Within a group
the winner for each path prefix E is the first rule whose prefix is a prefix of E; since a path whose longest listed
prefix is E begins with exactly the prefixes of E, one longest-prefix lookup of `<group>|<path>` gives the documented
answer.

A group is named by what it leads to, so its lines never change their meaning: whoever brings a running HAProxy from
one pair of maps to another adds lines to `paths` first, then edits `hosts`, then takes lines out of `paths`, and at
every moment each host finds its old group or its new one whole.

Pure. Knows MapRules and the texts of two map files. Does not know how HAProxy is told to use them.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from scheduler.pools.model import MapRule

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
    """The two maps of a frontend; sorted, so that equal rules give equal files."""
    by_host: dict[str, list[_Numbered]] = {}
    for number, rule in enumerate(rules):
        by_host.setdefault(rule.host_eq, []).append((number, rule.path_beg, rule.backend))
    paths = set[MapEntry]()
    hosts = []
    for host in (ANY_HOST, *sorted(by_host.keys() - {""})):
        # A host without port stands for that host on every port.
        names = dict.fromkeys(("", host, host.partition(":")[0]))
        applicable = sorted(rule for name in names for rule in by_host.get(name, ()))
        winners = _winners([(prefix, backend) for _, prefix, backend in applicable])
        group = _group(winners)
        paths.update(MapEntry(f"{group}{_SEPARATOR}{prefix}", backend) for prefix, backend in winners)
        hosts.append(MapEntry(host, group))
    return Routes(tuple(sorted(hosts)), tuple(sorted(paths)))


def _group(winners: Iterable[tuple[str, str]]) -> str:
    lines = "\n".join(f"{prefix} {backend}" for prefix, backend in sorted(winners))
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def _winners(rules: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    prefixes = dict.fromkeys(prefix for prefix, _ in rules)
    return [(prefix, next(backend for other, backend in rules if prefix.startswith(other))) for prefix in prefixes]
