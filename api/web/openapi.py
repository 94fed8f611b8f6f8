"""The API's description: documentation beside each route, and how our schema fields look in OpenAPI 3.1."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask_smorest import Blueprint

from scheduler.pools.fields import Choice, Flag, NotYet, Number, Text, Whole, WholeOf

View = TypeVar("View", bound=Callable[..., Any])

ERROR = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {"code": {"type": "integer"}, "message": {"type": "string"}},
}


PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {"type": "object", "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}}},
        },
        "moreErrors": {"type": "integer"},
    },
}


VERDICT = {
    "description": "Whether the pool would be accepted, and what would be said of it.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["valid", "errors", "moreErrors", "warnings", "haproxy"],
                "properties": {
                    "valid": {"type": "boolean"},
                    "errors": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
                        },
                    },
                    "moreErrors": {"type": "integer"},
                    "warnings": {"type": "array", "items": {"type": "string"}},
                    "haproxy": {"type": ["string", "null"], "description": "Version of the HAProxy that was asked."},
                },
            }
        }
    },
}


def ref(name: str) -> dict[str, Any]:
    """A reference to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def text_answer(description: str) -> dict[str, Any]:
    """A plain text answer."""
    return {"description": description, "content": {"text/plain": {"schema": {"type": "string"}}}}


def json_answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A JSON answer."""
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _error(answers: dict[str, Any]) -> dict[str, Any]:
    """What is answered else: in JSON, in the form of RFC 9457 for who asks for it, or as text where all is text."""
    content: dict[str, Any] = {
        "application/json": {"schema": ref("ApiError")},
        "application/problem+json": {"schema": ref("ApiProblem")},
    }
    if any("text/plain" in answer.get("content", ()) for answer in answers.values()):
        content["text/plain"] = {"schema": {"type": "string"}}
    return {"description": "What went wrong, in a sentence.", "content": content}


def route(
    blueprint: Blueprint,
    rule: str,
    method: str,
    *,
    answers: dict[str, Any],
    body: dict[str, Any] | None = None,
    text_body: bool = False,
    endpoint: str | None = None,
) -> Callable[[View], View]:
    """Register a view with its documentation. (A typed face of flask-smorest's untyped decorators.)

    `endpoint` is what it is called instead of the view's own name, `text_body` says that it takes plain text.
    """
    described: dict[str, Any] = {"responses": answers | {"default": _error(answers)}}
    if text_body:
        described["requestBody"] = {"required": True, "content": {"text/plain": {"schema": {"type": "string"}}}}
    if body is not None:
        kinds = ("application/json", "application/yaml")
        described["requestBody"] = {"required": True, "content": {kind: {"schema": body} for kind in kinds}}

    def register(view: View) -> View:
        documented = blueprint.doc(**described)(view)
        blueprint.route(rule, methods=[method], strict_slashes=False, endpoint=endpoint)(documented)
        return view

    return register


def field_properties(converter: Any, field: Any, **_: Any) -> dict[str, Any]:
    """JSON schema keywords of our own field classes, for apispec."""
    del converter  # apispec binds it; it is not needed
    match field:
        case NotYet():
            accepted = list(field.accepted)
            told = f"Not supported yet; may only be {accepted}." if accepted else "Not supported yet."
            # Marshmallow does not write it, but pools are shown with it.
            return {"writeOnly": False, "description": told}
        case Text():
            return {"type": "string"}
        case Choice():
            return {"type": "string", "enum": [str(item.value) for item in field.enum]}
        case WholeOf():
            return {"type": "integer", "enum": list(field.numbers)}
        case Whole():
            return {
                "type": "integer",
                "minimum": field.low if field.unset is None else field.unset,
                "maximum": field.high,
            }
        case Number():
            return {"type": "number", "minimum": field.low, "maximum": field.high}
        case Flag():
            return {"type": "boolean"}
        case _:
            return {}
