"""What the template knows of one pool between two publishings. Pure."""

from dataclasses import dataclass, field

from api.dcos_template.endpoint import Endpoint
from api.dcos_template.guard import Hold
from api.dcos_template.rendering import Rendering
from api.dcos_template.windows import Window
from scheduler.pools.stored import StoredPool

#: The shortest time between two records of what is wrong with a pool: tasks of others decide how often that changes.
#: Also how often it is looked whether somebody accepted a removal that is held.
REPORT_EVERY = 1.0


@dataclass(slots=True)
class PoolState:
    """What is known of one pool."""

    stored: StoredPool
    window: Window = field(default_factory=Window)
    rendering: Rendering | None = None
    stale: set[str] | None = None
    """Backends whose endpoints changed since the rendering; None: everything."""
    refused: str = ""
    missing: dict[str, set[Endpoint]] = field(default_factory=dict)
    """Endpoints of tasks that are not named any more since the last rendering, by backend."""
    hold: Hold | None = None
    reported: float = float("-inf")
    report_due: float | None = None
    """When the record of what is wrong with the pool is looked at again."""

    def change(self, stored: StoredPool) -> None:
        """Take another version. Of a backend that selects something else now, nothing is held or missing any more."""
        before, after = self.stored.pool.haproxy, stored.pool.haproxy
        same = {
            one.name for one in after.backends if (old := before.backend(one.name)) and old.services == one.services
        }
        self.missing = {name: ones for name, ones in self.missing.items() if name in same}
        if self.hold is not None:
            kept = {name: ones for name, ones in self.hold.kept.items() if name in same}
            self.hold = Hold(since=self.hold.since, kept=kept) if kept else None
        self.stored, self.stale = stored, None

    def forget(self) -> None:
        """Know nothing of what is published."""
        self.rendering, self.stale, self.hold, self.missing = None, None, None, {}

    def report_soon(self, now: float) -> None:
        """Look at what is wrong at once, or as soon as that may be written again."""
        soon = max(now, self.reported + REPORT_EVERY)
        self.report_due = soon if self.report_due is None else min(self.report_due, soon)
