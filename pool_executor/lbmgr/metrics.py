"""What lbmgr counts. Plain numbers that stand in the instance status; nothing here knows how they are exported."""

import threading
from collections.abc import Mapping

NAMES = (
    "noop",
    "dynamic",
    "reload",
    "reject",
    "server_added",
    "server_removed",
    "server_moved",
    "server_changed",
    "server_refused",
    "reload_failed",
    "command_failed",
    "drift",
    "haproxy_started",
    "haproxy_died",
    "old_worker_ended",
    "check_failed",
    "disk_failed",
)


class Counters:
    """Counters that only go up, each present from the start so that a reader need not tell absent from zero."""

    def __init__(self) -> None:
        self._values = dict.fromkeys(NAMES, 0)
        self._lock = threading.Lock()

    def count(self, name: str, number: int = 1) -> None:
        """Add to one; the name is one of NAMES. From any thread."""
        with self._lock:
            self._values[name] += number

    def snapshot(self) -> Mapping[str, int]:
        """The values now."""
        with self._lock:
            return dict(self._values)
