"""Workers that were replaced by a reload and still serve the connections they have. Pure.

Knows how many there may be, for how long, and what they may take of the memory. Does not know how a worker is asked or
ended.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLimits:
    """What old workers may cost; times in seconds.

    Each holds a whole configuration: about 10 MB, and 7 kB more for every server (HAProxy 2.6: 17 MB with 1,000, 74 MB
    with 10,000), and what its connections need. Together with the worker that serves they must fit into the memory of
    the task, or the whole container is ended.
    """

    most: int = 10
    """When there are more, the one with the fewest connections ends, and these are cut."""
    at_least: float = 60.0
    """No worker ends for the sake of a newer one before it has had so long; a reload waits for it. By then every
    request has its answer or its timeout, so that what is cut are connections that were meant to last."""
    hard_stop_after: float = 86400.0
    """After so long an old worker ends whatever it still serves."""
    close_spread: float = 0.0
    """Over how long idle connections of an old worker are closed; 0: each with its next response, so that no request
    is lost. With a number HAProxy closes them without one: measured with 5 s and clients 20 ms away, 0.3 % of the
    requests during reloads failed. It is for many clients that must not come back in the same second."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a worker has: connections, and bytes of memory that it shares with no other."""

    connections: int
    memory: int


_UNKNOWN = Load(0, 0)


class OldWorkers:
    """The old workers of one instance, the oldest first. One thread uses it; times are monotonic seconds."""

    def __init__(self, limits: WorkerLimits) -> None:
        self._limits = limits
        self._since: dict[int, float] = {}
        self._loads: Mapping[int, Load] = {}
        self._serving = _UNKNOWN
        self._room: int | None = None

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

    def weigh(self, loads: Mapping[int, Load], serving: Load, room: int | None) -> None:
        """What they cost now, beside the worker that serves; `room` is what they may take together, None: any."""
        self._loads, self._serving, self._room = loads, serving, room

    def surplus(self, now: float, *, one_more: bool = False) -> Sequence[int]:
        """Those that have to end so that no more are left than allowed. Busy ones last.

        With `one_more` those that have to end before the worker that serves now becomes one of them, because memory is
        needed at once; whether they are too many is seen when it is known who is busy. Only where the memory is full
        already even a young one ends.
        """
        count, memory = len(self._since), self._memory + (self._serving.memory if one_more else 0)
        ended = []
        for pid in self._least_busy_first():
            full = self._room is not None and memory > self._room
            if not full and count <= self._limits.most:
                break
            if now - self._since[pid] < self._limits.at_least and (one_more or not full):
                break  # it is waited for: the busier ones behind it are worth more than a quick reload
            ended.append(pid)
            count, memory = count - 1, memory - self._load(pid).memory
        return ended

    def room_at(self) -> float:
        """When one more may be there: at once (0) or when the one that would have to end has had its time."""
        full = self._room is not None and self._memory + self._serving.memory > self._room
        if not self._since or (len(self._since) < self._limits.most and not full):
            return 0.0
        return self._since[self._least_busy_first()[0]] + self._limits.at_least

    def _least_busy_first(self) -> list[int]:
        """By powers of two of their connections, the oldest first among those that are about as busy."""
        return sorted(self._since, key=lambda pid: (self._load(pid).connections.bit_length(), self._since[pid]))

    @property
    def _memory(self) -> int:
        return sum(self._load(pid).memory for pid in self._since)

    def _load(self, pid: int) -> Load:
        return self._loads.get(pid, _UNKNOWN)
