"""Mesos' JSON into values. Pure; the other direction is `sdk.mesos.calls`.

Absent optional fields are normal in Mesos' protocol; an event that lacks a field that makes it what it is, or has a
value of another type than Mesos documents, raises MalformedEvent: no value leaves here that its annotation does not
allow. Unknown enum values of tasks and operations become UNKNOWN, so that a newer Mesos does not stop us.
"""

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from sdk.core import events
from sdk.errors import TemporaryFailure
from sdk.model.ids import AgentId, ExecutorId, FrameworkId, OfferId, OperationId, TaskId
from sdk.model.resources import Attribute, Label, Offer, Range, Reservation, Resource, milli
from sdk.model.status import OperationState, OperationStatus, TaskState, TaskStatus

Json = Mapping[str, Any]
_T = TypeVar("_T")

_NANO = 1_000_000_000
_INTERPRETED = frozenset({"name", "type", "scalar", "ranges", "set", "reservations", "allocation_info", "role"})
FRAMEWORK_REMOVED = "Framework has been removed"
# What reading of nested JSON raises where it is not as it should be; OverflowError: infinity where an integer belongs.
_UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, OverflowError)


class MalformedEvent(TemporaryFailure):
    """An event of Mesos lacks what it must have; the others are not concerned."""


def scheduler_event(raw: Json) -> events.Event | None:
    """The event as a value; None for one that the scheduler has no use for (HEARTBEAT, questions taken
    back: they were answered at once).

    SUBSCRIBED has no master here: only the connection knows it, see `subscribed`.
    """
    kind = str(raw.get("type"))
    try:
        match kind:
            case "OFFERS":
                return _offers(raw["offers"].get("offers", []))
            case "INVERSE_OFFERS":
                asked = raw["inverse_offers"].get("inverse_offers", [])
                return events.InverseOffersReceived(inverse_offers=tuple(inverse_offer(each) for each in asked))
            case "RESCIND":
                return events.OfferRescinded(offer_id=OfferId(_identity(raw["rescind"]["offer_id"]["value"])))
            case "UPDATE":
                return events.StatusReceived(status=task_status(raw["update"]["status"]))
            case "UPDATE_OPERATION_STATUS":
                return events.OperationStatusReceived(status=operation_status(raw["update_operation_status"]["status"]))
            case "FAILURE":
                return _failure(raw["failure"])
            case "MESSAGE":
                return _message(raw["message"])
            case "ERROR":
                message = str(raw.get("error", {}).get("message", "no reason given"))
                return events.Failed(message=message, removed=message.startswith(FRAMEWORK_REMOVED))
            case _:
                return None
    except _UNREADABLE as error:
        raise MalformedEvent(f"{kind} event cannot be read: {type(error).__name__} {error}") from error


def subscribed(raw: Json, master: str) -> events.Subscribed:
    """The SUBSCRIBED event of the master at `host:port`."""
    try:
        body = raw["subscribed"]
        return events.Subscribed(
            framework_id=FrameworkId(_identity(body["framework_id"]["value"])),
            master=master,
            heartbeat_interval=_optional(body.get("heartbeat_interval_seconds"), _number),
        )
    except _UNREADABLE as error:
        raise MalformedEvent(f"SUBSCRIBED event cannot be read: {type(error).__name__} {error}") from error


def _message(raw: Json) -> events.ExecutorMessage:
    return events.ExecutorMessage(
        agent_id=AgentId(_identity(raw["agent_id"]["value"])),
        executor_id=ExecutorId(_identity(raw["executor_id"]["value"])),
        data=base64.b64decode(raw.get("data", ""), validate=True),
    )


def _failure(raw: Json) -> events.Event | None:
    agent_id = _value(raw.get("agent_id"))
    executor_id = _value(raw.get("executor_id"))
    if agent_id is None:
        return None  # it concerns nobody that we could name
    if executor_id is None:
        return events.AgentFailed(agent_id=AgentId(agent_id))
    return events.ExecutorFailed(
        agent_id=AgentId(agent_id), executor_id=ExecutorId(executor_id), status=_optional(raw.get("status"), _integer)
    )


def _offers(raw: Iterable[Json]) -> events.OffersReceived:
    """Each by itself: one that cannot be read must not keep the others, nor be kept."""
    read: list[Offer] = []
    unreadable: dict[OfferId, str] = {}
    for each in raw:
        try:
            read.append(offer(each))
        except _UNREADABLE as error:
            try:
                offer_id = OfferId(_identity(each["id"]["value"]))
            except _UNREADABLE:
                continue  # without its id it can be neither used nor declined
            unreadable[offer_id] = f"{type(error).__name__} {error}"
    return events.OffersReceived(offers=tuple(read), unreadable=unreadable)


def offer(raw: Json) -> Offer:
    """An offer."""
    domain = raw.get("domain", {}).get("fault_domain", {})
    unavailability = raw.get("unavailability", {})
    return Offer(
        id=OfferId(_identity(raw["id"]["value"])),
        framework_id=FrameworkId(_identity(raw["framework_id"]["value"])),
        agent_id=AgentId(_identity(raw["agent_id"]["value"])),
        hostname=_text(raw["hostname"]),
        # Absent only without the capability MULTI_ROLE.
        role=_text(raw.get("allocation_info", {}).get("role", "*")),
        resources=tuple(resource(each) for each in raw.get("resources", [])),
        attributes=_attributes(raw.get("attributes", [])),
        executor_ids=tuple(ExecutorId(_identity(each["value"])) for each in raw.get("executor_ids", [])),
        address=_optional(raw.get("url", {}).get("address", {}).get("ip"), _text),
        region=_optional(domain.get("region", {}).get("name"), _text),
        zone=_optional(domain.get("zone", {}).get("name"), _text),
        unavailability_start=_seconds(unavailability.get("start")),
        unavailability_duration=_seconds(unavailability.get("duration")),
    )


def inverse_offer(raw: Json) -> events.InverseOffer:
    """The question whether an agent may become unavailable."""
    unavailability = raw["unavailability"]
    return events.InverseOffer(
        offer_id=OfferId(_identity(raw["id"]["value"])),
        agent_id=AgentId(_identity(raw["agent_id"]["value"])),
        start=_number(unavailability["start"]["nanoseconds"]) / _NANO,
        duration=_seconds(unavailability.get("duration")),
    )


def resource(raw: Json) -> Resource:
    """A resource; the reservation stack comes from `reservations`, or from the old `role` where there is none."""
    reservations = tuple(_reservation(each) for each in raw.get("reservations", []))
    role = _text(raw.get("role", "*"))
    if not reservations and role != "*":
        reservations = (Reservation(role=role, dynamic="reservation" in raw),)
    extra = {key: value for key, value in raw.items() if key not in _INTERPRETED and key != "reservation"}
    kind = raw["type"]
    if kind not in ("SCALAR", "RANGES", "SET"):
        raise ValueError(f"a resource of type {kind!r}")
    return Resource(
        name=_text(raw["name"]),
        scalar=milli(_number(raw["scalar"]["value"])) if kind == "SCALAR" else None,
        ranges=_ranges(raw["ranges"].get("range", [])) if kind == "RANGES" else None,
        items=frozenset(_text(each) for each in raw["set"].get("item", [])) if kind == "SET" else None,
        reservations=reservations,
        allocation_role=_optional(raw.get("allocation_info", {}).get("role"), _text),
        extra=json.dumps(extra, sort_keys=True, separators=(",", ":")) if extra else None,
    )


def _reservation(raw: Json) -> Reservation:
    return Reservation(
        role=_text(raw["role"]),
        dynamic=raw.get("type") != "STATIC",
        principal=_optional(raw.get("principal"), _text),
        labels=labels(raw.get("labels")),
    )


def labels(raw: Json | None) -> tuple[Label, ...]:
    """Labels in their order; a label without a value has the empty one."""
    return tuple((_text(each["key"]), _text(each.get("value", ""))) for each in (raw or {}).get("labels", []))


def _ranges(raw: Iterable[Json]) -> tuple[Range, ...]:
    """Sorted, disjoint and not adjacent, whatever the order and cuts on the wire."""
    merged: list[Range] = []
    for begin, end in sorted((int(each["begin"]), int(each["end"])) for each in raw):
        if merged and begin <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return tuple(merged)


def _attributes(raw: Iterable[Json]) -> tuple[Attribute, ...]:
    """Those that can be read: one of a kind that is not known is as good as none, the agent is as good as before."""
    read: list[Attribute] = []
    for each in raw:
        try:
            read.append(attribute(each))
        except _UNREADABLE:
            continue
    return tuple(read)


def attribute(raw: Json) -> Attribute:
    """An attribute with the text that constraints compare: scalars without trailing zeros, ranges as [a-b,c-d]."""
    match raw["type"]:
        case "SCALAR":
            text = f"{raw['scalar']['value']:.3f}".rstrip("0").rstrip(".")
        case "RANGES":
            pairs = ",".join(f"{each['begin']}-{each['end']}" for each in raw["ranges"].get("range", []))
            text = f"[{pairs}]"
        case "SET":
            text = "{" + ",".join(raw["set"].get("item", [])) + "}"
        case _:
            text = raw["text"]["value"]
    return Attribute(name=_text(raw["name"]), text=_text(text))


def task_status(raw: Json) -> TaskStatus:
    """A status as the master sends it."""
    agent_id, executor_id = _value(raw.get("agent_id")), _value(raw.get("executor_id"))
    return TaskStatus(
        task_id=TaskId(_identity(raw["task_id"]["value"])),
        state=_task_state(_text(raw["state"])),
        agent_id=None if agent_id is None else AgentId(agent_id),
        executor_id=None if executor_id is None else ExecutorId(executor_id),
        source=_optional(raw.get("source"), _text),
        reason=_optional(raw.get("reason"), _text),
        message=_optional(raw.get("message"), _text),
        uuid=_optional(raw.get("uuid"), _text),
        timestamp=_optional(raw.get("timestamp"), _number),
        healthy=_optional(raw.get("healthy"), _truth),
        addresses=tuple(
            _text(address["ip_address"])
            for network in raw.get("container_status", {}).get("network_infos", [])
            for address in network.get("ip_addresses", [])
            if "ip_address" in address
        ),
        unreachable_time=_seconds(raw.get("unreachable_time")),
    )


def operation_status(raw: Json) -> OperationStatus:
    """A status of an operation; its uuid is an object on the wire."""
    agent_id = _value(raw.get("agent_id"))
    return OperationStatus(
        operation_id=OperationId(_identity(raw["operation_id"]["value"])),
        state=_operation_state(_text(raw["state"])),
        agent_id=None if agent_id is None else AgentId(agent_id),
        resource_provider_id=_value(raw.get("resource_provider_id")),
        message=_optional(raw.get("message"), _text),
        uuid=_value(raw.get("uuid")),
    )


def _task_state(text: str) -> TaskState:
    try:
        return TaskState(text)
    except ValueError:
        return TaskState.UNKNOWN


def _operation_state(text: str) -> OperationState:
    try:
        return OperationState(text)
    except ValueError:
        return OperationState.UNKNOWN


def _value(raw: Json | None) -> str | None:
    """The content of an id; Mesos writes an absent one also as `{"value": ""}`."""
    return _optional((raw or {}).get("value"), _text) or None


def _seconds(raw: Json | None) -> float | None:
    return None if raw is None or "nanoseconds" not in raw else _number(raw["nanoseconds"]) / _NANO


def _optional(raw: object, read: Callable[[object], _T]) -> _T | None:
    return None if raw is None else read(raw)


def _text(raw: object) -> str:
    if not isinstance(raw, str):
        raise TypeError(f"expected a text, got {type(raw).__name__}")
    return raw


def _identity(raw: object) -> str:
    text = _text(raw)
    if not text:
        raise ValueError("an id is empty")
    return text


def _number(raw: object) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise TypeError(f"expected a number, got {type(raw).__name__}")
    return float(raw)


def _integer(raw: object) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int):
        raise TypeError(f"expected an integer, got {type(raw).__name__}")
    return raw


def _truth(raw: object) -> bool:
    if not isinstance(raw, bool):
        raise TypeError(f"expected true or false, got {type(raw).__name__}")
    return raw
