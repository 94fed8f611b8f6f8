"""Which rule of a frontend a request meets, by definition: the first whose conditions all hold. Pure.

Knows what each condition means. Does not know how HAProxy is told: what it does is held against this.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from scheduler.pools.model import MapRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What rules look at."""

    host: str
    """In lower case, perhaps with a port, without dots at the end of the name; `""` where a request has none."""
    path: str | None
    """Without a query; None where a request has no path (`OPTIONS *`)."""

    @classmethod
    def of(cls, host: str, url: str) -> "Target":
        """Of a request's `Host` and the path with query that it asks for."""
        name, colon, port = host.lower().partition(":")
        path = url.partition("?")[0] if url.startswith("/") else None
        return cls(host=name.rstrip(".") + colon + port, path=path)

    @property
    def name(self) -> str:
        """The host without a port."""
        return self.host.partition(":")[0]


def first_match(rules: Sequence[MapRule], target: Target) -> MapRule | None:
    """The rule that decides; None when no rule does, and the default backend takes the request."""
    return next((rule for rule in rules if mismatch(rule, target) is None), None)


def mismatch(rule: MapRule, target: Target) -> str | None:
    """Why the rule does not match: its first condition that does not hold, as a sentence; None when all hold."""
    if rule.host_eq and rule.host_eq not in (target.host, target.name):
        return f"hostEq {rule.host_eq} is not the host {target.host}"
    if rule.path_beg and not (target.path or "").startswith(rule.path_beg):
        return f"the path {target.path} does not begin with {rule.path_beg} (pathBeg)"
    return None
