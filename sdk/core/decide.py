"""The scheduler as a function: `decide(state, event, now, new_id) -> (state, effects)`.

`now` is in seconds since the epoch; `new_id` gives a fresh unique id (a uuid4 as text) each time it is called. The same
arguments give the same answer. The runner stores first, then calls; a frame whose storing fails did not happen: the
runner keeps the old state and gives the same event again.
"""

import math
from collections.abc import Callable
from dataclasses import replace

from sdk.core import leaving
from sdk.core.actions import act
from sdk.core.budget import budget_requested
from sdk.core.effects import Effect
from sdk.core.events import (
    AgentFailed,
    BudgetRequested,
    CallFailed,
    Disconnected,
    Event,
    ExecutorFailed,
    ExecutorMessage,
    Failed,
    InverseOffersReceived,
    OfferRescinded,
    OffersReceived,
    OperationStatusReceived,
    PlanCommandRequested,
    PodActionRequested,
    RenewalRequested,
    ReservationsListed,
    RolesAccepted,
    RollbackRequested,
    StatusesReceived,
    StatusReceived,
    StoringFailed,
    Subscribed,
    TargetChanged,
    TargetRefused,
    TargetsListed,
    TargetWithdrawn,
    Tick,
    UninstallRequested,
    UnpinRequested,
)
from sdk.core.feedback import operation_received
from sdk.core.frame import Frame
from sdk.core.link import call_failed, disconnected, repeat_calls, subscribed
from sdk.core.membership import roles_accepted, update_roles
from sdk.core.offers import offers_received
from sdk.core.planning import command_requested
from sdk.core.quarantine import resume, storing_failed
from sdk.core.renewal import renewal_requested
from sdk.core.roles import offers_came, update_offers
from sdk.core.rollback import rollback_requested, unpin_requested
from sdk.core.settle import settle
from sdk.core.state import State
from sdk.core.status import status_received
from sdk.core.targets import take, target_refused, targets_listed
from sdk.core.troubles import Kind, Part
from sdk.core.uninstall import progress, reservations_listed, uninstall_requested
from sdk.core.view import problems, quarantined, services, snapshot
from sdk.model.status import TaskStatus
from sdk.plan.need import over

__all__ = ["decide", "next_wake", "problems", "quarantined", "services", "snapshot"]


def decide(state: State, event: Event, now: float, new_id: Callable[[], str]) -> tuple[State, tuple[Effect, ...]]:
    """The state after the event, and what is to be done about it."""
    if state.removal.uninstalled:
        return state, ()
    frame = Frame(state, now, new_id)
    if isinstance(event, StoringFailed):
        storing_failed(frame, event)  # first, so that none of them is looked at again in this frame
    resume(frame)
    match event:
        case Subscribed():
            subscribed(frame, event)
        case Disconnected() | Failed():
            disconnected(frame, event)
        case OffersReceived(offers=offers, unreadable=unreadable):
            offers_came(frame, {offer.role for offer in offers})
            offers_received(frame, offers, unreadable)
        case StatusReceived(status=status):
            _hear(frame, status)
        case StatusesReceived(statuses=statuses):
            for status in statuses:
                _hear(frame, status)
        case ReservationsListed():
            reservations_listed(frame, event)
        case InverseOffersReceived(inverse_offers=inverse_offers):
            leaving.inverse_offers_received(frame, inverse_offers)
        case AgentFailed():
            _agent_failed(frame, event)
        case OperationStatusReceived():
            operation_received(frame, event.status)
        case TargetChanged() | TargetWithdrawn():
            take(frame, event)
        case TargetRefused():
            target_refused(frame, event)
        case TargetsListed():
            targets_listed(frame, event)
        case StoringFailed():
            pass  # see above
        case PodActionRequested():
            act(frame, event)
        case PlanCommandRequested():
            command_requested(frame, event)
        case RollbackRequested():
            rollback_requested(frame, event)
        case UnpinRequested():
            unpin_requested(frame, event)
        case BudgetRequested():
            budget_requested(frame, event)
        case RenewalRequested():
            renewal_requested(frame)
        case UninstallRequested():
            uninstall_requested(frame)
        case CallFailed():
            call_failed(frame, event)
        case RolesAccepted():
            roles_accepted(frame, event)
        case ExecutorFailed() | OfferRescinded() | ExecutorMessage() | Tick():
            # Tasks of a lost executor get updates of their own; no offer is kept that could be rescinded; messages are
            # for the plugin.
            pass
    settle(frame)
    wakes = [update_roles(frame), progress(frame), repeat_calls(frame), update_offers(frame), _next_turn(frame)]
    return frame.result(min((wake for wake in wakes if wake is not None and wake < math.inf), default=None))


def next_wake(state: State, now: float) -> float | None:
    """When a `Tick` is needed at the latest (seconds since the epoch, not before `now`); None when never."""
    return None if state.wake_at is None else max(now, state.wake_at)


def _next_turn(frame: Frame) -> float:
    found = (frame.work.again.next, frame.work.updates.next, frame.agents.turns.next, frame.troubles.next_turn)
    return min(*found, frame.reservations.releases_due.next) if frame.subscribed else min(found)


def _hear(frame: Frame, status: TaskStatus) -> None:
    key = frame.index.by_task.get(status.task_id, ("", "unknown tasks"))
    if not frame.troubles.unstorable(key[0], frame.now):  # what is not acknowledged Mesos says again
        with frame.apart(key[0], Part(Kind.HEARING, key[1])):
            status_received(frame, status)


def _agent_failed(frame: Frame, event: AgentFailed) -> None:
    for key in frame.index.by_agent.of(event.agent_id):
        record = frame.pods[key]
        here = [task for task in record.tasks if task.agent_id == event.agent_id]
        holds = record.holding is not None and record.holding.agent_id == event.agent_id
        if record.lost_at is None and (holds or any(not over(task) for task in here)):
            host = here[0].hostname if here else event.agent_id
            frame.log("warning", f"{record.service}/{record.name}: {host} is lost", agent_id=event.agent_id)
            frame.put(replace(record, lost_at=frame.now))
    for key, refused in frame.work.refusals.items():
        if event.agent_id in refused:
            kept = {agent: why for agent, why in refused.items() if agent != event.agent_id}
            frame.work.refusals = frame.work.refusals.set(key, kept)
