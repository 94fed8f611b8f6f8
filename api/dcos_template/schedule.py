"""When something is due next, for any number of things, at a cost that does not follow their number. Pure."""

import heapq
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Schedule(Generic[K]):
    """Each key has at most one time."""

    def __init__(self) -> None:
        self._at: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._entries = 0

    def __len__(self) -> int:
        return len(self._at)

    def set(self, key: K, at: float | None) -> None:
        """The key is due then, whatever was said before; None: never."""
        if self._at.get(key) == at:
            return
        if at is None:
            self._at.pop(key, None)
            return
        self._at[key] = at
        self._entries += 1  # keys themselves need no order
        heapq.heappush(self._heap, (at, self._entries, key))
        if len(self._heap) > 64 + 4 * len(self._at):
            self._heap = [entry for entry in self._heap if self._at.get(entry[2]) == entry[0]]
            heapq.heapify(self._heap)

    @property
    def next(self) -> float | None:
        """When the first is due."""
        while self._heap:
            at, _, key = self._heap[0]
            if self._at.get(key) == at:
                return at
            heapq.heappop(self._heap)
        return None

    def pop(self, now: float) -> K | None:
        """The first that is due by now, which is due no more; None when none is."""
        at = self.next
        if at is None or at > now:
            return None
        key = heapq.heappop(self._heap)[2]
        del self._at[key]
        return key
