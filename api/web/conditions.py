"""Conditions of a change: If-Match, If-None-Match and the `etag` in a body (RFC 9110, 13).

Knows what a caller may say about the state that a pool must be in, and its mistakes. Whether the pool is in that state
is the store's to decide.
"""

import re
from dataclasses import dataclass

from werkzeug.datastructures import Headers

from api.web.problems import ApiProblem

_TAG = re.compile(r'\s*(?:(W/)?"([^"]*)"|(\*))\s*')


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What must hold of the pool before it is changed."""

    tag: str | None = None
    """Its revision as text; None for any."""
    must_exist: bool = False
    """If-Match was given, whatever it says: a pool that is not there fits none."""
    must_be_new: bool = False
    """If-None-Match: * was given."""


def require_condition(wanted: Condition, name: str, kind: str = "pool") -> None:
    """ApiProblem 428 when a change of what is there does not say which state of it is meant (RFC 6585, 3)."""
    if not (wanted.must_exist or wanted.must_be_new):
        rule = "say which state of it is meant: send If-Match with the ETag that reading it gave, or * for any"
        raise ApiProblem(428, f"{kind} {name} is there, and changes of {kind}s must {rule}")


def condition(headers: Headers, tag_in_body: str | None = None) -> Condition:
    """What the request asks for; ApiProblem 400 for what is no condition, 412 for one that can never be met.

    The header counts where both say something.
    """
    must_be_new = _must_be_new(headers.get("If-None-Match"))
    value = headers.get("If-Match")
    if value is None:
        return Condition(tag=tag_in_body, must_exist=tag_in_body is not None, must_be_new=must_be_new)
    return Condition(tag=_tag(value), must_exist=True, must_be_new=must_be_new)


def _must_be_new(value: str | None) -> bool:
    if value is None:
        return False
    if value.strip() != "*":
        raise ApiProblem(400, f"If-None-Match: {value[:80]} invalid: a change understands only *, which means: create")
    return True


def _tag(value: str) -> str | None:
    tags = [_TAG.fullmatch(part) for part in value.split(",")]
    if not all(tags):
        raise ApiProblem(
            400, f'If-Match: {value[:80]} invalid: must be an entity tag such as "4", as the ETag header gave it'
        )
    if any(tag and tag[3] for tag in tags):
        return None
    if len(tags) > 1:
        raise ApiProblem(400, "If-Match: give one entity tag, as the ETag header gave it")
    (tag,) = tags
    assert tag is not None
    if tag[1]:
        # RFC 9110, 13.1.1: If-Match compares strongly.
        rule = "is a weak tag, and those fit nothing: a proxy made it, perhaps by compressing; send it without W/"
        raise ApiProblem(412, f"If-Match: {value.strip()[:80]} {rule}")
    return tag[2]
