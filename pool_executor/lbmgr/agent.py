"""lbmgr's thread: takes events, has structures applied, looks after HAProxy, keeps files and status.

Everything but the fast path of servers happens on this one thread: checks and reloads, which may take seconds, hold up
nothing but each other. The servers are followed by a thread of their own (reader.py, lane.py). Events come through a
queue from ZooKeeper's threads, the executor and signal handlers.
"""

import os
import queue
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pool_executor.contract import (
    AUTOCERT_FILE,
    EXPORTER_SOCKET,
    LBMGR_SOCKET,
    SYSTEM_FILE,
    InstanceStatus,
    Structure,
)
from pool_executor.lbmgr import events
from pool_executor.lbmgr.certificates.material import Material
from pool_executor.lbmgr.certificates.own_certificate import OwnCertificate
from pool_executor.lbmgr.certificates.serving import Certificates
from pool_executor.lbmgr.certificates.system_authorities import system_authorities
from pool_executor.lbmgr.haproxy.process import Haproxy
from pool_executor.lbmgr.haproxy.proxy import Proxy
from pool_executor.lbmgr.haproxy.runtime import capabilities
from pool_executor.lbmgr.leave import FORCE_MARGIN, Phase
from pool_executor.lbmgr.life import End, Life
from pool_executor.lbmgr.nodes import Nodes
from pool_executor.lbmgr.servers.keeper import Keeper
from pool_executor.lbmgr.servers.lane import Lane
from pool_executor.lbmgr.servers.reader import Reader
from pool_executor.lbmgr.servers.verify import Verifier
from pool_executor.lbmgr.settings import Settings
from pool_executor.lbmgr.status.condition import Condition
from pool_executor.lbmgr.status.http_server import HttpServer, Sources
from pool_executor.lbmgr.status.metrics import Counters
from pool_executor.lbmgr.status.report import Report
from pool_executor.lbmgr.structure.apply import Applier
from pool_executor.lbmgr.structure.files import Files
from pool_executor.lbmgr.structure.follow import Follower
from pool_executor.lbmgr.structure.hindrances import Hindrances
from pool_executor.lbmgr.structure.instance import Instance
from pool_executor.lbmgr.structure.obstacles import Obstacles
from sdk.errors import CorruptRecord

__all__ = ["Agent", "End"]

_TICK = 0.1
_TICK_WITHOUT_SERVERS = 0.01
_SLOW_TICK = 1.0
# How long one thread of Python may hold up another: files of a large pool are composed while its servers are followed.
_SWITCH_INTERVAL = 0.0005


class Agent:
    """One instance of lbmgr. `run` is the thread; the other methods may be called from any thread."""

    def __init__(self, settings: Settings, *, binary: str, version: str, on_status: Callable[[InstanceStatus], None]):
        self._settings = settings
        self._events: queue.SimpleQueue[events.Event] = queue.SimpleQueue()
        counters = Counters()
        instance = Instance(
            task_id=settings.task_id,
            ports=settings.ports,
            sockets=settings.sockets,
            state=settings.sandbox / "haproxy.state",
            limits=settings.limits,
            resources=settings.resources,
            cores=len(os.sched_getaffinity(0)),
        )
        files = Files(settings.sandbox, instance.material)
        self.material = Material(Path(instance.material), lambda: self._events.put(events.MaterialChanged()))
        """The files that are this instance's alone; whoever has a source of them fills it."""
        self.own_certificate = OwnCertificate(
            self.material, settings.pool, (settings.hostname, *settings.addresses, *settings.public)
        )
        """The one that `$AUTOCERT` names; whoever knows an authority has it signed."""
        self._certificates = Certificates(
            self.material, {AUTOCERT_FILE: self.own_certificate.content, SYSTEM_FILE: system_authorities}, counters
        )
        self._material_changed = False
        haproxy = Haproxy(
            binary=binary,
            directory=files.current,
            admin=Path(instance.admin_socket),
            master=Path(instance.master_socket),
            log=settings.sandbox / "haproxy.log",
            variables=settings.environment,
        )
        self._lane = Lane(capabilities(version), counters)
        self._reader = Reader(self._lane)
        self._proxy = Proxy(instance, haproxy, version, self._lane, counters)
        self._applier = Applier(
            instance=instance,
            files=files,
            hindrances=Hindrances(Obstacles(settings.ports, settings.binds), self._certificates),
            proxy=self._proxy,
            lane=self._lane,
            counters=counters,
            next_marker=self._next_marker,
        )
        self._follower = Follower(self._applier, self._proxy, self._lane, settings.ports, counters)
        self._maps = files.maps
        self._verifier = Verifier(self._lane, self._proxy, counters, files.maps)
        self._condition = Condition(self._lane, self._proxy)
        self._keeper = Keeper(files.endpoints, self._lane, counters, self._applier.overview)
        self._life = Life(
            settings.health,
            applier=self._applier,
            proxy=self._proxy,
            counters=counters,
            on_start=self._started,
        )
        self._report = Report(
            settings,
            applier=self._applier,
            proxy=self._proxy,
            lane=self._lane,
            reader=self._reader,
            follower=self._follower,
            condition=self._condition,
            life=self._life,
            keeper=self._keeper,
            certificates=self._certificates,
            counters=counters,
            on_status=on_status,
        )
        self._http = HttpServer(
            settings.sockets / LBMGR_SOCKET,
            Sources(
                observed=self._report.observed, exporter=settings.sockets / EXPORTER_SOCKET, overview=files.overview
            ),
        )
        self._markers = 0

    # -- from any thread

    def structure_seen(self, head: Structure | CorruptRecord | None) -> None:
        """The head of the structure is this now."""
        self._events.put(events.StructureSeen(head))

    def endpoints_seen(self, data: bytes | None) -> None:
        """The node of the endpoints holds this now."""
        self._reader.seen(data)

    def attach(self, nodes: Nodes) -> None:
        """Fetch from and report to these nodes from now on."""
        self._reader.attach(nodes)
        self._events.put(events.Attach(nodes))

    def connected(self) -> None:
        """ZooKeeper answers again: what failed for its absence may be tried."""
        self._events.put(events.Connected())

    def drain(self, grace: float) -> None:
        """Leave: health says no, listeners close, connections finish; over after `grace` seconds at the latest."""
        self._events.put(events.Drain(grace, time.monotonic() + grace))

    def stop(self) -> None:
        """Leave at once."""
        self._events.put(events.Stop())

    @property
    def trouble(self) -> str | None:
        """What is wrong with HAProxy itself; after the end of `run`, what ended it."""
        return self._life.trouble

    # -- the thread

    def run(self) -> End:
        """Serve until drained, stopped or given up; HAProxy is gone afterwards."""
        sys.setswitchinterval(_SWITCH_INTERVAL)
        self._http.start()
        try:
            running = self._applier.load()
            self._keeper.load()
            self._welcome()
            if running is not None:
                self._life.start("the configuration on disk is served until ZooKeeper answers")
            self._report.tell(time.monotonic())
            self._reader.start()
            slow_at = time.monotonic()
            while self._life.end is None:
                self._take_events()
                now = time.monotonic()
                self._welcome()
                self._life.look_after(now)
                self._follow(now)
                self._life.check(now, blocked=self._follower.outcome.retry)
                if now >= slow_at:
                    slow_at = now + _SLOW_TICK
                    self._housekeeping()
                self._look(now)
                self._keeper.save(now)
                self._life.leave(now)
                self._report.tell(now)
            return self._life.end
        finally:
            self._proxy.stop(FORCE_MARGIN)
            self._reader.stop()
            self._http.stop()

    @property
    def _tick(self) -> float:
        """The first configuration waits for nothing but the servers, which a thread reads that sends no events."""
        return _TICK_WITHOUT_SERVERS if self._follower.waits_for_servers else _TICK

    def _take_events(self) -> None:
        """Wait a tick for an event, then take all there are: of several heads only the last one counts."""
        timeout: float | None = self._report.pause(self._tick)
        while True:
            try:
                event = self._events.get(timeout=timeout) if timeout is not None else self._events.get_nowait()
            except queue.Empty:
                return
            timeout = None
            match event:
                case events.StructureSeen(head):
                    self._follower.see(head)
                case events.Attach(nodes):
                    self._follower.attach(nodes)
                    self._report.attach(nodes)
                case events.Connected():
                    self._follower.hurry()
                case events.Drain(grace, deadline):
                    self._life.begin_to_leave(grace, deadline)
                case events.Stop():
                    self._life.end = End.STOPPED
                case events.MaterialChanged():
                    self._material_changed = True
                    self._follower.look()

    def _follow(self, now: float) -> None:
        if self._material_changed:
            self._material_changed = False
            self._take_up_certificates()
        outcome = self._follower.step(now) if self._life.phase is not Phase.FINISHING else None
        if outcome is not None and outcome.action == "reload":
            self._life.loaded()
            self._verifier.again()
        if outcome is not None and outcome.action in ("reload", "dynamic"):
            self._keeper.changed()

    def _take_up_certificates(self) -> None:
        running, maps = self._applier.running, self._maps
        send = (lambda command: self._proxy.send([command], maps)) if self._proxy.alive else None
        self._certificates.take_up(running.content if running is not None else None, send)

    def _welcome(self) -> None:
        """Ask for traffic as soon as the servers are known that shall take it."""
        if self._lane.known and not self._proxy.serving and self._life.phase is Phase.SERVING:
            self._proxy.set_serving(True)

    def _started(self, reason: str) -> None:
        self._follower.served_from_disk(reason)
        self._verifier.again()
        self._keeper.changed()

    def _housekeeping(self) -> None:
        self._applier.stored.save()
        self._proxy.housekeeping()

    def _look(self, now: float) -> None:
        """Compare and count, only while HAProxy is known to answer; when it leaves, nobody needs to know."""
        if not self._life.answers:
            self._condition.forget()
        elif self._life.phase is Phase.SERVING and (running := self._applier.running) is not None:
            self._lane.tell_waiting()
            self._verifier.step(now, running.content)
            self._condition.look(now, busy=not self._events.empty())

    def _next_marker(self) -> str:
        self._markers += 1
        head = self._follower.wanted
        return f"{self._settings.pool}/{head.epoch if head else 0}.{head.version if head else 0}/{self._markers}"
