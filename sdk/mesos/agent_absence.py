"""How long an executor waits for an agent that is away. Knows that an agent without checkpoints does not come back."""

import threading
from collections.abc import Callable

import structlog

from sdk.clock import Clock

_log = structlog.get_logger()


class AgentAbsence:
    """`over` is called, once for each absence, when it has lasted too long. From any thread."""

    def __init__(self, *, clock: Clock, recovery_timeout: float, checkpoint: bool, over: Callable[[], None]) -> None:
        """`recovery_timeout`: how long an agent may be away (seconds); `checkpoint`: whether it then knows us again."""
        self._clock = clock
        self._recovery_timeout = recovery_timeout
        self._checkpoint = checkpoint
        self._over = over
        self._lock = threading.Lock()
        self._seen = False
        """Whether the agent has ever accepted a subscription."""
        self._since: float | None = None
        self._timer: threading.Timer | None = None
        self._closed = False

    def begins(self) -> None:
        """The agent is away, or was never there."""
        with self._lock:
            if self._closed or self._since is not None:
                return
            self._since = self._clock.monotonic()
            wait = 0.0 if self._seen and not self._checkpoint else self._recovery_timeout
            self._timer = threading.Timer(wait, self._lasted, (self._since, wait))
            self._timer.daemon = True
            self._timer.start()

    def ends(self) -> None:
        """It accepted a subscription."""
        with self._lock:
            self._seen = True
            self._since = None
            self._cancel()

    def close(self) -> None:
        """Nobody waits for it any more."""
        with self._lock:
            self._closed = True
            self._cancel()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _lasted(self, since: float, waited: float) -> None:
        with self._lock:
            if self._since != since or self._closed:
                return  # it came back in the meantime
        _log.error(f"The agent did not come back within {waited:g} s; shutting down", checkpoint=self._checkpoint)
        self._over()
