"""The HAProxy of an instance as a whole: started, loaded anew, asked, drained, ended; its workers, new and old.

Knows which worker serves and hands it to the fast path (lane.py). Does not know where configurations come from.
"""

import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import structlog

from pool_executor.contract import BackendFacts, HaproxyInfo, Server
from pool_executor.lbmgr.haproxy.orders import Command, Run
from pool_executor.lbmgr.haproxy.process import Failed, Haproxy, Serving
from pool_executor.lbmgr.haproxy.runtime import SocketFailed
from pool_executor.lbmgr.haproxy.succession import Succession
from pool_executor.lbmgr.haproxy.worker import Worker
from pool_executor.lbmgr.servers.held import Held
from pool_executor.lbmgr.servers.lane import Lane
from pool_executor.lbmgr.status.metrics import Counters
from pool_executor.lbmgr.structure.instance import SERVING, Instance
from pool_executor.lbmgr.structure.ports import Place

_log = structlog.get_logger()

_START_TIMEOUT = 60.0
_RELOAD_TIMEOUT = 60.0
_CHECK_TIMEOUT = 60.0
# How long HAProxy may take to answer; lists of servers have longer.
_ORDER_TIMEOUT = 5.0
# Servers that are deleted in one go, and how often in a second.
_DELETE_AT_ONCE, _PIECES = 10, 20


class Proxy:
    """One master with its workers. The thread that starts it uses it: HAProxy ends with that thread."""

    def __init__(self, instance: Instance, haproxy: Haproxy, version: str, lane: Lane, counters: Counters) -> None:
        self._instance = instance
        self._haproxy = haproxy
        self._version = version
        self._lane = lane
        self._counters = counters
        self._succession = Succession(haproxy, instance.limits, instance.resources, counters)
        self._worker: Worker | None = None
        self.marker = ""
        """What the last worker has read; kept after its end."""
        self.serving = False
        """Whether the health answer asks for new traffic."""
        self._untold = False
        """Whether HAProxy has still to be told that it is another one."""
        self._stats: Place | None = None
        """Where the worker listens for those who ask how it is; None: nowhere."""

    @property
    def alive(self) -> bool:
        """Whether a HAProxy that was proven to serve lives."""
        return self._worker is not None and self._haproxy.master is not None

    @property
    def ended(self) -> bool:
        """Whether no HAProxy of ours lives."""
        return self._haproxy.master is None

    @property
    def info(self) -> HaproxyInfo:
        """Version and process ids for the status."""
        workers = (self._worker.pid, *self._succession.pids) if self._worker is not None and self.alive else ()
        return HaproxyInfo(version=self._version, master=self._haproxy.master, workers=workers)

    def take_death(self) -> str | None:
        """How HAProxy ended, once, when it was thought to be alive."""
        ended = self._haproxy.ended
        if ended is None or self._worker is None:
            return None
        self._forget_worker()
        # A worker that hangs would hold the ports that the next HAProxy needs.
        self._haproxy.stop(0)
        return ended

    # -- configurations

    def checking(self, files: Sequence[Path]) -> AbstractContextManager[Callable[[], str | None]]:
        """`haproxy -c` looks at the files while the block goes on.

        The function waits for what it says against them, None when it accepts them.
        """
        return self._haproxy.checking(files, _CHECK_TIMEOUT)

    def load(
        self,
        marker: str,
        backends: Mapping[str, BackendFacts],
        servers: dict[str, dict[str, Server]],
        stats: Place | None,
    ) -> str | None:
        """Serve the files that have this marker, backends and servers, and the statistics at this place; the message
        when HAProxy does not.

        The worker before goes on then, if there was one. See `Lane.take_over`.
        """
        before, held = self._worker if self.alive else None, Held(servers)
        if before is not None:
            before.close()
            self._succession.make_room()
            result = self._haproxy.reload(marker, _RELOAD_TIMEOUT)
        else:
            self._haproxy.stop(1.0)
            result = self._haproxy.start(marker, _START_TIMEOUT)
        if isinstance(result, Failed):
            self._lane.abandon()
            self._return_to(before)
            return result.message
        self._take_over(result, marker, backends, held)
        self._stats = stats
        return None

    def _take_over(self, serving: Serving, marker: str, backends: Mapping[str, BackendFacts], held: Held) -> None:
        admin = Path(self._instance.admin_socket)
        worker = Worker(admin, marker, serving.pid, timeout=_ORDER_TIMEOUT, connection=serving.runtime)
        # First of all: it has requests already, perhaps for a server that was removed while it read its files.
        self._lane.take_over(worker, backends, held)
        self._worker, self.marker = worker.another(_ORDER_TIMEOUT), marker
        self._counters.count("haproxy_started")
        self._succession.begin(serving.pid)
        # It has read what was so when its files were made.
        self.set_serving(self.serving)

    def _return_to(self, before: Worker | None) -> None:
        """After a failed reload: the old worker goes on, or HAProxy has to be started anew."""
        if before is None or self._haproxy.master is None:
            self._forget_worker()
            return
        try:
            before.run(["show version"])
        except SocketFailed as error:
            if self.answers_traffic(_ORDER_TIMEOUT):
                _log.error("HAProxy serves, but its stats socket does not answer", error=str(error))
                return
            _log.error("HAProxy is in no known state after a failed reload; it is started anew", error=str(error))
            self._haproxy.stop(1.0)
            self._forget_worker()

    def _forget_worker(self) -> None:
        if self._worker is not None:
            self._worker.close()
        self._worker = None
        self._lane.forget()
        self._succession.forget()

    # -- orders and questions

    def send(self, commands: Sequence[Command], maps: Path) -> str | None:
        """Send orders to the worker; the first refusal as text."""
        return self._worker.send(commands, maps) if self._worker is not None else "HAProxy does not run"

    def ask(self, lines: Sequence[str]) -> list[str]:
        """Answers of the worker to lines that change nothing; raises SocketFailed."""
        if self._worker is None:
            raise SocketFailed("HAProxy does not run")
        return self._worker.ask(lines)

    def ping(self, timeout: float) -> str | None:
        """Why HAProxy does not answer on a new connection within `timeout` seconds; None when it does."""
        return self._worker.ping(timeout) if self._worker is not None and self.alive else "HAProxy does not run"

    def answers_traffic(self, timeout: float) -> bool:
        """Whether the statistics listener says anything: a kernel accepts connections for a process that hangs, too."""
        if self._stats is None:
            return False
        try:
            with socket.create_connection(self._stats, timeout) as connection:
                connection.settimeout(timeout)
                connection.sendall(b"GET /_haproxy_health_check HTTP/1.0\r\n\r\n")
                return bool(connection.recv(16))
        except OSError:
            return False

    def set_serving(self, serving: bool) -> None:
        """Let the health answer say whether new traffic is welcome; kept over reloads."""
        self.serving, self._untold = serving, False
        if self.alive:
            order = Run(f"set server {SERVING} state {'ready' if serving else 'maint'}")
            refused = self.send([order], Path())
            if refused is not None:
                self._untold = True
                _log.warning("The health answer could not be changed; trying again", error=refused)

    # -- workers

    def room_at(self) -> float:
        """When a reload may leave one more worker behind, in monotonic seconds."""
        return self._succession.room_at()

    def housekeeping(self) -> None:
        """Delete servers that are gone, tell what was refused, look after old workers, keep the log small."""
        if self.alive:
            # In small pieces: the fast path waits meanwhile.
            for _ in range(min(_PIECES, -(-self._lane.retired // _DELETE_AT_ONCE))):
                self._lane.delete_retired(_DELETE_AT_ONCE)
            if self._untold:
                self.set_serving(self.serving)
        self._succession.look_again()
        try:
            self._haproxy.trim_log()
        except OSError as error:
            _log.warning("HAProxy's log could not be kept small", error=str(error))

    # -- the end

    def soft_stop(self) -> None:
        """Close the listeners and let the connections finish."""
        self._lane.forget()
        if self._worker is not None:
            self._worker.close()
        self._haproxy.soft_stop()

    def stop(self, timeout: float) -> None:
        """End HAProxy, by force after `timeout` seconds."""
        self._forget_worker()
        self._haproxy.stop(timeout)
