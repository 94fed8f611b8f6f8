"""Workers that were replaced by a reload and still serve the connections they have. Pure.

Knows how many there may be and for how long. Does not know how a worker is asked or ended.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLimits:
    """What old workers may cost; times in seconds.

    Each holds a whole configuration: about 10 MB, and 7 kB more for every server (HAProxy 2.6: 17 MB with 1,000, 74 MB
    with 10,000). Ten of the largest fit into a pool's default memory beside the one that serves.
    """

    most: int = 10
    """When there are more, the oldest ends, and its connections are cut."""
    at_least: float = 60.0
    """No worker ends for the sake of a newer one before it has had so long; a reload waits for it. By then every
    request has its answer or its timeout, so that what is cut are connections that were meant to last."""
    hard_stop_after: float = 86400.0
    """After so long an old worker ends whatever it still serves."""
    close_spread: float = 0.0
    """Over how long idle connections of an old worker are closed; 0: each with its next response, so that no request
    is lost. With a number HAProxy closes them without one: measured with 5 s and clients 20 ms away, 0.3 % of the
    requests during reloads failed. It is for many clients that must not come back in the same second."""


class OldWorkers:
    """The old workers of one instance, the oldest first. One thread uses it; times are monotonic seconds."""

    def __init__(self, limits: WorkerLimits) -> None:
        self._limits = limits
        self._since: dict[int, float] = {}

    @property
    def pids(self) -> tuple[int, ...]:
        """Their process ids."""
        return tuple(self._since)

    def see(self, pids: Iterable[int], now: float) -> Sequence[int]:
        """These there are now; gives those that are gone because their time was over, not because they were done."""
        present = set(pids)
        # HAProxy counts from the signal, which is a moment before the worker is seen here for the first time.
        timed_out = [
            pid
            for pid, since in self._since.items()
            if pid not in present and now - since >= self._limits.hard_stop_after - 1.0
        ]
        kept = {pid: since for pid, since in self._since.items() if pid in present}
        self._since = kept | dict.fromkeys(sorted(present - kept.keys()), now)
        return timed_out

    def surplus(self, now: float) -> Sequence[int]:
        """Those that have to end so that no more are left than allowed."""
        oldest = list(self._since)[: max(0, len(self._since) - self._limits.most)]
        return [pid for pid in oldest if now - self._since[pid] >= self._limits.at_least]

    def room_at(self) -> float:
        """When one more may be there: at once (0) or when the oldest has had its time."""
        if not self._since or len(self._since) < self._limits.most:
            return 0.0
        return next(iter(self._since.values())) + self._limits.at_least
