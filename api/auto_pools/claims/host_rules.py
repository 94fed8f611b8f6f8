"""The rules that are held at each host, found by the beginnings of their paths. Pure.

A host with a port is the same host: clients that come to the port say it, others do not.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator

from api.auto_pools.claims.demand import RuleKey
from api.auto_pools.claims.map_lines import is_tried


class HostRules:
    """Of all ports."""

    def __init__(self) -> None:
        self._paths: dict[tuple[int, str], list[str]] = {}
        self._keys: dict[tuple[int, str, str], dict[RuleKey, None]] = {}

    def add(self, key: RuleKey) -> None:
        """One more."""
        port, host, path = _place(key)
        if (port, host, path) not in self._keys:
            insort(self._paths.setdefault((port, host), []), path)
        self._keys.setdefault((port, host, path), {})[key] = None

    def remove(self, key: RuleKey) -> None:
        """One less."""
        port, host, path = _place(key)
        keys = self._keys[port, host, path]
        del keys[key]
        if keys:
            return
        del self._keys[port, host, path]
        paths = self._paths[port, host]
        del paths[bisect_left(paths, path)]
        if not paths:
            del self._paths[port, host]

    def alike(self, key: RuleKey) -> Iterator[RuleKey]:
        """Those that differ only in whether the host has a port, and in which."""
        for other in self._keys.get(_place(key), ()):
            if other != key and other.conditions[1:] == key.conditions[1:] and _one_is_bare(key, other):
                yield other

    def whole(self, key: RuleKey) -> Iterator[RuleKey]:
        """Those of the same host and beginning of the path that ask for nothing else."""
        for other in self._keys.get(_place(key), ()):
            if not is_tried(other) and (other.conditions.host == key.conditions.host or _one_is_bare(key, other)):
                yield other

    def below(self, port: int, host: str, path: str) -> Iterator[RuleKey]:
        """Those whose path begins so."""
        paths = self._paths.get((port, _bare(host)), [])
        for at in range(bisect_left(paths, path), len(paths)):
            if not paths[at].startswith(path):
                return
            yield from self._keys[port, _bare(host), paths[at]]

    def around(self, port: int, host: str, path: str) -> Iterator[RuleKey]:
        """Those with whose path this one begins."""
        for length in range(len(path) + 1):
            yield from self._keys.get((port, _bare(host), path[:length]), ())


def _place(key: RuleKey) -> tuple[int, str, str]:
    return key.port, _bare(key.conditions.host), key.conditions.path_beg


def _bare(host: str) -> str:
    return host.partition(":")[0]


def _one_is_bare(one: RuleKey, other: RuleKey) -> bool:
    """Two different ports are two different things that clients say."""
    return (":" in one.conditions.host) != (":" in other.conditions.host)
