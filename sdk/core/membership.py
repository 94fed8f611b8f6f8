"""Which roles we are in: UPDATE_FRAMEWORK for those that targets and records need, and what follows from its answer.

A role is stored as ours once Mesos has accepted it, never before: the next SUBSCRIBE carries what is stored, and a role
that is refused there would keep the whole framework out. Roles are added together; when that is refused each is asked
for alone, so that one that Mesos does not give us stays the trouble of the services that want it. A role that nothing
needs any more is given up after as long as a lost agent is waited for: reservations on such agents belong to it.
"""

from dataclasses import replace

from sdk.core.effects import UpdateRoles
from sdk.core.events import CallFailed, RolesAccepted
from sdk.core.frame import Frame
from sdk.core.standing import RoleRefusal
from sdk.core.state import State
from sdk.plan.backoff import Retry

IDLE_LOOK = 900.0
"""Between two looks at which roles are needed."""
_AT_ONCE = Retry(due=0.0, delay=1.0)


def joined(frame: Frame, roles: tuple[str, ...] | None) -> None:
    """A subscription with these roles began; its master may have other rules than the one before."""
    member = frame.roles.membership
    frame.roles.membership = replace(
        member,
        told=frozenset(roles or ()),
        wanted=_of_targets(frame) | _of_records(frame),
        asked=None,
        retry=_AT_ONCE,
        refused={
            role: replace(refusal, retry=replace(refusal.retry, due=frame.now))
            for role, refusal in member.refused.items()
        },
    )
    _store(frame, frame.roles.membership.told)


def parted(frame: Frame) -> None:
    """The subscription ended."""
    frame.roles.membership = replace(frame.roles.membership, told=frozenset(), asked=None, retry=_AT_ONCE)


def update_roles(frame: Frame) -> float | None:
    """Ask for the roles that are missing; returns when to look again."""
    if frame.roles.of_targets is not frame.before.roles.of_targets:
        frame.roles.membership = replace(frame.roles.membership, wanted=_of_targets(frame))
    if not frame.subscribed:
        return None
    if frame.roles.membership.idle_due <= frame.now:
        _give_up_idle(frame)
    member = frame.roles.membership
    needed = member.wanted | set(frame.framework.roles)
    missing, surplus = needed - member.told, member.told - needed
    if not missing and not surplus:
        return None
    if frame.now < member.retry.due:
        return member.retry.due
    waiting = {
        role: due for role in missing if role in member.refused and (due := member.refused[role].retry.due) > frame.now
    }
    due_now = missing.difference(waiting)
    if not due_now and not surplus:
        return min(waiting.values())
    together = due_now - member.apart
    added = together or set(sorted(due_now)[:1])
    asked = (member.told - surplus) | added
    frame.call(UpdateRoles(roles=tuple(sorted(asked))))
    again = frame.now + max(member.retry.delay, frame.settings.role_answer)
    frame.roles.membership = replace(member, asked=asked, retry=replace(member.retry, due=again))
    return again


def roles_accepted(frame: Frame, event: RolesAccepted) -> None:
    """Mesos has them: store them, so that the next SUBSCRIBE carries them."""
    roles = frozenset(event.roles)
    member = frame.roles.membership
    if member.asked is None:
        return  # the answer of a subscription that has ended: the present one began with the stored roles
    added = sorted(roles - member.told)
    frame.roles.membership = replace(
        member,
        told=roles,
        asked=None,
        retry=_AT_ONCE,
        apart=member.apart - roles,
        refused={role: refusal for role, refusal in member.refused.items() if role not in roles},
    )
    _store(frame, roles)
    for role in added:
        for service in frame.roles.of_targets.of(role):
            frame.touched.setdefault(service, set())  # an update may have waited for it
    if added:
        frame.log("info", f"Mesos accepted us in the role {', '.join(added)}", roles=added)


def roles_not_taken(frame: Frame, event: CallFailed) -> None:
    """An UPDATE_FRAMEWORK failed: was it refused for a role, and for which?"""
    member = frame.roles.membership
    added = sorted((member.asked or frozenset()) - member.told)
    frame.roles.membership = replace(member, asked=None, retry=replace(member.retry, due=frame.now))
    if event.refused and len(added) > 1:
        frame.roles.membership = replace(frame.roles.membership, apart=member.apart | set(added))
    elif event.refused and added:
        _refused(frame, added[0], event.why)
    else:
        retry = member.retry.after_try(frame.now, frame.settings.kill_limit)
        frame.roles.membership = replace(frame.roles.membership, retry=retry)


def refusal_sentence(state: State, role: str) -> str | None:
    """Why nothing can be placed in a role; None when Mesos did not refuse it."""
    refusal = state.roles.membership.refused.get(role)
    return None if refusal is None else f"Mesos refuses the role {role}: {refusal.why}"


def _give_up_idle(frame: Frame) -> None:
    member = frame.roles.membership
    used = _of_targets(frame) | _of_records(frame)
    # What cannot be read may need any of them.
    kept = used | frame.settings.own_roles | frozenset(frame.framework.roles if frame.troubles.broken else ())
    idle = {role: member.idle.get(role, frame.now) for role in frame.framework.roles if role not in kept}
    over = {role for role, since in idle.items() if since + frame.settings.leftover_age <= frame.now}
    frame.roles.membership = replace(
        member,
        wanted=used,
        idle={role: since for role, since in idle.items() if role not in over},
        idle_due=frame.now + IDLE_LOOK,
    )
    if over:
        roles = tuple(role for role in frame.framework.roles if role not in over)
        frame.set_framework(replace(frame.framework, roles=roles))
        frame.log("info", f"Nothing needs the role {', '.join(sorted(over))} any more; it is given up")


def _refused(frame: Frame, role: str, why: str) -> None:
    member, settings = frame.roles.membership, frame.settings
    before = member.refused.get(role)
    retry = before.retry if before is not None else Retry(due=frame.now, delay=settings.role_first)
    refusal = RoleRefusal(why=why, retry=retry.after_try(frame.now, settings.role_limit))
    frame.roles.membership = replace(member, apart=member.apart | {role}, refused={**member.refused, role: refusal})
    if role in frame.framework.roles:  # it was ours once; subscribing with it would be refused now
        roles = tuple(other for other in frame.framework.roles if other != role)
        frame.set_framework(replace(frame.framework, roles=roles))
    wanting = frame.roles.of_targets.of(role)
    frame.log(
        "error" if before is None or before.why != why else "warning",
        f"Mesos refuses the role {role}: {why}; asking again in {refusal.retry.due - frame.now:.0f} s",
        role=role,
        services=sorted(wanting),
    )


def _store(frame: Frame, accepted: frozenset[str]) -> None:
    frame.set_framework(replace(frame.framework, roles=tuple(sorted({*frame.framework.roles, *accepted}))))


def _of_targets(frame: Frame) -> frozenset[str]:
    return frozenset(frame.roles.of_targets)


def _of_records(frame: Frame) -> frozenset[str]:
    """Roles in which something is held: known before they are stored when the process died in between."""
    return frozenset(frame.index.roles)
