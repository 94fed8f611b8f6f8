"""What a pool template lets applications ask for. Pure.

Without rules an application may ask for everything that labels can say, but for a share of what applications of other
frameworks and Marathon groups have, for servers that are not its own, and for secrets of others: a secret `a/b/cert`
is for applications in or below the Marathon group `/a/b`, one without a slash for all, as DC/OS has it. Of a framework
that is no Marathon the name stands for the group. Does not know JSON (policy_schema.py).
"""

from dataclasses import dataclass, field
from enum import StrEnum

from api.auto_pools.claim import App


class Join(StrEnum):
    """Whose groups an application may join, so that its tasks get a share of the same requests."""

    ANY = "any"
    GROUP = "group"
    """Those of applications of the same framework and Marathon group."""
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """For applications that meet all that is given of `framework`, `group` and `role`; `""` meets all.

    What they may ask for is listed; None allows everything, an empty list nothing.
    """

    framework: str = ""
    """A name; `*` at the end stands for any end."""
    group: str = ""
    """Of Marathon: the application of that id, and all below it."""
    role: str = ""
    """Of Mesos, and all below it."""
    hosts: tuple[str, ...] | None = None
    """Whole, or `*.` and the end of hosts. Then rules without a host and patterns of hosts are refused."""
    paths: tuple[str, ...] | None = None
    """Each with all below it. Then rules without a beginning of the path are refused."""
    ports: tuple[tuple[int, int], ...] | None = None
    """From and to."""
    secrets: tuple[str, ...] | None = None
    """Names, or names with `/*` at the end; None: those of its own group, and those without a group."""
    options: tuple[str, ...] | None = None
    """What labels say behind the group, as `frontend.hsts`; `*` at the end stands for any end."""
    addresses: tuple[str, ...] = ()
    """Of servers that are no tasks of the application: hosts, `*.` and the end of hosts, networks, or `*` for all."""
    join: Join = Join.GROUP

    def covers(self, app: App, role: str) -> bool:
        """Whether it is for that application."""
        return (
            _meets(self.framework, app.framework)
            and (not self.group or (app.marathon and below(self.group, app.name)))
            and (not self.role or below(self.role, role))
        )

    def __str__(self) -> str:
        given = (("framework", self.framework), ("group", self.group), ("role", self.role))
        return " ".join(f"{name} {value}" for name, value in given if value) or "all applications"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """No application can fill up a pool, or what HAProxy has room for."""

    claims: int = 64
    """Of one application."""
    rules: int = 256
    """Of one application, hosts of a rule counted one by one."""
    certificates: int = 32
    """Of one application."""
    tried_rules: int = 16
    """Of one application, of those that HAProxy tries one by one: with patterns, `pathEnd`, headers or cookies."""
    ports: int = 16
    """Of one application."""
    all_rules: int = 50_000
    """Of all together."""
    all_tried_rules: int = 1_000
    """Of all together."""
    all_ports: int = 500
    """Of all together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The first rule that covers an application decides; where none does it may ask for everything."""

    rules: tuple[Rule, ...] = ()
    may_add: tuple[str, ...] = ("certificates",)
    """Fields of frontends of which an application may be the first to say something at a port that others use already:
    whatever is said counts for all that come to the port.
    """
    limits: Limits = field(default_factory=Limits)

    def rule(self, app: App, role: str) -> Rule:
        """The one that decides for an application."""
        return next((rule for rule in self.rules if rule.covers(app, role)), _ANYTHING)


_ANYTHING = Rule()


def below(group: str, name: str) -> bool:
    """Whether a name of parts between slashes is a group's own or begins with it."""
    parts = group.strip("/")
    rest = name.strip("/")
    return not parts or rest == parts or rest.startswith(f"{parts}/")


def _meets(wanted: str, text: str) -> bool:
    if wanted.endswith("*"):
        return text.startswith(wanted[:-1])
    return not wanted or text == wanted
