"""How long to wait between two tries: exponential, with jitter, bounded. Pure but for the random source it is given."""

import random
from collections.abc import Callable
from typing import Protocol


class Backoff(Protocol):
    """What a loop that tries again needs."""

    def delay(self) -> float:
        """Seconds to wait before the next try; each call counts as one more failure in a row."""

    def reset(self) -> None:
        """It worked: the next failure is the first again."""


class ExponentialBackoff:
    """`first`, doubled with each failure up to `most`, of which a random share between half and all is taken.

    The jitter keeps hundreds of clients from coming back in step after their master was lost.
    """

    def __init__(
        self, first: float = 0.25, most: float = 30.0, uniform: Callable[[float, float], float] = random.uniform
    ) -> None:
        self._first, self._most, self._uniform = first, most, uniform
        self._failures = 0

    def delay(self) -> float:
        """Seconds to wait before the next try."""
        # Bounded before the power: 2**1024 overflows a float (what ends pymesos' thread).
        full = min(self._most, self._first * 2 ** min(self._failures, 30))
        self._failures += 1
        return self._uniform(full / 2, full)

    def reset(self) -> None:
        """The next failure is the first again."""
        self._failures = 0
