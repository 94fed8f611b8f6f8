"""Endpoints that belong to no API version: ping, version, the container forms, liveness, readiness, metrics."""

from typing import Any

from flask import Response, jsonify, request
from flask_smorest import Blueprint
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from api.routes.pool_forms import container
from api.routes.pool_templates import shape
from api.routes.who import add_who
from api.web.context import Context, plain
from api.web.openapi import json_answer, ref, route, text_answer
from api.web.problems import ApiProblem
from sdk.http.index import Link, index
from sdk.storage.connection import SessionState

_LINKS = {
    "pools": Link("v2/pools", "all pools; each has status, metadata, lbconfig, plans and pods below its name"),
    "pooltemplates": Link("v2/pooltemplates", "what pools are made under of the labels of applications"),
    "config": Link(
        "config", "all pools as they were written, each tagged with its API version, and all pool templates"
    ),
    "openapi": Link("openapi.json", "the description of this API"),
    "version": Link("version", "of this server"),
    "ping": Link("ping", "pong while the process answers"),
    "readyz": Link("readyz", "503 while ZooKeeper is away"),
    "metrics": Link("metrics", "for Prometheus"),
}


def blueprint(context: Context, registry: CollectorRegistry) -> Blueprint:
    """The routes."""
    routes = Blueprint("common", __name__, description="Server and configuration as a whole")

    @route(routes, "/", "GET", answers={"200": json_answer("What is here.", {"type": "object"})})
    def root() -> Response:
        """What is here: JSON, or HTML for a browser. Links are relative."""
        return index(request, "Edge-LB", {"version": context.version}, _LINKS)

    add_who(routes, context)

    @route(routes, "/config", "GET", answers={"200": json_answer("All of them.", ref("ConfigContainer"))})
    def config() -> dict[str, Any]:
        """All pools, each tagged with its API version, and all pool templates."""
        pools = [container(stored.pool) for stored in context.pools.all().values()]
        return {"pools": pools, "poolTemplates": [*map(shape, context.templates.all())]}

    @route(routes, "/pools/<string:name>", "GET", answers={"200": json_answer("The pool.", ref("PoolContainer"))})
    def pool(name: str) -> Response:
        """One pool, tagged with its API version; the ETag is the pool's."""
        stored = context.stored(name)
        response = jsonify(container(stored.pool))
        response.headers["ETag"] = stored.etag
        response.make_conditional(request)
        return response

    @route(routes, "/healthz", "GET", answers={"200": text_answer("ok")})
    def healthz() -> Response:
        """Whether the process answers."""
        return plain("ok\n")

    @route(routes, "/readyz", "GET", answers={"200": text_answer("ready")})
    def readyz() -> Response:
        """Whether requests can be answered: 503 while ZooKeeper is away."""
        state = context.zookeeper.state
        if state is not SessionState.CONNECTED:
            raise ApiProblem(503, f"ZooKeeper at {context.zookeeper.address} is {state.value}")
        return plain("ready\n")

    @route(routes, "/metrics", "GET", answers={"200": text_answer("Prometheus metrics.")})
    def metrics() -> Response:
        """Prometheus metrics."""
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    return routes
