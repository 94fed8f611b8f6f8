"""Which rule of a frontend a request meets, by definition: the first whose conditions all hold. Pure.

Knows what each condition means. Does not know how HAProxy is told: what it does is held against this.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from scheduler.pools.expression import plain
from scheduler.pools.model import Asked, MapRule
from scheduler.pools.words.cookies import cookie_values
from sdk.pattern import Pattern

_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What rules look at."""

    host: str
    """In lower case, perhaps with a port, without dots at the end of the name; `""` where a request has none."""
    path: str | None
    """Without a query; None where a request has no path (`OPTIONS *`)."""
    headers: tuple[tuple[str, str], ...] = ()
    """Names and values of the lines, in their order."""

    @classmethod
    def of(cls, host: str, url: str, headers: Iterable[tuple[str, str]] = ()) -> "Target":
        """Of a request's `Host`, the path with query that it asks for, and its other headers."""
        name, colon, port = host.lower().partition(":")
        path = url.partition("?")[0] if url.startswith("/") else None
        return cls(host=name.rstrip(".") + colon + port, path=path, headers=tuple(headers))

    @property
    def name(self) -> str:
        """The host without a port."""
        return self.host.partition(":")[0]

    def header(self, name: str) -> list[str]:
        """What each line of this header says."""
        return [value.strip(" \t") for one, value in self.headers if one.lower() == name.lower()]

    def cookie(self, name: str) -> list[str]:
        """What each cookie of this name says."""
        return [value for line in self.header("cookie") for value in cookie_values(line, name)]


def first_match(rules: Sequence[MapRule], target: Target) -> MapRule | None:
    """The rule that decides; None when no rule does, and the default backend takes the request."""
    return next((rule for rule in rules if mismatch(rule, target) is None), None)


def mismatch(rule: MapRule, target: Target) -> str | None:
    """Why the rule does not match: its first condition that does not hold, as a sentence; None when all hold."""
    return host_mismatch(rule, target) or path_mismatch(rule, target) or value_mismatch(rule, target)


def host_mismatch(rule: MapRule, target: Target) -> str | None:
    """The same of its conditions on the host."""
    host = target.host or "(none)"
    if rule.hosts and not any(_is_host(one, target) for one in rule.hosts):
        names = rule.hosts[0]
        if len(rule.hosts) > 1:
            names = f"one of {', '.join(rule.hosts[:_SHOWN])}{' ...' * (len(rule.hosts) > _SHOWN)}"
        return f"the host {host} is not {names}"
    if rule.host_reg and not host_holds(rule.host_reg, target.host):
        return f"hostReg {rule.host_reg} is not found in the host {host}"
    return None


def path_mismatch(rule: MapRule, target: Target) -> str | None:
    """The same of its conditions on the path."""
    path = target.path
    if path is None:
        return "the request has no path" if rule.has_path else None
    if not path.startswith(rule.path_beg):
        return f"the path {path} does not begin with {rule.path_beg}"
    if not path.endswith(rule.path_end):
        return f"the path {path} does not end with {rule.path_end}"
    if rule.path_reg and not _compiled(rule.path_reg, False).found_in(path):
        return f"pathReg {rule.path_reg} is not found in the path {path}"
    return None


def value_mismatch(rule: MapRule, target: Target) -> str | None:
    """The same of its conditions on headers and cookies."""
    kinds: tuple[tuple[str, Sequence[Asked], Callable[[str], list[str]]], ...] = (
        ("header", rule.headers, target.header),
        ("cookie", rule.cookies, target.cookie),
    )
    found = (
        _value_mismatch(f"{kind} {one.name}", one, values(one.name)) for kind, asked, values in kinds for one in asked
    )
    return next(filter(None, found), None)


def _value_mismatch(what: str, asked: Asked, values: Sequence[str]) -> str | None:
    if not values:
        return f"the request has no {what}"
    if asked.value_eq and asked.value_eq not in values:
        return f"the {what} is not {asked.value_eq}"
    if asked.value_reg and not any(_compiled(asked.value_reg, False).found_in(value) for value in values):
        return f"valueReg {asked.value_reg} is not found in the {what}"
    return None


def _is_host(wanted: str, target: Target) -> bool:
    """With a port only that one; `*.example.com` is every host that ends so, and not `example.com`."""
    if wanted.startswith("*"):
        return target.name.endswith(wanted[1:])
    return wanted in (target.host, target.name)


def host_holds(expression: str, host: str) -> bool:
    """Whether `hostReg` is found in a host; raises BadExpression for one that the API would not take."""
    return bool(host) and _compiled(expression, True).found_in(host)


def covering(host: str) -> Iterator[str]:
    """What rules may call a host: itself, without its port, and `*` with each end of the name."""
    yield host
    rest = host.partition(":")[0]
    yield rest
    while "." in rest:
        rest = rest.partition(".")[2]
        yield f"*.{rest}"


@lru_cache(maxsize=1024)
def _compiled(expression: str, lower: bool) -> Pattern:
    return Pattern(plain(expression, lower=lower))
