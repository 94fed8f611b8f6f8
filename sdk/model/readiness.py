"""When a task is ready, beside being healthy, and what becomes of one that never is. Values; `sdk.door` has rules."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadinessCheckSpec:
    """A check that Mesos runs (never for custom executors). Exactly one of command, http_path and tcp.

    Unlike a health check it ends nobody: a task that does not pass is not ready.
    """

    command: str | None = None
    """What the shell runs; 0 is ready."""
    http_path: str | None = None
    """What is asked for; 200 to 399 is ready."""
    tcp: bool = False
    """Whether a connection is enough."""
    port: str | None = None
    """Name of the task's port, for http and tcp."""
    delay: float = 0.0
    """Seconds after the start until the first check."""
    interval: float = 5.0
    """Seconds between two checks."""
    timeout: float = 20.0
    """Seconds until a check counts as not passed."""


class OnNotReady(StrEnum):
    """What to do with a task that runs and is not ready in time."""

    WAIT = "wait"
    RESTART = "restart"
    FAIL = "fail"
