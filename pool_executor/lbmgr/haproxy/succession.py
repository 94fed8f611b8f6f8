"""Looking after the workers that were replaced: what each still has, and ending those for which there is no room.

Knows how a worker is asked and ended. Does not know the rules (old_workers.py).
"""

import time
from pathlib import Path

import structlog

from pool_executor.lbmgr.haproxy.old_workers import Load, OldWorkers, WorkerLimits
from pool_executor.lbmgr.haproxy.process import Haproxy
from pool_executor.lbmgr.haproxy.resources import Resources
from pool_executor.lbmgr.haproxy.runtime import SocketFailed, parse_info
from pool_executor.lbmgr.status.metrics import Counters

_log = structlog.get_logger()

_NONE = Load(0, 0)


class Succession:
    """The workers of one instance that others have succeeded. One thread uses it."""

    def __init__(self, haproxy: Haproxy, limits: WorkerLimits, resources: Resources, counters: Counters) -> None:
        self._haproxy = haproxy
        self._limits = limits
        self._resources = resources
        self._counters = counters
        self._workers = OldWorkers(limits)
        self._serving: int | None = None
        self._known = True
        """Whether the master told who there is since the last reload."""

    @property
    def pids(self) -> tuple[int, ...]:
        """Their process ids, the oldest first."""
        return self._workers.pids

    def room_at(self) -> float:
        """When a reload may leave one more behind, in monotonic seconds."""
        return self._workers.room_at()

    def begin(self, serving: int) -> None:
        """This worker serves from now on; the one before it, if it lives, is one of them."""
        self._serving = serving
        self.look()

    def forget(self) -> None:
        """HAProxy is gone with all its workers."""
        self._serving = None
        self._workers.see((), 0.0)

    def look(self) -> None:
        """See who is left, and end those that are too many."""
        serving = self._serving
        if serving is None:
            return
        processes = self._haproxy.processes()
        self._known = processes is not None
        if processes is None:
            return
        present = [pid for pid in (*processes.workers, *processes.leaving) if pid != serving]
        for pid in self._workers.see(present, time.monotonic()):
            self._counters.count("old_worker_ended")
            _log.warning("An old worker ended with its connections: its time was over", worker=pid)
        self._weigh(serving)
        self._end()

    def look_again(self) -> None:
        """The same where there is something to be seen."""
        if self._workers.pids or not self._known:
            self.look()

    def make_room(self) -> None:
        """A reload is about to leave one more behind: end those beside which it would not fit into the memory."""
        self._end(one_more=True)

    def _weigh(self, serving: int) -> None:
        if not self._workers.pids:
            return
        loads = {pid: Load(self._connections(pid), memory(pid)) for pid in self._workers.pids}
        own = Load(0, memory(serving))
        self._workers.weigh(loads, own, self._resources.room(memory(None), own.memory))

    def _connections(self, pid: int) -> int:
        try:
            return int(parse_info(self._haproxy.tell(pid, "show info")).get("CurrConns", "0"))
        except (SocketFailed, ValueError):
            return 0  # it ends in this very moment, or hangs: nobody is served by it

    def _end(self, *, one_more: bool = False) -> None:
        for pid in self._workers.surplus(time.monotonic(), one_more=one_more):
            self._counters.count("old_worker_ended")
            _log.warning(
                "An old worker is ended, and its connections cut: there are more of them than allowed",
                worker=pid,
                allowed=self._limits.most,
                memory=self._resources.memory,
            )
            self._haproxy.end_worker(pid)


def memory(pid: int | None) -> int:
    """Bytes that a process shares with no file, of ourselves without a number; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{'self' if pid is None else pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))
    except (OSError, StopIteration):
        return 0
