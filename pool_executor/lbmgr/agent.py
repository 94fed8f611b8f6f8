"""lbmgr's thread: takes events, has them applied, decides when to try again, and reports the status.

Everything that touches HAProxy or the files of an instance happens on this one thread, so nothing here needs a lock.
Events come through a queue from ZooKeeper's thread, the executor and signal handlers.
"""

import enum
import queue
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import structlog

from pool_executor.bundle import Head, InstanceStatus, Part, encode_status
from pool_executor.lbmgr.apply import Applier, Outcome
from pool_executor.lbmgr.decide import Content, PartText
from pool_executor.lbmgr.files import Files
from pool_executor.lbmgr.health import Consequence, Health, HealthPolicy, observe
from pool_executor.lbmgr.instance import Instance
from pool_executor.lbmgr.metrics import Counters
from pool_executor.lbmgr.process import Haproxy
from sdk.errors import CorruptRecord, TemporaryFailure

_log = structlog.get_logger()

_TICK = 0.1
_SLOW_TICK = 1.0
_RETRY_FIRST, _RETRY_MAX = 0.5, 10.0
_RESTART_FIRST, _RESTART_MAX = 0.1, 5.0
# A HAProxy that has lived this long is stable: its next death is answered at once again.
_STABLE_AFTER = 30.0
# Of the kill grace: how long health says no before the listeners close, and what is left for ending by force.
_NOTICE_SHARE, _NOTICE_MAX = 0.25, 5.0
_FORCE_MARGIN = 0.5
# A check holds up everything else, so one that may take longer by the pool's numbers is cut short.
_MAX_PING = 9.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What one instance is: who, where, which ports, how its health counts."""

    task_id: str
    pod: str
    pool: str
    hostname: str
    addresses: tuple[str, ...] = ()
    public: tuple[str, ...] = ()
    ports: Mapping[str, int] = field(default_factory=dict)
    binds: Mapping[str, str] = field(default_factory=dict)
    health: HealthPolicy = field(default_factory=HealthPolicy)
    sandbox: Path
    sockets: Path


class Nodes(Protocol):
    """The pool's nodes in ZooKeeper, see `watch.PoolNodes`."""

    def fetch(self, part: Part) -> str:
        """The text of a part."""

    def publish(self, status: bytes) -> None:
        """Keep the status node at these bytes."""


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


@dataclass(frozen=True, slots=True)
class _Stop:
    pass


_Event = _HeadSeen | _Attach | _Connected | _Drain | _Stop


class _Phase(enum.Enum):
    SERVING = "serving"
    NOTICE = "notice"
    """Health answers 503 while connections are still taken, so that those who ask for health go elsewhere first."""
    FINISHING = "finishing"
    """The listeners are closed; open connections finish."""


@dataclass(slots=True, kw_only=True)
class _Backoff:
    """Seconds until the next try, doubling from `first` to `most`."""

    first: float
    most: float
    _next: float = 0.0

    def reset(self) -> None:
        self._next = 0.0

    def take(self) -> float:
        delay = self._next or self.first
        self._next = min(self.most, delay * 2)
        return delay


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
        self._markers = 0
        self._wanted: Head | None = None
        self._handled: Head | None = None
        self._outcome = Outcome(verdict="starting", action=None, reason="waiting for the first configuration")
        self._rejected: int | None = None
        self._retry_at: float | None = None
        self._retry = _Backoff(first=_RETRY_FIRST, most=_RETRY_MAX)
        self._restart_at: float | None = None
        self._restart = _Backoff(first=_RESTART_FIRST, most=_RESTART_MAX)
        self._started_at = 0.0
        self._trouble: str | None = None
        self._unsaved: str | None = None
        self._health = Health(started=time.monotonic())
        self._phase = _Phase.SERVING
        self._deadline = 0.0
        self._finish_at = 0.0
        self._end: End | None = None
        self._since = time.time()
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
        self._events.put(_Drain(grace))

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
                self._leave(now)
                self._report()
            return self._end
        finally:
            self._applier.stop(_FORCE_MARGIN)

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
                    self._see(head)
                case _Attach(nodes):
                    self._nodes = nodes
                    if self._shown is not None:
                        nodes.publish(encode_status(self._shown))
                case _Connected():
                    if self._retry_at is not None:
                        self._retry_at = 0.0
                case _Drain(grace):
                    self._begin_to_leave(grace)
                case _Stop():
                    self._end = End.STOPPED

    def _see(self, head: Head | CorruptRecord | None) -> None:
        match head:
            case Head():
                self._wanted = head
                # A new head is applied at once; the pauses of its predecessor were not about it.
                self._retry.reset()
                self._retry_at = 0.0
            case CorruptRecord():
                self._outcome = replace(self._outcome, error=f"the head in ZooKeeper cannot be read: {head}")
            case None:
                _log.info("The pool has no configuration in ZooKeeper; the present one goes on")

    # -- following the bundle

    def _follow(self, now: float) -> None:
        head = self._wanted
        if head is None or head == self._handled or self._nodes is None or self._phase is _Phase.FINISHING:
            return
        if self._retry_at is None or now < self._retry_at:
            return
        try:
            content = self._fetch(head, self._nodes)
        except (TemporaryFailure, CorruptRecord) as error:
            self._retry_at = time.monotonic() + self._retry.take()
            _log.warning("The configuration could not be fetched; trying again", version=head.version, error=str(error))
            self._outcome = replace(self._outcome, error=f"version {head.version} could not be fetched: {error}")
            return
        began = time.monotonic()
        try:
            outcome = self._applier.apply(head, content)
        except Exception as error:  # noqa: BLE001 - one head that trips over a defect of ours must not end the serving
            _log.exception("A version could not be applied", version=head.version)
            message = f"lbmgr failed on version {head.version}: {type(error).__name__}: {error}"
            outcome = Outcome(verdict="rejected", action="reject", reason="a defect of lbmgr", error=message)
        self._outcome = outcome
        self._rejected = head.version if outcome.verdict == "rejected" else None
        self._retry_at = time.monotonic() + max(outcome.pause, self._retry.take()) if outcome.retry else None
        if not outcome.retry:
            self._handled = head
        if outcome.action == "reload":
            self._restart_at, self._trouble = None, None
            self._started_at = time.monotonic()
            self._health = replace(self._health, next_check=0.0)
        _log.log(
            30 if outcome.error else 20,
            f"{outcome.verdict} version {head.version}: {outcome.reason}",
            action=outcome.action,
            epoch=head.epoch,
            error=outcome.error,
            ms=round((time.monotonic() - began) * 1000, 1),
        )

    def _fetch(self, head: Head, nodes: Nodes) -> Content:
        """The content of a head: parts that are served already come from memory."""
        have = self._applier.running.content.parts if self._applier.running is not None else {}
        parts: dict[str, PartText] = {}
        for name, part in head.parts.items():
            text = have.get(name)
            if text is None or text.part.sha256 != part.sha256 or text.part.kind != part.kind:
                # Described anew from its text: which lines are servers is for this reader to say, not for the head.
                text = PartText.of(name, part.kind, nodes.fetch(part))
            parts[name] = text
        return Content(parts=parts, ports=head.ports)

    # -- HAProxy's life

    def _start(self, reason: str) -> None:
        error = self._applier.start()
        self._trouble = f"HAProxy does not start: {error}" if error is not None else None
        if error is None:
            self._restart_at = None
            self._started_at = time.monotonic()
            self._health = replace(self._health, next_check=0.0)
            if self._outcome.verdict == "starting":
                self._outcome = Outcome(verdict="applied", action=None, reason=reason)
            _log.info(f"HAProxy serves: {reason}", master=self._applier.info.master)
        else:
            self._restart_at = time.monotonic() + self._restart.take()
            _log.error("HAProxy does not start; trying again", error=error)

    def _look_after_haproxy(self, now: float) -> None:
        if self._phase is _Phase.FINISHING or self._applier.running is None:
            return
        ended = self._applier.take_death()
        if ended is not None:
            self._counters.count("haproxy_died")
            self._trouble = f"HAProxy {ended}; it is started again"
            _log.error(self._trouble)
            if now - self._started_at >= _STABLE_AFTER:
                self._restart.reset()
            self._restart_at = now if now - self._started_at >= _RESTART_FIRST else now + self._restart.take()
        if not self._applier.alive and self._restart_at is None:
            self._restart_at = now
        if self._restart_at is not None and now >= self._restart_at:
            self._start(self._outcome.reason if self._outcome.verdict != "starting" else "started again")

    def _check_health(self, now: float) -> None:
        if now < self._health.next_check or self._phase is _Phase.FINISHING:
            return
        policy = self._settings.health
        # Waiting for the first configuration that HAProxy takes is no failure of this instance; a port in use is.
        waiting = self._applier.running is None and self._trouble is None and not self._outcome.retry
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
            case Consequence.END if self._phase is _Phase.SERVING:
                self._trouble = f"unhealthy: {self._health.failures} checks failed in a row, the last with: {problem}"
                _log.error(self._trouble)
                self._end = End.UNHEALTHY
            case _:
                pass

    # -- leaving

    def _begin_to_leave(self, grace: float) -> None:
        now = time.monotonic()
        if self._phase is not _Phase.SERVING:
            self._deadline = min(self._deadline, now + grace)
            return
        self._phase = _Phase.NOTICE
        self._deadline = now + grace
        self._finish_at = now + min(grace * _NOTICE_SHARE, _NOTICE_MAX)
        if not self._applier.alive:
            self._end = End.DRAINED
            return
        _log.info("Leaving: health says no, then connections finish", grace=grace)
        self._applier.set_serving(False)

    def _leave(self, now: float) -> None:
        if self._phase is _Phase.NOTICE and now >= self._finish_at:
            self._phase = _Phase.FINISHING
            self._applier.soft_stop()
        if self._phase is _Phase.FINISHING and (self._applier.ended or now >= self._deadline - _FORCE_MARGIN):
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
        settings, outcome, running = self._settings, self._outcome, self._applier.running
        healthy = self._health.ok and running is not None and self._phase is _Phase.SERVING
        reason = outcome.reason if self._phase is _Phase.SERVING else "leaving: connections finish"
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
            error=self._trouble or outcome.error or self._unsaved,
            rejected_version=self._rejected,
            healthy=healthy,
            since=time.time(),
            haproxy=self._applier.info,
            counters=self._counters.snapshot(),
        )

    def _next_marker(self) -> str:
        self._markers += 1
        head = self._wanted
        return f"{self._settings.pool}/{head.epoch if head else 0}.{head.version if head else 0}/{self._markers}"
