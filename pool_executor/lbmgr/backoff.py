"""How long to wait before the next try. Pure."""

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


# A HAProxy that fails to start may have made the one that serves pause its listeners for a moment, so it is not tried
# often. The same structure fails again unless something outside of it changed. Another one may be the cure that an
# operator sends; but it may as well be the next of a series that all fail.
_SAME_STRUCTURE, _OTHER_STRUCTURE = 60.0, 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedReload:
    """A reload that failed at the time `at` although HAProxy had accepted the files; `structure` is what they said."""

    structure: object
    at: float

    def not_before(self, structure: object) -> float:
        """When a reload with this structure may be tried."""
        return self.at + (_SAME_STRUCTURE if structure == self.structure else _OTHER_STRUCTURE)
