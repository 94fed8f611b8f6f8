"""What is to happen in a story, and when: all in the order in which it was caused, under a clock that has to be moved.

Gives out the numbers that a story tells things apart by, so that it goes the same way each time.
"""

import base64
import heapq
import itertools
import uuid
from collections import deque
from collections.abc import Callable


class Agenda:
    """Things that wait for their time, and those that wait only for what was caused before."""

    def __init__(self, now: float) -> None:
        """`now` is in seconds since the epoch."""
        self.now = now
        self._ids = itertools.count(1)
        self._queue: deque[Callable[[], None]] = deque()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []

    def number(self) -> int:
        """The next of 1, 2, 3, ..."""
        return next(self._ids)

    def new_uuid(self) -> str:
        """Base64 of 16 bytes."""
        return base64.b64encode(uuid.UUID(int=self.number()).bytes).decode()

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Do `action` in so many seconds."""
        heapq.heappush(self._timers, (self.now + seconds, self.number(), action))

    def soon(self, action: Callable[[], None]) -> None:
        """Do `action` after all that has been caused already."""
        self._queue.append(action)

    def pump(self) -> None:
        """Deliver everything, and what that causes."""
        while self._queue:
            self._queue.popleft()()

    def next_timer(self) -> float | None:
        """When the next thing has its time."""
        return self._timers[0][0] if self._timers else None

    def move_to(self, now: float) -> None:
        """Let it be `now`: what has its time by then waits for what was caused before."""
        self.now = now
        while self._timers and self._timers[0][0] <= now:
            self.soon(heapq.heappop(self._timers)[2])
