"""Agents that are about to leave: drained by an operator, or announced for maintenance."""

from dataclasses import dataclass
from datetime import UTC, datetime

MAINTENANCE_MARGIN = 3600.0
"""Seconds before an announced maintenance window from which on its agent is left: nothing new goes there, and what runs
there moves."""


def near(start: float | None, duration: float | None, now: float) -> bool:
    """Whether an announced window (seconds since the epoch; no duration: without end) is close enough to act on."""
    if start is None or start > now + MAINTENANCE_MARGIN:
        return False
    return duration is None or start + duration > now


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """Why one agent is left. Without `start` an operator drains it: Mesos ends its tasks and offers nothing of it."""

    hostname: str
    start: float | None = None
    """When its maintenance begins, seconds since the epoch."""
    duration: float | None = None
    """Seconds; None for a window without an announced end."""

    @property
    def drained(self) -> bool:
        """Mesos itself ends what runs there."""
        return self.start is None

    def acts(self, now: float) -> bool:
        """Whether instances have to move by now."""
        return self.drained or near(self.start, self.duration, now)

    def turns(self, now: float) -> float | None:
        """When `acts` changes next, None when never."""
        if self.start is None:
            return None
        times = [self.start - MAINTENANCE_MARGIN]
        if self.duration is not None:
            times.append(self.start + self.duration)
        return min((time for time in times if time > now), default=None)

    def over(self, now: float) -> bool:
        """The announced window has passed."""
        return self.start is not None and self.duration is not None and self.start + self.duration <= now

    @property
    def sentence(self) -> str:
        """For humans."""
        if self.start is None:
            return f"{self.hostname} is drained"
        # Mesos knows "without limits" as a time beyond what calendars hold.
        begin = datetime.fromtimestamp(min(max(self.start, 0.0), 253402300799.0), UTC)
        return f"{self.hostname} goes into maintenance at {begin:%Y-%m-%d %H:%M} UTC"
