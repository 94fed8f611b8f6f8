"""Watching the signs of life of the template process in charge.

When one last changed is told by this machine's clock, so that the clocks of two machines need not agree. What follows
is in doubts.py.
"""

import structlog

from api.observed.pulse import Pulse, decode_pulse, pulse_path
from api.status.doubts import Doubt, Seen, doubts
from sdk.clock import Clock
from sdk.errors import CorruptRecord
from sdk.storage.connection import Handle, ZooKeeper
from sdk.storage.holder import Holder, parse_holder

_log = structlog.get_logger()


class Liveness:
    """Watches the template process in charge from its making on; the callbacks run on ZooKeeper's thread."""

    def __init__(self, zookeeper: ZooKeeper, root: str, clock: Clock) -> None:
        self._zookeeper = zookeeper
        self._root = root.rstrip("/")
        self._clock = clock
        self._holder: tuple[Holder | None, float] = (None, clock.monotonic())
        self._pulse: tuple[Pulse | None, float] = (None, clock.monotonic())
        self._watched: tuple[str, Handle] | None = None
        zookeeper.watch_data(f"{self._root}/locks/template/holder", self._on_holder)

    def seen(self) -> Seen:
        """What there is now."""
        now = self._clock.monotonic()
        (holder, since), (pulse, beat) = self._holder, self._pulse
        return Seen(holder=holder.pid if holder else None, holder_for=now - since, pulse=pulse, pulse_for=now - beat)

    def doubts(self) -> tuple[Doubt, ...]:
        """Why changes of tasks do not reach the load balancers now; empty when they do."""
        return doubts(self.seen())

    def _on_holder(self, found: tuple[bytes, int] | None) -> None:
        holder = parse_holder(f"{self._root}/locks/template/holder", found[0]) if found else None
        self._holder = (holder, self._clock.monotonic())
        if self._watched is not None and (holder is None or self._watched[0] != holder.id):
            self._watched[1].close()
            self._watched = None
        if holder is not None and self._watched is None:
            path = pulse_path(self._root, holder.id)
            self._pulse = (None, self._clock.monotonic())
            self._watched = (holder.id, self._zookeeper.watch_data(path, lambda data: self._on_pulse(path, data)))

    def _on_pulse(self, path: str, found: tuple[bytes, int] | None) -> None:
        if found is None:
            return  # its session ended; the holder's node goes with it
        try:
            self._pulse = (decode_pulse(path, found[0]), self._clock.monotonic())
        except CorruptRecord as error:
            _log.warning("The sign of life of a template process cannot be read", error=str(error))
