"""What the core and the master say to each other, across the wire: effects as calls, events as values. Pure.

The real feed and the simulation's both speak through here, so that a story says exactly what would be said to Mesos.
How single values look is in `sdk.mesos.calls` and `sdk.mesos.parse`.
"""

import dataclasses
from typing import Any

from sdk.core import effects
from sdk.core.events import Event
from sdk.mesos import calls, parse
from sdk.mesos.calls import FrameworkInfo

Json = dict[str, Any]


def subscribe(info: FrameworkInfo) -> Json:
    """SUBSCRIBE: for the first time without an id, then with the one that the master gave."""
    body: Json = {"framework_info": calls.framework_info(info)}
    if info.suppressed_roles:
        body["suppressed_roles"] = list(info.suppressed_roles)
    call: Json = {"type": "SUBSCRIBE", "subscribe": body}
    return call | ({"framework_id": calls.value(info.framework_id)} if info.framework_id else {})


def call(effect: effects.CallEffect, info: FrameworkInfo) -> Json | None:
    """The call that carries `effect` out, of the framework as it is subscribed; None when there is nothing to say."""
    kind, body = _body(effect, info)
    if not kind:
        return None
    wire: Json = {"type": kind, "framework_id": calls.value(str(info.framework_id))}
    return wire | ({kind.lower(): body} if body is not None else {})


def event(raw: parse.Json, info: FrameworkInfo, master: str) -> Event | None:
    """The event as a value, None for one that the core has no use for; raises MalformedEvent.

    Whether roles have to be added is known only when it is known which ones were subscribed with: those of `info`.
    """
    if raw.get("type") == "SUBSCRIBED":
        return dataclasses.replace(
            parse.subscribed(raw, master), roles=info.roles, user=info.user, checkpoint=info.checkpoint
        )
    return parse.scheduler_event(raw)


_NOTHING: tuple[str, Json | None] = ("", None)


def _body(effect: effects.CallEffect, info: FrameworkInfo) -> tuple[str, Json | None]:
    match effect:
        case effects.Accept():
            operations = [calls.operation(each, str(info.framework_id)) for each in effect.operations]
            return "ACCEPT", {**_offers("offer_ids", effect), "operations": operations}
        case effects.Decline():
            return "DECLINE", _offers("offer_ids", effect)
        case effects.AcceptInverseOffers():
            return "ACCEPT_INVERSE_OFFERS", _offers("inverse_offer_ids", effect)
        case effects.DeclineInverseOffers():
            return "DECLINE_INVERSE_OFFERS", _offers("inverse_offer_ids", effect)
        case effects.Kill():
            policy = {} if effect.grace is None else {"kill_policy": {"grace_period": calls.nanoseconds(effect.grace)}}
            return "KILL", {**_task(effect.task_id, effect.agent_id), **policy}
        case effects.Acknowledge(status=status):
            if status.uuid is None or status.agent_id is None:
                return _NOTHING  # made by the master itself: nobody waits for it
            return "ACKNOWLEDGE", calls.task_acknowledgement(status)
        case effects.AcknowledgeOperation(status=operation):
            if operation.uuid is None:
                return _NOTHING
            return "ACKNOWLEDGE_OPERATION_STATUS", calls.operation_acknowledgement(operation)
        case effects.Reconcile():
            return "RECONCILE", {"tasks": [_task(task_id, agent_id) for task_id, agent_id in effect.tasks]}
        case effects.ReconcileOperations():
            asked = [calls.operation_question(each, agent_id) for each, agent_id in effect.operations]
            return "RECONCILE_OPERATIONS", {"operations": asked}
        case effects.Suppress():
            # The call without roles means all of them.
            return ("SUPPRESS", {"roles": list(effect.roles)}) if effect.roles else _NOTHING
        case effects.Revive():
            return ("REVIVE", {"roles": list(effect.roles)}) if effect.roles else _NOTHING
        case effects.UpdateRoles():
            told = calls.framework_info(dataclasses.replace(info, roles=effect.roles))
            return "UPDATE_FRAMEWORK", {"framework_info": told}
        case effects.SendMessage():
            return "MESSAGE", {
                "agent_id": calls.value(effect.agent_id),
                "executor_id": calls.value(effect.executor_id),
                "data": calls.data(effect.data),
            }
        case effects.ListReservations():
            return _NOTHING  # asked of another endpoint
        case effects.Teardown():
            return "TEARDOWN", None


def _offers(
    key: str,
    effect: effects.Accept | effects.Decline | effects.AcceptInverseOffers | effects.DeclineInverseOffers,
) -> Json:
    ids = [calls.value(each) for each in effect.offer_ids]
    return {key: ids, "filters": {"refuse_seconds": effect.refuse_seconds}}


def _task(task_id: str, agent_id: str | None) -> Json:
    """With its agent the master can ask, or tell, also about a task that it does not know (any more)."""
    return {"task_id": calls.value(task_id)} | ({"agent_id": calls.value(agent_id)} if agent_id else {})
