"""What the whole framework may have on its way at once: replacements, and instances that do not serve.

The limits are stored with the framework, and an operator changes them. What counts against them follows from records
and needs: replacements that are not ready yet, and instances that were ready once, are wanted, and are not ready now or
about to end.
"""

from dataclasses import replace

from sdk.core.events import BudgetRequested
from sdk.core.frame import Frame
from sdk.core.maps import without
from sdk.core.state import PodKey, State
from sdk.model.records import PodRecord
from sdk.plan.strategy import replacement_room
from sdk.plan.wish import PodWish


def replacements(state: State) -> int:
    """How many replacements may be under way."""
    limit = state.framework.budget.replacements
    return state.settings.replacements_at_once if limit is None else limit


def room_for_replacements(frame: Frame, service: str, pod: str) -> int:
    """How many more instances of this pod type may be launched as replacements now."""
    of_the_pod = sum(key[0] == service and frame.pods[key].pod == pod for key in frame.index.replacing)
    return replacement_room(replacements(frame), len(frame.index.replacing), of_the_pod)


def room_to_end(state: State) -> int | None:
    """How many more instances that serve may be ended for an update now; None when there is no limit."""
    limit = state.framework.budget.unavailable
    return None if limit is None else max(0, limit - len(state.work.down))


def count(frame: Frame, record: PodRecord, wish: PodWish | None) -> None:
    """Take note whether an instance does not serve that should."""
    key = (record.service, record.name)
    wanted = wish is not None and not wish.dormant and record.deployed is not None
    if wanted and (record.ready_since is None or any(task.ending for task in record.tasks)):
        ended(frame, key)
    else:
        frame.work.down = without(frame.work.down, key)


def ended(frame: Frame, key: PodKey) -> None:
    """An instance does not serve any more."""
    frame.work.down = frame.work.down.set(key, None)


def wake_the_others(frame: Frame) -> None:
    """Room that one service gives back, or takes, concerns those of all others that are in line."""
    to_end = room_to_end(frame)
    free = (len(frame.index.replacing) < replacements(frame), to_end is None or to_end > 0)
    if free == frame.work.room_for_others:
        return
    frame.work.room_for_others = free
    _look_again(frame)


def budget_requested(frame: Frame, event: BudgetRequested) -> None:
    """An operator gives more room, or less; what is under way goes on."""
    frame.set_framework(replace(frame.framework, budget=event.budget))
    frame.log("info", "The budget of the framework is changed, on request", budget=str(event.budget))
    _look_again(frame)


def _look_again(frame: Frame) -> None:
    for service in {*frame.work.queued, *frame.index.behind}:
        frame.touched.setdefault(service, set())
