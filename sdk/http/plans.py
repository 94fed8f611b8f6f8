"""Plans over HTTP: as they are, and what operators say about them and about configurations to go back to."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from flask import Response, jsonify, make_response, request

from sdk.core.events import PlanCommandRequested, RollbackRequested, UnpinRequested
from sdk.core.snapshot import ServiceView
from sdk.http import schemas
from sdk.http.configurations import can_go_back
from sdk.http.errors import HttpError
from sdk.http.openapi import described, parameter
from sdk.http.views import plan_json
from sdk.model.ids import ConfigId
from sdk.model.plans import PlanRecord
from sdk.plan.commands import Asked, Command, Impossible, Said, Unknown, answer
from sdk.plan.facts import PlanFacts
from sdk.plan.views import PlanView

Word = PlanCommandRequested | RollbackRequested | UnpinRequested
_NAME = 120
_ABOUT = (
    parameter("phase", schemas.TEXT, "What of the plan it is about; the whole plan where it is missing."),
    parameter("step", schemas.TEXT, "What of the phase it is about."),
)
Route = Callable[..., Callable[[Callable[..., Any]], Callable[..., Any]]]


def add_routes(route: Route, find: Callable[[str], ServiceView], submit: Callable[[Word], None]) -> None:
    """`find` gives a service or raises HttpError, `submit` has a command decided on and stored, or raises it."""

    @route("/v1/services/<service>/plans/<plan>")
    @described("How far one of its plans is.", schemas.PLAN)
    def shown(service: str, plan: str) -> Response:
        return jsonify(plan_json(_plan(find(service), plan)))

    @route("/v1/services/<service>/plans/<plan>/<command>", "POST")
    @described(
        "Say something about a plan, a phase or a step: interrupt, continue, restart, forceComplete, start or stop.",
        schemas.MESSAGE,
        status=202,
        parameters=_ABOUT,
        body=schemas.by_name(schemas.TEXT),
    )
    def say(service: str, plan: str, command: str) -> Response:
        view = find(service)
        _plan(view, plan)
        asked = _asked(command, request.args, _body())
        found = _answer(view, plan, asked)
        submit(PlanCommandRequested(service=service, plan=plan, asked=asked))
        return make_response({"message": found.sentence}, 202)

    @route("/v1/services/<service>/configurations/<config>/rollback", "POST")
    @described(
        "Go back to a stored configuration of a pod, and keep it whatever is published; `by` tells who did.",
        schemas.MESSAGE,
        status=202,
        body=schemas.by_name(schemas.TEXT),
    )
    def rollback(service: str, config: str) -> Response:
        pod = can_go_back(find(service), config)
        body = _body()
        by = body.get("by", "") if isinstance(body, dict) else "" if body is None else None
        if not isinstance(by, str) or len(by) > _NAME:
            raise HttpError(400, f'the body is {{"by": NAME}}, with a name of at most {_NAME} characters')
        submit(RollbackRequested(service=service, config=ConfigId(config), by=by))
        return make_response({"message": f"{pod} goes back to {config}, and stays so until it is unpinned"}, 202)

    @route("/v1/services/<service>/unpin", "POST")
    @described(
        "Go forward to what was published last, with one pod or all of them.",
        schemas.MESSAGE,
        status=202,
        parameters=(parameter("pod", schemas.TEXT, "Which one; all where it is missing."),),
    )
    def unpin(service: str) -> Response:
        versions, pod = find(service).versions, request.args.get("pod")
        pins = {} if versions is None else versions.pins
        if pod is not None and pod not in pins:
            raise HttpError(404, f"{pod[:80]!r} of {service} is not pinned; pinned are {', '.join(pins) or 'none'}")
        submit(UnpinRequested(service=service, pod=pod))
        return make_response({"message": f"{pod or 'everything'} is unpinned"}, 202)


def _body() -> object:
    """The JSON of the request, None where it has no body; raises HttpError (400): what was said is not passed over."""
    if not request.data:
        return None
    try:
        return json.loads(request.data)
    except (ValueError, RecursionError) as error:
        raise HttpError(400, f"the body is not JSON: {error}") from error


def _plan(service: ServiceView, name: str) -> PlanView:
    for found in service.plans:
        if found.name == name:
            return found
    names = ", ".join(found.name for found in service.plans)
    raise HttpError(404, f"service {service.name} has no plan {name[:80]!r}; it has {names}")


def _asked(command: str, query: Mapping[str, str], body: object) -> Asked:
    try:
        word = Command(command)
    except ValueError:
        raise HttpError(404, f"{command[:80]!r} is no command; there are {', '.join(Command)}") from None
    if word is not Command.START:
        body = None
    elif not (body is None or isinstance(body, dict)) or any(not isinstance(v, str) for v in (body or {}).values()):
        raise HttpError(400, "the parameters of a start are a JSON object of strings: {} when there are none")
    return Asked(command=word, phase=query.get("phase"), step=query.get("step"), parameters=_strings(body))


def _strings(body: object) -> dict[str, str]:
    return {str(name): str(value) for name, value in body.items()} if isinstance(body, dict) else {}


def _answer(service: ServiceView, name: str, asked: Asked) -> Said:
    """What comes of it, as far as is known before it is decided on; raises HttpError."""
    facts = facts_of(service)
    plan = facts.plan(name)
    if plan is None:
        raise HttpError(409, f"plan {name} of {service.name} has nothing to do, so nothing can be said about it")
    said = facts.said.get(name, PlanRecord(service=service.name, plan=name))
    found = answer(plan, said, asked, lambda step: facts.complete(name, step), facts.configs(plan))
    match found:
        case Unknown(why=why):
            raise HttpError(404, why)
        case Impossible(why=why):
            raise HttpError(409, why)
        case Said():
            return found


def facts_of(service: ServiceView) -> PlanFacts:
    """The plans of a service as it was seen last."""
    records = {record.name: record for record in service.pods}
    return PlanFacts(
        service=service.name,
        target=service.target,
        record=records.get,
        names=lambda: records,
        said=service.said,
    )
