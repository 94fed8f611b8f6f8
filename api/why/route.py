"""`GET /v2/why?task=`: asks the template process in charge, and adds what is known of the pools that it names."""

from typing import Any

from flask import request
from flask_smorest import Blueprint

from api.observed.runtime import Scheduler, status_of
from api.observed.template_link import ask_template
from api.web.context import Context
from api.web.openapi import json_answer, route
from api.web.problems import ApiProblem
from api.why.answer import answer
from api.why.places import Place, urls_of
from scheduler.pools.service import port_name

Json = dict[str, Any]


def add_why(routes: Blueprint, context: Context) -> None:
    """The route."""

    @route(
        routes,
        "/why",
        "GET",
        answers={"200": json_answer("Whether an application is exposed, where, and if not, why.", {"type": "object"})},
    )
    def why() -> Json:
        """Whether the tasks of this id, name or Marathon id are exposed, under which URLs, and if not, why."""
        text = request.args.get("task", "").strip()
        if not text:
            raise ApiProblem(400, "task: is missing; give an id, a name or Marathon's id, as in /v2/why?task=/shop")
        told = ask_template(context.zookeeper, context.published.root, "/why", "why", dict, task=text)
        names = {
            str(service["pool"]) for task in told["tasks"] for service in task["services"] or () if service["servers"]
        }
        scheduler = Scheduler(context)
        pools = {name: pool for name in sorted(names) if (pool := _pool(context, scheduler, name)) is not None}
        return answer(text, told, pools)


def _pool(context: Context, scheduler: Scheduler, name: str) -> Json | None:
    stored = context.pools.get(name)
    if stored is None:
        return None
    status = status_of(context, stored, scheduler.side(name))
    instances = context.published.instances(name)
    pool = stored.pool
    places = {
        frontend.name: [
            Place(address, port)
            for one in instances
            if isinstance(port := one.ports.get(port_name(pool, frontend.name)), int)
            for address in one.public or one.addresses
        ]
        for frontend in pool.haproxy.frontends
    }
    refused: dict[str, dict[str, str]] = {}
    for one in instances:
        for server in one.endpoints.refused:
            refused.setdefault(server.task, {})[one.task_id] = server.reason
    waiting: dict[str, dict[str, str]] = {}
    for one in instances:
        for listener in one.structure.waiting:
            waiting.setdefault(listener.listener, {})[one.task_id] = ", ".join(listener.missing)
    return {
        "state": status["state"],
        "summary": status["summary"],
        "instances": sorted(one.pod for one in instances),
        "refused": refused,
        "waiting": waiting,
        "urls": urls_of(pool, places),
        "frontendsOf": {
            backend: [one.name for one in pool.haproxy.frontends if backend in one.link_backend.backends]
            for backend in {name for one in pool.haproxy.frontends for name in one.link_backend.backends}
        },
    }
