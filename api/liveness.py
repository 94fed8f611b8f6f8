"""Whether changes of tasks reach the load balancers: Mesos, the listener, the template, each on the way to the next.

`doubts` is pure: from what was seen in ZooKeeper to sentences. `Liveness` watches: when a sign of life last changed is
told by this machine's clock, so that the clocks of two machines need not agree.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from api.pulse import Pulse, decode_pulse, pulse_path
from sdk.clock import Clock
from sdk.errors import CorruptRecord
from sdk.storage.connection import Handle, ZooKeeper
from sdk.storage.election import Holder, parse_holder

_log = structlog.get_logger()

#: Seconds without a beat after which a template process hangs; it beats every 3 s.
TEMPLATE_SILENT = 20.0
#: Seconds without a word after which a listener hangs; it says that it lives every 2 s.
LISTENER_SILENT = 15.0
#: The same for Mesos, whose heartbeats come every 15 s.
MESOS_SILENT = 22.0
#: Absences up to so many seconds are restarts: changes that come meanwhile are not lost, only a little late.
GRACE = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Who does not do its part (`template`, `listener` or `mesos`), and the sentence."""

    component: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen: the template process in charge and its last beat, and for how long each has been so."""

    holder: Holder | None
    holder_for: float
    pulse: Pulse | None
    pulse_for: float


def doubts(seen: Seen) -> tuple[Doubt, ...]:
    """Why changes of tasks do not reach the load balancers; empty when they do. Only the first cause is told."""
    if seen.holder is None:
        if seen.holder_for < GRACE:
            return ()
        hint = "check that edgelb serve (or edgelb run template) is running"
        return (Doubt(component="template", reason=f"no template process is in charge: {hint}"),)
    silent = min(seen.holder_for, seen.pulse_for)
    if silent >= TEMPLATE_SILENT:
        who = f"process {seen.holder.pid}" if seen.holder.pid else "process"
        return (Doubt(component="template", reason=f"the template {who} hangs: no sign of life for {silent:.0f} s"),)
    if seen.pulse is None:
        return ()
    return tuple(_beyond(seen.pulse, seen.pulse_for))


def _beyond(pulse: Pulse, age: float) -> Iterable[Doubt]:
    """What the template knows of those before it; `age` is that of its word."""
    who = f"the mesos-listener at {pulse.listener}"
    silence = None if pulse.silence is None else pulse.silence + age
    if not pulse.connected and (silence is None or silence >= GRACE):
        yield Doubt(component="listener", reason=f"{who} does not serve: {pulse.why_not or 'it does not answer'}")
    elif silence is not None and silence >= LISTENER_SILENT:
        yield Doubt(component="listener", reason=f"{who} hangs: it has said nothing for {silence:.0f} s")
    elif pulse.mesos_silence is not None and pulse.mesos_silence + age >= MESOS_SILENT:
        silence = pulse.mesos_silence + age
        yield Doubt(
            component="mesos", reason=f"the Mesos master has said nothing for {silence:.0f} s, not even a heartbeat"
        )


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
        return Seen(holder=holder, holder_for=now - since, pulse=pulse, pulse_for=now - beat)

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
