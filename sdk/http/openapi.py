"""The description of an application in OpenAPI 3.1, made from its routes and from what stands beside each of them.

Knows how a route is described and how a description is put together. What there is to describe is in the modules of
the routes; shapes of answers are in `sdk.http.schemas`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Flask

Json = dict[str, Any]
View = TypeVar("View", bound=Callable[..., Any])

_ERROR: Json = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {"code": {"type": "integer"}, "message": {"type": "string"}},
}
_MARK = "_operation"
_OPEN = "_open_to_all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What one route does."""

    summary: str
    answer: Json
    """JSON schema."""
    media: str
    status: int
    parameters: Sequence[Json]
    body: Json | None


def described(
    summary: str,
    answer: Json,
    *,
    status: int = 200,
    media: str = "application/json",
    parameters: Sequence[Json] = (),
    body: Json | None = None,
) -> Callable[[View], View]:
    """Say beside a view what it does; `answer` and `body` are JSON schemas, `parameters` those of the query."""
    operation = Operation(summary=summary, answer=answer, media=media, status=status, parameters=parameters, body=body)

    def mark(view: View) -> View:
        setattr(view, _MARK, operation)
        return view

    return mark


def open_to_all(view: View) -> View:
    """A view that tells nothing about the framework: whoever reaches the port may have it, also where others are asked
    who they are. For what supervisors look at, and for files that agents fetch.
    """
    setattr(view, _OPEN, True)
    return view


def is_open(view: object) -> bool:
    """Whether it was marked so."""
    return bool(getattr(view, _OPEN, False))


def parameter(name: str, schema: Json, meaning: str) -> Json:
    """One of the query."""
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": meaning}


def document(app: Flask, title: str, version: str) -> Json:
    """All routes of the application. One that says nothing of itself, as a plugin's own may, is named all the same."""
    paths: dict[str, Json] = {}
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        view = app.view_functions[rule.endpoint]
        path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            paths.setdefault(path, {})[method.lower()] = _operation(
                getattr(view, _MARK, None), f"{method} {path}", sorted(rule.arguments), is_open=is_open(view)
            )
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "components": {
            "schemas": {"Error": _ERROR},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
        "paths": paths,
    }


def _operation(found: Operation | None, name: str, arguments: Sequence[str], *, is_open: bool) -> Json:
    parameters = [
        *({"name": each, "in": "path", "required": True, "schema": {"type": "string"}} for each in arguments),
        *(found.parameters if found else ()),
    ]
    responses: Json = {"default": _content("What went wrong, in a sentence.", "application/json", _reference("Error"))}
    if found is not None:
        responses[str(found.status)] = _content(found.summary, found.media, found.answer)
    return {
        "summary": found.summary if found else "A route of the framework's own.",
        "operationId": re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_"),
        **({"parameters": parameters} if parameters else {}),
        **({"requestBody": _body(found.body)} if found and found.body is not None else {}),
        "responses": responses,
        # The secret is one of several ways to say who asks; where nobody is asked, none is needed.
        "security": [{}] if is_open else [{}, {"bearer": []}],
    }


def _body(schema: Json) -> Json:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _content(description: str, media: str, schema: Mapping[str, Any]) -> Json:
    return {"description": description, "content": {media: {"schema": dict(schema)}}}


def _reference(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}
