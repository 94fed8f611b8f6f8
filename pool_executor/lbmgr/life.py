"""The life of an instance's HAProxy: started, started again, judged by its answers, and how the instance ends.

Knows when HAProxy is started anew and what failed checks lead to. Does not know what it serves. Used by lbmgr's thread
only.
"""

import enum
import time
from collections.abc import Callable
from dataclasses import replace

import structlog

from pool_executor.contract import Death
from pool_executor.lbmgr.haproxy.proxy import Proxy
from pool_executor.lbmgr.leave import Leaving, Phase, ask
from pool_executor.lbmgr.status.health import Consequence, Health, HealthPolicy, observe
from pool_executor.lbmgr.status.metrics import Counters
from pool_executor.lbmgr.structure.apply import Applier
from sdk.retry import Policy

_log = structlog.get_logger()

_RESTART = Policy(first=0.1, most=5.0)
# A HAProxy that has lived this long is stable: its next death is answered at once again.
_STABLE_AFTER = 30.0
# Deaths of HAProxy that are told.
_DEATHS = 5
# A check holds up everything else, so one that may take longer by the pool's numbers is cut short.
_MAX_PING = 9.0


class End(enum.Enum):
    """Why the instance came to its end."""

    DRAINED = "drained"
    STOPPED = "stopped"
    UNHEALTHY = "unhealthy"


class Life:
    """Of one instance. Times are monotonic seconds."""

    def __init__(
        self,
        policy: HealthPolicy,
        *,
        applier: Applier,
        proxy: Proxy,
        counters: Counters,
        on_start: Callable[[str], None],
    ) -> None:
        self._policy = policy
        self._applier = applier
        self._proxy = proxy
        self._counters = counters
        self._on_start = on_start
        self._restart_at: float | None = None
        self._restart = _RESTART.backoff()
        self._started_at = 0.0
        self._health = Health(started=time.monotonic())
        self._silent = False
        """Whether HAProxy answers requests, and not on its stats socket."""
        self._leaving: Leaving | None = None
        self.phase = Phase.SERVING
        self.trouble: str | None = None
        """What is wrong with HAProxy itself."""
        self.deaths: tuple[Death, ...] = ()
        self.end: End | None = None

    @property
    def healthy(self) -> bool:
        """Whether HAProxy answers and asks for traffic: the instance does not leave, and knows its servers."""
        return self._health.ok and self.phase is Phase.SERVING and self._proxy.serving

    @property
    def answers(self) -> bool:
        """Whether HAProxy lives and answered when it was asked last."""
        return self._proxy.alive and self._health.ok

    @property
    def leaving(self) -> bool:
        """Whether somebody asked it to go."""
        return self.phase is not Phase.SERVING

    # -- starts and deaths

    def loaded(self) -> None:
        """HAProxy was loaded anew and serves."""
        self._restart_at, self.trouble = None, None
        self._started_at = time.monotonic()
        self._health = replace(self._health, next_check=0.0)

    def start(self, reason: str) -> None:
        """Start HAProxy on what it served last."""
        error = self._applier.start()
        if error is None:
            self.loaded()
            self._on_start(reason)
            _log.info(f"HAProxy serves: {reason}", master=self._proxy.info.master)
        else:
            self.trouble = f"HAProxy does not start: {error}"
            self._restart_at = time.monotonic() + self._restart.delay()
            _log.error("HAProxy does not start; trying again", error=error)

    def look_after(self, now: float) -> None:
        """Start HAProxy again when it died."""
        if self.phase is Phase.FINISHING or self._applier.running is None:
            return
        ended = self._proxy.take_death()
        if ended is not None:
            self._counters.count("haproxy_died")
            self.deaths = (*self.deaths, Death(at=time.time(), how=ended))[-_DEATHS:]
            self.trouble = f"HAProxy {ended}; it is started again"
            _log.error(self.trouble)
            if now - self._started_at >= _STABLE_AFTER:
                self._restart.reset()
            self._restart_at = now if now - self._started_at >= _RESTART.first else now + self._restart.delay()
        if not self._proxy.alive and self._restart_at is None:
            self._restart_at = now
        if self._restart_at is not None and now >= self._restart_at:
            self.start("started again")

    # -- health

    def check(self, now: float, *, blocked: bool) -> None:
        """Ask HAProxy when it is time; `blocked`: something outside keeps it from being started at all."""
        if now < self._health.next_check or self.phase is Phase.FINISHING:
            return
        # Waiting for the first configuration that HAProxy takes is no failure of this instance; a port in use is.
        if self._applier.running is None and self.trouble is None and not blocked:
            self._health = replace(self._health, next_check=now + self._policy.interval, started=now)
            return
        problem = self._proxy.ping(min(self._policy.timeout, _MAX_PING))
        silent = problem is not None and self._proxy.alive and self._proxy.answers_traffic(self._policy.timeout)
        if silent and not self._silent:
            _log.warning("HAProxy answers requests, and not on its stats socket", error=problem)
        elif self._silent and problem is None:
            _log.info("HAProxy answers on its stats socket again")
        self._silent = silent
        if silent:
            problem = None
        self._health, consequence = observe(self._policy, self._health, problem is None, time.monotonic())
        if problem is not None:
            self._counters.count("check_failed")
        match consequence:
            case Consequence.CHANGED if problem is not None:
                _log.warning("The health check fails", error=problem)
            case Consequence.END if self.phase is Phase.SERVING:
                self.trouble = f"unhealthy: {self._health.failures} checks failed in a row, the last with: {problem}"
                _log.error(self.trouble)
                self.end = End.UNHEALTHY
            case _:
                pass

    # -- leaving

    def begin_to_leave(self, grace: float, deadline: float) -> None:
        """Health says no from now on; everything is over at `deadline`."""
        self._leaving = ask(self._leaving, time.monotonic(), deadline)
        if self.phase is not Phase.SERVING:
            return
        self.phase = Phase.NOTICE
        if not self._proxy.alive:
            self.end = End.DRAINED
            return
        _log.info("Leaving: health says no, then connections finish", grace=grace)
        self._proxy.set_serving(False)

    def leave(self, now: float) -> None:
        """The next step of leaving, when it is time."""
        if self._leaving is None:
            return
        if self.phase is Phase.NOTICE and now >= self._leaving.finish_at:
            self.phase = Phase.FINISHING
            self._proxy.soft_stop()
        if self.phase is Phase.FINISHING and (self._proxy.ended or now >= self._leaving.cut_at):
            if not self._proxy.ended:
                _log.warning("The grace period is over; connections that are still open are cut")
            self.end = End.DRAINED
