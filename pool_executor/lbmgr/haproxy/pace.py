"""How soon HAProxy may be loaded anew: each time leaves an old worker behind, and one that failed may fail again.

Knows the pauses between reloads, and an instance's turn among all of its pool. Does not know what is loaded.
"""

import random
import time
from collections.abc import Callable

from pool_executor.contract import Structure
from pool_executor.lbmgr.haproxy.proxy import Proxy
from pool_executor.lbmgr.structure.backoff import FailedReload
from pool_executor.lbmgr.structure.outcome import Outcome
from sdk.errors import TemporaryFailure

_MIN_INTERVAL = 1.0
# Instances of a pool do not reload in the same moment: the wait of each is up to so much for every other one.
_SPREAD, _SPREAD_MOST = 0.2, 2.0


class Pace:
    """Of one instance. Times are of time.monotonic(); contents are compared by their keys."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._reloaded_at: float | None = None
        self._failed: FailedReload | None = None
        self._turn: tuple[Structure, float] | None = None

    def note(self, outcome: Outcome, content: object) -> None:
        """This became of the content."""
        if outcome.action == "reload":
            self._reloaded_at = time.monotonic()
        if outcome.reload_failed:
            self._failed = FailedReload(structure=content, at=time.monotonic())

    def forgive(self) -> None:
        """A structure was applied: an earlier failure says nothing any more."""
        self._failed = None

    def allowed_at(self, content: object) -> float:
        """When this content may be loaded."""
        allowed = self._proxy.room_at()
        if self._reloaded_at is not None:
            allowed = max(allowed, self._reloaded_at + _MIN_INTERVAL)
        if self._failed is not None:
            allowed = max(allowed, self._failed.not_before(content))
        return allowed

    def turn_of(self, head: Structure, instances: Callable[[], int], now: float) -> float:
        """When it is this instance's turn for the head; drawn once, when it is asked how many instances there are."""
        if self._turn is None or self._turn[0] != head:
            try:
                others = max(0, instances() - 1)
            except TemporaryFailure:
                others = 1
            self._turn = (head, now + random.uniform(0, min(_SPREAD_MOST, others * _SPREAD)))  # noqa: S311 - a spread
        return self._turn[1]
