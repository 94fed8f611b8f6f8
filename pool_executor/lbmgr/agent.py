"""lbmgr's thread: takes events, has them applied, decides when to try again, and reports the status.

Everything that touches HAProxy or the files of an instance happens on this one thread, so nothing here needs a lock.
Events come through a queue from ZooKeeper's thread, the executor and signal handlers.
"""

import enum
import os
import queue
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from pool_executor.bundle import Death, Head, InstanceStatus, encode_status
from pool_executor.lbmgr.apply import Applier
from pool_executor.lbmgr.files import Files
from pool_executor.lbmgr.follow import Follower, Nodes
from pool_executor.lbmgr.health import Consequence, Health, observe
from pool_executor.lbmgr.inspection import Inspection
from pool_executor.lbmgr.instance import Instance
from pool_executor.lbmgr.leave import FORCE_MARGIN, Leaving, Phase, ask
from pool_executor.lbmgr.metrics import Counters
from pool_executor.lbmgr.process import Haproxy
from pool_executor.lbmgr.settings import Settings
from sdk.errors import CorruptRecord
from sdk.retry import Policy

_log = structlog.get_logger()

_TICK = 0.1
_SLOW_TICK = 1.0
_RESTART = Policy(first=0.1, most=5.0)
# A HAProxy that has lived this long is stable: its next death is answered at once again.
_STABLE_AFTER = 30.0
# Deaths of HAProxy that are told.
_DEATHS = 5
# A check holds up everything else, so one that may take longer by the pool's numbers is cut short.
_MAX_PING = 9.0


class End(enum.Enum):
    """Why the agent came to its end."""

    DRAINED = "drained"
    STOPPED = "stopped"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class _HeadSeen:
    head: Head | CorruptRecord | None


@dataclass(frozen=True, slots=True)
class _Attach:
    nodes: Nodes


@dataclass(frozen=True, slots=True)
class _Connected:
    pass


@dataclass(frozen=True, slots=True)
class _Drain:
    grace: float
    deadline: float
    """In monotonic seconds: a reload that is under way must not add to the grace period."""


@dataclass(frozen=True, slots=True)
class _Stop:
    pass


_Event = _HeadSeen | _Attach | _Connected | _Drain | _Stop


class Agent:
    """One instance of lbmgr. `run` is the thread; the other methods may be called from any thread."""

    def __init__(self, settings: Settings, *, binary: str, version: str, on_status: Callable[[InstanceStatus], None]):
        self._settings = settings
        self._on_status = on_status
        self._events: queue.SimpleQueue[_Event] = queue.SimpleQueue()
        self._nodes: Nodes | None = None
        self._counters = Counters()
        instance = Instance(
            task_id=settings.task_id,
            ports=settings.ports,
            sockets=settings.sockets,
            state=settings.sandbox / "haproxy.state",
            limits=settings.limits,
            resources=settings.resources,
            cores=len(os.sched_getaffinity(0)),
        )
        files = Files(settings.sandbox)
        self._applier = Applier(
            instance=instance,
            binds=settings.binds,
            files=files,
            haproxy=Haproxy(
                binary=binary,
                directory=files.current,
                admin=Path(instance.admin_socket),
                master=Path(instance.master_socket),
                log=settings.sandbox / "haproxy.log",
            ),
            version=version,
            counters=self._counters,
            next_marker=self._next_marker,
        )
        self._follower = Follower(self._applier)
        self._inspection = Inspection(self._applier)
        self._markers = 0
        self._restart_at: float | None = None
        self._restart = _RESTART.backoff()
        self._started_at = 0.0
        self._trouble: str | None = None
        self._unsaved: str | None = None
        self._deaths: tuple[Death, ...] = ()
        self._health = Health(started=time.monotonic())
        self._phase = Phase.SERVING
        self._leaving: Leaving | None = None
        self._end: End | None = None
        self._shown: InstanceStatus | None = None

    # -- from any thread

    def head_seen(self, head: Head | CorruptRecord | None) -> None:
        """The head of the bundle is this now."""
        self._events.put(_HeadSeen(head))

    def attach(self, nodes: Nodes) -> None:
        """Fetch from and report to these nodes from now on."""
        self._events.put(_Attach(nodes))

    def connected(self) -> None:
        """ZooKeeper answers again: what failed for its absence may be tried."""
        self._events.put(_Connected())

    def drain(self, grace: float) -> None:
        """Leave: health says no, listeners close, connections finish; over after `grace` seconds at the latest."""
        self._events.put(_Drain(grace, time.monotonic() + grace))

    def stop(self) -> None:
        """Leave at once."""
        self._events.put(_Stop())

    @property
    def trouble(self) -> str | None:
        """What is wrong with HAProxy itself; after the end of `run`, what ended it."""
        return self._trouble

    # -- the thread

    def run(self) -> End:
        """Serve until drained, stopped or given up; HAProxy is gone afterwards."""
        try:
            if self._applier.load() is not None:
                self._start("the configuration on disk is served until ZooKeeper answers")
            self._report()
            slow_at = time.monotonic()
            while self._end is None:
                self._take_events()
                now = time.monotonic()
                self._look_after_haproxy(now)
                self._follow(now)
                self._check_health(now)
                if now >= slow_at:
                    slow_at = now + _SLOW_TICK
                    self._applier.housekeeping()
                    self._unsaved = self._applier.save() if self._applier.unsaved else None
                    if self._phase is Phase.SERVING and self._inspection.compare(now):
                        self._reloaded()
                self._leave(now)
                self._report()
                self._look_at_servers(now)  # what it sees is told with the next report, a tick later
            return self._end
        finally:
            self._applier.stop(FORCE_MARGIN)

    def _take_events(self) -> None:
        """Wait a tick for an event, then take all there are: of several heads only the last one counts."""
        timeout: float | None = _TICK
        while True:
            try:
                event = self._events.get(timeout=timeout) if timeout is not None else self._events.get_nowait()
            except queue.Empty:
                return
            timeout = None
            match event:
                case _HeadSeen(head):
                    self._follower.see(head)
                case _Attach(nodes):
                    self._nodes = nodes
                    self._follower.attach(nodes)
                    if self._shown is not None:
                        nodes.publish(encode_status(self._shown))
                case _Connected():
                    self._follower.hurry()
                case _Drain(grace, deadline):
                    self._begin_to_leave(grace, deadline)
                case _Stop():
                    self._end = End.STOPPED

    # -- HAProxy against the configuration

    def _follow(self, now: float) -> None:
        outcome = self._follower.step(now) if self._phase is not Phase.FINISHING else None
        if outcome is None:
            return
        if outcome.action == "reload":
            self._reloaded()
        if outcome.action not in (None, "noop"):
            self._inspection.changed()

    def _look_at_servers(self, now: float) -> None:
        """After everything else, and only while HAProxy is known to answer; when it leaves, nobody needs to know."""
        if not self._applier.alive or not self._health.ok:
            self._inspection.forget()
        elif self._phase is Phase.SERVING:
            self._inspection.look(now, busy=not self._events.empty())

    # -- HAProxy's life

    def _reloaded(self) -> None:
        self._restart_at, self._trouble = None, None
        self._started_at = time.monotonic()
        self._health = replace(self._health, next_check=0.0)

    def _start(self, reason: str) -> None:
        before = self._applier.running
        error = self._applier.start()
        if self._applier.running is not before:
            # Only what was on disk could be started: what came after it is applied once more.
            self._follower.again()
        self._trouble = f"HAProxy does not start: {error}" if error is not None else None
        if error is None:
            self._restart_at = None
            self._started_at = time.monotonic()
            self._health = replace(self._health, next_check=0.0)
            self._follower.served_from_disk(reason)
            self._follower.haproxy_started()
            self._inspection.changed()
            _log.info(f"HAProxy serves: {reason}", master=self._applier.info.master)
        else:
            self._restart_at = time.monotonic() + self._restart.delay()
            _log.error("HAProxy does not start; trying again", error=error)

    def _look_after_haproxy(self, now: float) -> None:
        if self._phase is Phase.FINISHING or self._applier.running is None:
            return
        ended = self._applier.take_death()
        if ended is not None:
            self._counters.count("haproxy_died")
            self._deaths = (*self._deaths, Death(at=time.time(), how=ended))[-_DEATHS:]
            self._trouble = f"HAProxy {ended}; it is started again"
            _log.error(self._trouble)
            if now - self._started_at >= _STABLE_AFTER:
                self._restart.reset()
            self._restart_at = now if now - self._started_at >= _RESTART.first else now + self._restart.delay()
        if not self._applier.alive and self._restart_at is None:
            self._restart_at = now
        if self._restart_at is not None and now >= self._restart_at:
            self._start("started again")

    def _check_health(self, now: float) -> None:
        if now < self._health.next_check or self._phase is Phase.FINISHING:
            return
        policy = self._settings.health
        # Waiting for the first configuration that HAProxy takes is no failure of this instance; a port in use is.
        waiting = self._applier.running is None and self._trouble is None and not self._follower.outcome.retry
        problem = None if waiting else self._applier.ping(min(policy.timeout, _MAX_PING))
        if waiting:
            self._health = replace(self._health, next_check=now + policy.interval, started=now)
            return
        self._health, consequence = observe(policy, self._health, problem is None, time.monotonic())
        if problem is not None:
            self._counters.count("check_failed")
        match consequence:
            case Consequence.CHANGED if problem is not None:
                _log.warning("The health check fails", error=problem)
            case Consequence.END if self._phase is Phase.SERVING:
                self._trouble = f"unhealthy: {self._health.failures} checks failed in a row, the last with: {problem}"
                _log.error(self._trouble)
                self._end = End.UNHEALTHY
            case _:
                pass

    # -- leaving

    def _begin_to_leave(self, grace: float, deadline: float) -> None:
        self._leaving = ask(self._leaving, time.monotonic(), deadline)
        if self._phase is not Phase.SERVING:
            return
        self._phase = Phase.NOTICE
        if not self._applier.alive:
            self._end = End.DRAINED
            return
        _log.info("Leaving: health says no, then connections finish", grace=grace)
        self._applier.set_serving(False)

    def _leave(self, now: float) -> None:
        if self._leaving is None:
            return
        if self._phase is Phase.NOTICE and now >= self._leaving.finish_at:
            self._phase = Phase.FINISHING
            self._applier.soft_stop()
        if self._phase is Phase.FINISHING and (self._applier.ended or now >= self._leaving.cut_at):
            if not self._applier.ended:
                _log.warning("The grace period is over; connections that are still open are cut")
            self._end = End.DRAINED

    # -- the status

    def _report(self) -> None:
        status = self._status()
        shown = self._shown
        if shown is not None:
            if (shown.verdict, shown.epoch, shown.version) == (status.verdict, status.epoch, status.version):
                status = replace(status, since=shown.since)
            # Counters alone are no news: they ride along with the next change.
            if replace(status, counters=shown.counters) == shown:
                return
        self._shown = status
        if self._nodes is not None:
            self._nodes.publish(encode_status(status))
        self._on_status(status)

    def _status(self) -> InstanceStatus:
        settings, outcome, running = self._settings, self._follower.outcome, self._applier.running
        healthy = self._health.ok and running is not None and self._phase is Phase.SERVING
        reason = outcome.reason if self._phase is Phase.SERVING else "leaving: connections finish"
        return InstanceStatus(
            task_id=settings.task_id,
            pod=settings.pod,
            hostname=settings.hostname,
            addresses=settings.addresses,
            public=settings.public,
            ports=settings.ports,
            epoch=running.head.epoch if running is not None else 0,
            version=running.head.version if running is not None else 0,
            verdict=outcome.verdict,
            action=outcome.action,
            reason=reason,
            error=self._trouble or self._follower.error or self._unsaved,
            rejected_version=self._follower.rejected,
            healthy=healthy,
            since=time.time(),
            haproxy=self._applier.info,
            counters=self._counters.snapshot(),
            leaving=self._phase is not Phase.SERVING,
            short=self._inspection.short,
            deaths=self._deaths,
        )

    def _next_marker(self) -> str:
        self._markers += 1
        head = self._follower.wanted
        return f"{self._settings.pool}/{head.epoch if head else 0}.{head.version if head else 0}/{self._markers}"
