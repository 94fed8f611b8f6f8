"""The head of a bundle, its parts, and the status of an instance, as values; and the names of port variables. Pure."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pool_executor.bundle.servers import skeleton

INSTANCE_FILE = "00-instance.cfg"
#: How the names of two kinds of map files begin: of those that lead from a host to the name of a group, and of those
#: that lead from `<group>|<path prefix>` to a backend. In both the order of lines means nothing.
HOSTS_MAPS, ROUTES_MAPS = "hosts-", "routes-"

Kind = Literal["config", "map"]
Verdict = Literal["starting", "applied", "waiting", "rejected"]
VERDICTS: tuple[Verdict, ...] = ("starting", "applied", "waiting", "rejected")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One file of a bundle: `sha256` and `size` are of the plain UTF-8 text; `skeleton` only for config parts."""

    name: str
    kind: Kind
    sha256: str
    size: int
    skeleton: str | None = None

    @classmethod
    def of(cls, name: str, kind: Kind, text: str) -> "Part":
        """The part that describes `text`."""
        data = text.encode()
        return cls(
            name=name,
            kind=kind,
            sha256=hashlib.sha256(data).hexdigest(),
            size=len(data),
            skeleton=skeleton(text) if kind == "config" else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The head of a bundle: `(epoch, version)` orders heads, `parts` is the content, `ports` what it needs."""

    pool: str
    epoch: int
    version: int
    pool_version: int
    """How often the pool was written, 1 after its creation."""
    task_revision: int
    pool_uid: str = ""
    """Made when the pool was created; `""` in a head of a template that did not know it."""
    ports: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, Part] = field(default_factory=dict)

    @property
    def order(self) -> tuple[int, int]:
        """What orders the heads of a pool."""
        return (self.epoch, self.version)

    def of_kind(self, kind: Kind) -> tuple[Part, ...]:
        """The parts of one kind in the order of their names, which is the order HAProxy reads them in."""
        return tuple(self.parts[name] for name in sorted(self.parts) if self.parts[name].kind == kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class HaproxyInfo:
    """The HAProxy of an instance: its version and its process ids."""

    version: str
    master: int | None
    workers: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendHealth:
    """A backend that has fewer usable servers (`up`) than it should have; `reason` when it has none and says why."""

    name: str
    servers: int
    up: int
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """An end of HAProxy that nobody asked for: when, in epoch seconds, and how, as `was ended by SIGKILL`."""

    at: float
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceStatus:
    """What one pool instance says of itself; `since` is when verdict or version last changed, in epoch seconds.

    `short` are the backends that lack servers, the worst first and at most a hundred: all others have theirs. None
    when HAProxy was not asked. `deaths` are the last ones of HAProxy, the oldest first.
    """

    task_id: str
    pod: str
    hostname: str
    addresses: tuple[str, ...]
    public: tuple[str, ...]
    ports: Mapping[str, int]
    epoch: int
    version: int
    verdict: Verdict
    action: str | None
    reason: str
    error: str | None
    rejected_version: int | None
    healthy: bool
    since: float
    haproxy: HaproxyInfo
    counters: Mapping[str, int]
    leaving: bool = False
    short: tuple[BackendHealth, ...] | None = None
    deaths: tuple[Death, ...] = ()


def port_key(name: str) -> str:
    """The KEY of a port name: `web-https` is `WEB_HTTPS`.

    A name with anything but a-z, 0-9 and - gets a digest at its end, so that no two names share a key.
    """
    key = re.sub(r"[^A-Z0-9]", "_", name.upper(), flags=re.ASCII)
    if re.fullmatch(r"[a-z0-9-]+", name):
        return key
    return f"{key[:96]}_{hashlib.sha256(name.encode()).hexdigest()[:8].upper()}"


def port_variable(name: str) -> str:
    """The variable through which the text of a bundle uses the port `name`."""
    return f"PORT_{port_key(name)}"
