"""Mesos' JSON into values. Pure; the other direction is `sdk.mesos.calls`.

Absent optional fields are normal in Mesos' protocol; an event that lacks a field that makes it what it is, or has a
value of another type than Mesos documents, raises MalformedEvent: no value leaves here that its annotation does not
allow. Unknown enum values of tasks and operations become UNKNOWN, so that a newer Mesos does not stop us.
"""

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any

from sdk.core import events
from sdk.errors import TemporaryFailure
from sdk.mesos import checks, disks, fields
from sdk.model.ids import AgentId, ExecutorId, FrameworkId, OfferId, OperationId, TaskId
from sdk.model.resources import Attribute, Label, Offer, Range, Reservation, Resource, milli
from sdk.model.status import OperationState, OperationStatus, TaskState, TaskStatus

Json = Mapping[str, Any]

_AMOUNT = frozenset({"name", "type", "scalar", "ranges", "set"})
_INTERPRETED = _AMOUNT | {"role", "reservation", "reservations", "allocation_info", "disk", "provider_id"}
_NOTHING: Json = {}
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
                return events.OfferRescinded(offer_id=OfferId(fields.identity(raw["rescind"]["offer_id"]["value"])))
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
        told = body.get("master_info", {})
        domain = told.get("domain", {}).get("fault_domain", {})
        return events.Subscribed(
            framework_id=FrameworkId(fields.identity(body["framework_id"]["value"])),
            master=master,
            heartbeat_interval=fields.optional(body.get("heartbeat_interval_seconds"), fields.number),
            region=fields.optional(domain.get("region", {}).get("name"), fields.text),
            version=fields.optional(told.get("version"), fields.text),
        )
    except _UNREADABLE as error:
        raise MalformedEvent(f"SUBSCRIBED event cannot be read: {type(error).__name__} {error}") from error


def _message(raw: Json) -> events.ExecutorMessage:
    return events.ExecutorMessage(
        agent_id=AgentId(fields.identity(raw["agent_id"]["value"])),
        executor_id=ExecutorId(fields.identity(raw["executor_id"]["value"])),
        data=base64.b64decode(raw.get("data", ""), validate=True),
    )


def _failure(raw: Json) -> events.Event | None:
    agent_id = fields.value(raw.get("agent_id"))
    executor_id = fields.value(raw.get("executor_id"))
    if agent_id is None:
        return None  # it concerns nobody that we could name
    if executor_id is None:
        return events.AgentFailed(agent_id=AgentId(agent_id))
    return events.ExecutorFailed(
        agent_id=AgentId(agent_id),
        executor_id=ExecutorId(executor_id),
        status=fields.optional(raw.get("status"), fields.integer),
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
                offer_id = OfferId(fields.identity(each["id"]["value"]))
            except _UNREADABLE:
                continue  # without its id it can be neither used nor declined
            unreadable[offer_id] = f"{type(error).__name__} {error}"
    return events.OffersReceived(offers=tuple(read), unreadable=unreadable)


def offer(raw: Json) -> Offer:
    """An offer."""
    domain = raw["domain"].get("fault_domain", _NOTHING) if "domain" in raw else _NOTHING
    unavailability = raw.get("unavailability", _NOTHING)
    return Offer(
        id=OfferId(fields.identity(raw["id"]["value"])),
        framework_id=FrameworkId(fields.identity(raw["framework_id"]["value"])),
        agent_id=AgentId(fields.identity(raw["agent_id"]["value"])),
        hostname=fields.text(raw["hostname"]),
        # Absent only without the capability MULTI_ROLE.
        role=fields.text(raw.get("allocation_info", _NOTHING).get("role", "*")),
        resources=tuple(map(resource, raw.get("resources", ()))),
        attributes=_attributes(raw.get("attributes", [])),
        executor_ids=tuple(ExecutorId(fields.identity(each["value"])) for each in raw.get("executor_ids", ())),
        address=fields.optional(raw.get("url", _NOTHING).get("address", _NOTHING).get("ip"), fields.text),
        region=fields.optional(domain.get("region", _NOTHING).get("name"), fields.text),
        zone=fields.optional(domain.get("zone", _NOTHING).get("name"), fields.text),
        unavailability_start=fields.seconds(unavailability.get("start")),
        unavailability_duration=fields.seconds(unavailability.get("duration")),
    )


def inverse_offer(raw: Json) -> events.InverseOffer:
    """The question whether an agent may become unavailable."""
    unavailability = raw["unavailability"]
    return events.InverseOffer(
        offer_id=OfferId(fields.identity(raw["id"]["value"])),
        agent_id=AgentId(fields.identity(raw["agent_id"]["value"])),
        start=fields.number(unavailability["start"]["nanoseconds"]) / fields.NANO,
        duration=fields.seconds(unavailability.get("duration")),
    )


def resource(raw: Json) -> Resource:
    """A resource; the reservation stack comes from `reservations`, or from the old `role` where there is none."""
    reservations = tuple(map(_reservation, raw["reservations"])) if "reservations" in raw else ()
    if not reservations and (role := fields.text(raw.get("role", "*"))) != "*":
        reservations = (Reservation(role=role, dynamic="reservation" in raw),)
    scalar: int | None = None
    ranges: tuple[Range, ...] | None = None
    items: frozenset[str] | None = None
    match raw["type"]:
        case "SCALAR":
            scalar = milli(fields.number(raw["scalar"]["value"]))
        case "RANGES":
            ranges = _ranges(raw["ranges"].get("range", []))
        case "SET":
            items = frozenset(fields.text(each) for each in raw["set"].get("item", []))
        case kind:
            raise ValueError(f"a resource of type {kind!r}")
    rest = raw.keys() - _INTERPRETED
    allocation = raw.get("allocation_info", _NOTHING).get("role")
    return Resource(
        name=fields.text(raw["name"]),
        scalar=scalar,
        ranges=ranges,
        items=items,
        reservations=reservations,
        allocation_role=None if allocation is None else fields.text(allocation),
        disk=disks.read(raw["disk"]) if "disk" in raw else None,
        provider_id=fields.value(raw["provider_id"]) if "provider_id" in raw else None,
        extra=json.dumps({key: raw[key] for key in rest}, sort_keys=True, separators=(",", ":")) if rest else None,
    )


def _reservation(raw: Json) -> Reservation:
    return Reservation(
        role=fields.text(raw["role"]),
        dynamic=raw.get("type") != "STATIC",
        principal=fields.optional(raw.get("principal"), fields.text),
        labels=labels(raw.get("labels")),
    )


def labels(raw: Json | None) -> tuple[Label, ...]:
    """Labels in their order; a label without a value has the empty one."""
    return tuple(
        (fields.text(each["key"]), fields.text(each.get("value", ""))) for each in (raw or {}).get("labels", [])
    )


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
    return Attribute(name=fields.text(raw["name"]), text=fields.text(text))


def task_status(raw: Json) -> TaskStatus:
    """A status as the master sends it."""
    agent_id, executor_id = fields.value(raw.get("agent_id")), fields.value(raw.get("executor_id"))
    return TaskStatus(
        task_id=TaskId(fields.identity(raw["task_id"]["value"])),
        state=_task_state(fields.text(raw["state"])),
        agent_id=None if agent_id is None else AgentId(agent_id),
        executor_id=None if executor_id is None else ExecutorId(executor_id),
        source=fields.optional(raw.get("source"), fields.text),
        reason=fields.optional(raw.get("reason"), fields.text),
        message=fields.optional(raw.get("message"), fields.text),
        uuid=fields.optional(raw.get("uuid"), fields.text),
        timestamp=fields.optional(raw.get("timestamp"), fields.number),
        healthy=fields.optional(raw.get("healthy"), fields.truth),
        passes=checks.passes(raw["check_status"]) if "check_status" in raw else None,
        addresses=_addresses(raw["container_status"]) if "container_status" in raw else (),
        unreachable_time=fields.seconds(raw["unreachable_time"]) if "unreachable_time" in raw else None,
    )


def _addresses(raw: Json) -> tuple[str, ...]:
    return tuple(
        fields.text(address["ip_address"])
        for network in raw.get("network_infos", [])
        for address in network.get("ip_addresses", [])
        if "ip_address" in address
    )


def operation_status(raw: Json) -> OperationStatus:
    """A status of an operation; its uuid is an object on the wire."""
    agent_id = fields.value(raw.get("agent_id"))
    return OperationStatus(
        operation_id=OperationId(fields.identity(raw["operation_id"]["value"])),
        state=_operation_state(fields.text(raw["state"])),
        agent_id=None if agent_id is None else AgentId(agent_id),
        resource_provider_id=fields.value(raw.get("resource_provider_id")),
        message=fields.optional(raw.get("message"), fields.text),
        uuid=fields.value(raw.get("uuid")),
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
