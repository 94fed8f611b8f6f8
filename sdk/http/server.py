"""A threaded WSGI server around an application: bound at once, so that the port is known before anything starts."""

import socket
import threading
from typing import Any

import structlog
from cheroot import wsgi

from sdk.errors import EnvironmentProblem, InvalidSpec

_log = structlog.get_logger()


class HttpServer:
    """Serves on a thread of its own from `start` to `stop`."""

    def __init__(self, listen: str, app: Any = None, *, threads: int = 8, name: str = "http") -> None:
        """`listen` is `host:port`; port 0 takes a free one. Raises EnvironmentProblem when it is in use."""
        host, port = split_address(listen)
        self._server = _Server((host, port), app, numthreads=threads, server_name=name, shutdown_timeout=3)
        # Mesos and proxies probe often; a keep-alive connection must not hold a worker for long.
        self._server.timeout = 10
        self._server.error_log = _report  # type: ignore[method-assign, assignment]
        try:
            self._server.prepare()
        except OSError as error:
            raise EnvironmentProblem(f"cannot listen on {listen}: {error}") from error
        self.host = host
        self.port: int = self._server.bind_addr[1]
        self._thread = threading.Thread(target=self._server.serve, name=name, daemon=True)

    def serve(self, app: Any) -> None:
        """Answer with `app` from now on."""
        self._server.wsgi_app = app
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether requests are answered."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Close the port and wait for the requests under way."""
        self._server.stop()
        if self._thread.ident is not None:
            self._thread.join(5)


class _Server(wsgi.Server):
    @staticmethod
    def bind_socket(socket_: socket.socket, bind_addr: Any) -> socket.socket:
        """cheroot leaves the socket open that it could not bind."""
        try:
            socket_.bind(bind_addr)
        except OSError:
            socket_.close()
            raise
        return socket_


def split_address(listen: str) -> tuple[str, int]:
    """`host:port`, `[v6]:port` or `:port` (all addresses); raises InvalidSpec."""
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise InvalidSpec("listen", f"{listen!r} is not host:port")
    return host.removeprefix("[").removesuffix("]") or "0.0.0.0", int(port)


def _report(message: str = "", level: int = 20, traceback: bool = False) -> None:
    _log.log(max(level, 10), "The HTTP server says", message=message.strip(), exc_info=traceback)
