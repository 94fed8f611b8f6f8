"""Replacement of instances whose agent is lost or about to leave: how many may be under way, and who is next.

What is under way is a fact of the records (`PodRecord.replacing_since`): launched as a replacement and not ready yet.
An instance that is in line and finds no place takes no room from the others.
"""

from dataclasses import replace

from sdk.core.frame import Frame
from sdk.core.state import PodKey
from sdk.plan.need import MustPlace, Overdue
from sdk.plan.strategy import replacement_room


def room(frame: Frame, service: str, pod: str) -> int:
    """How many more instances of this pod type may be launched as replacements now."""
    of_the_pod = sum(key[0] == service and frame.pods[key].pod == pod for key in frame.replacing)
    return replacement_room(frame.settings.replacements_at_once, len(frame.replacing), of_the_pod)


def take_turns(frame: Frame, service: str, pod: str) -> None:
    """Whoever is in line looks for a place while there is room, and waits while there is none."""
    free = room(frame, service, pod) > 0
    for key in sorted(frame.queued.get(service)):
        need = frame.needs[key]
        if frame.pods[key].pod != pod:
            continue
        if free and isinstance(need, Overdue):
            message = f"{need.why}; waits for an offer of another agent"
            frame.set_need(key, MustPlace(elsewhere=True, message=message, instead=need))
        elif not free and isinstance(need, MustPlace) and isinstance(need.instead, Overdue):
            frame.set_need(key, need.instead)


def time_has_come(frame: Frame) -> None:
    """A replacement that does not become ready holds up the others for some time only."""
    for key, since in list(frame.replacing.items()):
        if since + frame.settings.replacement_patience <= frame.now:
            record = frame.pods[key]
            frame.log(
                "warning",
                f"{key[0]}/{record.name} is not ready {frame.now - since:.0f} s after its replacement; others go on",
                service=key[0],
            )
            frame.put(replace(record, replacing_since=None))


def next_end(frame: Frame) -> float | None:
    """When `time_has_come` has something to do next."""
    return min((since + frame.settings.replacement_patience for since in frame.replacing.values()), default=None)


def wake_the_others(frame: Frame) -> None:
    """Room that one service gives back, or takes, concerns those of all others that are in line."""
    free = len(frame.replacing) < frame.settings.replacements_at_once
    if free is frame.room_for_others:
        return
    frame.room_for_others = free
    for service in frame.queued.names():
        frame.touched.setdefault(service, set())


def in_line(frame: Frame, key: PodKey) -> float:
    """For sorting: who has waited longest comes first."""
    need = frame.needs[key]
    since = need.instead.since if isinstance(need, MustPlace) and isinstance(need.instead, Overdue) else 0.0
    return since
