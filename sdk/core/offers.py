"""One batch of offers: what is launched, released or given back with them, and with which filter the rest goes away.

Nothing is kept for later: an offer is accepted or declined in the frame in which it came, so a RESCIND never finds one
in use. New work asks for new offers with REVIVE (`sdk.core.roles`).
"""

from collections.abc import Iterable, Iterator, Mapping

from sdk.core import leaving, widening
from sdk.core.calls import Unproven
from sdk.core.effects import Accept, Decline
from sdk.core.frame import Frame
from sdk.core.holdings import compare, heard
from sdk.core.maps import without
from sdk.core.placing import place
from sdk.core.releasing import release
from sdk.core.settle import settle
from sdk.core.state import agent_of
from sdk.core.troubles import Kind, Part
from sdk.model.ids import OfferId, OperationId
from sdk.model.operations import Change, Launch, Operation, Unreserve
from sdk.model.resources import Offer
from sdk.offer.pool import Pool, pools
from sdk.offer.reservation import by_resource_id


def offers_received(frame: Frame, offers: tuple[Offer, ...], unreadable: Mapping[OfferId, str]) -> None:
    """Use what is of use, decline the rest, with what could not be read."""
    frame.work.offers_seen = len(offers)
    if not frame.subscribed or frame.framework.framework_id is None:
        return  # of a subscription that has ended meanwhile: void
    offered = list(pools(offers))
    for agent_id in {pool.agent_id for pool in offered}:
        heard(frame, agent_id)
    _note_ports(frame, offered)
    for pool in offered:
        with frame.apart("", Part(Kind.COMPARING, pool.hostname)):
            leaving.offered(frame, pool)
            compare(frame, pool)
    settle(frame)
    widening.look_elsewhere(frame, offered)
    placed = place(frame, offered)
    widening.widen_in_place(frame, offered)
    operations = placed.operations
    settle(frame)
    for position, pool in enumerate(offered):
        if position in placed.exclusive:
            continue
        with frame.apart("", Part(Kind.RELEASING, pool.hostname)):
            operations.setdefault(position, [])[:0] = release(frame, pool)
    refuse = filter_seconds(frame)
    declined: list[OfferId] = list(unreadable)
    for offer_id, why in unreadable.items():
        frame.log("error", f"An offer cannot be read and is declined: {why}", offer_id=offer_id)
    frame.seen.remember(offered, operations, unreadable, frame.now)
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
        resources = by_resource_id(freed, frame.framework.ids)
        accept = Unproven(
            offer_ids=pool.offer_ids,
            tasks=frozenset(tasks),
            resources=frozenset(resources),
            operations=frozenset(_operation_ids(chosen)),
        )
        frame.calls.accepted(accept, frame.now + frame.settings.proof_within)
    if declined:
        frame.call(Decline(offer_ids=tuple(declined), refuse_seconds=refuse))


def _note_ports(frame: Frame, offered: list[Pool]) -> None:
    """Of the agents that were asked whether they can take the next task of an instance."""
    if not (frame.work.asking or frame.agents.offered_ports):
        return
    asked = {agent_of(frame.pods[key]) for key in frame.work.asking if key in frame.pods}
    for pool in offered:
        if pool.agent_id in asked:
            frame.agents.offered_ports = frame.agents.offered_ports.set((pool.agent_id, pool.role), pool.offered_ports)
        else:
            frame.agents.offered_ports = without(frame.agents.offered_ports, (pool.agent_id, pool.role))


def filter_seconds(frame: Frame) -> float:
    """How long unused offers stay away."""
    if frame.work.placing or frame.work.asking:
        return frame.settings.decline_pending
    return frame.settings.decline_watching if frame.index.leftovers else frame.settings.decline_idle


def _operation_ids(chosen: Iterable[Operation]) -> Iterator[OperationId]:
    """Of those whose outcome Mesos tells."""
    for operation in chosen:
        if isinstance(operation, Change) and operation.operation_id is not None:
            yield operation.operation_id
