"""A WSGI server around an application: bound at once, so that the port is known before anything starts.

Knows sockets, limits and the end. One thread reads and writes all connections; the workers only see complete requests,
so that connections which say nothing, or not all of it, hold none (waitress). What TLS is, `sdk.http.tls_channel`
knows.
"""

import logging
import resource
import socket
import threading
import time
from typing import Any

import structlog
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher
from waitress.wasyncore import close_all, loop

from sdk.errors import EnvironmentProblem
from sdk.http.address import split_address
from sdk.http.channel import Channel
from sdk.http.tls import ServerTls
from sdk.http.tls_channel import TlsChannel

_log = structlog.get_logger()

_LOOK_SECONDS = 5
MOST_CONNECTIONS = 2000
_BACKLOG = 1024
_STOP_SECONDS = 3.0
# Far more than any application of ours takes: up to here the application says how much it wants, and the client has
# sent everything and reads the answer.
_MOST_BODY = 16 * 1024 * 1024
# Answers are kept (on disk from 1 MB on) until they are read, so that a slow reader holds no worker.
_MOST_ANSWER = 2**30
# What supervisors ask: they end a process that does not answer, and one that has much to do would not be better for it.
_HEALTH = frozenset({"/healthz", "/readyz", "/ping"})


class HttpServer:
    """Serves on threads of its own from `serve` to `stop`."""

    def __init__(
        self,
        listen: str,
        *,
        threads: int = 8,
        name: str = "http",
        most_connections: int = MOST_CONNECTIONS,
        tls: ServerTls | None = None,
    ) -> None:
        """`listen` is `host:port`; port 0 takes a free one. Raises EnvironmentProblem when it is in use. With `tls`
        nothing else is spoken there.

        Above `most_connections` (or half of the files that the process may open) the stalest one is ended.
        """
        host, port = split_address(listen)
        self._threads, self._name, self._most_connections, self._tls = threads, name, most_connections, tls
        try:
            self._socket = _bound(host, port)
        except OSError as error:
            raise EnvironmentProblem(f"cannot listen on {listen}: {error}") from error
        self.host = host
        self.port: int = self._socket.getsockname()[1]
        self._server: _Server | None = None

    def serve(self, app: Any) -> None:
        """Answer with `app` from now on; until now clients waited."""
        self._server = _Server(
            app,
            self._socket,
            threads=self._threads,
            name=self._name,
            most=self._most_connections,
            tls=self._tls,
        )
        self._server.thread.start()

    @property
    def alive(self) -> bool:
        """Whether requests are answered."""
        return self._server is not None and self._server.thread.is_alive()

    @property
    def connections(self) -> int:
        """How many are open now."""
        return 0 if self._server is None else len(self._server.active_channels)

    def stop(self) -> None:
        """Close the port and wait for the requests under way."""
        if self._server is None:
            self._socket.close()
        else:
            self._server.stop()


class _Dispatcher(ThreadedTaskDispatcher):  # type: ignore[misc]  # waitress ships no types
    def add_first(self, task: Channel) -> None:
        """Have it done as soon as any worker is free."""
        with self.lock:
            self.queue.appendleft(task)
            self.queue_cv.notify()


class _Server(TcpWSGIServer):  # type: ignore[misc]  # waitress ships no types
    """waitress' server on a thread of its own, which makes room for new connections and ends when it is told to."""

    channel_class = Channel
    active_channels: dict[int, Channel]
    task_dispatcher: _Dispatcher

    def __init__(
        self, app: Any, bound: socket.socket, *, threads: int, name: str, most: int, tls: ServerTls | None
    ) -> None:
        # Says "Task queue depth" at every request of a burst, which is no news.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        # The process needs some files for itself.
        self._most = most if limit < 0 else min(most, limit // 2)
        self._tls, self._paused_until = tls, 0.0
        self._stopping, self._woken = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self.run, name=name, daemon=True)
        dispatcher = _Dispatcher()
        dispatcher.set_thread_count(threads)
        adjustments = Adjustments(
            sockets=[bound],
            ident=None,
            backlog=_BACKLOG,
            # Ours is kept below by ending the stalest connection; at waitress' own nobody new would get in.
            connection_limit=2**20,
            cleanup_interval=_LOOK_SECONDS,
            max_request_body_size=_MOST_BODY,
            outbuf_high_watermark=_MOST_ANSWER,
            asyncore_use_poll=True,
            # Clients that go away are normal.
            log_socket_errors=False,
            # Taken as the client wrote them, for what is checked by them (guard.py) believes no more than that.
            clear_untrusted_proxy_headers=False,
            url_scheme="http" if tls is None else "https",
        )
        sockinfo = (bound.family, bound.type, bound.proto, bound.getsockname())
        super().__init__(app, None, True, bound, dispatcher, adjustments, sockinfo, False)

    def run(self) -> None:
        """Serve until `stop`, then until what is under way is answered, for some seconds at most."""
        while not self._stopping.is_set():
            self._turn(1.0)
        self.accepting = False
        self.del_channel()
        self.socket.close()
        deadline = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < deadline and self._under_way():
            self._turn(0.05)
        self.task_dispatcher.shutdown(timeout=1)
        # The trigger is a pipe: its number may not become another file's while it is being pulled.
        self._woken.wait()
        for channel in list(self.active_channels.values()):
            channel.handle_close()  # with the files of what is left to be read
        close_all(self._map, ignore_all=True)

    def stop(self) -> None:
        """End `run`, and wait for it."""
        if not self._stopping.is_set():
            self._stopping.set()
            self.pull_trigger()
            self._woken.set()
        self.thread.join(_STOP_SECONDS + 2)

    def add_task(self, task: Channel) -> None:
        """Have the next request of a connection answered: health checks before what waits already."""
        if task.requests[0].path in _HEALTH:
            self.task_dispatcher.add_first(task)
        else:
            self.task_dispatcher.add_task(task)

    def readable(self) -> bool:
        """Whether new connections are taken; called in each turn, and looks after the old ones now and then."""
        return super().readable() and time.monotonic() >= self._paused_until

    def handle_accept(self) -> None:
        """Take a connection, and end the one that has waited longest when there are too many."""
        try:
            accepted = self.accept()
            if accepted is None:
                return
            connection, address = accepted
            self.set_socket_options(connection)
        except OSError as error:
            # Out of file descriptors: the connection would be offered again at once, and for ever.
            if not self._end_stalest():
                self._paused_until = time.monotonic() + 0.2
                _log.warning("A connection cannot be taken", server=self.thread.name, why=str(error))
            return
        try:
            if self._tls is None:
                Channel(self, connection, address, self.adj, map=self._map)
            else:
                connection.getpeername()  # of one that is gone already TLS would leave the file open
                TlsChannel(self, connection, address, self.adj, self._tls.context(), map=self._map)
        except OSError:
            connection.close()  # it is gone already
            return
        if len(self.active_channels) > self._most:
            self._end_stalest()

    def maintenance(self, now: float) -> None:  # noqa: ARG002 - waitress' clock may jump
        """End the connections that do not get on."""
        present = time.monotonic()
        for channel in list(self.active_channels.values()):
            if channel.overdue(present):
                # Not `will_close`, which waits until the client reads what is left.
                channel.handle_close()

    def _end_stalest(self) -> bool:
        waiting = [channel for channel in self.active_channels.values() if not channel.requests]
        if not waiting:
            return False
        min(waiting, key=lambda channel: channel.waits_since).handle_close()
        return True

    def _turn(self, seconds: float) -> None:
        loop(timeout=seconds, use_poll=True, map=self._map, count=1)

    def _under_way(self) -> bool:
        return any(channel.requests or channel.total_outbufs_len for channel in self.active_channels.values())


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        # Already now: who comes before `serve` waits for it, and is not refused.
        bound.listen(_BACKLOG)
    except OSError:
        bound.close()
        raise
    return bound
