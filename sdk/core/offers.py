"""One batch of offers: what is launched, released or given back with them, and with which filter the rest goes away.

Nothing is kept for later: an offer is accepted or declined in the frame in which it came, so a RESCIND never finds one
in use. New work asks for new offers with REVIVE (`sdk.core.roles`).
"""

from collections.abc import Iterable
from dataclasses import replace

from sdk.core.effects import Accept, Decline, Launch, Operation, Unreserve
from sdk.core.frame import Frame
from sdk.core.settle import forget_release, reservation_gone, settle
from sdk.core.state import PodKey, Unproven
from sdk.model.ids import AgentId, OfferId, OperationId, ResourceId
from sdk.model.records import Holding, PodRecord, Superseded
from sdk.model.resources import Offer, Resource
from sdk.offer.algebra import contain
from sdk.offer.evaluate import Match, evaluate
from sdk.offer.placement import Place
from sdk.offer.pool import Pool, pools
from sdk.offer.requirement import Claimant, Requirement
from sdk.offer.reservation import by_resource_id
from sdk.plan.need import MustPlace, MustRelease, done, over
from sdk.plan.wish import PodWish


def offers_received(frame: Frame, offers: tuple[Offer, ...]) -> None:
    """Use what is of use, decline the rest."""
    frame.offers_seen = len(offers)
    if not frame.subscribed or frame.framework.framework_id is None:
        return  # of a subscription that has ended meanwhile: void
    offered = list(pools(offers))
    for agent_id in {pool.agent_id for pool in offered}:
        _heard(frame, agent_id)
    for pool in offered:
        _compare(frame, pool)
    settle(frame)
    operations = _place(frame, offered)
    settle(frame)
    for position, pool in enumerate(offered):
        operations.setdefault(position, [])[:0] = _release(frame, pool)
    refuse = filter_seconds(frame)
    declined: list[OfferId] = []
    for position, pool in enumerate(offered):
        if not operations.get(position):
            declined.extend(pool.offer_ids)
            continue
        chosen = tuple(operations[position])
        freeing = any(isinstance(operation, Unreserve) for operation in chosen)
        # After an UNRESERVE the agent's next offer is the proof that it was carried out: no filter.
        frame.call(Accept(offer_ids=pool.offer_ids, operations=chosen, refuse_seconds=0.0 if freeing else refuse))
        tasks = (task.task_id for operation in chosen if isinstance(operation, Launch) for task in operation.tasks)
        freed = [
            resource for operation in chosen if isinstance(operation, Unreserve) for resource in operation.resources
        ]
        resources = by_resource_id(freed, frame.framework.framework_id)
        accept = Unproven(
            offer_ids=pool.offer_ids, sent=frame.now, tasks=frozenset(tasks), resources=frozenset(resources)
        )
        frame.unproven = (*frame.unproven, accept)
    if declined:
        frame.call(Decline(offer_ids=tuple(declined), refuse_seconds=refuse))


def filter_seconds(frame: Frame) -> float:
    """How long unused offers stay away."""
    if frame.placing:
        return frame.settings.decline_pending
    return frame.settings.decline_watching if frame.leftovers else frame.settings.decline_idle


def _heard(frame: Frame, agent_id: AgentId) -> None:
    """The agent is there: what we thought lost with it is asked about, or counts as back."""
    for key in tuple(frame.by_agent.get(agent_id)):
        record = frame.pods[key]
        if key in frame.waiting_since:
            frame.waiting_since[key] = frame.now
        for left in record.superseded:
            if left.agent_id == agent_id and not left.ended and left.task_id not in frame.kills:
                frame.reconcile(left.task_id)
        if record.lost_at is None or _agent_of(record) != agent_id:
            continue
        alive = [task for task in record.tasks if not over(task)]
        for task in alive:
            frame.reconcile(task.task_id)
        if not alive:
            frame.log("info", f"{record.name}: its agent is back", service=record.service)
            frame.put(replace(record, lost_at=None))


def _agent_of(record: PodRecord) -> AgentId | None:
    if record.holding is not None:
        return record.holding.agent_id
    return record.tasks[0].agent_id if record.tasks else None


def _compare(frame: Frame, pool: Pool) -> None:
    """Our reservations in the offers against those on record."""
    own = pool.own(frame.framework.framework_id)
    for resource_id in own:
        if resource_id in frame.released:
            frame.log("info", f"The reservation {resource_id} on {pool.hostname} is offered again: released once more")
            forget_release(frame, resource_id)
        key = frame.by_resource.get(resource_id)
        if key is not None:
            _moved(frame, frame.pods[key], pool)
    for key in tuple(frame.by_agent.get(pool.agent_id)):
        record = frame.pods[key]
        need = frame.needs.get(key)
        holding = record.holding
        if (
            holding is not None
            and holding.resource_id is not None
            and (holding.agent_id, holding.role) == (pool.agent_id, pool.role)
            and isinstance(need, MustPlace | MustRelease)
        ):
            _compare_holding(frame, record, holding, holding.resource_id, own.get(holding.resource_id, ()))
        for left in record.superseded:
            if left.resource_id is None or (left.agent_id, left.role) != (pool.agent_id, pool.role):
                continue
            if left.resource_id in own:
                frame.absent_since.pop(left.resource_id, None)
            elif left.ended and left.resource_id not in frame.released and _absent_long(frame, left.resource_id):
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
        frame.absent_since.pop(resource_id, None)
        if not holding.confirmed:
            frame.put(replace(record, holding=replace(holding, confirmed=True)))
        return
    if offered and isinstance(frame.needs.get((record.service, record.name)), MustRelease):
        return  # a part of it: it is released as it comes
    if resource_id in frame.released:
        return  # it is absent because we hold the offer, or because it is gone: the operation's feedback will tell
    if (offered or holding.confirmed) and not _absent_long(frame, resource_id):
        return
    frame.log(
        "warning",
        f"{record.name}: {holding.hostname} does not offer its reservation; it is given up",
        service=record.service,
        resource_id=resource_id,
    )
    if isinstance(frame.needs.get((record.service, record.name)), MustRelease) or not holding.confirmed:
        reservation_gone(frame, resource_id)
        return
    frame.absent_since.pop(resource_id, None)
    left = [replace(entry, hostname=None) for entry in _left_behind(record, frame.now)]
    frame.put(replace(record, holding=None, superseded=(*record.superseded, *left)))


def _absent_long(frame: Frame, resource_id: ResourceId) -> bool:
    since = frame.absent_since.get(resource_id)
    if since is None:
        frame.absent_since[resource_id] = frame.now
        return False
    return since + frame.settings.holding_patience <= frame.now


def _left_behind(record: PodRecord, now: float) -> tuple[Superseded, ...]:
    """What an instance leaves on its agent when it goes elsewhere."""
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
        )
        for task in kept
    )


def abandoned(record: PodRecord, now: float) -> PodRecord:
    """The record of an instance that goes elsewhere: what it had becomes something left behind."""
    return replace(
        record,
        tasks=(),
        holding=None,
        lost_at=None,
        superseded=(*record.superseded, *_left_behind(record, now)),
    )


# Placing


def _place(frame: Frame, offered: list[Pool]) -> dict[int, list[Operation]]:
    """Launch what fits; `offered` is left with what was not used. Operations by position of the pool."""
    operations: dict[int, list[Operation]] = {}
    waiting = sorted(
        (key for key in frame.placing if isinstance(frame.needs[key], MustPlace)),
        # Reservations that are held compete with nobody; placing them first leaves a true remainder to the others.
        key=lambda key: (_elsewhere(frame, key), key[0], frame.pods[key].pod, frame.pods[key].index),
    )
    if not waiting or frame.framework.framework_id is None:
        return operations
    claimant = Claimant(
        framework_id=frame.framework.framework_id,
        framework_name=frame.framework.name,
        principal=frame.settings.principal,
        now=frame.now,
        new_id=frame.new_id,
        static_ports=_static_ports(frame, waiting),
    )
    for key in waiting:
        wish = frame.wish(key)
        if wish is None:
            continue
        requirement = _requirement(frame, key, wish)
        home = requirement.holding
        # Its reservation is offered and yet too small, and the agent cannot give the rest: it may go elsewhere.
        outgrown = home is not None and _outgrown(frame, key, home)
        refused: dict[AgentId, tuple[str, ...]] = {}
        for position, pool in enumerate(offered):
            if pool.role != wish.spec.role:
                continue
            if home is None or home.agent_id == pool.agent_id:
                verdict = evaluate(requirement, pool, claimant)
            elif outgrown:
                verdict = evaluate(_moving(frame, key, requirement), pool, claimant)
            else:
                continue
            if isinstance(verdict, Match):
                offered[position] = verdict.rest
                operations.setdefault(position, []).extend(verdict.operations)
                _launched(frame, key, wish, verdict)
                break
            refused[pool.agent_id] = verdict.reasons
        else:
            if refused:
                frame.refusals[key] = {**frame.refusals.get(key, {}), **refused}
    return operations


def _outgrown(frame: Frame, key: PodKey, home: Holding) -> bool:
    reasons = frame.refusals.get(key, {}).get(home.agent_id, ())
    return bool(reasons) and not any(reason.startswith("reservation ") for reason in reasons)


def _moving(frame: Frame, key: PodKey, requirement: Requirement) -> Requirement:
    """The same instance, to be placed on another agent."""
    return replace(
        requirement,
        holding=None,
        ports={},
        siblings=_siblings(frame, key),
        avoid=_avoided(frame, frame.pods[key]),
    )


def _elsewhere(frame: Frame, key: PodKey) -> bool:
    need = frame.needs[key]
    return isinstance(need, MustPlace) and need.elsewhere


def _static_ports(frame: Frame, waiting: Iterable[PodKey]) -> frozenset[int]:
    numbers: set[int] = set()
    for wish in {id(wish): wish for key in waiting if (wish := frame.wish(key)) is not None}.values():
        numbers.update(port.number for task in wish.spec.tasks for port in task.ports if port.number)
    return frozenset(numbers)


def _requirement(frame: Frame, key: PodKey, wish: PodWish) -> Requirement:
    record = frame.pods[key]
    target = frame.targets[key[0]]
    elsewhere = _elsewhere(frame, key)
    by_name = {task.name: task for task in record.tasks}
    return Requirement(
        service=record.service,
        pod=wish.spec,
        index=record.index,
        config=wish.config,
        prefix=target.spec.task_id_prefix or target.spec.name,
        tasks=tuple(
            spec for spec in wish.spec.tasks if (task := by_name.get(spec.name)) is None or not done(task, spec, wish)
        ),
        holding=None if elsewhere else record.holding,
        ports={} if elsewhere else {task.name: task.ports for task in record.tasks},
        siblings=_siblings(frame, key) if elsewhere else (),
        avoid=_avoided(frame, record) if elsewhere else {},
    )


def _siblings(frame: Frame, key: PodKey) -> tuple[Place, ...]:
    record = frame.pods[key]
    places: list[Place] = []
    wish = frame.wish(key)
    if wish is None or not wish.spec.constraints:
        return ()
    for other in sorted(frame.services.get(key[0])):
        sibling = frame.pods[other]
        if other == key or sibling.pod != record.pod or sibling.holding is None:
            continue
        places.append(
            Place(
                hostname=sibling.holding.hostname,
                region=sibling.holding.region,
                zone=sibling.holding.zone,
                attributes=sibling.holding.attributes,
                instance=sibling.name,
            )
        )
    return tuple(places)


def _avoided(frame: Frame, record: PodRecord) -> dict[str, str]:
    avoided: dict[str, str] = {}
    if record.lost_at is not None and record.holding is not None:
        avoided[record.holding.hostname] = f"{record.holding.hostname} is lost"
    for left in record.superseded:
        until = left.since + frame.settings.avoid_after_replace
        if left.hostname is not None and frame.now < until:
            avoided[left.hostname] = (
                f"{left.hostname} was left by a replacement; considered again in {until - frame.now:.0f} s"
            )
    return avoided


def _launched(frame: Frame, key: PodKey, wish: PodWish, match: Match) -> None:
    record = frame.pods[key]
    superseded = record.superseded
    moved = record.holding is not None and record.holding.resource_id not in (None, match.holding.resource_id)
    if record.lost_at is not None or moved:
        superseded = abandoned(record, frame.now).superseded
    launched = {task.name for task in match.tasks}
    specs = {spec.name: spec for spec in wish.spec.tasks}
    finished = tuple(
        task
        for task in record.tasks
        if task.name not in launched and (spec := specs.get(task.name)) is not None and done(task, spec, wish)
    )
    frame.put(
        replace(
            record,
            tasks=(*finished, *match.tasks),
            holding=match.holding,
            superseded=superseded,
            lost_at=None,
            restart=False,
            not_before=0.0,
        )
    )
    frame.log(
        "info",
        f"Launching {record.service}/{record.name} on {match.holding.hostname}",
        service=record.service,
        tasks=[task.task_id for task in match.tasks],
        ports={name: number for task in match.tasks for name, number in task.ports.items()},
    )


# Releasing


def _release(frame: Frame, pool: Pool) -> list[Operation]:
    """Gives back what nobody holds on purpose, or whose holder is being removed: one operation for each reservation."""
    freed: list[Operation] = []
    for resource_id, resources in pool.own(frame.framework.framework_id).items():
        key = frame.by_resource.get(resource_id)
        if key is not None:
            if not isinstance(frame.needs.get(key), MustRelease):
                continue
            holding = frame.pods[key].holding
            if (
                holding is not None
                and not contain(resources, holding.resources)
                and not _absent_long(frame, resource_id)
            ):
                continue  # the executor has not ended yet: its part comes with a later offer
        operation_id: OperationId | None = None
        if frame.feedback:
            operation_id = OperationId(frame.new_id())
            frame.operations[operation_id] = resource_id
        freed.append(Unreserve(resources=resources, operation_id=operation_id))
        frame.released[resource_id] = frame.now
        whose = f"of {key[0]}/{key[1]}" if key is not None else "that nobody holds any more"
        frame.log(
            "info",
            f"Releasing the reservation {whose} on {pool.hostname}",
            resource_id=resource_id,
            agent_id=pool.agent_id,
        )
    return freed
