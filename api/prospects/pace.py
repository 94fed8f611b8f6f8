"""How a thread works through something long beside others that may not wait: a little at a time, and not for ever.

The interpreter lets one thread work at a time and takes it away only after five milliseconds; who follows tasks would
wait as long at each of his steps. So whoever has time rests after each slice of work.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from sdk.clock import Clock

_SLICE = 256
"""Items, each of which takes about a microsecond."""
_REST = 0.0002

T = TypeVar("T")
A = TypeVar("A")


class OutOfTime(Exception):
    """What was to be done takes longer than it may."""


class Pace:
    """Of one piece of work, which may take `seconds`."""

    def __init__(self, clock: Clock, seconds: float, rest: Callable[[float], object] = time.sleep) -> None:
        self._clock = clock
        self._until = clock.monotonic() + seconds
        self._rest = rest
        self._done = 0

    def check(self) -> None:
        """Raises OutOfTime."""
        if self._clock.monotonic() >= self._until:
            raise OutOfTime

    def over(self, items: Iterable[T]) -> Iterator[T]:
        """The items, with rests; raises OutOfTime between them."""
        for item in items:
            self._count()
            yield item

    def calls(self, function: Callable[[A], T]) -> Callable[[A], T]:
        """The function, with rests between its calls; raises OutOfTime."""

        def called(argument: A) -> T:
            self._count()
            return function(argument)

        return called

    def _count(self) -> None:
        self._done += 1
        if self._done % _SLICE == 0:
            self.check()
            self._rest(_REST)
