"""Errors of the HTTP interface: `{"code": <status>, "message": <sentence>}`, whatever went wrong."""

from collections.abc import Collection, Mapping
from itertools import islice

import structlog
from flask import Flask, Response, make_response, request
from werkzeug.exceptions import HTTPException

_log = structlog.get_logger()
_NAMED = 20


class HttpError(Exception):
    """An answer other than success, with the sentence that explains it."""

    def __init__(self, code: int, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def named(names: Collection[str]) -> str:
    """What there is, for a sentence: all names, or the first ones where there are many."""
    shown = ", ".join(islice(names, _NAMED))
    return f"{shown} and {len(names) - _NAMED} more" if len(names) > _NAMED else shown or "none"


def install(app: Flask) -> None:
    """Give every error of `app` the one form."""

    @app.errorhandler(HttpError)
    def ours(error: HttpError) -> Response:
        return _answer(error.code, error.message, error.headers)

    @app.errorhandler(HTTPException)
    def werkzeugs(error: HTTPException) -> Response:
        message = {
            404: f"there is no {request.path[:200]} here; GET / tells what there is",
            405: f"{request.method} is not possible on {request.path[:200]}",
        }.get(error.code or 500, error.description or error.name)
        return _answer(error.code or 500, message)

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        _log.exception("A request failed", error=str(error))
        return _answer(500, f"internal error: {type(error).__name__}; the log of the process has more")


def _answer(code: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return make_response({"code": code, "message": message}, code, dict(headers or {}))
