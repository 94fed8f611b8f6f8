"""Whether the API is there, and which version of the package it is: the same with and without a version of the API."""

from flask import Response
from flask_smorest import Blueprint

from api.web.context import Context, plain
from api.web.openapi import route, text_answer


def add_who(routes: Blueprint, context: Context) -> None:
    """Add `/ping` and `/version`."""

    @route(routes, "/ping", "GET", answers={"200": text_answer("pong")})
    def ping() -> Response:
        """Say pong."""
        return plain("pong")

    @route(routes, "/version", "GET", answers={"200": text_answer("The package's version.")})
    def version() -> Response:
        """The package's version."""
        return plain(context.version)
