"""Whether changes of tasks reach the load balancers: Mesos, the listener, the template, each on the way to the next.

Pure: from what was seen of each to sentences. Who sees it is liveness.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from api.observed.pulse import Pulse

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
    """What was seen: the process id of the template in charge (None without one) and its last beat, and for how long
    each has been so, in seconds.
    """

    holder: int | None
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
        sentence = f"the template process {seen.holder} hangs: no sign of life for {silent:.0f} s"
        return (Doubt(component="template", reason=sentence),)
    if seen.pulse is None:
        return ()
    return tuple(_beyond(seen.pulse, seen.pulse_for))


def _beyond(pulse: Pulse, age: float) -> Iterator[Doubt]:
    """What the template knows of those before it; `age` is that of its word.

    Each is judged by what was last told of him: a template that has not spoken since says nothing about the listener,
    nor does a listener about Mesos.
    """
    who = f"the mesos-listener at {pulse.listener}"
    silence, mesos = pulse.silence, pulse.mesos_silence
    if not pulse.connected and (silence is None or silence >= GRACE):
        yield Doubt(component="listener", reason=f"{who} does not serve: {pulse.why_not or 'it does not answer'}")
    elif silence is not None and silence >= LISTENER_SILENT:
        yield Doubt(component="listener", reason=f"{who} hangs: it has said nothing for {silence + age:.0f} s")
    elif mesos is not None and mesos - (silence or 0.0) >= MESOS_SILENT:
        sentence = f"the Mesos master has said nothing for {mesos + age:.0f} s, not even a heartbeat"
        yield Doubt(component="mesos", reason=sentence)
    elif pulse.kept:
        tasks = "1 task is" if pulse.kept == 1 else f"{pulse.kept} tasks are"
        sentence = f"{tasks} kept as last known: the Mesos master has not heard from the agents yet"
        yield Doubt(component="mesos", reason=sentence)
