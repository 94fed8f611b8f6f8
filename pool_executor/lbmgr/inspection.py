"""Looking at the HAProxy that serves: has it the servers that were ordered, and which of them can it use.

Knows when each is looked at: what is looked at holds up everything else that lbmgr does. Does not know how HAProxy is
asked (apply.py). Used by lbmgr's thread only.
"""

import time

import structlog

from pool_executor.bundle import BackendHealth
from pool_executor.lbmgr.apply import Applier

_log = structlog.get_logger()

# HAProxy's servers are compared with the configuration after changes were quiet, or went on, for so long.
_VERIFY_AFTER, _VERIFY_AT_LEAST = 5.0, 60.0
# Between two looks at which servers HAProxy can use; longer where a look takes long, so that it is a fiftieth at most.
_LOOK_AT_LEAST, _LOOK_SHARE = 1.0, 50
# So long a look lets changes go first; where they never end, what is told must not grow old.
_LOOK_LATE = 5.0


class Inspection:
    """Of one instance. Times are monotonic seconds."""

    def __init__(self, applier: Applier) -> None:
        self._applier = applier
        self._unverified: tuple[float, float] | None = None
        """When the first and the last change happened that HAProxy's servers were not compared after."""
        self._repaired: str | None = None
        """The difference that the last reload of what is served already was to end."""
        self._look_at = 0.0
        self.short: tuple[BackendHealth, ...] | None = None
        """The backends that lack servers; None when HAProxy was not asked or did not say."""

    def changed(self) -> None:
        """HAProxy was asked for something: its servers are compared when that is over."""
        now = time.monotonic()
        self._unverified = (self._unverified[0] if self._unverified is not None else now, now)

    def compare(self, now: float) -> bool:
        """Compare HAProxy's servers when there is time for it; what differs is reloaded, once. True after a reload."""
        if self._unverified is None:
            return False
        first, last = self._unverified
        if now < min(last + _VERIFY_AFTER, first + _VERIFY_AT_LEAST):
            return False
        self._unverified = None
        problem = self._applier.verify()
        if problem is None:
            self._repaired = None
            return False
        if problem == self._repaired:
            _log.error("HAProxy's servers differ even after a reload; left as they are", difference=problem)
            return False
        _log.error("HAProxy's servers are not what was ordered; loading the configuration anew", difference=problem)
        self._repaired = problem
        outcome = self._applier.repair(problem)
        if outcome.action != "reload":
            _log.error("HAProxy did not load its configuration anew", error=outcome.error)
        self.changed()
        return outcome.action == "reload"

    def look(self, now: float, *, busy: bool) -> None:
        """See which backends lack servers, when it is time; `busy` while changes wait for their turn."""
        if now < self._look_at or (busy and now < self._look_at + _LOOK_LATE):
            return
        began = time.monotonic()
        self.short = self._applier.short_backends()
        took = time.monotonic() - began
        self._look_at = time.monotonic() + max(_LOOK_AT_LEAST, took * _LOOK_SHARE)

    def forget(self) -> None:
        """HAProxy does not serve: what was seen is not so any more."""
        self.short = None
