"""When a pool with changes is published: at once after quiet, then joined in short windows. Pure; times in seconds.

    change after quiet            -> at once (leading edge)
    endpoint gained               -> 10 ms after the last such change, at most 50 ms after the first that waits
    endpoint lost                 -> at once: a server that is gone must not get requests for the sake of a window
    structure (the pool itself)   -> 100 ms after the last such change, at most 500 ms after the first that waits
    failed                        -> after a pause that doubles, whatever else changes

Each pool has its own windows, so that a busy or broken one delays no other.
"""

from dataclasses import dataclass, replace
from enum import Enum

ENDPOINT_WINDOW, ENDPOINT_LIMIT = 0.010, 0.050
STRUCTURE_WINDOW, STRUCTURE_LIMIT = 0.100, 0.500
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 30.0


class Change(Enum):
    """What happened to a pool."""

    GAINED = "endpoints gained"
    LOST = "endpoints lost"
    STRUCTURE = "pool changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lane:
    """One kind of change: how long it waits for company."""

    window: float
    limit: float
    since: float | None = None
    due: float | None = None

    def touch(self, now: float, published: float) -> "_Lane":
        if self.due is not None and self.due <= now:
            return self  # on its way; a change that may wait does not hold it up
        since = now if self.since is None else self.since
        quiet = self.since is None and now - published >= self.window
        return replace(self, since=since, due=now if quiet else min(now + self.window, since + self.limit))

    def at_once(self, now: float) -> "_Lane":
        return replace(self, since=now if self.since is None else self.since, due=now)

    def clear(self) -> "_Lane":
        return replace(self, since=None, due=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The state of one pool. Publishing takes both lanes along: there is only one bundle."""

    endpoints: _Lane = _Lane(window=ENDPOINT_WINDOW, limit=ENDPOINT_LIMIT)
    structure: _Lane = _Lane(window=STRUCTURE_WINDOW, limit=STRUCTURE_LIMIT)
    published: float = float("-inf")
    failures: int = 0
    not_before: float = float("-inf")

    @property
    def due(self) -> float | None:
        """When to publish; None when there is nothing to."""
        dues = [lane.due for lane in (self.endpoints, self.structure) if lane.due is not None]
        return max(min(dues), self.not_before) if dues else None

    @property
    def since(self) -> float | None:
        """When the first change came that is not published yet."""
        return min((lane.since for lane in (self.endpoints, self.structure) if lane.since is not None), default=None)

    def touch(self, change: Change, now: float) -> "Window":
        """A change came."""
        match change:
            case Change.LOST:
                return replace(self, endpoints=self.endpoints.at_once(now))
            case Change.GAINED:
                return replace(self, endpoints=self.endpoints.touch(now, self.published))
            case Change.STRUCTURE:
                return replace(self, structure=self.structure.touch(now, self.published))

    def publishing(self, now: float) -> "Window":
        """All changes so far are being published; later ones count anew."""
        return replace(self, endpoints=self.endpoints.clear(), structure=self.structure.clear(), published=now)

    def succeeded(self) -> "Window":
        """What was being published is stored."""
        return replace(self, failures=0, not_before=float("-inf"))

    def failed(self, now: float) -> "Window":
        """What was being published is not stored: all of it again after a pause."""
        pause = min(FIRST_PAUSE * 2**self.failures, LONGEST_PAUSE)
        return replace(
            self, structure=self.structure.at_once(now), failures=min(self.failures + 1, 16), not_before=now + pause
        )

    def retry_now(self) -> "Window":
        """What made it fail may be over: no pause any more."""
        return replace(self, failures=0, not_before=float("-inf"))
