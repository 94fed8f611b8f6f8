"""What may be on its way at once in the whole framework, over HTTP."""

from collections.abc import Callable
from typing import Any

from flask import Response, jsonify, make_response, request

from sdk.core import budget
from sdk.core.events import BudgetRequested
from sdk.core.state import State
from sdk.http import schemas
from sdk.http.errors import HttpError
from sdk.http.openapi import described
from sdk.model.records import Budget
from sdk.runner import Runner

Json = dict[str, Any]
Route = Callable[..., Callable[[Callable[..., Any]], Callable[..., Any]]]
_FIELDS = {"replacements", "unavailable"}


def add_routes(route: Route, runner: Runner, submit: Callable[[BudgetRequested], None]) -> None:
    """`submit` has a change decided on and stored, or raises HttpError."""

    @route("/v1/budget")
    @described("What may be on its way at once in the whole framework, and what is.", schemas.BUDGET)
    def shown() -> Response:
        found = runner.inspect(_told)
        if found is None:
            raise HttpError(503, runner.status().reason)
        return jsonify(found)

    @route("/v1/budget", "POST")
    @described(
        "Give more room, or less: what is under way goes on.",
        schemas.MESSAGE,
        status=202,
        body=schemas.LIMITS,
    )
    def changed() -> Response:
        submit(BudgetRequested(budget=_wanted(request.get_json(silent=True))))
        return make_response({"message": "the budget is stored"}, 202)


def _told(state: State) -> Json:
    return {
        "replacements": {"limit": budget.replacements(state), "now": len(state.index.replacing)},
        "unavailable": {"limit": state.framework.budget.unavailable, "now": len(state.work.down)},
    }


def _wanted(body: object) -> Budget:
    if not isinstance(body, dict) or set(body) != _FIELDS:
        raise HttpError(400, f"a budget is a JSON object of {' and '.join(sorted(_FIELDS))}")
    for name, value in body.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
            raise HttpError(400, f"{name} is a whole number, 0 or more, or null")
    return Budget(replacements=body["replacements"], unavailable=body["unavailable"])
