"""Rules that can never match, as far as it can be known without requests. Pure.

Another rule takes everything that a rule could if it stands before it and none of its conditions asks for more: for
each host of a rule, and the beginning, the end and the expressions of its path, what asks for less is looked up among
the rules before. That grows with the rules, not with their square. Of expressions it is known that equal ones ask for
the same, and mostly whether a name holds one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import NamedTuple

from scheduler.pools.expression import BadExpression
from scheduler.pools.model import Asked, MapRule
from scheduler.pools.routing import covering, host_holds

_MOST_EXPRESSIONS = 20
# Ports that clients may name; one more does not matter.
_PORTS = ("", ":80", ":443", ":8080", ":8443", ":1")


class Never(NamedTuple):
    """A rule that matches nothing, at least for `hosts`, and why: a sentence that goes on behind "never matches"."""

    number: int
    hosts: tuple[str, ...]
    """Empty when it is all of it."""
    why: str


class _Key(NamedTuple):
    """What a rule asks for at one host."""

    host: str
    path_beg: str
    path_end: str
    host_reg: str
    path_reg: str
    asked: frozenset[tuple[str, Asked]]
    """Of headers and cookies."""


def never_matching(rules: Sequence[MapRule]) -> Iterator[Never]:
    """In the order of the rules."""
    before = _Before()
    for number, rule in enumerate(rules):
        hosts = rule.hosts or ("",)
        taken = {host: taker for host in hosts if (taker := before.taker(_key(host, rule))) is not None}
        if taken:
            names = () if len(taken) == len(hosts) else tuple(taken)
            yield Never(number, names, f"because {_takers(sorted(set(taken.values())))} all of it")
        elif rule.host_reg and rule.hosts and not any(_may_hold(rule.host_reg, host) for host in hosts):
            yield Never(number, (), f"because hostReg {rule.host_reg} is not found in what hostEq names")
        for host in hosts:
            before.add(number, _key(host, rule))


def _key(host: str, rule: MapRule) -> _Key:
    asked = frozenset(
        [
            *(("header", replace(one, name=one.name.lower())) for one in rule.headers),
            *(("cookie", one) for one in rule.cookies),
        ]
    )
    # Any path begins with /.
    return _Key(host, rule.path_beg.removeprefix("/"), rule.path_end, rule.host_reg, rule.path_reg, asked)


def _takers(numbers: Sequence[int]) -> str:
    *others, last = (f"map[{number}]" for number in numbers)
    return f"{', '.join(others)} and {last} take" if others else f"{last} takes"


def _may_hold(expression: str, host: str) -> bool:
    return host.startswith("*") or any(
        _holds(expression, f"{host}{port}") for port in _PORTS if not (":" in host and port)
    )


def _holds(expression: str, host: str) -> bool:
    try:
        return host_holds(expression, host)
    except BadExpression:
        return True  # of an earlier release: nothing is known of it


class _Before:
    """The rules so far."""

    def __init__(self) -> None:
        self._seen: dict[_Key, int] = {}
        self._begins: set[int] = set()
        self._ends: set[int] = set()
        self._expressions: dict[str, None] = {}

    def add(self, number: int, key: _Key) -> None:
        self._seen.setdefault(key, number)
        self._begins.add(len(key.path_beg))
        self._ends.add(len(key.path_end))
        if key.host_reg and not key.host and len(self._expressions) < _MOST_EXPRESSIONS:
            self._expressions[key.host_reg] = None

    def taker(self, key: _Key) -> int | None:
        """The first rule that takes everything that this could."""
        begins = {key.path_beg[:length] for length in self._begins if length <= len(key.path_beg)}
        ends = {key.path_end[len(key.path_end) - length :] for length in self._ends if length <= len(key.path_end)}
        less = product(
            dict.fromkeys((*covering(key.host), "")) if key.host else ("",),
            begins,
            ends,
            {key.host_reg, "", *(one for one in self._expressions if self._is_in(one, key.host))},
            {key.path_reg, ""},
            {key.asked, frozenset()},
        )
        return min((self._seen[one] for one in map(_Key._make, less) if one in self._seen), default=None)

    def _is_in(self, expression: str, host: str) -> bool:
        """Whether it is found in this host on every port: behind the name the port follows, which only $ looks at."""
        if not host or host.startswith("*") or (":" not in host and "$" in expression):
            return False
        return _holds(expression, host)
