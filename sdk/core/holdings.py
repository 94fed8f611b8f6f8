"""Reservations on record against those that agents offer: confirmed, moved, missing, left behind, released."""

from dataclasses import replace

from sdk.core.frame import Frame
from sdk.core.keeping import releasable
from sdk.core.leftovers import left_behind
from sdk.core.releasing import learn, missed_for_long, stage_of
from sdk.core.reservation_life import Stage, Word
from sdk.core.state import agent_of
from sdk.model.ids import AgentId, ResourceId
from sdk.model.records import Holding, PodRecord
from sdk.model.resources import Resource
from sdk.offer.algebra import contain
from sdk.offer.pool import Pool
from sdk.plan.need import MustPlace, MustRelease, over, waits_for_agent


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
    free = {resource_id: releasable(frame, resource_id, resources) for resource_id, resources in own.items()}
    for resource_id in own:
        if free[resource_id] and stage_of(frame, resource_id) is Stage.FREEING:
            frame.log("info", f"The reservation {resource_id} on {pool.hostname} is offered again: released once more")
            learn(frame, resource_id, Word.OFFERED)
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
            if free.get(left.resource_id):
                frame.reservations.offered(left.resource_id)
            elif (
                left.ended
                and stage_of(frame, left.resource_id) is Stage.LEFT
                and missed_for_long(frame, left.resource_id)
            ):
                learn(frame, left.resource_id, Word.MISSED)


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
        if not holding.known:
            frame.put(replace(record, holding=holding.seen()))
        return
    stage = stage_of(frame, resource_id)
    if stage is Stage.LEFT and releasable(frame, resource_id, offered):
        return  # a part of it: it is released as it comes
    if stage is Stage.FREEING:
        return  # it is absent because we hold the offer, or because it is gone: the operation's feedback will tell
    if stage is Stage.HELD and offered and any(each.failed is not None for each in holding.operations):
        frame.put(replace(record, holding=_as_offered(holding, offered)))
        return
    wish = frame.wish((record.service, record.name))
    if stage is Stage.HELD and record.has_data and wish is not None and waits_for_agent(record, wish):
        # Others may hold the offer: its data is not left for that.
        if offered and missed_for_long(frame, resource_id):
            frame.put(replace(record, holding=_as_offered(holding, offered)))
        return
    if (offered or holding.confirmed) and not missed_for_long(frame, resource_id):
        return
    frame.log(
        "warning",
        f"{record.name}: {holding.hostname} does not offer its reservation; it is given up",
        service=record.service,
        resource_id=resource_id,
    )
    learn(frame, resource_id, Word.MISSED if holding.confirmed else Word.UNMADE)


def _as_offered(holding: Holding, offered: tuple[Resource, ...]) -> Holding:
    """Not all of it was made: it is what there is, and the next launch makes the rest. What has been there is there."""
    there = {resource.volume for resource in offered}
    made = {each.id for each in holding.volumes if each.made}
    away = [resource for resource in holding.resources if resource.volume in made - there]
    volumes = tuple(each for each in holding.volumes if each.id in made | there)
    return replace(holding, resources=(*offered, *away), volumes=volumes).seen()


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
    left = left_behind(record, frame.now)
    frame.put(replace(record, tasks=(), holding=None, superseded=(*record.superseded, *left)))
    return True
