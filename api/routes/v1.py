"""Version 1 of the API: load balancers, which version 2 calls pools, as it reads and shows them.

It has the pools that were written in version 1; version 2 shows those, too, and one that is written there is a pool of
version 2 from then on.
"""

from typing import Any

from flask import Response, abort, jsonify
from flask_smorest import Blueprint

from api.routes.lb_templates import set_template, shown, text_of_body
from api.routes.pool_forms import V1
from api.routes.pool_operations import PoolOperations
from api.routes.v1_config import replace_all
from api.routes.who import add_who
from api.web.context import Context
from api.web.openapi import VERDICT, json_answer, ref, route, text_answer

RENDERED = "haproxy.cfg"
"""The artifact that is the rendered configuration."""
TEMPLATE = "haproxy.cfg.ctmpl"
"""The one that is the pool's HAProxy template."""


def blueprint(context: Context) -> Blueprint:
    """The routes."""
    routes = Blueprint("v1", __name__, url_prefix="/v1", description="Pools of API version 1")
    operations = PoolOperations(context, V1)
    pool_body, pool_answer = ref("V1Pool"), json_answer("The pool with its defaults.", ref("V1Pool"))
    config_answer = json_answer("All pools.", ref("V1Config"))

    add_who(routes, context)

    @route(routes, "/all", "GET", answers={"200": config_answer})
    def config() -> dict[str, Any]:
        """All pools that were written in version 1."""
        return operations.config()

    @route(routes, "/all", "PUT", body=ref("V1Config"), answers={"200": config_answer})
    def replace_config() -> dict[str, Any]:
        """Replace all pools of version 1: those that are not named are deleted."""
        replace_all(context)
        return operations.config()

    @route(
        routes,
        "/loadbalancers",
        "GET",
        answers={"200": json_answer("All pools.", {"type": "array", "items": ref("V1Pool")})},
    )
    def list_pools() -> Response:
        """All pools that were written in version 1, by name."""
        return operations.all()

    @route(routes, "/validate", "POST", body=pool_body, answers={"200": VERDICT})
    def validate() -> Response:
        """Whether the pool would be accepted, and by HAProxy, too; nothing is stored."""
        return operations.validate()

    @route(routes, "/loadbalancers", "POST", body=pool_body, answers={"200": pool_answer})
    def create() -> Response:
        """Store a new pool; its load balancers are deployed asynchronously."""
        return operations.create()

    @route(routes, "/loadbalancers/<string:name>", "GET", answers={"200": pool_answer})
    def show(name: str) -> Response:
        """One pool; its ETag changes with every update."""
        return operations.show(name)

    @route(routes, "/loadbalancers/<string:name>", "PUT", body=pool_body, answers={"200": pool_answer})
    def update(name: str) -> Response:
        """Replace a pool; with If-Match only if nobody changed it in between, with If-None-Match only create it."""
        return operations.update(name)

    @route(routes, "/loadbalancers/<string:name>", "DELETE", answers={"204": {"description": "Deleted."}})
    def delete(name: str) -> Response:
        """Remove a pool; its load balancers are taken down asynchronously."""
        return operations.delete(name)

    @route(
        routes,
        "/loadbalancers/<string:name>/artifacts",
        "GET",
        answers={"200": json_answer("Names.", {"type": "array", "items": {"type": "string"}})},
    )
    def artifacts(name: str) -> Response:
        """The names of the pool's artifacts."""
        operations.stored(name)
        return jsonify([RENDERED, TEMPLATE])

    @route(
        routes,
        "/loadbalancers/<string:name>/artifacts/<string:artifact>",
        "GET",
        answers={"200": text_answer("The artifact.")},
    )
    def artifact(name: str, artifact: str) -> Response:
        """One artifact of the pool: `haproxy.cfg` is the rendered configuration."""
        operations.stored(name)
        if artifact != RENDERED:
            abort(404)
        return operations.lb_config(name)

    template_path = f"/loadbalancers/<string:name>/artifacts/{TEMPLATE}"

    @route(routes, template_path, "GET", answers={"200": text_answer("The template.")})
    def lb_template(name: str) -> Response:
        """The pool's HAProxy template, the default one where it has none of its own."""
        return shown(operations.stored(name))

    @route(routes, template_path, "PUT", answers={"200": text_answer("The template.")}, text_body=True)
    def set_lb_template(name: str) -> Response:
        """Give the pool a HAProxy template of its own; with If-Match only if nobody changed the pool in between."""
        return set_template(context, operations.stored(name), text_of_body())

    @route(routes, template_path, "DELETE", answers={"200": text_answer("The template.")})
    def delete_lb_template(name: str) -> Response:
        """Let the pool have the default HAProxy template again, which is answered."""
        return set_template(context, operations.stored(name), "")

    return routes
