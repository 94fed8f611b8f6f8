"""Replacement of instances whose agent is lost or about to leave: how many may be under way, and who is next.

What is under way is a fact of the records (`PodRecord.replacing_since`): launched as a replacement and not ready yet.
An instance that is in line and finds no place takes no room from the others.
"""

import math
from dataclasses import replace

from sdk.core.budget import room_for_replacements
from sdk.core.frame import Frame
from sdk.core.planning import plan_facts
from sdk.core.state import PodKey
from sdk.model.plans import RECOVERY
from sdk.plan.need import MustPlace, Overdue


def take_turns(frame: Frame, service: str, pod: str) -> None:
    """Whoever is in line looks for a place while there is room, and waits while there is none."""
    facts = plan_facts(frame, service, by_policy=True)
    room_left = room_for_replacements(frame, service, pod) > 0
    for key in sorted(frame.work.queued.of(service)):
        need = frame.work.needs[key]
        if frame.pods[key].pod != pod:
            continue
        free = room_left and facts.waits(RECOVERY, key[1]) is None
        if free and isinstance(need, Overdue):
            message = f"{need.why}; waits for an offer of another agent"
            frame.set_need(key, MustPlace(elsewhere=True, message=message, instead=need))
        elif not free and isinstance(need, MustPlace) and isinstance(need.instead, Overdue):
            frame.set_need(key, need.instead)


def out_of_patience(frame: Frame, key: PodKey) -> None:
    """A replacement that does not become ready holds up the others for some time only."""
    if patience_ends(frame, key) <= frame.now:
        record, took = frame.pods[key], frame.now - frame.index.replacing[key]
        frame.log(
            "warning",
            f"{key[0]}/{record.name} is not ready {took:.0f} s after its replacement; others go on",
            service=key[0],
        )
        frame.put(replace(record, replacing_since=None))


def patience_ends(frame: Frame, key: PodKey) -> float:
    """When `out_of_patience` has something to do; infinity for what is no replacement."""
    return frame.index.replacing.get(key, math.inf) + frame.settings.replacement_patience


def in_line(frame: Frame, key: PodKey) -> float:
    """For sorting: who has waited longest comes first."""
    need = frame.work.needs[key]
    since = need.instead.since if isinstance(need, MustPlace) and isinstance(need.instead, Overdue) else 0.0
    return since
