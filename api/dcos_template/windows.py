"""When changes of a pool are published: at once after quiet, then joined in short windows. Pure; times in seconds.

    change after quiet            -> at once (leading edge)
    endpoint gained               -> 10 ms after the last such change, at most 50 ms after the first that waits
    endpoint lost                 -> at once: a server that is gone must not get requests for the sake of a window
    structure (the pool itself)   -> 100 ms after the last such change, at most 500 ms after the first that waits
    failed                        -> after a pause that doubles, whatever else changes

Each pool has its own windows, and its two lanes know nothing of each other, so that a busy or broken one delays no
other.
"""

from typing import NamedTuple

ENDPOINT_WINDOW, ENDPOINT_LIMIT = 0.010, 0.050
STRUCTURE_WINDOW, STRUCTURE_LIMIT = 0.100, 0.500
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 30.0


class Lane(NamedTuple):
    """One kind of change of one pool: whether some wait, since when, and when they are due."""

    window: float
    limit: float
    since: float | None = None
    """When the first change came that is not being published yet."""
    asked: float | None = None
    busy: bool = False
    """Something is being published; changes that come meanwhile wait for its end, and not for a window."""
    begun: float = float("-inf")
    failures: int = 0
    not_before: float = float("-inf")

    @property
    def due(self) -> float | None:
        """When to publish; None when there is nothing to, or when something is being published."""
        return None if self.asked is None or self.busy else max(self.asked, self.not_before)

    def touch(self, now: float) -> "Lane":
        """A change came that may wait for others."""
        if self.asked is not None and self.asked <= now:
            return self  # on its way; a change that may wait does not hold it up
        since = now if self.since is None else self.since
        quiet = self.since is None and now - self.begun >= self.window
        return self._replace(since=since, asked=now if quiet else min(now + self.window, since + self.limit))

    def at_once(self, now: float) -> "Lane":
        """A change came that must not wait."""
        since = now if self.since is None else self.since
        return self._replace(since=since, asked=now if self.asked is None else min(now, self.asked))

    def publishing(self, now: float) -> "Lane":
        """All changes so far are being published; later ones count anew."""
        return self._replace(since=None, asked=None, busy=True, begun=now)

    def idle(self) -> "Lane":
        """Whatever became of what was being published, nothing is now."""
        return self._replace(busy=False)

    def succeeded(self) -> "Lane":
        """What was being published is stored."""
        return self._replace(busy=False, failures=0, not_before=float("-inf"))

    def failed(self, now: float) -> "Lane":
        """What was being published is not stored: all of it again after a pause."""
        pause = min(FIRST_PAUSE * 2**self.failures, LONGEST_PAUSE)
        return self.at_once(now)._replace(busy=False, failures=min(self.failures + 1, 16), not_before=now + pause)

    def retry_now(self) -> "Lane":
        """What made it fail may be over: no pause any more."""
        return self._replace(failures=0, not_before=float("-inf"))


ENDPOINTS = Lane(window=ENDPOINT_WINDOW, limit=ENDPOINT_LIMIT)
STRUCTURE = Lane(window=STRUCTURE_WINDOW, limit=STRUCTURE_LIMIT)
