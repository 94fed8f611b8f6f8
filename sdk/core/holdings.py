"""Reservations on record against those that agents offer: confirmed, moved, missing, left behind, released."""

from dataclasses import replace

from sdk.core.frame import Frame
from sdk.core.reservations import Release
from sdk.core.state import agent_of
from sdk.model.ids import AgentId, OperationId, ResourceId
from sdk.model.operations import Operation, Unreserve
from sdk.model.records import Avoided, Holding, PodRecord, Superseded
from sdk.model.resources import Resource
from sdk.offer.algebra import contain
from sdk.offer.pool import Pool
from sdk.plan.need import MustPlace, MustRelease, over

ERRORS = 2
"""Of a release's operations in a row, after which the next goes without an id: a stale offer causes one at times."""


def heard(frame: Frame, agent_id: AgentId) -> None:
    """The agent is there: what we thought lost with it is asked about, or counts as back."""
    keys = frame.index.by_agent.of(agent_id)
    if keys:
        frame.agents.heard = frame.agents.heard.set(agent_id, frame.now)
    for key in sorted(keys):
        record = frame.pods[key]
        here = agent_of(record) == agent_id
        if key in frame.work.waiting_since and here and frame.wish(key) is not None:
            frame.work.waiting_since = frame.work.waiting_since.set(key, frame.now)
        if key in frame.work.asking and here:
            frame.touched.setdefault(key[0], set())
        for left in record.superseded:
            if left.agent_id == agent_id and not left.ended and left.task_id not in frame.calls.kills:
                frame.reconcile(left.task_id)
        if record.lost_at is None or not here:
            continue
        alive = [task for task in record.tasks if not over(task)]
        for task in alive:
            frame.reconcile(task.task_id)
        if not alive:
            frame.log("info", f"{record.name}: its agent is back", service=record.service)
            frame.put(replace(record, lost_at=None))


def compare(frame: Frame, pool: Pool) -> None:
    """Our reservations in the offers against those on record."""
    own = pool.own(frame.framework.ids)
    for resource_id in own:
        if resource_id in frame.reservations.releases:
            frame.log("info", f"The reservation {resource_id} on {pool.hostname} is offered again: released once more")
            forget_release(frame, resource_id)
        key = frame.index.by_resource.get(resource_id)
        if key is not None:
            _moved(frame, frame.pods[key], pool)
    for key in sorted(frame.index.by_agent.of(pool.agent_id)):
        record = frame.pods[key]
        need = frame.work.needs.get(key)
        holding = record.holding
        if (
            holding is not None
            and holding.resource_id is not None
            and (holding.agent_id, holding.role) == (pool.agent_id, pool.role)
            and isinstance(need, MustPlace | MustRelease)
            # What runs there uses it, though the instance looks for another place.
            and all(over(task) for task in record.tasks)
        ):
            _compare_holding(frame, record, holding, holding.resource_id, own.get(holding.resource_id, ()))
        for left in record.superseded:
            if left.resource_id is None or (left.agent_id, left.role) != (pool.agent_id, pool.role):
                continue
            if left.resource_id in own:
                frame.reservations.offered(left.resource_id)
            elif (
                left.ended
                and left.resource_id not in frame.reservations.releases
                and _absent_long(frame, left.resource_id)
            ):
                reservation_gone(frame, left.resource_id)


def _moved(frame: Frame, record: PodRecord, pool: Pool) -> None:
    """An agent that registers anew (after a reboot, or after it was unregistered) keeps its reservations."""
    holding = record.holding
    if holding is None or holding.agent_id == pool.agent_id or any(not over(task) for task in record.tasks):
        return
    frame.log("info", f"{record.name}: {pool.hostname} is back under a new agent id", agent_id=pool.agent_id)
    moved = replace(holding, agent_id=pool.agent_id, hostname=pool.hostname)
    frame.put(replace(record, holding=moved, lost_at=None))


def _compare_holding(
    frame: Frame,
    record: PodRecord,
    holding: Holding,
    resource_id: ResourceId,
    offered: tuple[Resource, ...],
) -> None:
    if contain(offered, holding.resources):
        frame.reservations.offered(resource_id)
        if not holding.confirmed:
            frame.put(replace(record, holding=replace(holding, confirmed=True)))
        return
    if offered and isinstance(frame.work.needs.get((record.service, record.name)), MustRelease):
        return  # a part of it: it is released as it comes
    if resource_id in frame.reservations.releases:
        return  # it is absent because we hold the offer, or because it is gone: the operation's feedback will tell
    if (offered or holding.confirmed) and not _absent_long(frame, resource_id):
        return
    frame.log(
        "warning",
        f"{record.name}: {holding.hostname} does not offer its reservation; it is given up",
        service=record.service,
        resource_id=resource_id,
    )
    if isinstance(frame.work.needs.get((record.service, record.name)), MustRelease) or not holding.confirmed:
        reservation_gone(frame, resource_id)
        return
    frame.reservations.offered(resource_id)
    left = _left_behind(record, frame.now)
    frame.put(replace(record, holding=None, superseded=(*record.superseded, *left)))


def _absent_long(frame: Frame, resource_id: ResourceId) -> bool:
    return frame.reservations.absent_for(resource_id, frame.now) >= frame.settings.holding_patience


def _left_behind(record: PodRecord, now: float, *, serving: bool = False) -> tuple[Superseded, ...]:
    """What an instance leaves on its agent when it goes elsewhere; `serving`: what runs there goes on for a while."""
    if not record.tasks:
        return ()
    resource_id = record.holding.resource_id if record.holding is not None else None
    role = record.holding.role if record.holding is not None else "*"
    alive = [task for task in record.tasks if not over(task)]
    # Tasks that are over are fenced as unknown ones should they appear again; one entry keeps the reservation in mind.
    kept = alive or (record.tasks[:1] if resource_id is not None else [])
    return tuple(
        Superseded(
            task_id=task.task_id,
            agent_id=task.agent_id if record.holding is None else record.holding.agent_id,
            hostname=task.hostname,
            since=now,
            role=role,
            resource_id=resource_id,
            ended=over(task),
            serving=serving and not over(task),
        )
        for task in kept
    )


def abandoned(record: PodRecord, now: float, *, serving: bool = False, avoid_until: float | None = None) -> PodRecord:
    """The record of an instance that goes elsewhere: what it had becomes something left behind.

    `serving`: its tasks go on until it is ready again; `avoid_until`: how long it does not come back to the same host.
    """
    avoid = tuple(each for each in record.avoid if each.until > now)
    host = record.holding.hostname if record.holding is not None else record.tasks[0].hostname if record.tasks else None
    if avoid_until is not None and host is not None:
        avoid = (*avoid, Avoided(hostname=host, until=avoid_until))
    return replace(
        record,
        tasks=(),
        holding=None,
        lost_at=None,
        ready_since=None,
        avoid=avoid,
        superseded=(*record.superseded, *_left_behind(record, now, serving=serving)),
    )


def release(frame: Frame, pool: Pool) -> list[Operation]:
    """Gives back what nobody holds on purpose, or whose holder is being removed: one operation for each reservation."""
    freed: list[Operation] = []
    for resource_id, resources in pool.own(frame.framework.ids).items():
        key = frame.index.by_resource.get(resource_id)
        if key is None and frame.troubles.broken:
            continue
        if key is not None:
            if not isinstance(frame.work.needs.get(key), MustRelease):
                continue
            holding = frame.pods[key].holding
            if (
                holding is not None
                and not contain(resources, holding.resources)
                and not _absent_long(frame, resource_id)
            ):
                continue  # the executor has not ended yet: its part comes with a later offer
        feedback = frame.reservations.errors.get(resource_id, 0) < ERRORS
        operation_id = OperationId(frame.new_id()) if feedback else None
        if key is None:
            # It may be a part: nobody knows how much there was, and that of an executor comes after its end. Offers are
            # wanted until then, or the rest would wait for the next look at everything.
            frame.roles.watch(frame.now + frame.settings.holding_patience)
            frame.removal.found(resource_id)
        freed.append(Unreserve(resources=resources, operation_id=operation_id))
        patience = frame.settings.feedback_patience if feedback else 2 * frame.settings.proof_within
        release = Release(sent=frame.now, operation=operation_id)
        frame.reservations.released(resource_id, release, frame.now + patience)
        whose = f"of {key[0]}/{key[1]}" if key is not None else "that nobody holds any more"
        frame.log(
            "info",
            f"Releasing the reservation {whose} on {pool.hostname}",
            resource_id=resource_id,
            agent_id=pool.agent_id,
        )
    return freed


def forget_release(frame: Frame, resource_id: ResourceId) -> None:
    """The UNRESERVE did not happen, or its outcome is known."""
    frame.reservations.outcome_known(resource_id)
    frame.calls.proven(resource_id)


def reservation_gone(frame: Frame, resource_id: ResourceId) -> None:
    """Nothing is reserved under this id any more: neither as a holding nor as something left behind."""
    frame.reservations.gone(resource_id)
    frame.calls.proven(resource_id)
    key = frame.index.by_resource.get(resource_id)
    if key is not None:
        frame.put(replace(frame.pods[key], holding=None))
    for other in frame.index.left.of(resource_id):
        record = frame.pods[other]
        kept = tuple(
            replace(left, resource_id=None) if left.resource_id == resource_id else left for left in record.superseded
        )
        frame.put(replace(record, superseded=tuple(left for left in kept if left.resource_id or not left.ended)))


def forget_old(frame: Frame) -> None:
    """Nobody waits any longer for agents that have been lost for very long."""
    for key in sorted(frame.index.leftovers):
        record = frame.pods[key]
        kept = tuple(left for left in record.superseded if left.since + frame.settings.leftover_age > frame.now)
        if len(kept) < len(record.superseded):
            gone = sorted({left.hostname or left.agent_id for left in set(record.superseded).difference(kept)})
            frame.log("info", f"{record.name}: what it left on {', '.join(gone)} is not waited for any more")
            frame.put(replace(record, superseded=kept))


def end_releases(frame: Frame) -> None:
    """What follows from the silence about an UNRESERVE: without operation feedback it is the proof, with it none.

    Feedback can get lost for good, with an agent's disk for example. Then the offers have to tell what has happened:
    what is offered again is released again, what stays absent is given up.
    """
    due, frame.reservations.releases_due = frame.reservations.releases_due.by(frame.now)
    for resource_id in due:
        if frame.reservations.releases[resource_id].operation is not None:
            frame.log("warning", f"No word about the release of {resource_id}: the offers have to tell")
            forget_release(frame, resource_id)
        else:
            reservation_gone(frame, resource_id)


def outgrow_role(frame: Frame, record: PodRecord) -> bool:
    """Give up a holding of another role than the wanted one: its resources never come in offers of the new role.

    At once and not when the new place is found: a fixed port may be free on this agent only.
    """
    key = (record.service, record.name)
    wish, holding = frame.wish(key), record.holding
    if wish is None or holding is None or holding.resource_id is None or holding.role == wish.spec.role:
        return False
    frame.log(
        "info",
        f"{record.name}: gives up its reservation of role {holding.role} on {holding.hostname} for one of role "
        f"{wish.spec.role}",
        service=record.service,
    )
    left = _left_behind(record, frame.now)
    frame.put(replace(record, tasks=(), holding=None, superseded=(*record.superseded, *left)))
    return True
