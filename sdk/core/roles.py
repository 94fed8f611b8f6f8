"""In which of our roles offers are wanted: SUPPRESS, REVIVE.

Only a reason that was not there before asks for a REVIVE (which clears all filters, and brings offers at once). Which
roles are ours is in `sdk.core.membership`.
"""

from collections.abc import Iterable
from dataclasses import replace

from sdk.core.effects import Revive, Suppress
from sdk.core.frame import Frame
from sdk.core.standing import Reason, RoleState
from sdk.core.state import PodKey
from sdk.plan.need import LacksTasks, MustPlace, MustRelease

_NONE: frozenset[Reason] = frozenset()


def _reasons(frame: Frame, key: PodKey) -> frozenset[Reason]:
    """Why an instance wants offers."""
    record = frame.pods.get(key)
    if record is None:
        return _NONE
    need, asks = frame.work.need(key), key in frame.work.asking
    if not (record.superseded or asks or isinstance(need, MustRelease | MustPlace | LacksTasks)):
        return _NONE  # as nearly always
    wish = frame.next_launch(key)
    name = f"{key[0]}/{key[1]}"
    found = {
        Reason(entry.role, f"left {entry.resource_id or entry.task_id}", awaited=True) for entry in record.superseded
    }
    if isinstance(need, MustRelease):
        held = () if record.holding is None else (record.holding.role,)
        found.update(Reason(role, f"{name} released") for role in (*held, *(left.role for left in record.superseded)))
    elif isinstance(need, MustPlace) and wish is not None:
        # The number of the run is a part: each failed launch is new work.
        run = f"{name} {'elsewhere' if need.elsewhere else 'in place'} {record.failures}"
        found.add(Reason(wish.spec.role, run))
    elif isinstance(need, LacksTasks) and need.tasks and wish is not None:
        runs = (f"{task.name} {task.failures}" for task in record.tasks if task.name in need.tasks)
        found.add(Reason(wish.spec.role, f"{name} for {', '.join(runs)} {record.failures}"))
    newest = frame.newest(key)
    if asks and newest is not None:
        found.add(Reason(newest.spec.role, f"{name} asks for its agent"))
    return frozenset(found)


def update_offers(frame: Frame) -> float | None:
    """SUPPRESS where nothing is wanted, REVIVE where something new is; returns when to look again."""
    for key in frame.changed:
        frame.roles.set_reasons(key, _reasons(frame, key))
    frame.changed.clear()
    if not frame.subscribed or frame.removal.teardown_due is not None:
        return None
    roles, settings = frame.roles, frame.settings
    sweeping = frame.now < roles.sweep_until
    revive: list[str] = []
    suppress: list[str] = []
    wake: list[float] = []
    for role in frame.framework.roles:
        present = roles.offers.get(role)
        if present is None:  # fresh subscription: offers come by themselves
            present = RoleState(asked_at=frame.now, looked=roles.sweeps)
            roles.asked(role)
        waits = role in roles.waiting
        stale = waits and present.asked_at + settings.revive_again <= frame.now
        unasked = role in roles.fresh or present.unheard or (sweeping and present.looked != roles.sweeps)
        if not waits and not sweeping and role not in roles.awaited:
            if not present.suppressed:
                suppress.append(role)
            present = replace(present, suppressed=True)
            roles.asked(role)
        elif present.suppressed or unasked or stale:
            roles.revives = roles.revives.refilled(frame.now)
            if roles.revives.ready:
                revive.append(role)
                present = RoleState(asked_at=frame.now, looked=roles.sweeps)
                roles.asked(role)
            else:
                wake.append(roles.revives.ready_at)
        if waits:
            wake.append(max(frame.now + 1.0, present.asked_at + settings.revive_again))
        if sweeping:
            wake.append(roles.sweep_until)
        if roles.offers.get(role) != present:
            roles.offers = roles.offers.set(role, present)
    if revive:
        frame.call(Revive(roles=tuple(revive)))
        roles.revives = roles.revives.taken()
    if suppress:
        frame.call(Suppress(roles=tuple(suppress)))
    return min(wake, default=None)


def offers_came(frame: Frame, roles: Iterable[str]) -> None:
    """Remember that offers of these roles do come."""
    for role in roles:
        present = frame.roles.offers.get(role)
        if present is not None:
            # Evidence beats memory: a role whose offers come is not suppressed.
            frame.roles.offers = frame.roles.offers.set(role, replace(present, asked_at=frame.now, suppressed=False))
