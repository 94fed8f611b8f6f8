"""A few places that are shared: whoever holds the fewest gets the next one, and no account holds all.

Knows accounts by their names; `""` is everybody where users are not told apart, and may hold all. Does not know what is
done in a place.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Busy(Exception):
    """No place became free in time."""


class _Asker:
    """One thread that waits."""

    def __init__(self, account: str) -> None:
        self.account = account
        self.has_place = False


class Places:
    """Any thread may ask for one."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._lock = threading.Condition()
        self._held: Counter[str] = Counter()
        self._waiting: list[_Asker] = []

    @contextmanager
    def place(self, account: str, patience: float) -> Iterator[None]:
        """Hold a place; raises Busy when there is none within so many seconds."""
        asker = _Asker(account)
        end = time.monotonic() + patience
        with self._lock:
            self._waiting.append(asker)
            self._give()
            self._lock.wait_for(lambda: asker.has_place, max(0.0, end - time.monotonic()))
            if not asker.has_place:
                self._waiting.remove(asker)
                raise Busy(f"other pools are judged since {patience:g} s")
        try:
            yield
        finally:
            with self._lock:
                self._held[account] -= 1
                self._give()

    def _give(self) -> None:
        """Give free places away: to the account that holds the fewest, of equal ones to whoever has waited longest."""
        while self._held.total() < self._number:
            may = [one for one in self._waiting if self._held[one.account] < self._most(one.account)]
            if not may:
                break
            chosen = min(may, key=lambda one: self._held[one.account])
            chosen.has_place = True
            self._held[chosen.account] += 1
            self._waiting.remove(chosen)
        self._held = +self._held
        self._lock.notify_all()

    def _most(self, account: str) -> int:
        return max(1, self._number - 1) if account else self._number
