"""The routes of one framework as a Flask blueprint: state, plans, pods, endpoints, configurations, why pending,
operator actions.
"""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, make_response, request

from sdk.core.events import Event, PodActionRequested, RenewalRequested, UninstallRequested
from sdk.core.snapshot import ServiceView, Snapshot
from sdk.errors import LeadershipLost, SdkError
from sdk.http import budget, configurations, endpoints, paging, schemas, views
from sdk.http.errors import HttpError, named
from sdk.http.guard import require_confirmation
from sdk.http.index import PROCESS_LINKS, Link, index
from sdk.http.inspection import add_debug_routes
from sdk.http.openapi import described, open_to_all, parameter
from sdk.http.plans import add_routes
from sdk.runner import NotInCharge, Runner

_ACTIONS = ("restart", "replace", "excuse", "pause", "resume")
_MOST_GRACE = 1e9
_OWN = {
    "state": Link("v1/state", "whether it is in charge, and what waits"),
    "services": Link("v1/services", "each with plans, pods, endpoints and configurations below its name"),
    "pending": Link("v1/pending", "which instances cannot be placed, and why"),
    "offers": Link("v1/debug/offers", "the last offers, and what became of each"),
    "reservations": Link("v1/debug/reservations", "what is reserved, and how far its release is"),
    "calls": Link("v1/debug/calls", "which calls to Mesos wait for an answer"),
    "quarantine": Link("v1/debug/quarantine", "what fails, and when it is tried again"),
    "readyz": Link("readyz", "503 until it can work"),
}
_LINKS = _OWN | PROCESS_LINKS
_WITH = parameter("with", schemas.TEXT, "Another configuration; the wanted one of the same pod where it is missing.")

_TASK = parameter("task", schemas.TEXT, "Which task to `pause` or `resume`, several times for more; without, all.")
_GRACE = parameter("grace", schemas.TEXT, "Seconds that tasks have to end, instead of their own.")


def framework_blueprint(runner: Runner, *, prefixed: bool = False) -> Blueprint:
    """The routes below `/`, or when `prefixed` below `/frameworks/<name>`."""
    routes = Blueprint(f"framework-{runner.name}", __name__)

    def route(rule: str, method: str = "GET") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        return routes.route(rule, methods=[method], endpoint=f"{method} {rule}".replace(".", " "))

    @route("/")
    @described("What is here: JSON, or HTML for a browser.", schemas.ANYTHING)
    def root() -> Response:
        status = runner.status()
        facts = {"state": status.reason or "ready"}
        return index(request, f"framework {runner.name}", facts, _OWN if prefixed else _LINKS)

    @route("/readyz")
    @open_to_all
    @described("Whether it can work: 503 with the reason while it cannot.", schemas.READY)
    def readyz() -> Response:
        status = runner.status()
        if not status.ready:
            raise HttpError(503, status.reason)
        return jsonify(views.ready(status, runner.name))

    @route("/v1/state")
    @described(
        "Who is in charge, where it stands with Mesos, and what keeps services from being as wished.", schemas.STATE
    )
    def state() -> Response:
        return jsonify(views.state(runner.snapshot(), runner.status(), runner.settings.framework))

    @route("/v1/services")
    @described(
        "The services, by name; where more follow, the header Link names the next page.",
        schemas.many(schemas.SERVICE),
        parameters=paging.PARAMETERS,
    )
    def services() -> Response:
        found = paging.page(views.services(_snapshot(runner)), lambda each: each["name"], request.args, usual=None)
        answer = jsonify(found.items)
        if found.next is not None:
            answer.headers["Link"] = paging.link(found, request.args)
        return answer

    @route("/v1/services/<service>")
    @described("One service.", schemas.SERVICE)
    def service(service: str) -> Response:
        return jsonify(views.service(_service(runner, service)))

    @route("/v1/details")
    @described("Plans and pods of all services.", schemas.shape(services=schemas.by_name(schemas.ANYTHING)))
    def details() -> Response:
        return jsonify(views.details(_snapshot(runner)))

    @route("/v1/services/<service>/plans")
    @described("How far what is wanted of it is.", schemas.PLANS)
    def plans(service: str) -> Response:
        return jsonify(views.plans(_service(runner, service)))

    add_routes(route, lambda service: _service(runner, service), lambda event: _submit(runner, event))

    @route("/v1/services/<service>/pods")
    @described("Its instances.", schemas.PODS, parameters=paging.PARAMETERS)
    def pods(service: str) -> Response:
        return _paged(views.pods(_service(runner, service)), "pods")

    @route("/v1/services/<service>/pods/<pod>")
    @described("One of its instances.", schemas.POD)
    def pod(service: str, pod: str) -> Response:
        return jsonify(views.pod(_service(runner, service), pod))

    @route("/v1/services/<service>/endpoints")
    @described("Where each named port of its tasks can be reached.", schemas.ENDPOINTS, parameters=paging.PARAMETERS)
    def reachable(service: str) -> Response:
        return _paged(endpoints.listed(_service(runner, service), runner.name), "endpoints")

    @route("/v1/services/<service>/endpoints/<endpoint>")
    @described("One of them.", schemas.ENDPOINT)
    def endpoint(service: str, endpoint: str) -> Response:
        return jsonify(endpoints.shown(_service(runner, service), runner.name, endpoint))

    @route("/v1/services/<service>/configurations")
    @described(
        "What the target says of each pod, and what instances were launched with.",
        schemas.CONFIGURATIONS,
        parameters=paging.PARAMETERS,
    )
    def listed(service: str) -> Response:
        return _paged(configurations.listed(_service(runner, service)), "configurations", lambda each: each["id"])

    @route("/v1/services/<service>/configurations/<config>")
    @described("One of them, with its specification.", schemas.WHOLE_CONFIGURATION)
    def shown(service: str, config: str) -> Response:
        return jsonify(configurations.shown(_service(runner, service), config))

    @route("/v1/services/<service>/configurations/<config>/diff")
    @described("What differs between it and another one.", schemas.DIFFERENCES, parameters=(_WITH,))
    def compared(service: str, config: str) -> Response:
        return jsonify(configurations.compared(_service(runner, service), config, request.args.get("with")))

    @route("/v1/services/<service>/pods/<pod>/<action>", "POST")
    @described(
        f"Do something with an instance: {', '.join(_ACTIONS)}.",
        schemas.MESSAGE,
        status=202,
        parameters=(_TASK, _GRACE),
    )
    def act(service: str, pod: str, action: str) -> Response:
        if action not in _ACTIONS:
            raise HttpError(404, f"{action!r} is not an action; there are {', '.join(_ACTIONS)}")
        view = _service(runner, service)
        names = [record.name for record in view.pods]
        if pod not in names:
            raise HttpError(404, f"service {service} has no instance {pod[:80]!r}; it has {named(names)}")
        if pod not in view.wanted:
            unknown = None if view.wanted or view.removing else runner.status().problems.get(service)
            raise HttpError(409, f"{action} of {pod} is not possible: {unknown or 'it is being removed'}")
        tasks = tuple(request.args.getlist("task"))
        record = next(record for record in view.pods if record.name == pod)
        known = [task.name for task in record.tasks]
        if unheard := [task for task in tasks if task not in known]:
            raise HttpError(404, f"{pod} has no task {unheard[0]!r}; it has {', '.join(known) or 'none'}")
        event = PodActionRequested(service=service, pod=pod, action=action, tasks=tasks, grace=_grace())
        _submit(runner, event)
        return _accepted(f"{action} of {pod} is stored")

    @route("/v1/pending")
    @described(
        "The steps that wait for offers, and why the last ones did not fit.",
        schemas.ALL_PENDING,
        parameters=paging.PARAMETERS,
    )
    def pending() -> Response:
        return _paged(
            views.all_pending(_snapshot(runner)),
            "pending",
            lambda each: f"{each['service']}/{each['plan']}/{each['pod']}",
        )

    @route("/v1/renew", "POST")
    @described("Go on under a new id, after Mesos has removed the framework.", schemas.MESSAGE, status=202)
    def renew() -> Response:
        if runner.status().phase != "removed":
            raise HttpError(409, f"framework {runner.name} keeps its id: Mesos has not removed it")
        _submit(runner, RenewalRequested())
        return _accepted("the old id is given up; the framework subscribes as a new one, with its old reservations")

    @route("/v1/uninstall", "POST")
    @described(
        "Remove everything: tasks, reservations, the framework.", schemas.MESSAGE, status=202, body=schemas.CONFIRM
    )
    def uninstall() -> Response:
        require_confirmation(request.get_json(silent=True), runner.name)
        if runner.status().phase == "uninstalled":
            return _accepted("the framework is uninstalled already")
        _submit(runner, UninstallRequested())
        return _accepted("the uninstall is stored; GET v1/uninstall tells how far it is")

    @route("/v1/uninstall")
    @described("How far the uninstall is.", schemas.UNINSTALL)
    def uninstall_progress() -> Response:
        return jsonify(views.uninstall(runner.snapshot(), runner.status(), runner.name))

    budget.add_routes(route, runner, lambda event: _submit(runner, event))
    add_debug_routes(route, runner)
    return routes


def _grace() -> float | None:
    text = request.args.get("grace")
    if text is None:
        return None
    try:
        grace = float(text)
    except ValueError:
        grace = -1.0
    if not 0 <= grace <= _MOST_GRACE:
        raise HttpError(400, f"grace: {text!r:.40} has to be a number of seconds, 0 or more")
    return grace


def _accepted(message: str) -> Response:
    return make_response({"message": message}, 202)


def _paged(whole: Mapping[str, Any], key: str, name: Callable[[Any], str] = lambda each: str(each["name"])) -> Response:
    """The part of the list that the query asks for, all of it when it asks for none."""
    found = paging.page(whole[key], name, request.args, usual=None)
    return jsonify({key: found.items} | paging.rest(found))


def _snapshot(runner: Runner) -> Snapshot:
    snapshot = runner.snapshot()
    if snapshot is None:
        raise HttpError(503, runner.status().reason)
    return snapshot


def _service(runner: Runner, name: str) -> ServiceView:
    snapshot = _snapshot(runner)
    found = snapshot.services.get(name)
    if found is None:
        known = named(sorted(snapshot.services))
        raise HttpError(404, f"framework {runner.name} has no service {name!r}; it has {known}")
    return found


def _submit(runner: Runner, event: Event) -> None:
    try:
        runner.submit(event)
    except (NotInCharge, LeadershipLost) as error:
        raise HttpError(503, str(error)) from error
    except TimeoutError as error:
        raise HttpError(503, "ZooKeeper does not answer: the action is not stored yet, but may still be") from error
    except SdkError as error:
        raise HttpError(409, str(error)) from error
