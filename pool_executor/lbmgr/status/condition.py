"""Which backends lack servers that HAProxy can use, looked at when there is time for it.

Knows when HAProxy is asked: less often where a look takes long, and while changes wait for their turn. Used by lbmgr's
thread only.
"""

import time
from dataclasses import replace

import structlog

from pool_executor.contract import BackendHealth
from pool_executor.lbmgr.haproxy.proxy import Proxy
from pool_executor.lbmgr.haproxy.runtime import SocketFailed
from pool_executor.lbmgr.servers.lane import Lane
from pool_executor.lbmgr.status import backends

_log = structlog.get_logger()

# Between two looks; longer where a look takes long, so that it is a hundredth at most.
_AT_LEAST, _SHARE = 1.0, 100
# So long a look lets changes go first; where they never end, what is told must not grow old.
_LATE = 5.0


class Condition:
    """Of one instance. Times are monotonic seconds."""

    def __init__(self, lane: Lane, proxy: Proxy) -> None:
        self._lane = lane
        self._proxy = proxy
        self._look_at = 0.0
        self.short: tuple[BackendHealth, ...] | None = None
        """The backends that lack servers; None when HAProxy was not asked or did not say."""

    def look(self, now: float, *, busy: bool) -> None:
        """Ask when it is time; `busy` while changes wait for their turn."""
        if now < self._look_at or (busy and now < self._look_at + _LATE):
            return
        began = time.monotonic()
        self.short = self._short()
        self._look_at = time.monotonic() + max(_AT_LEAST, (time.monotonic() - began) * _SHARE)

    def forget(self) -> None:
        """HAProxy does not serve: what was seen is not so any more."""
        self.short = None

    def _short(self) -> tuple[BackendHealth, ...] | None:
        try:
            [answer] = self._proxy.ask([backends.BACKENDS])
            found = backends.short(self._lane.usable, backends.usable(answer))
            empty = [one for one in found if not one.up][: backends.MOST_EXPLAINED]
            answers = self._proxy.ask([backends.servers_of(one.name) for one in empty]) if empty else []
            reasons = {one.name: backends.reason(answer) for one, answer in zip(empty, answers, strict=True)}
        except (SocketFailed, ValueError) as error:
            _log.warning("HAProxy did not tell which servers it can use", error=str(error))
            return None
        return tuple(replace(one, reason=reasons.get(one.name)) for one in found)
