"""Version 2 of the API: create, read, update, delete, and what is known about a pool at run time."""

from typing import Any

from flask import Response, jsonify, request
from flask_smorest import Blueprint

from api.observed.runtime import Scheduler, all_statuses, removal, sentence, status_of
from api.observed.scheduler_link import Answer
from api.observed.trace import add_trace
from api.routes.explain import add_explain
from api.routes.history import add_history
from api.routes.lb_templates import add_lb_templates
from api.routes.pool_forms import V2
from api.routes.pool_operations import PoolOperations
from api.routes.pool_templates import add_pool_templates
from api.routes.session import add_session
from api.status.metadata import places, pool_metadata
from api.web.bodies import read_json
from api.web.context import Context, not_found
from api.web.openapi import VERDICT, json_answer, ref, route, text_answer
from api.web.problems import ApiProblem
from api.why.route import add_why
from scheduler.pools.words import texts
from sdk.http.guard import require_confirmation

_CONFIRMATION = {
    "type": "object",
    "required": ["confirm"],
    "properties": {"confirm": {"type": "string", "description": "The framework's name, as GET tells it."}},
}


def blueprint(context: Context) -> Blueprint:
    """The routes."""
    routes = Blueprint("v2", __name__, url_prefix="/v2", description="Pools of API version 2")
    operations = PoolOperations(context, V2)
    pool_body, pool_answer = ref("V2Pool"), json_answer("The pool with its defaults.", ref("V2Pool"))

    @route(routes, "/config", "GET", answers={"200": json_answer("All pools.", {"type": "object"})})
    def config() -> dict[str, Any]:
        """All pools."""
        return operations.config()

    @route(
        routes, "/pools", "GET", answers={"200": json_answer("All pools.", {"type": "array", "items": ref("V2Pool")})}
    )
    def list_pools() -> Response:
        """All pools, by name."""
        return operations.all()

    @route(routes, "/validate", "POST", body=pool_body, answers={"200": VERDICT})
    def validate() -> Response:
        """Whether the pool would be accepted, and by HAProxy, too; nothing is stored."""
        return operations.validate()

    @route(routes, "/pools", "POST", body=pool_body, answers={"200": pool_answer})
    def create() -> Response:
        """Store a new pool; its load balancers are deployed asynchronously."""
        return operations.create()

    @route(routes, "/pools/<string:name>", "GET", answers={"200": pool_answer})
    def show(name: str) -> Response:
        """One pool; its ETag changes with every update."""
        return operations.show(name)

    @route(routes, "/pools/<string:name>", "PUT", body=pool_body, answers={"200": pool_answer})
    def update(name: str) -> Response:
        """Replace a pool; with If-Match only if nobody changed it in between, with If-None-Match only create it."""
        return operations.update(name)

    @route(routes, "/pools/<string:name>", "DELETE", answers={"204": {"description": "Deleted."}})
    def delete(name: str) -> Response:
        """Remove a pool; its load balancers are taken down asynchronously."""
        return operations.delete(name)

    @route(
        routes, "/pools/<string:name>/metadata", "GET", answers={"200": json_answer("Endpoints.", {"type": "object"})}
    )
    def metadata(name: str) -> dict[str, Any]:
        """Addresses and ports of the pool's load balancers."""
        pool = context.stored(name).pool
        instances = context.published.instances(name)
        # The scheduler is asked only when an instance is missing: metadata must not depend on it.
        pods = Scheduler(context).side(name).pods if len(instances) < pool.count else ()
        known = places(instances, pods)
        if not known:
            raise ApiProblem(504, "no metadata for pool")
        return pool_metadata(pool, known)

    @route(routes, "/pools/<string:name>/lbconfig", "GET", answers={"200": text_answer("HAProxy's configuration.")})
    def lbconfig(name: str) -> Response:
        """The configuration that was rendered for the pool's load balancers."""
        return operations.lb_config(name)

    @route(routes, "/pools/<string:name>/plans", "GET", answers={"200": json_answer("Plans.", {"type": "object"})})
    def plans(name: str) -> tuple[Response, int]:
        """The scheduler's plans for the pool."""
        context.stored(name)
        return _passed_on(context.scheduler.service("GET", name, "plans"))

    @route(routes, "/pools/<string:name>/pods", "GET", answers={"200": json_answer("Pods.", {"type": "object"})})
    def pods(name: str) -> tuple[Response, int]:
        """The pool's pods with their tasks, and why one is pending."""
        context.stored(name)
        return _passed_on(context.scheduler.service("GET", name, "pods"))

    def pod_action(name: str, pod: str, action: str) -> tuple[Response, int]:
        context.stored(name)
        return _passed_on(context.scheduler.service("POST", name, "pods", pod, action))

    @route(
        routes,
        "/pools/<string:name>/pods/<string:pod>/replace",
        "POST",
        answers={"202": {"description": "The pod will be placed anew, perhaps on another agent."}},
    )
    def replace(name: str, pod: str) -> tuple[Response, int]:
        """Give up the pod's reservation and place it anew."""
        return pod_action(name, pod, "replace")

    @route(
        routes,
        "/pools/<string:name>/pods/<string:pod>/restart",
        "POST",
        answers={"202": {"description": "The pod will be started again in its place."}},
    )
    def restart(name: str, pod: str) -> tuple[Response, int]:
        """End the pod's task and start it again in its place."""
        return pod_action(name, pod, "restart")

    @route(
        routes,
        "/pools/<string:name>/pods/<string:pod>/excuse",
        "POST",
        answers={"202": {"description": "Rolling updates of the pool go on without this pod."}},
    )
    def excuse(name: str, pod: str) -> tuple[Response, int]:
        """Let a rolling update go on although this pod has lost its place, until it is ready again."""
        return pod_action(name, pod, "excuse")

    @route(
        routes,
        "/pools/<string:name>/accept-removal",
        "POST",
        answers={"202": json_answer("What may go.", {"type": "object"})},
    )
    def accept_removal(name: str) -> tuple[Response, int]:
        """Let the servers go that are kept although Mesos does not name their tasks any more."""
        context.stored(name)
        held = context.published.accept_removal(name)
        if held is None:
            raise ApiProblem(409, f"no server of pool {name} is kept without a task: there is no removal to accept")
        return jsonify(held={"since": held.since, "reason": held.reason}), 202

    @route(
        routes, "/pools/<string:name>/status", "GET", answers={"200": json_answer("Everything.", {"type": "object"})}
    )
    def status(name: str) -> dict[str, Any]:
        """Pool, plans, pods and instances joined: what serves, what is pending and why."""
        if texts.pool_name(name):
            raise not_found(name)
        stored = context.pools.get(name)
        side = Scheduler(context).side(name)
        return removal(context, name, side) if stored is None else status_of(context, stored, side)

    @route(routes, "/status", "GET", answers={"200": json_answer("All pools.", {"type": "array"})})
    def statuses() -> Response:
        """The state of every pool, by name: `name`, `version`, `state`, `summary` and `reasons`."""
        return jsonify(all_statuses(context))

    @route(routes, "/renew", "POST", answers={"202": {"description": "The framework subscribes under a new id."}})
    def renew() -> tuple[Response, int]:
        """Go on as a new framework, with the old reservations, after Mesos removed the old id (TEARDOWN)."""
        return _passed_on(context.scheduler.call("POST", "/v1/renew"))

    @route(
        routes,
        "/uninstall",
        "POST",
        body=_CONFIRMATION,
        answers={"202": {"description": "All of the framework will be removed."}},
    )
    def uninstall() -> tuple[Response, int]:
        """Remove all pools, their load balancers and the framework itself; there is no way back."""
        require_confirmation(read_json(request, "the confirmation"), context.framework)
        return _passed_on(context.scheduler.call("POST", "/v1/uninstall", {"confirm": context.framework}))

    @route(routes, "/uninstall", "GET", answers={"200": json_answer("How far it is.", {"type": "object"})})
    def uninstall_progress() -> tuple[Response, int]:
        """How far the uninstall is: `status` is null when it was not asked for."""
        try:
            told = context.scheduler.call("GET", "/v1/uninstall")
        except ApiProblem:
            # At the end the scheduler gives its lock up: then what is stored tells.
            left = context.published.left_of_framework()
            if left is None:
                raise
        else:
            if told.status != 200:
                return _passed_on(told)
            if told.body.get("status") != "COMPLETE":
                return jsonify({**told.body, "framework": context.framework}), 200
            left = context.published.left_of_framework() or []
        if left:
            message = f"the framework is gone; {'; '.join(left)} is left"
            return jsonify(status="IN_PROGRESS", message=message, framework=context.framework), 200
        return jsonify(status="COMPLETE", message="nothing of the framework is left", framework=context.framework), 200

    add_session(routes, context)
    add_explain(routes, context)
    add_history(routes, context, operations)
    add_trace(routes, context)
    add_why(routes, context)
    add_lb_templates(routes, context)
    add_pool_templates(routes, context)
    return routes


def _passed_on(answer: Answer) -> tuple[Response, int]:
    if answer.status >= 400:
        raise ApiProblem(answer.status, sentence(answer))
    return jsonify(answer.body), answer.status
