"""The routes of one framework as a Flask blueprint: state, plans, pods, configurations, why pending, operator
actions.
"""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, jsonify, make_response, request

from sdk.core.events import Event, PodActionRequested, RenewalRequested, UninstallRequested
from sdk.core.snapshot import ServiceView, Snapshot
from sdk.errors import LeadershipLost, SdkError
from sdk.http import configurations, views
from sdk.http.errors import HttpError
from sdk.http.guard import require_confirmation
from sdk.http.index import PROCESS_LINKS, Link, index
from sdk.http.plans import add_routes
from sdk.runner import NotInCharge, Runner

_ACTIONS = ("restart", "replace", "excuse")
_OWN = {
    "state": Link("v1/state", "whether it is in charge, and what waits"),
    "services": Link("v1/services", "each with plans, pods and configurations below its name"),
    "pending": Link("v1/pending", "which instances cannot be placed, and why"),
    "readyz": Link("readyz", "503 until it can work"),
}
_LINKS = _OWN | PROCESS_LINKS


def framework_blueprint(runner: Runner, *, prefixed: bool = False) -> Blueprint:
    """The routes below `/`, or when `prefixed` below `/frameworks/<name>`."""
    routes = Blueprint(f"framework-{runner.name}", __name__)

    def route(rule: str, method: str = "GET") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        return routes.route(rule, methods=[method], endpoint=f"{method} {rule}".replace(".", " "))

    @route("/")
    def root() -> Response:
        status = runner.status()
        facts = {"state": status.reason or "ready"}
        return index(request, f"framework {runner.name}", facts, _OWN if prefixed else _LINKS)

    @route("/readyz")
    def readyz() -> Response:
        status = runner.status()
        if not status.ready:
            raise HttpError(503, status.reason)
        return jsonify(views.ready(status, runner.name))

    @route("/v1/state")
    def state() -> Response:
        principal = runner.settings.framework.principal
        return jsonify(views.state(runner.snapshot(), runner.status(), runner.name, principal))

    @route("/v1/services")
    def services() -> Response:
        return jsonify(views.services(_snapshot(runner)))

    @route("/v1/details")
    def details() -> Response:
        return jsonify(views.details(_snapshot(runner)))

    @route("/v1/services/<service>/plans")
    def plans(service: str) -> Response:
        return jsonify(views.plans(_service(runner, service)))

    add_routes(route, lambda service: _service(runner, service), lambda event: _submit(runner, event))

    @route("/v1/services/<service>/pods")
    def pods(service: str) -> Response:
        return jsonify(views.pods(_service(runner, service)))

    @route("/v1/services/<service>/configurations")
    def listed(service: str) -> Response:
        return jsonify(configurations.listed(_service(runner, service)))

    @route("/v1/services/<service>/configurations/<config>")
    def shown(service: str, config: str) -> Response:
        return jsonify(configurations.shown(_service(runner, service), config))

    @route("/v1/services/<service>/configurations/<config>/diff")
    def compared(service: str, config: str) -> Response:
        return jsonify(configurations.compared(_service(runner, service), config, request.args.get("with")))

    @route("/v1/services/<service>/pods/<pod>/<action>", "POST")
    def act(service: str, pod: str, action: str) -> Response:
        if action not in _ACTIONS:
            raise HttpError(404, f"{action!r} is not an action; there are {', '.join(_ACTIONS)}")
        view = _service(runner, service)
        names = [record.name for record in view.pods]
        if pod not in names:
            raise HttpError(404, f"service {service} has no instance {pod!r}; it has {', '.join(names) or 'none'}")
        if pod not in view.wanted:
            unknown = None if view.wanted or view.removing else runner.status().problems.get(service)
            raise HttpError(409, f"{action} of {pod} is not possible: {unknown or 'it is being removed'}")
        _submit(runner, PodActionRequested(service=service, pod=pod, action=action))
        return _accepted(f"{action} of {pod} is stored")

    @route("/v1/pending")
    def pending() -> Response:
        return jsonify(views.all_pending(_snapshot(runner)))

    @route("/v1/renew", "POST")
    def renew() -> Response:
        if runner.status().phase != "removed":
            raise HttpError(409, f"framework {runner.name} keeps its id: Mesos has not removed it")
        _submit(runner, RenewalRequested())
        return _accepted("the old id is given up; the framework subscribes as a new one, with its old reservations")

    @route("/v1/uninstall", "POST")
    def uninstall() -> Response:
        require_confirmation(request.get_json(silent=True), runner.name)
        if runner.status().phase == "uninstalled":
            return _accepted("the framework is uninstalled already")
        _submit(runner, UninstallRequested())
        return _accepted("the uninstall is stored; GET v1/uninstall tells how far it is")

    @route("/v1/uninstall")
    def uninstall_progress() -> Response:
        return jsonify(views.uninstall(runner.snapshot(), runner.status(), runner.name))

    return routes


def _accepted(message: str) -> Response:
    return make_response({"message": message}, 202)


def _snapshot(runner: Runner) -> Snapshot:
    snapshot = runner.snapshot()
    if snapshot is None:
        raise HttpError(503, runner.status().reason)
    return snapshot


def _service(runner: Runner, name: str) -> ServiceView:
    snapshot = _snapshot(runner)
    found = snapshot.services.get(name)
    if found is None:
        known = ", ".join(sorted(snapshot.services)) or "none"
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
