"""New servers that are so many that HAProxy has them sooner from a file. Values only; whoever uses it holds its lock.

HAProxy looks through all servers of a backend for each order, so that many new ones in a large backend take minutes.
"""

from collections import Counter
from collections.abc import Collection, Mapping

from pool_executor.lbmgr.structure.content import ServerRef

# Measured with HAProxy 2.6 and 2.8: seconds of one server that is added, at least and for each server of its backend;
# of a check and a reload, at least and for each server of all.
_ADD, _ADD_EACH = 50e-6, 60e-9
_RELOAD, _RELOAD_EACH = 0.15, 35e-6
# A backend whose share is smaller gets its servers at run time all the same.
_SHARE = 0.1
# Where a reload did not come about, or is not allowed soon, servers are told one by one for so many seconds.
_WITHOUT = 60.0
LONG = 3.0
"""Seconds for which a reload may be awaited."""


def slow(new: Mapping[str, int], there: Mapping[str, int]) -> set[str]:
    """The backends whose new servers come sooner with a reload; how many are new and how many are there, by backend."""
    costs = {
        backend: number * max(_ADD, _ADD_EACH * (there.get(backend, 0) + number / 2)) for backend, number in new.items()
    }
    reload = _RELOAD + _RELOAD_EACH * (sum(there.values()) + sum(new.values()))
    if sum(costs.values()) <= reload:
        return set()
    return {backend for backend, cost in costs.items() if cost >= reload * _SHARE}


class Bulk:
    """The new servers that wait for a reload. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._not_before = 0.0
        self._refs: dict[ServerRef, None] = {}
        self._backends: set[str] = set()

    def __len__(self) -> int:
        return len(self._refs)

    def __contains__(self, ref: ServerRef) -> bool:
        return ref in self._refs

    def clear(self) -> None:
        """A reload has brought them, or there is nobody to have them."""
        self._refs, self._backends = {}, set()

    def drop(self, ref: ServerRef) -> None:
        """It does not wait any more."""
        self._refs.pop(ref, None)

    def take(self, new: Collection[ServerRef], there: Mapping[str, int], now: float) -> None:
        """Have those of these new servers wait that come sooner that way."""
        if now < self._not_before:
            return
        # Those that come while others of their backend wait come with them.
        self._backends |= slow(Counter(ref.backend for ref in new), there)
        if self._backends:
            self._refs.update((ref, None) for ref in new if ref.backend in self._backends)

    def give_up(self, now: float) -> None:
        """There is no reload for some time."""
        self._not_before = now + _WITHOUT

    def told_one_by_one(self, most: int, now: float) -> list[ServerRef]:
        """Some that do not wait any more, because there is no reload."""
        if now >= self._not_before:
            return []
        self._backends = set()
        some = list(self._refs)[:most]
        for ref in some:
            del self._refs[ref]
        return some
