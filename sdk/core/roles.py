"""In which of our roles offers are wanted: SUPPRESS, REVIVE.

Work is compared as a set: only an element that was not there before asks for a REVIVE (which clears all filters, and
brings offers at once). Which roles are ours is in `sdk.core.membership`.
"""

from collections.abc import Iterable
from dataclasses import replace

from sdk.core.effects import Revive, Suppress
from sdk.core.frame import Frame
from sdk.core.state import RoleState
from sdk.plan.need import MustPlace, MustRelease


def work_by_role(frame: Frame) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """What waits for offers, and what was left behind and is awaited, by role."""
    work: dict[str, set[str]] = {}
    for key in frame.placing:
        need = frame.needs[key]
        record = frame.pods[key]
        name = f"{key[0]}/{key[1]}"
        if isinstance(need, MustRelease) and record.holding is not None:
            work.setdefault(record.holding.role, set()).add(f"{name} released")
        elif isinstance(need, MustPlace):
            wish = frame.wish(key)
            if wish is not None:
                # The number of the run is a part: each failed launch is new work.
                run = f"{name} {'elsewhere' if need.elsewhere else 'in place'} {record.failures}"
                work.setdefault(wish.spec.role, set()).add(run)
    left: dict[str, set[str]] = {}
    for key in frame.leftovers:
        for entry in frame.pods[key].superseded:
            left.setdefault(entry.role, set()).add(f"left {entry.resource_id or entry.task_id}")
    return work, left


def update_offers(frame: Frame) -> float | None:
    """SUPPRESS where nothing is wanted, REVIVE where something new is; returns when to look again."""
    if not frame.subscribed or frame.teardown_due is not None:
        return None
    work, left = work_by_role(frame)
    sweeping = frame.now < frame.sweep_until
    frame.revives = frame.revives.refilled(frame.now)
    revive: list[str] = []
    suppress: list[str] = []
    wake: list[float] = []
    for role in frame.framework.roles:
        present = frame.roles.get(role)
        wanted = frozenset(work.get(role, ())) | frozenset(left.get(role, ()))
        if present is None:  # fresh subscription: offers come by themselves
            present = RoleState(work=wanted, asked_at=frame.now)
        stale = bool(work.get(role)) and present.asked_at + frame.settings.revive_again <= frame.now
        if not wanted and not sweeping:
            if not present.suppressed:
                suppress.append(role)
            present = replace(present, suppressed=True, work=frozenset())
        elif present.suppressed or wanted - present.work or stale:
            if frame.revives.ready:
                revive.append(role)
                present = RoleState(work=wanted, asked_at=frame.now)
            else:
                wake.append(frame.revives.ready_at)
        else:
            present = replace(present, work=present.work & wanted)
        if work.get(role):
            wake.append(max(frame.now + 1.0, present.asked_at + frame.settings.revive_again))
        if sweeping and not wanted:
            wake.append(frame.sweep_until)
        if frame.roles.get(role) != present:
            frame.roles[role] = present
    if revive:
        frame.call(Revive(roles=tuple(revive)))
        frame.revives = frame.revives.taken()
    if suppress:
        frame.call(Suppress(roles=tuple(suppress)))
    return min(wake, default=None)


def offers_came(frame: Frame, roles: Iterable[str]) -> None:
    """Remember that offers of these roles do come."""
    for role in roles:
        present = frame.roles.get(role)
        if present is not None:
            # Evidence beats memory: a role whose offers come is not suppressed.
            frame.roles[role] = replace(present, asked_at=frame.now, suppressed=False)
