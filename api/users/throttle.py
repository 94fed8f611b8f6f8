"""Bounds how many wrong passwords are tried. Knows counts and times; does not know what is tried. Pure.

Each key has so many failures at once and gets one back after the other, so that whoever mistypes goes on soon, and
whoever guesses gets no further than the pace.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple


class Rate(NamedTuple):
    """So many failures at once, and one more each time so many seconds have passed."""

    burst: int
    seconds: float


@dataclass(slots=True)
class Throttle:
    """What failed lately, by key; the key that failed longest ago is forgotten first."""

    rate: Rate
    most_keys: int = 10_000
    _full_at: OrderedDict[str, float] = field(default_factory=OrderedDict)
    """When the key has all of its tries again."""

    def wait(self, key: str, now: float) -> float:
        """Seconds until this key may try again, 0 for now."""
        owed = self._full_at.get(key, now) - now
        return max(0.0, owed - (self.rate.burst - 1) * self.rate.seconds)

    def failed(self, key: str, now: float) -> None:
        """One more try of this key was in vain."""
        self._full_at[key] = max(self._full_at.pop(key, now), now) + self.rate.seconds
        while len(self._full_at) > self.most_keys:
            self._full_at.popitem(last=False)
