"""How long to wait before the next try."""

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class Backoff:
    """Seconds until the next try, doubling from `first` to `most`."""

    first: float
    most: float
    _next: float = 0.0

    def reset(self) -> None:
        """The next wait is the first again."""
        self._next = 0.0

    def take(self) -> float:
        """How long to wait this time."""
        delay = self._next or self.first
        self._next = min(self.most, delay * 2)
        return delay
