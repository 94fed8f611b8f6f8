"""Time as an argument: the one protocol through which shells read the clock."""

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Wall time for what is stored and shown, monotonic time for deadlines, both in seconds."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary start that never jumps."""


class SystemClock:
    """The clock of this machine."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since an arbitrary start that never jumps."""
        return time.monotonic()


class ForwardClock:
    """Another clock whose wall time is never set back while the process lives; then it goes on at its own pace.

    Backoff and the wait for lost agents are stored as wall times: a machine's clock that is corrected by an hour would
    hold them up for an hour.
    """

    def __init__(self, source: Clock) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._last = source.now()
        self._read = source.monotonic()

    def now(self) -> float:
        """Seconds since the epoch."""
        with self._lock:
            read = self._source.monotonic()
            self._last = max(self._source.now(), self._last + read - self._read)
            self._read = read
            return self._last

    def monotonic(self) -> float:
        """Seconds since an arbitrary start that never jumps."""
        return self._source.monotonic()
