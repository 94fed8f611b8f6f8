"""What lbmgr counts. Plain numbers that stand in the instance status; nothing here knows how they are exported."""

import bisect
import threading
from collections.abc import Mapping

from pool_executor.contract import BOUNDS, Latency

NAMES = (
    "noop",
    "dynamic",
    "reload",
    "reject",
    "server_added",
    "server_removed",
    "server_moved",
    "server_changed",
    "server_refused",
    "reload_failed",
    "command_failed",
    "drift",
    "haproxy_started",
    "haproxy_died",
    "old_worker_ended",
    "check_failed",
    "disk_failed",
    "certificate_changed",
    "certificate_refused",
)


class Counters:
    """Counters that only go up, each present from the start so that a reader need not tell absent from zero."""

    def __init__(self) -> None:
        self._values = dict.fromkeys(NAMES, 0)
        self._seconds: dict[str, tuple[list[int], float]] = {}
        self._lock = threading.Lock()

    def count(self, name: str, number: int = 1) -> None:
        """Add to one; the name is one of NAMES. From any thread."""
        with self._lock:
            self._values[name] += number

    def took(self, lane: str, stamps: Mapping[str, float]) -> None:
        """A head with these stamps has reached HAProxy. Clocks of two machines may differ: never less than nothing."""
        if "published" not in stamps or "applied" not in stamps:
            return
        seconds = max(0.0, stamps["applied"] - stamps["published"])
        with self._lock:
            counts, total = self._seconds.get(lane, ([0] * (len(BOUNDS) + 1), 0.0))
            counts[bisect.bisect_left(BOUNDS, seconds)] += 1
            self._seconds[lane] = counts, total + seconds

    def latency(self) -> Mapping[str, Latency]:
        """How long heads took from their publishing to HAProxy, by lane."""
        with self._lock:
            return {lane: Latency(counts=tuple(counts), total=total) for lane, (counts, total) in self._seconds.items()}

    def snapshot(self) -> Mapping[str, int]:
        """The values now."""
        with self._lock:
            return dict(self._values)
