"""The process behind `edgelb run api`: the application served by waitress until a signal comes.

Serves before ZooKeeper answers and while it is away (with 503), so that an operator always gets a sentence.
"""

import threading
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from api.process.version import package_version
from api.users.credentials import Credentials
from api.validation.trials import Trials
from api.web.app import DEFAULT_FRAMEWORK, DEFAULT_PREFIX, create_app
from scheduler.config import ALLOW_UNAUTHENTICATED
from sdk.end_signals import on_end_signals
from sdk.errors import EnvironmentProblem, SdkError
from sdk.http.address import require_authentication
from sdk.http.server import HttpServer
from sdk.http.tls import ServerTls
from sdk.storage.connection import ZooKeeper, connect
from sdk.storage.schema import wait_for_schema

_log = structlog.get_logger()

# Shorter than anybody's patience: the API holds no ephemeral nodes, so losing a session costs it nothing.
ZOOKEEPER_TIMEOUT = 2.0
_THREADS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """What `edgelb run api` needs; `listen` is `host:port`, port 0 takes a free one."""

    zk: str = "127.0.0.1:2181"
    zk_root: str = "/edgelb"
    listen: str = "127.0.0.1:8080"
    framework: str = DEFAULT_FRAMEWORK
    prefix: str = DEFAULT_PREFIX
    scheduler_secret: str | None = field(default=None, repr=False)
    scheduler_ca: Path | None = None
    credentials: Credentials | None = None
    """Of those who may use the API; None: everybody."""
    tls: ServerTls | None = None
    """None: it speaks none."""
    allow_unauthenticated: bool = False
    hosts: tuple[str, ...] = ()
    """Names under which browsers ask for this server, beside this machine's own."""
    raw_strings: bool = True
    """Whether pools may say something in HAProxy's own words."""
    require_if_match: bool = False
    """Whether changes of pools must say which state of them is meant."""

    def check(self) -> None:
        """Raise InvalidSpec when everybody on the network could change everything and nobody said so."""
        require_authentication(
            self.listen,
            authenticated=self.credentials is not None,
            allowed=self.allow_unauthenticated,
            instead="give users in EDGELB_API_CREDENTIALS_FILE",
            setting=ALLOW_UNAUTHENTICATED,
        )


class ApiServer:
    """The API on a socket, served by threads of its own."""

    def __init__(self, settings: ApiSettings, zookeeper: ZooKeeper, trials: Trials) -> None:
        """Binds at once; raises EnvironmentProblem when the address is in use, InvalidSpec when it is none."""
        settings.check()
        self._app = create_app(
            zookeeper,
            settings.zk_root,
            version=package_version(),
            trials=trials,
            framework=settings.framework,
            prefix=settings.prefix,
            scheduler_secret=settings.scheduler_secret,
            scheduler_ca=settings.scheduler_ca,
            credentials=settings.credentials,
            hosts=settings.hosts,
            require_if_match=settings.require_if_match,
        )
        try:
            self._server = HttpServer(settings.listen, threads=_THREADS, name="api", tls=settings.tls)
        except EnvironmentProblem as error:
            hint = "stop what uses it, or choose another address with --listen"
            raise EnvironmentProblem(f"{error}; {hint}") from error
        self.address = f"{self._server.host}:{self._server.port}"

    def start(self) -> str:
        """Begin to serve, and return the address as `host:port`."""
        self._server.serve(self._app)
        return self.address

    def stop(self) -> None:
        """Finish the requests at hand and stop."""
        self._server.stop()


def run(settings: ApiSettings) -> None:
    """Serve until SIGTERM or SIGINT. Raises EnvironmentProblem when it cannot listen or the tree is too new."""
    stop = threading.Event()
    on_end_signals(lambda _: stop.set())
    zookeeper = connect(settings.zk, session_timeout=ZOOKEEPER_TIMEOUT)
    trials = Trials(raw_strings=settings.raw_strings)
    try:
        server = ApiServer(settings, zookeeper, trials)
        address = server.start()
        _log.info("The API server answers", address=address, zookeeper=zookeeper.address, root=settings.zk_root)
        schema = _SchemaCheck(zookeeper, settings.zk_root, stop)
        schema.start()
        stop.wait()
        server.stop()
        if schema.problem is not None:
            raise schema.problem
    finally:
        trials.stop()
        zookeeper.close()


class _SchemaCheck(threading.Thread):
    """Checks the version of the tree as soon as there is a connection; ends the process when it is too new."""

    def __init__(self, zookeeper: ZooKeeper, root: str, stop: threading.Event) -> None:
        super().__init__(name="schema", daemon=True)
        self._zookeeper, self._root, self._stop_event = zookeeper, root, stop
        self.problem: SdkError | None = None

    def run(self) -> None:
        """Try until it is checked or the process stops."""
        try:
            wait_for_schema(self._zookeeper, [self._root], self._stop_event)
        except SdkError as error:
            self.problem = error
            self._stop_event.set()
