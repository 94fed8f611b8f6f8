"""Reservations that nobody wants go back to Mesos: which stage of its life each is in, and what follows from a word.

The stages and what leads from one to the next are a table, `sdk.core.reservation_life`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from sdk.core.frame import Frame
from sdk.core.keeping import releasable, stay
from sdk.core.leftovers import left_behind
from sdk.core.reservation_life import Stage, Word, after
from sdk.core.reservations import Release
from sdk.core.state import State
from sdk.model.ids import OperationId, ResourceId
from sdk.model.operations import Destroy, Operation, Unreserve
from sdk.model.resources import Resource
from sdk.offer.algebra import add, contain, excess
from sdk.offer.pool import Pool
from sdk.offer.reserving import by_provider, emptied
from sdk.plan.need import MustDelete, MustRelease

ERRORS = 2
"""Of a release's operations in a row, after which the next goes without an id: a stale offer causes one at times."""


def stage_of(state: State, resource_id: ResourceId) -> Stage:
    """Where a reservation is in its life."""
    if resource_id in state.reservations.releases:
        return Stage.FREEING
    key = state.index.by_resource.get(resource_id)
    if key is not None:
        return Stage.LEFT if isinstance(state.work.need(key), MustRelease | MustDelete) else Stage.HELD
    if resource_id in state.index.left:
        return Stage.LEFT
    return Stage.FORGOTTEN if resource_id in state.removal.notes else Stage.GONE


def learn(frame: Frame, resource_id: ResourceId, word: Word) -> Stage:
    """Something is learned about a reservation: it is in the stage that is returned from now on."""
    before = stage_of(frame, resource_id)
    stage = after(before, word)
    if before is Stage.FREEING and stage is not Stage.FREEING:
        frame.reservations.outcome_known(resource_id)
        frame.calls.proven(resource_id)
    if stage is not before:
        match stage:
            case Stage.GONE | Stage.FORGOTTEN:
                _off_record(frame, resource_id)
            case Stage.LEFT if before is Stage.HELD:
                _give_up(frame, resource_id)
    return stage


def _off_record(frame: Frame, resource_id: ResourceId) -> None:
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


def _give_up(frame: Frame, resource_id: ResourceId) -> None:
    frame.reservations.offered(resource_id)
    record = frame.pods[frame.index.by_resource[resource_id]]
    left = left_behind(record, frame.now)
    frame.put(replace(record, holding=None, superseded=(*record.superseded, *left)))


def release(frame: Frame, pool: Pool) -> list[Operation]:
    """Gives back what nobody holds on purpose, or whose holder is being removed: one operation for each reservation."""
    freed: list[Operation] = []
    for resource_id, resources in pool.own(frame.framework.ids).items():
        free = releasable(frame, resource_id, resources)
        if not free:
            continue  # nothing but volumes that stay
        key = frame.index.by_resource.get(resource_id)
        if key is None and frame.troubles.broken:
            continue
        if key is not None:
            if after(stage_of(frame, resource_id), Word.OFFERED) is not Stage.FREEING:
                continue
            holding = frame.pods[key].holding
            if (
                holding is not None
                and not contain(resources, holding.resources)
                and not missed_for_long(frame, resource_id)
            ):
                continue  # the executor has not ended yet: its part comes with a later offer
        errors = frame.reservations.errors.get(resource_id, 0)
        feedback = errors < ERRORS and pool.agent_id not in frame.agents.mute
        operation_id = OperationId(frame.new_id()) if feedback else None
        if key is None:
            # It may be a part: nobody knows how much there was, and that of an executor comes after its end. Offers are
            # wanted until then, or the rest would wait for the next look at everything.
            frame.roles.watch(frame.now + frame.settings.holding_patience)
            frame.removal.found(resource_id)
        stay(frame, excess(resources, free), pool.hostname)
        freed.extend(_giving_back(frame, free, operation_id))
        patience = frame.settings.feedback_patience if feedback else 2 * frame.settings.proof_within
        release = Release(sent=frame.now, agent_id=pool.agent_id, operation=operation_id)
        frame.reservations.released(resource_id, release, frame.now + patience)
        whose = f"of {key[0]}/{key[1]}" if key is not None else "that nobody holds any more"
        frame.log(
            "info",
            f"Releasing the reservation {whose} on {pool.hostname}",
            resource_id=resource_id,
            agent_id=pool.agent_id,
        )
    return freed


def _giving_back(
    frame: Frame, resources: Iterable[Resource], operation_id: OperationId | None
) -> Iterator[Destroy | Unreserve]:
    """DESTROY of volumes, then UNRESERVE of all; the last one tells how it went, as each rests on those before."""
    volumes = [resource for resource in resources if resource.volume is not None]
    for each in by_provider(volumes):
        yield Destroy(volumes=each, operation_id=None if operation_id is None else OperationId(frame.new_id()))
    rest = [resource for resource in resources if resource.volume is None]
    *others, last = by_provider(add(rest, map(emptied, volumes)))
    yield from (Unreserve(resources=each) for each in others)
    yield Unreserve(resources=last, operation_id=operation_id)


def forget_old(frame: Frame) -> None:
    """Nobody waits any longer for agents that have been lost for very long."""
    for key in sorted(frame.index.leftovers):
        for left in frame.pods[key].superseded:
            if left.since + frame.settings.leftover_age > frame.now:
                continue
            name, where = f"{key[0]}/{key[1]}", left.hostname or left.agent_id
            frame.log("info", f"{name}: what it left on {where} is not waited for any more", service=key[0])
            if left.resource_id is not None:
                learn(frame, left.resource_id, Word.AGENT_SILENT)
                sentence = f"{name}: reservation {left.resource_id} left on {where}, which has been away for very long"
                frame.removal.leave(left.resource_id, sentence)
            record = frame.pods[key]
            kept = tuple(other for other in record.superseded if other.task_id != left.task_id)
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
            learn(frame, resource_id, Word.UNANSWERED)
        else:
            learn(frame, resource_id, Word.UNTRACED)


def missed_for_long(frame: Frame, resource_id: ResourceId) -> bool:
    """Its agent has made offers without it for so long that it is not there; the first miss begins the time."""
    return frame.reservations.absent_for(resource_id, frame.now) >= frame.settings.holding_patience
