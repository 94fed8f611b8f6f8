"""Who asks, as the API sees it, sessions for programs that ask people for their password once, and who changed what."""

from dataclasses import asdict
from typing import Any

from flask import Response, jsonify, request
from flask_smorest import Blueprint

from api.web.authentication import Way, identity, opened_session
from api.web.context import Context
from api.web.openapi import json_answer, route
from api.web.problems import ApiProblem

_TEXT = {"type": "string"}
_USER = {
    "user": {"type": "string", "description": "Empty where nobody is asked who he is."},
    "role": {"type": "string", "enum": ["reader", "operator", "admin"]},
    "pools": {"type": "array", "items": _TEXT, "description": "What an operator may change; * is any characters."},
}
_WHO = {
    "type": "object",
    "required": ["user", "role", "pools", "way", "pageToken"],
    "properties": {
        **_USER,
        "way": {"type": "string", "enum": ["password", "token", "session", "none"]},
        "pageToken": {"type": ["string", "null"], "description": "What a browser's changes have to send along."},
    },
}
_SESSION = {
    "type": "object",
    "required": ["user", "role", "pools", "token", "expires"],
    "properties": {**_USER, "token": _TEXT, "expires": {"type": "number", "description": "Seconds since the epoch."}},
}
_CHANGES = {
    "type": "object",
    "required": ["changes"],
    "properties": {
        "changes": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "at": {"type": "number", "description": "Seconds since the epoch."},
                    **dict.fromkeys(("user", "client", "method", "path", "name"), _TEXT),
                },
            },
        }
    },
}


def add_session(routes: Blueprint, context: Context) -> None:
    """Add `/whoami`, `/login` and `/changes`."""

    @route(routes, "/whoami", "GET", answers={"200": json_answer("Who asks.", _WHO)})
    def whoami() -> Response:
        """Who asks, and what he may do."""
        found = identity()
        return _kept_nowhere(jsonify({**_told(), "way": found.way, "pageToken": found.page_token}))

    @route(routes, "/login", "POST", answers={"200": json_answer("A session.", _SESSION)})
    def open_session() -> Response:
        """Give whoever shows user and password (HTTP basic) a token that stands for them for twelve hours."""
        found = identity()
        if context.credentials is None:
            raise ApiProblem(409, "nobody is asked who he is here: there is nothing to log in to")
        if found.way is not Way.PASSWORD:
            raise ApiProblem(403, f"a session is for who shows user and password, and this request shows a {found.way}")
        token, expires = opened_session(context.credentials, found.user)
        return _kept_nowhere(jsonify({**_told(), "token": token, "expires": expires}))

    @route(routes, "/changes", "GET", answers={"200": json_answer("The last ones, the newest first.", _CHANGES)})
    def changes() -> Response:
        """Who changed what, when and from where: the last 200 changes, or those of `?name=` among them."""
        name = request.args.get("name")
        last = [change for change in context.changes.last() if name is None or change.name == name]
        return jsonify(changes=[asdict(change) for change in last])


def _told() -> dict[str, Any]:
    user = identity().user
    return {"user": user.name, "role": user.role, "pools": list(user.pools)}


def _kept_nowhere(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "no-store"
    return answer
