"""What the template knows of one pool between two publishings. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from api.dcos_template.due import What
from api.dcos_template.guard import Hold, only
from api.dcos_template.publishing.journal import Compaction
from api.dcos_template.publishing.published import Published
from api.dcos_template.publishing.trace import NO_STAMPS, Stamps
from api.dcos_template.rendering.printed import Texts
from api.dcos_template.selecting.endpoint import Endpoint
from api.dcos_template.selecting.touched import Spot
from api.dcos_template.windows import ENDPOINTS, STRUCTURE, Lane
from pool_executor.contract import Server
from scheduler.pools.model import Haproxy
from scheduler.pools.stored.record import StoredPool

#: The shortest time between two records of what is wrong with a pool: tasks of others decide how often that changes.
#: Also how often it is looked whether somebody accepted a removal that is held.
REPORT_EVERY = 1.0


class Phase(Enum):
    """Whether it is known what stands in ZooKeeper for a pool."""

    UNKNOWN = "unknown"
    LOADING = "loading"
    KNOWN = "known"


class Event(Enum):
    """What changes the phase."""

    LOAD = "it is being read"
    LOADED = "it was read"
    DOUBTED = "a reading or writing failed, or another process may have written"


TRANSITIONS = {
    (Phase.UNKNOWN, Event.LOAD): Phase.LOADING,
    (Phase.LOADING, Event.LOADED): Phase.KNOWN,
    (Phase.UNKNOWN, Event.DOUBTED): Phase.UNKNOWN,
    (Phase.LOADING, Event.DOUBTED): Phase.UNKNOWN,
    (Phase.KNOWN, Event.DOUBTED): Phase.UNKNOWN,
}


class Unsaid(NamedTuple):
    """What was written of servers and the log has not been told; `longest` is the most seconds that a change waited."""

    added: int = 0
    removed: int = 0
    longest: float = 0.0


NOTHING_UNSAID = Unsaid()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """The texts of what HAProxy sees of a pool."""

    haproxy: Haproxy
    ports: tuple[int, ...]
    cookie_key: str
    template: str
    texts: Texts

    @classmethod
    def of(cls, stored: StoredPool, texts: Texts) -> "Rendered":
        """What was made of this version of the pool."""
        pool = stored.pool
        return cls(
            haproxy=pool.haproxy,
            ports=pool.ports,
            cookie_key=stored.cookie_key,
            template=stored.template,
            texts=texts,
        )

    def fits(self, stored: StoredPool) -> bool:
        """Whether they are those of this version of the pool, too."""
        return self == Rendered.of(stored, self.texts)


@dataclass(slots=True)
class PoolState:
    """What is known of one pool."""

    stored: StoredPool
    selected: bool = False
    """Whether the selection is that of this version."""
    phase: Phase = Phase.UNKNOWN
    published: Published | None = None
    """Exactly in the phase KNOWN."""
    loading: Lane = field(default_factory=lambda: Lane(window=0.0, limit=0.0, asked=float("-inf")))
    endpoints: Lane = ENDPOINTS
    structure: Lane = STRUCTURE
    pending: set[Spot] = field(default_factory=set)
    """Servers that may be others than published."""
    missing: dict[Spot, Endpoint] = field(default_factory=dict)
    """Those of them whose tasks are not named any more."""
    hold: Hold | None = None
    taken_over: bool = False
    """Whether what the process before has left is looked through."""
    accepted: float | None = None
    """Which hold somebody said may end."""
    stamps: Stamps = NO_STAMPS
    """Those of the first change that waits."""
    changed: float = 0.0
    """When another version of the pool came, in epoch seconds; 0: it is published."""
    unsaid: Unsaid = NOTHING_UNSAID
    unwritable: dict[Spot, str] = field(default_factory=dict)
    """Servers that nobody can be told of, and why."""
    rendered: Rendered | None = None
    slow: bool = False
    """Whether this version of the pool is rendered apart from the others, because it takes long."""
    refused: str = ""
    failing: dict[What, str] = field(default_factory=dict)
    """What failed as nobody expected and is tried again, and how."""
    compaction: Compaction | None = None
    collecting: bool = False
    reporting: bool = False
    reported: float = float("-inf")
    report_due: float | None = None
    """When the record of what is wrong with the pool is looked at again."""
    retired: dict[Spot, Server] = field(default_factory=dict)
    """Servers of backends that the pool does not have any more, and load balancers may have still."""
    retired_agreed: int = 0
    retired_due: float | None = None
    compact_due: float | None = None
    collect_due: float | None = None

    def happens(self, event: Event) -> None:
        """Go to the next phase; what was known is forgotten with a doubt."""
        self.phase = TRANSITIONS[self.phase, event]
        if self.phase is not Phase.KNOWN:
            self.published, self.compaction, self.collecting = None, None, False
        if event is Event.DOUBTED:
            self.loading = self.loading.idle().at_once(float("-inf"))

    def change(self, stored: StoredPool) -> None:
        """Take another version. Of a backend that selects something else now, nothing is held or missing any more."""
        before = {one.name: one.services for one in self.stored.pool.haproxy.backends}
        same = {one.name for one in stored.pool.haproxy.backends if before.get(one.name) == one.services}
        self._keep_only(lambda spot: spot.backend in same)
        self.stored, self.slow, self.refused = stored, False, ""

    def _keep_only(self, wanted: Callable[[Spot], bool]) -> None:
        self.missing = {spot: one for spot, one in self.missing.items() if wanted(spot)}
        if self.hold is not None:
            self.pending |= {spot for spot in self.hold.kept if not wanted(spot)}
            self.hold = only(self.hold, wanted)

    def forget(self) -> None:
        """Know nothing of what is published, nor of what is kept."""
        self.happens(Event.DOUBTED)
        self.hold, self.missing, self.pending, self.taken_over, self.accepted = None, {}, set(), False, None

    def fails(self, what: What, error: Exception, now: float) -> None:
        """This failed as nobody expected. The error's own words may tell anything, so they stay in the log."""
        self.failing[what] = type(error).__name__
        self.report_soon(now)

    def report_soon(self, now: float) -> None:
        """Look at what is wrong at once, or as soon as that may be written again."""
        soon = max(now, self.reported + REPORT_EVERY)
        self.report_due = soon if self.report_due is None else min(self.report_due, soon)
