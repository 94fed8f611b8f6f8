"""The scheduler process: frameworks from frameworks.json, each with a runner, behind one HTTP server."""

import contextlib
import os
import secrets
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import structlog

from scheduler.config import ALLOW_UNAUTHENTICATED, SchedulerSettings
from sdk import garbage
from sdk.clock import ForwardClock, SystemClock
from sdk.core.events import Event
from sdk.end_signals import on_end_signals
from sdk.errors import EnvironmentProblem
from sdk.framework_store import FrameworkStore
from sdk.frameworks import FrameworkConfig, load_frameworks, load_plugin, select
from sdk.http.access import AccessFile, SharedSecret, Way
from sdk.http.address import is_loopback, require_authentication
from sdk.http.app import framework_prefix, make_app
from sdk.http.server import HttpServer
from sdk.http.tls import ServerTls
from sdk.mesos.access import Access
from sdk.mesos.calls import FrameworkInfo
from sdk.mesos.feed import MesosFeed
from sdk.metrics import Metrics
from sdk.model.records import FrameworkRecord
from sdk.plugin import HostSettings
from sdk.runner import FeedFactory, Runner
from sdk.storage.connection import connect
from sdk.storage.election import Leadership
from sdk.storage.schema import wait_for_schema
from sdk.storage.zookeeper_persister import ZooKeeperPersister

_log = structlog.get_logger()


class SchedulerProcess:
    """Everything of one process, from `start` to `stop`."""

    def __init__(self, settings: SchedulerSettings, over: threading.Event | None = None) -> None:
        """`over` is set when the process has to end. Raises InvalidSpec or EnvironmentProblem for what cannot be run at
        all.
        """
        self.superseded: str | None = None
        """Why it has to: another scheduler has taken one of its frameworks over."""
        self._over = over or threading.Event()
        settings.check()
        self._settings = settings
        self._frameworks = frameworks = [
            replace(framework, principal=settings.access.principal_for(framework.name, framework.principal))
            for framework in select(load_frameworks(settings.frameworks), settings.names)
        ]
        _require_authentication(settings, frameworks)
        plugins = [load_plugin(framework) for framework in frameworks]
        with contextlib.ExitStack() as undo:
            # Both have threads from here on: left alone they would keep a process alive that serves nothing.
            self._server = HttpServer(settings.listen, name="scheduler", tls=_tls(settings))
            undo.callback(self._server.stop)
            self.url = settings.advertised(self._server.port)
            self._metrics = Metrics()
            # As long as it leads, and no longer, the API finds the secret where it finds the address. Who has it from a
            # file needs none there: others can read ZooKeeper.
            own = settings.secret is not None or settings.access_file is not None
            self._published = None if own else secrets.token_urlsafe(32)
            self._ways = _ways(settings, self._published)
            self._zookeeper = connect(settings.zk)
            undo.callback(self._zookeeper.close)
            alone = len(frameworks) == 1
            self._runners = [
                self._runner(framework, plugin, self.url + framework_prefix(framework.name, alone=alone))
                for framework, plugin in zip(frameworks, plugins, strict=True)
            ]
            undo.pop_all()

    def serve(self) -> None:
        """Answer HTTP requests; before `start` they say that nothing is in charge."""
        served = [(runner, runner.plugin.blueprints(runner)) for runner in self._runners]
        self._server.serve(
            make_app(
                served,
                self._metrics,
                ways=self._ways,
                unguarded={one.name for one in self._frameworks if not one.guarded},
                reading=self._settings.access_file is not None,
            )
        )
        if is_loopback(self._settings.listen) and not self._settings.mesos_is_here():
            _log.warning(
                "Agents on other machines cannot fetch what tasks need: set EDGELB_SCHEDULER_LISTEN", url=self.url
            )
        _log.info("The scheduler listens", url=self.url, frameworks=[runner.name for runner in self._runners])

    def start(self) -> None:
        """Compete for each framework; returns at once."""
        for runner in self._runners:
            runner.start()

    def stop(self) -> None:
        """End cleanly: tasks go on, locks are free at once."""
        for runner in self._runners:
            runner.stop()
        self._server.stop()
        self._zookeeper.close()

    def wait_storage(self, stop: threading.Event) -> None:
        """Wait until the tree below our roots is known to be one that this program understands."""
        wait_for_schema(self._zookeeper, {runner.settings.zk_root for runner in self._runners}, stop)

    def _runner(self, framework: FrameworkConfig, plugin: type[Any], url: str) -> Runner:
        settings, root = self._settings, framework.zk_root or self._settings.zk_root
        told = {"secret": self._published} if framework.guarded and self._published is not None else {}
        store = FrameworkStore(ZooKeeperPersister(self._zookeeper), root, framework.name)
        return Runner(
            settings=HostSettings(
                framework=framework,
                zk=settings.zk,
                zk_root=root,
                advertised_url=url,
                replace_after=settings.replace_after,
                replacements_at_once=settings.replacements_at_once,
            ),
            plugin=plugin(),
            zookeeper=self._zookeeper,
            store=store,
            charge=Leadership(
                self._zookeeper, store.leader_path, {"id": framework.name, "url": url, "pid": os.getpid(), **told}
            ),
            feeds=feed_factory(framework, settings.mesos, url, settings.access),
            clock=ForwardClock(SystemClock()),
            new_id=lambda: str(uuid.uuid4()),
            metrics=self._metrics,
            superseded=self._end_superseded,
        )

    def _end_superseded(self, why: str) -> None:
        self.superseded = why
        self._over.set()


def _require_authentication(settings: SchedulerSettings, frameworks: Sequence[FrameworkConfig]) -> None:
    open_ones = [one.name for one in frameworks if not one.guarded]
    instead = "give scheduler and API a secret in EDGELB_SCHEDULER_SECRET_FILE, or the scheduler an access file"
    if open_ones:
        instead = f"take guarded: false away from {', '.join(open_ones)} in {settings.frameworks} and {instead}"
    require_authentication(
        settings.listen,
        authenticated=(settings.secret or settings.access_file) is not None and not open_ones,
        allowed=settings.allow_unauthenticated,
        instead=instead,
        setting=ALLOW_UNAUTHENTICATED,
    )


def _ways(settings: SchedulerSettings, published: str | None) -> list[Way]:
    ways: list[Way] = []
    secret = settings.secret or published
    if secret is not None:
        ways.append(SharedSecret(secret, "the API"))
    if settings.access_file is not None:
        ways.append(AccessFile(settings.access_file, "scheduler-access-file"))
    return ways


def _tls(settings: SchedulerSettings) -> ServerTls | None:
    if settings.certificate is None or settings.key is None:
        return None
    return ServerTls(
        certificate=settings.certificate,
        key=settings.key,
        client_ca=settings.client_ca,
        settings="scheduler-certificate",
    )


def feed_factory(framework: FrameworkConfig, mesos: str, url: str, access: Access) -> FeedFactory:
    """Makes subscriptions of `framework` to the masters at `mesos`."""

    def make(record: FrameworkRecord, post: Callable[[Event], None]) -> MesosFeed:
        info = framework_info(framework, record, url)
        return MesosFeed(info=info, master=mesos, post=post, credentials=access.credentials, tls=access.tls)

    return make


def framework_info(framework: FrameworkConfig, record: FrameworkRecord, url: str) -> FrameworkInfo:
    """How the framework presents itself. Mesos changes neither user nor checkpoint of one that has an id, and would
    refuse each update of its roles that says something else.
    """
    return FrameworkInfo(
        name=framework.name,
        roles=record.roles,
        user=framework.user if record.user is None else record.user,
        framework_id=record.framework_id,
        principal=framework.principal,
        failover_timeout=framework.failover_timeout,
        checkpoint=framework.checkpoint if record.checkpoint is None else record.checkpoint,
        webui_url=framework.webui_url or url,
        capabilities=tuple(framework.capabilities),
        min_allocatable=framework.min_allocatable,
    )


def run(settings: SchedulerSettings) -> None:
    """Run until SIGTERM or SIGINT. Raises InvalidSpec or EnvironmentProblem when it cannot start or go on."""
    garbage.look_rarely()
    over = threading.Event()
    on_end_signals(lambda _: over.set())
    process = SchedulerProcess(settings, over)
    try:
        process.serve()
        process.wait_storage(over)
        if not over.is_set():
            process.start()
            over.wait()
        _log.info("The scheduler stops; its tasks go on")
    finally:
        process.stop()
    if process.superseded is not None:
        raise EnvironmentProblem(process.superseded)
