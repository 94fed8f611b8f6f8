"""kazoo's log, in which it is said once that no server answers, and then once a minute, and not at each of its tries.

Knows kazoo's sentences. Does not know sessions.
"""

import logging
import time
from dataclasses import dataclass
from typing import Any

import structlog

_log = structlog.get_logger()

_AGAIN = 60.0
_AT_EACH_TRY = (
    "Connection dropped",
    "Connection time-out",
    "Cannot resolve",
    "Transition to CONNECTING",
    "Failed connecting",
)


@dataclass(slots=True)
class Outage:
    """Since when no server answered, and when that was told last; monotonic seconds. Pure but for its memory."""

    began: float | None = None
    told: float = 0.0

    def failed(self, now: float) -> float | None:
        """Note a try that failed; how many seconds the outage lasts when it is time to say so, else None."""
        if self.began is None:
            self.began = self.told = now
            return 0.0
        if now - self.told < _AGAIN:
            return None
        self.told = now
        return now - self.began

    def ended(self) -> None:
        """A server has answered."""
        self.began = None


class KazooLog(logging.LoggerAdapter[logging.Logger]):
    """The logger to give to a client for `address`; `answered` is to be called when it is connected."""

    def __init__(self, address: str) -> None:
        # A logger of its own, never below WARNING: at DEBUG kazoo prints the credentials of AUTH packets.
        logger = logging.getLogger("sdk.storage.kazoo")
        logger.setLevel(logging.WARNING)
        super().__init__(logger, {})
        self._address = address
        self._outage = Outage()

    def answered(self) -> None:
        """A server has answered: the next failure is a new outage."""
        self._outage.ended()

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Pass kazoo's sentence on, or ours instead."""
        if not str(msg).startswith(_AT_EACH_TRY):
            super().log(level, msg, *args, **kwargs)
        elif args and (seconds := self._outage.failed(time.monotonic())) is not None:
            why = str(args[-1]).removeprefix("socket connection error: ")
            since = f"has not answered for {seconds:.0f} s" if seconds else "does not answer"
            _log.warning(f"ZooKeeper at {self._address} {since}: {why}; trying again until it does")
