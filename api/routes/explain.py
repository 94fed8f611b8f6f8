"""The route that explains where a request goes: asks what is stored and what is published, and hands it on."""

from typing import Any

from flask import request
from flask_smorest import Blueprint

from api.explaining import BadQuestion, Known, explanation, read_question
from api.observed.runtime import Scheduler, status_of
from api.web.bodies import read_json
from api.web.context import Context
from api.web.openapi import json_answer, route
from api.web.problems import ApiProblem
from scheduler.pools.service import port_name
from sdk.errors import CorruptRecord

_TEXT = {"type": "string"}
_QUESTION = {
    "type": "object",
    "required": ["url"],
    "additionalProperties": False,
    "properties": {
        "url": _TEXT | {"description": "As a client would ask it: http://www.example.com/path"},
        "headers": {
            "type": "object",
            "additionalProperties": _TEXT,
            "description": "Those that rules look at; Host, if it is another one.",
        },
        "sni": _TEXT | {"description": "The name that a client of TLS asks for; the host of the URL without it."},
        "frontend": _TEXT | {"description": "The listener that is asked; without it the port of the URL says it."},
    },
}


def add_explain(routes: Blueprint, context: Context) -> None:
    """The route."""

    @route(
        routes,
        "/pools/<string:name>/explain",
        "POST",
        body=_QUESTION,
        answers={"200": json_answer("Where the request goes, and why.", {"type": "object"})},
    )
    def explain(name: str) -> dict[str, Any]:
        """Which listener, redirect, rule, backend and servers a request meets, and why earlier rules do not match."""
        stored = context.stored(name)
        try:
            question = read_question(read_json(request, "the request that is asked about"))
        except BadQuestion as error:
            raise ApiProblem(400, str(error)) from error
        pool = stored.pool
        status = status_of(context, stored, Scheduler(context).side(name))
        try:
            servers = context.published.servers(name)
        except CorruptRecord as error:
            raise ApiProblem(500, f"the servers of pool {name} cannot be read: {error}") from error
        ports: dict[str, list[int]] = {}
        for frontend in pool.haproxy.frontends:
            listens = port_name(pool, frontend.name)
            told = [row["ports"].get(listens) for row in status["loadBalancers"]]
            ports[frontend.name] = [port for port in told if isinstance(port, int)]
        found = explanation(pool, question, Known(ports=ports, servers=servers, backends=status["backends"]))
        return {"name": name, "state": status["state"], "summary": status["summary"], **found}
