"""The clock of a master or agent process: wall time that never goes back."""

import time


class SteadyClock:
    """Seconds since the epoch at the start, and from there on by the monotonic clock."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def now(self) -> float:
        """The time."""
        return time.monotonic() + self._offset
