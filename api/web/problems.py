"""Errors of the HTTP API: the one exception that views raise, and how it is shown.

The documented shape is `{"code": <status>, "message": <sentence>}`. Who asks for `application/problem+json` gets RFC
9457 instead, and endpoints that answer in plain text show the sentence alone, as the product did.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus

from flask import Request, Response

from scheduler.pools.problems import InvalidPool

PROBLEM = "application/problem+json"


class ApiProblem(Exception):
    """An answer that is not the one asked for.

    `errors` lists single fields, `more` counts those that are not listed, `headers` are sent along.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: tuple[Mapping[str, str], ...] = (),
        more: int = 0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors
        self.more = more
        self.headers = dict(headers or {})

    @classmethod
    def of_pool(cls, error: InvalidPool) -> "ApiProblem":
        """400 for a pool that breaks rules."""
        return cls(400, str(error), errors=entries(error), more=error.more)


def entries(error: InvalidPool) -> tuple[Mapping[str, str], ...]:
    """The fields of a pool that are wrong, as RFC 9457 has them."""
    return tuple({"pointer": problem.pointer, "detail": str(problem)} for problem in error.problems)


def render(problem: ApiProblem, request: Request, *, plain: bool) -> Response:
    """The response for `problem` in the form that the caller asked for; `plain` for endpoints that answer in text."""
    best = request.accept_mimetypes.best_match(["application/json", PROBLEM, "text/plain"], default="application/json")
    asked = {value for value, _ in request.accept_mimetypes}
    if best == PROBLEM and PROBLEM in asked:
        body = {
            "type": "about:blank",
            "title": _title(problem.status),
            "status": problem.status,
            "detail": problem.message,
        }
        full = body | ({"errors": list(problem.errors)} if problem.errors else {})
        full |= {"moreErrors": problem.more} if problem.more else {}
        response = Response(json.dumps(full) + "\n", problem.status, mimetype=PROBLEM)
    elif plain and "application/json" not in asked:
        response = Response(problem.message + "\n", problem.status, mimetype="text/plain")
    else:
        body = {"code": problem.status, "message": problem.message}
        response = Response(json.dumps(body) + "\n", problem.status, mimetype="application/json")
    response.headers.update(problem.headers)
    return response


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
