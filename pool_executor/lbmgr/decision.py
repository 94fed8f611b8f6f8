"""What can be decided about a bundle, and the orders to HAProxy that a decision consists of. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pool_executor.bundle import Server
from pool_executor.lbmgr.content import ServerRef


@dataclass(frozen=True, slots=True)
class Run:
    """Send one line to the stats socket; an answer that is an error makes the whole change a reload."""

    line: str


@dataclass(frozen=True, slots=True)
class ReplaceMap:
    """Replace all entries of the map file `part` in one transaction; `entries` are `key value` lines in order."""

    part: str
    entries: tuple[str, ...]


Command = Run | ReplaceMap


@dataclass(frozen=True, slots=True)
class Noop:
    """HAProxy serves this content already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dynamic:
    """Send `commands` in order. `retired` are in maintenance then, to be deleted once they have no connections."""

    commands: tuple[Command, ...]
    reason: str
    retired: Mapping[ServerRef, Server] = field(default_factory=dict)
    revived: tuple[ServerRef, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reload:
    """Load the files anew. `retired` are taken out of the leaving worker first, which takes no orders afterwards."""

    reason: str
    retired: Mapping[ServerRef, Server] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The content uses ports that this instance does not have."""

    missing: tuple[str, ...]

    @property
    def reason(self) -> str:
        """The sentence for the status."""
        return f"waiting for a task with the ports {', '.join(self.missing)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """The content can never be served."""

    reason: str


Decision = Noop | Dynamic | Reload | Waiting | Reject
