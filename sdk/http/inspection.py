"""What the scheduler has in its hands, for people who look for a fault: the routes below /v1/debug and their JSON."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from flask import Response, jsonify, request

from sdk.core import inspection
from sdk.core.inspection import CallView, FaultView, OfferView, ReservationView
from sdk.core.state import State
from sdk.http import paging, schemas
from sdk.http.errors import HttpError
from sdk.http.openapi import described
from sdk.http.paging import page
from sdk.model.resources import MILLI, Resource
from sdk.runner import Runner

T = TypeVar("T")
Json = dict[str, Any]
Route = Callable[[str], Callable[[Callable[..., Any]], Callable[..., Any]]]
REASONS = 20
"""Instances whose refusals are told with one offer, and notes that are told at once."""


def add_debug_routes(route: Route, runner: Runner) -> None:
    """Register them by `route`."""

    def seen(look: Callable[[State], T]) -> T:
        found = runner.inspect(look)
        if found is None:
            raise HttpError(503, runner.status().reason)
        return found

    @route("/v1/debug/offers")
    @described(
        "The last offers, the newest first, and what became of each.", schemas.OFFERS, parameters=paging.PARAMETERS
    )
    def offers() -> Response:
        return jsonify(_offers(seen(inspection.offers), request.args))

    @route("/v1/debug/reservations")
    @described("What is reserved with our labels, by id.", schemas.RESERVATIONS, parameters=paging.PARAMETERS)
    def reservations() -> Response:
        found, left = seen(lambda state: (inspection.reservations(state), inspection.left_behind(state)))
        return jsonify(_reservations(found, left, request.args))

    @route("/v1/debug/calls")
    @described(
        "Calls to Mesos that wait for an answer, the next due first.", schemas.CALLS, parameters=paging.PARAMETERS
    )
    def calls() -> Response:
        return jsonify(_calls(seen(inspection.calls), request.args))

    @route("/v1/debug/quarantine")
    @described("What fails, by service and part of the work.", schemas.FAULTS, parameters=paging.PARAMETERS)
    def quarantine() -> Response:
        return jsonify(_quarantine(seen(inspection.faults), request.args))


def _offers(views: Sequence[OfferView], query: Mapping[str, str]) -> Json:
    found = page(views, lambda view: view.offer.offer_ids[0], query)
    return {"offers": [_offer(view) for view in found.items], "next": found.next}


def _offer(view: OfferView) -> Json:
    offer = view.offer
    return {
        "ids": list(offer.offer_ids),
        "at": offer.at,
        "agent_id": offer.agent_id,
        "hostname": offer.hostname,
        "role": offer.role,
        "outcome": offer.outcome,
        "operations": list(offer.operations),
        "why": offer.why,
        "refusals": [{"instance": name, "reasons": list(reasons)} for name, reasons in view.refusals[:REASONS]],
        "more_refusals": max(0, len(view.refusals) - REASONS),
    }


def _reservations(views: Sequence[ReservationView], left: Sequence[tuple[str, str]], query: Mapping[str, str]) -> Json:
    found = page(views, lambda view: view.resource_id, query)
    return {
        "reservations": [_reservation(view) for view in found.items],
        "left_behind": [{"id": name, "message": sentence} for name, sentence in left[:REASONS]],
        "more_left_behind": max(0, len(left) - REASONS),
        "next": found.next,
    }


def _reservation(view: ReservationView) -> Json:
    return {
        "id": view.resource_id,
        "stage": view.stage,
        "instance": view.instance,
        "agent_id": view.agent_id,
        "hostname": view.hostname,
        "role": view.role,
        "resources": [_resource(resource) for resource in view.resources],
    }


def _resource(resource: Resource) -> Json:
    value: object = None
    if resource.scalar is not None:
        value = resource.scalar / MILLI
    elif resource.ranges is not None:
        value = [list(each) for each in resource.ranges]
    elif resource.items is not None:
        value = sorted(resource.items)
    return {"name": resource.name, "value": value}


def _calls(views: Sequence[CallView], query: Mapping[str, str]) -> Json:
    found = page(views, _call_name, query)
    return {
        "calls": [
            {"name": _call_name(view), "call": view.call, "about": view.about, "instance": view.instance,
             "due": view.due}
            for view in found.items
        ],
        "next": found.next,
    }  # fmt: skip


def _call_name(view: CallView) -> str:
    return f"{view.call} {view.about}"


def _quarantine(views: Sequence[FaultView], query: Mapping[str, str]) -> Json:
    found = page(views, _fault_name, query)
    return {
        "quarantine": [
            {"name": _fault_name(view), "service": view.service or None, "part": view.part, "why": view.why,
             "since": view.since, "until": view.until}
            for view in found.items
        ],
        "next": found.next,
    }  # fmt: skip


def _fault_name(view: FaultView) -> str:
    return f"{view.service}: {view.part}"
