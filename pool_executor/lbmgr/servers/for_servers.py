"""Loading HAProxy anew with what it serves, for servers that it cannot be told at run time.

Knows when that may be tried again, and why it failed. Does not know structures. Used by lbmgr's thread only.
"""

import time

import structlog

from pool_executor.lbmgr.haproxy.pace import Pace
from pool_executor.lbmgr.haproxy.proxy import Proxy
from pool_executor.lbmgr.servers.bulk import LONG
from pool_executor.lbmgr.servers.lane import Lane
from pool_executor.lbmgr.structure.apply import Applier
from pool_executor.lbmgr.structure.outcome import Outcome
from sdk.retry import Policy

_log = structlog.get_logger()

_AGAIN = Policy(first=0.5, most=10.0)
_INFO, _WARNING = 20, 30


class ForServers:
    """Of one instance. Times are of time.monotonic()."""

    def __init__(self, applier: Applier, proxy: Proxy, lane: Lane, pace: Pace) -> None:
        self._applier = applier
        self._proxy = proxy
        self._lane = lane
        self._pace = pace
        self._retry = _AGAIN.backoff()
        self._again_at = 0.0
        self.error: str | None = None
        """Why it could not be done."""

    def step(self, now: float) -> Outcome | None:
        """Do it when servers need it and it is time; what became of it."""
        running, reason = self._applier.running, self._lane.needs_reload or self._applier.needs_reload
        if reason is None:
            self.error = None
        if reason is None or running is None or not self._proxy.alive or now < self._again_at:
            return None
        if now < (allowed := self._pace.allowed_at(running.content.key)):
            if allowed - now > LONG:
                self._lane.reload_is_far()
            return None
        began = time.monotonic()
        try:
            outcome = self._applier.reload_servers(reason)
        except Exception as error:  # noqa: BLE001 - servers that trip over a defect of ours must not end the serving
            _log.exception("HAProxy could not be loaded anew for servers")
            outcome = defect(self._lane, "a reload for servers", error)
        self._pace.note(outcome, running.content.key)
        self.error = outcome.error and f"{reason}; HAProxy cannot be loaded anew: {outcome.error}"
        if outcome.verdict == "applied":
            self._retry.reset()
        else:
            self._lane.reload_is_far()
        self._again_at = time.monotonic() + (0.0 if outcome.verdict == "applied" else self._retry.delay())
        _log.log(
            _WARNING if outcome.error else _INFO,
            f"{outcome.verdict} for servers: {reason}",
            error=outcome.error,
            ms=round((time.monotonic() - began) * 1000, 1),
        )
        return outcome


def defect(lane: Lane, what: str, error: Exception) -> Outcome:
    """What becomes of a reload that tripped over a defect of ours: the old worker goes on."""
    lane.abandon()
    message = f"lbmgr failed on {what}: {type(error).__name__}: {error}"
    return Outcome(verdict="rejected", action="reject", reason="a defect of lbmgr", error=message)
