"""The subscription: what is asked after it began, what is void after it ended, and the calls that are repeated."""

from collections.abc import Sequence
from dataclasses import replace

from sdk.core import feedback
from sdk.core.calls import Unproven
from sdk.core.effects import Decline, Kill, Reconcile
from sdk.core.events import CallFailed, Disconnected, Failed, Subscribed
from sdk.core.frame import Frame
from sdk.core.membership import joined, parted, roles_not_taken
from sdk.core.refused import launches_refused
from sdk.core.releasing import learn
from sdk.core.reservation_life import Word
from sdk.core.state import Connection, PodKey
from sdk.model.ids import AgentId, OfferId, TaskId
from sdk.plan.backoff import Retry
from sdk.plan.need import over

BATCH = 1000
"""Tasks in one RECONCILE: keeps the call well below the master's limits on bodies."""


def subscribed(frame: Frame, event: Subscribed) -> None:
    """Store the id before anything else, then ask about every task."""
    known = frame.framework.framework_id
    earlier = frame.framework.earlier
    if known is not None and known != event.framework_id:
        frame.log("warning", f"Mesos gave the framework id {event.framework_id} instead of {known}")
        earlier = (known, *earlier)
    told = replace(frame.framework, framework_id=event.framework_id, earlier=earlier)
    if told.user is None or known != event.framework_id:
        told = replace(told, user=event.user, checkpoint=event.checkpoint)
    frame.set_framework(told)
    frame.link.connection, frame.link.since = Connection.SUBSCRIBED, frame.now
    frame.link.master = event.master
    frame.link.region = event.region
    frame.link.error = None
    joined(frame, event.roles)
    frame.link.implicit_due = frame.now + frame.settings.implicit_reconcile
    # Also a look at all that is reserved: agents may have come back while we were away.
    frame.sweep(frame.settings.sweep)
    frame.removal.final_since = None
    frame.roles.begin()
    frame.agents.forget_offers()
    for key in frame.work.asking:
        frame.stop_asking(key)
    frame.calls.forget_questions()
    for task_id, killing in frame.calls.kills.items():
        retry = replace(killing.retry, due=frame.now, delay=frame.settings.kill_first)
        frame.calls.repeat_kill(task_id, replace(killing, retry=retry))
    for record in frame.pods.values():
        for task in record.tasks:
            if not over(task):
                frame.reconcile(task.task_id)
                if task.ending:
                    frame.kill(task.task_id, task.agent_id)
        for left in record.superseded:
            if not left.ended:
                frame.reconcile(left.task_id)
    frame.work.waiting_since = frame.work.waiting_since.update(dict.fromkeys(frame.work.waiting_since, frame.now))
    feedback.ask(frame)
    frame.dirty.update(frame.pods)
    for service in frame.targets:
        frame.touch(service)
    frame.log("info", f"Subscribed to {event.master} as {event.framework_id}", framework_id=event.framework_id)


def disconnected(frame: Frame, event: Disconnected | Failed) -> None:
    """Offers are void, calls have to wait."""
    removed = isinstance(event, Failed) and event.removed
    frame.link.connection = Connection.REMOVED if removed else Connection.DISCONNECTED
    frame.link.since = None
    frame.link.error = event.message if isinstance(event, Failed) else event.why
    parted(frame)
    frame.work.offers_seen = 0
    for resource_id in frame.reservations.releases:
        learn(frame, resource_id, Word.PARTED)
    frame.reservations.parted()
    frame.calls.forget_accepts()
    if removed and frame.removal.teardown_due is not None:
        frame.log("info", f"Mesos ended the framework, as asked: {frame.link.error}")
    else:
        frame.log("error" if removed else "warning", f"Disconnected from Mesos: {frame.link.error}")


def call_failed(frame: Frame, event: CallFailed) -> None:
    """A call did not reach the master, or was refused: what it was for is tried again."""
    frame.log("warning", f"{event.effect} {'was refused by' if event.refused else 'did not reach'} Mesos: {event.why}")
    match event.effect:
        case "Accept":
            if event.refused:
                launches_refused(frame, event)
            else:
                # The launches are on record; the answers to RECONCILE tell which of them never arrived.
                for task_id in event.task_ids:
                    frame.calls.repeat_question(task_id, Retry(due=frame.now, delay=frame.settings.reconcile_first))
            _take_back(frame, event.offer_ids)
        case "Decline":
            # An offer that is neither accepted nor declined is ours for ever.
            if event.offer_ids:
                frame.calls.accepted(Unproven(offer_ids=event.offer_ids), frame.now + frame.settings.proof_within)
        case "Suppress":
            for role, state in frame.roles.offers.items():
                frame.roles.offers = frame.roles.offers.set(role, replace(state, suppressed=False))
            # Not at once: a master that cannot be reached now is not asked again in the same breath.
            frame.roles.sweep_until = frame.now + frame.settings.sweep
        case "Revive":
            for role, state in frame.roles.offers.items():
                frame.roles.offers = frame.roles.offers.set(role, replace(state, unheard=True))
        case "UpdateRoles":
            roles_not_taken(frame, event)
        case "Teardown":
            frame.removal.teardown_due = frame.now + frame.settings.kill_first
        case _:
            pass  # kills and reconciliations have timers of their own; Mesos repeats what is not acknowledged


def _take_back(frame: Frame, firsts: Sequence[OfferId]) -> None:
    """Decline the offers of ACCEPTs that may never have arrived; of those that did, Mesos ignores the call."""
    for first in firsts:
        accept = frame.calls.forget_accept(first)
        if accept is not None and frame.subscribed:
            frame.call(Decline(offer_ids=accept.offer_ids, refuse_seconds=0.0))


def repeat_calls(frame: Frame) -> float | None:
    """Send the kills and reconciliations that are due; returns when the next ones are."""
    if not frame.subscribed:
        return None
    _repeat_kills(frame)
    _repeat_questions(frame)
    if frame.link.implicit_due <= frame.now:
        frame.call(Reconcile(tasks=()))
        feedback.ask(frame)
        frame.link.implicit_due = frame.now + frame.settings.implicit_reconcile
    _take_back(frame, frame.calls.accepts_due.by(frame.now)[0])
    return min(frame.calls.next, frame.link.implicit_due, frame.roles.sweep_due)


def _repeat_kills(frame: Frame) -> None:
    due, frame.calls.kills_due = frame.calls.kills_due.by(frame.now)
    for task_id in due:
        killing = frame.calls.kills[task_id]
        frame.call(Kill(task_id=task_id, agent_id=killing.agent_id, grace=killing.grace))
        retry = killing.retry.after_try(frame.now, frame.settings.kill_limit)
        frame.calls.repeat_kill(task_id, replace(killing, retry=retry))


def _repeat_questions(frame: Frame) -> None:
    due, frame.calls.reconciles_due = frame.calls.reconciles_due.by(frame.now)
    asked: list[tuple[TaskId, AgentId | None]] = []
    for task_id in due:
        key = frame.index.by_task.get(task_id)
        if key is None:
            frame.calls.answered(task_id)
            continue
        asked.append((task_id, _agent_of_task(frame, key, task_id)))
        retry = frame.calls.reconciles[task_id].after_try(frame.now, frame.settings.reconcile_limit)
        frame.calls.repeat_question(task_id, retry)
    for start in range(0, len(asked), BATCH):
        frame.call(Reconcile(tasks=tuple(asked[start : start + BATCH])))


def _agent_of_task(frame: Frame, key: PodKey, task_id: TaskId) -> AgentId | None:
    record = frame.pods[key]
    behind = {left.task_id: left.agent_id for left in record.superseded}
    return behind.get(task_id) or next((task.agent_id for task in record.tasks if task.task_id == task_id), None)
