"""What lbmgr counts. Plain numbers that stand in the instance status; nothing here knows how they are exported."""

from collections.abc import Mapping

NAMES = (
    "noop",
    "dynamic",
    "reload",
    "reject",
    "servers_only",
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

    def count(self, name: str) -> None:
        """Add one; the name is one of NAMES."""
        self._values[name] += 1

    def snapshot(self) -> Mapping[str, int]:
        """The values now."""
        return dict(self._values)
