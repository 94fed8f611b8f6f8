"""The process behind `edgelb api`: the application served by cheroot until a signal comes.

Serves before ZooKeeper answers and while it is away (with 503), so that an operator always gets a sentence.
"""

import signal
import threading
from dataclasses import dataclass

import structlog
from cheroot import wsgi

from api.app import DEFAULT_FRAMEWORK, DEFAULT_PREFIX, create_app
from api.bodies import MAX_BODY
from api.version import package_version
from sdk.errors import EnvironmentProblem, SdkError, TemporaryFailure
from sdk.storage.connection import ZooKeeper, connect
from sdk.storage.schema import ensure_schema

_log = structlog.get_logger()

# Shorter than anybody's patience: the API holds no ephemeral nodes, so losing a session costs it nothing.
ZOOKEEPER_TIMEOUT = 2.0
_THREADS = 16
_SOCKET_TIMEOUT = 10
_STOP_TIMEOUT = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """What `edgelb api` needs; `listen` is `host:port`, port 0 takes a free one."""

    zk: str = "127.0.0.1:2181"
    zk_root: str = "/edgelb"
    listen: str = "0.0.0.0:8080"
    framework: str = DEFAULT_FRAMEWORK
    prefix: str = DEFAULT_PREFIX


class ApiServer:
    """The API on a socket, served by threads of its own."""

    def __init__(self, settings: ApiSettings, zookeeper: ZooKeeper) -> None:
        host, _, port = settings.listen.rpartition(":")
        self._listen = settings.listen
        app = create_app(
            zookeeper,
            settings.zk_root,
            version=package_version(),
            framework=settings.framework,
            prefix=settings.prefix,
        )
        self._server = wsgi.Server(
            (host.strip("[]"), int(port)),
            app,
            numthreads=_THREADS,
            server_name="edgelb",
            timeout=_SOCKET_TIMEOUT,
            shutdown_timeout=_STOP_TIMEOUT,
            accepted_queue_size=128,
        )
        # Twice the application's own bound, so that its sentence is what people usually see.
        self._server.max_request_body_size = 2 * MAX_BODY
        self._server.max_request_header_size = 64 * 1024
        self._thread = threading.Thread(target=self._serve, name="api", daemon=True)

    def start(self) -> str:
        """Bind, begin to serve, and return the address as `host:port`."""
        try:
            self._server.prepare()
        except OSError as error:
            # cheroot leaves the socket that it could not bind open.
            if self._server.socket is not None:
                self._server.socket.close()
            raise EnvironmentProblem(
                f"cannot listen on {self._listen}: {error}; stop what uses it, or choose another address with --listen"
            ) from error
        self._thread.start()
        host, port = self._server.bind_addr[:2]
        return f"{host}:{port}"

    def stop(self) -> None:
        """Finish the requests at hand and stop."""
        self._server.stop()
        self._thread.join()

    def _serve(self) -> None:
        self._server.serve()


def run(settings: ApiSettings) -> None:
    """Serve until SIGTERM or SIGINT. Raises EnvironmentProblem when it cannot listen or the tree is too new."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    zookeeper = connect(settings.zk, session_timeout=ZOOKEEPER_TIMEOUT)
    try:
        server = ApiServer(settings, zookeeper)
        address = server.start()
        _log.info("The API server answers", address=address, zookeeper=settings.zk, root=settings.zk_root)
        schema = _SchemaCheck(zookeeper, settings.zk_root, stop)
        schema.start()
        stop.wait()
        server.stop()
        if schema.problem is not None:
            raise schema.problem
    finally:
        zookeeper.close()


class _SchemaCheck(threading.Thread):
    """Checks the version of the tree as soon as there is a connection; ends the process when it is too new."""

    def __init__(self, zookeeper: ZooKeeper, root: str, stop: threading.Event) -> None:
        super().__init__(name="schema", daemon=True)
        self._zookeeper, self._root, self._stop_event = zookeeper, root, stop
        self.problem: SdkError | None = None

    def run(self) -> None:
        """Try until it is checked or the process stops."""
        while not self._stop_event.is_set():
            if not self._zookeeper.wait_connected(1.0):
                continue
            try:
                ensure_schema(self._zookeeper, self._root)
                return
            except TemporaryFailure as error:
                _log.warning("The version of the tree cannot be read yet", error=str(error))
                self._stop_event.wait(1.0)
            except SdkError as error:
                self.problem = error
                self._stop_event.set()
