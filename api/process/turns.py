"""When a working loop last came round: what tells a process that works from one that only exists.

The loop itself says so. A thread that did it for the loop would go on when the loop hangs, and prove nothing.
"""

from sdk.clock import Clock


class Turns:
    """Of one loop. `turned` may be called from one thread, the rest from any.

    `limit` is the longest that one turn can take while all is well, in seconds: it is generous, because whoever looks
    may end the process.
    """

    def __init__(self, clock: Clock, *, limit: float) -> None:
        self._clock = clock
        self._limit = limit
        self._at = clock.monotonic()

    def turned(self) -> None:
        """The loop came round."""
        self._at = self._clock.monotonic()

    @property
    def age(self) -> float:
        """Seconds since the last turn, or since the start."""
        return self._clock.monotonic() - self._at

    @property
    def problem(self) -> str | None:
        """The sentence when the loop takes longer than it can; None when it works."""
        age = self.age
        return f"the working loop hangs: its last turn was {age:.0f} s ago" if age > self._limit else None
