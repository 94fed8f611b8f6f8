"""The subscription: what is asked after it began, what is void after it ended, and the calls that are repeated."""

import math
from dataclasses import replace

from sdk.core.effects import Decline, Kill, Reconcile
from sdk.core.events import CallFailed, Disconnected, Failed, Subscribed
from sdk.core.frame import Frame
from sdk.core.holdings import forget_old
from sdk.core.membership import joined, parted, roles_not_taken
from sdk.core.refused import launches_refused
from sdk.core.state import Connection, Unproven
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
    frame.set_framework(replace(frame.framework, framework_id=event.framework_id, earlier=earlier))
    frame.connection = Connection.SUBSCRIBED
    frame.master = event.master
    frame.error = None
    joined(frame, event.roles)
    frame.roles.clear()
    frame.implicit_due = frame.now + frame.settings.implicit_reconcile
    # Also a look at all that is reserved: agents may have come back while we were away.
    frame.sweep(frame.settings.sweep)
    frame.final_since = None
    # Whoever has nothing on an agent is not told that it stays after all, so each subscription begins anew.
    frame.heard.clear()
    frame.offered_ports.clear()
    frame.asking.clear()
    frame.reconciles.clear()
    for task_id, retry in list(frame.kills.items()):
        frame.retry_kill(task_id, replace(retry, due=frame.now, delay=frame.settings.kill_first))
    for key, record in frame.pods.items():
        for task in record.tasks:
            if not over(task):
                frame.reconcile(task.task_id)
        for left in record.superseded:
            if not left.ended:
                frame.reconcile(left.task_id)
        if key in frame.waiting_since:
            frame.waiting_since[key] = frame.now
    frame.dirty.update(frame.pods)
    for service in frame.targets:
        frame.touch(service)
    frame.log("info", f"Subscribed to {event.master} as {event.framework_id}", framework_id=event.framework_id)


def disconnected(frame: Frame, event: Disconnected | Failed) -> None:
    """Offers are void, calls have to wait."""
    removed = isinstance(event, Failed) and event.removed
    frame.connection = Connection.REMOVED if removed else Connection.DISCONNECTED
    frame.error = event.message if isinstance(event, Failed) else event.why
    parted(frame)
    frame.offers_seen = 0
    frame.absent_since.clear()
    frame.released.clear()
    frame.operations.clear()
    frame.unproven = ()
    if removed and frame.teardown_due is not None:
        frame.log("info", f"Mesos ended the framework, as asked: {frame.error}")
    else:
        frame.log("error" if removed else "warning", f"Disconnected from Mesos: {frame.error}")


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
                    frame.retry_reconcile(task_id, Retry(due=frame.now, delay=frame.settings.reconcile_first))
            for accept in frame.unproven:
                if not set(accept.offer_ids).isdisjoint(event.offer_ids):
                    _take_back(frame, accept)
        case "Decline":
            # An offer that is neither accepted nor declined is ours for ever.
            frame.unproven = (*frame.unproven, Unproven(offer_ids=event.offer_ids, sent=frame.now))
        case "Suppress":
            for role, state in list(frame.roles.items()):
                frame.roles[role] = replace(state, suppressed=False)
            # Not at once: a master that cannot be reached now is not asked again in the same breath.
            frame.sweep_until = frame.now + frame.settings.sweep
        case "Revive":
            for role, state in list(frame.roles.items()):
                frame.roles[role] = replace(state, work=frozenset())
        case "UpdateRoles":
            roles_not_taken(frame, event)
        case "Teardown":
            frame.teardown_due = frame.now + frame.settings.kill_first
        case _:
            pass  # kills and reconciliations have timers of their own; Mesos repeats what is not acknowledged


def _take_back(frame: Frame, accept: Unproven) -> None:
    """Decline the offers of an ACCEPT that may never have arrived; of one that did, Mesos ignores the call."""
    frame.unproven = tuple(other for other in frame.unproven if other is not accept)
    if frame.subscribed:
        frame.call(Decline(offer_ids=accept.offer_ids, refuse_seconds=0.0))


def repeat_calls(frame: Frame) -> float | None:
    """Send the kills and reconciliations that are due; returns when the next ones are."""
    if not frame.subscribed:
        return None
    if frame.calls_due <= frame.now:
        _repeat_due(frame)
    if frame.implicit_due <= frame.now:
        frame.call(Reconcile(tasks=()))
        frame.implicit_due = frame.now + frame.settings.implicit_reconcile
    if frame.sweep_due <= frame.now:
        frame.sweep(frame.settings.sweep)
        forget_old(frame)
    for accept in frame.unproven:
        if accept.sent + frame.settings.proof_within <= frame.now:
            _take_back(frame, accept)
    retries = [accept.sent + frame.settings.proof_within for accept in frame.unproven]
    return min([*retries, frame.calls_due, frame.implicit_due, frame.sweep_due])


def _repeat_due(frame: Frame) -> None:
    """Walks through all that waits for an answer, and finds when the next of it is due."""
    frame.calls_due = math.inf
    for task_id, retry in list(frame.kills.items()):
        if retry.due <= frame.now:
            frame.call(Kill(task_id=task_id, agent_id=frame.kill_agents.get(task_id)))
            frame.kills[task_id] = retry = retry.after_try(frame.now, frame.settings.kill_limit)
        frame.calls_due = min(frame.calls_due, retry.due)
    due = []
    for task_id, retry in list(frame.reconciles.items()):
        if retry.due <= frame.now:
            key = frame.by_task.get(task_id)
            if key is None:
                del frame.reconciles[task_id]
                continue
            record = frame.pods[key]
            agents = {task.task_id: task.agent_id for task in record.tasks}
            agents.update({left.task_id: left.agent_id for left in record.superseded})
            due.append((task_id, agents.get(task_id)))
            frame.reconciles[task_id] = retry = retry.after_try(frame.now, frame.settings.reconcile_limit)
        frame.calls_due = min(frame.calls_due, retry.due)
    for start in range(0, len(due), BATCH):
        frame.call(Reconcile(tasks=tuple(due[start : start + BATCH])))
