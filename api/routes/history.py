"""The states that a pool had, over HTTP: list them, show one, and make one the pool's state again."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from flask import Response, jsonify, request
from flask_smorest import Blueprint

from api.routes.pool_forms import WRITTEN
from api.routes.pool_operations import PoolOperations
from api.validation.fields import field_changes
from api.web.bodies import read_json
from api.web.context import Context, not_found
from api.web.openapi import json_answer, ref, route
from api.web.problems import ApiProblem
from scheduler.pools.model import Revision
from scheduler.pools.stored.history import Lost
from scheduler.pools.stored.record import StoredPool
from scheduler.pools.words import texts
from sdk.errors import CorruptRecord

_MOST_FIELDS = 20
_STATE = {
    "type": "object",
    "required": ["revision"],
    "properties": {"revision": {"type": "string", "description": "As the list of states tells it."}},
}


def add_history(routes: Blueprint, context: Context, operations: PoolOperations) -> None:
    """Add them to the API's routes."""

    @route(
        routes,
        "/pools/<string:name>/history",
        "GET",
        answers={"200": json_answer("The states, the newest first.", {"type": "array"})},
    )
    def history(name: str) -> Response:
        """The states that the pool had and the one that it has; also of a pool that was deleted."""
        return jsonify(list(_told(_states(context, name))))

    @route(
        routes,
        "/pools/<string:name>/history/<string:revision>",
        "GET",
        answers={"200": json_answer("The pool as it was.", ref("V2Pool"))},
    )
    def state(name: str, revision: str) -> Response:
        """The pool in one of these states, in the version in which it was written."""
        stored = _state(context, name, revision)
        response = jsonify(WRITTEN[stored.pool.api_version].dump(stored.pool))
        response.headers["ETag"] = stored.etag
        return response

    @route(
        routes,
        "/pools/<string:name>/rollback",
        "POST",
        body=_STATE,
        answers={"200": json_answer("The pool with its defaults.", ref("V2Pool"))},
    )
    def rollback(name: str) -> Response:
        """Give the pool the content of an earlier state, as a new state; a pool that was deleted is created again.

        With If-Match only if nobody changed the pool in between; judged and refused as any other change.
        """
        body = read_json(request, "the state")
        revision = body.get("revision") if isinstance(body, Mapping) else None
        if not isinstance(revision, str) or set(body) != {"revision"}:
            raise ApiProblem(400, 'the body must be {"revision": ...}, one of the states that the history tells')
        return operations.restore(_state(context, name, revision))


def _states(context: Context, name: str) -> Sequence[StoredPool | Lost]:
    """The newest first, the present one with them; ApiProblem 404 without any."""
    if texts.pool_name(name):
        raise not_found(name)
    kept = context.pools.history.states(name)
    try:
        now = context.pools.get(name)
    except CorruptRecord as error:
        return [Lost(name="present", why=str(error)), *kept]
    if now is None:
        if not kept:
            raise not_found(name)
        return kept
    return [now, *(one for one in kept if isinstance(one, Lost) or one.revision != now.revision)]


def _state(context: Context, name: str, revision: str) -> StoredPool:
    for one in _states(context, name):
        if isinstance(one, StoredPool) and str(one.revision) == revision:
            return one
    raise ApiProblem(
        404, f"pool {name} has no state {revision[:80]}; v2/pools/{name}/history lists those that are kept"
    )


def _told(states: Sequence[StoredPool | Lost]) -> Iterator[dict[str, Any]]:
    """Each with what it changed of the one before."""
    for one, before in zip(states, [*states[1:], None], strict=True):
        if isinstance(one, Lost):
            yield {"revision": None, "problem": one.why}
        else:
            yield _entry(one, before if isinstance(before, StoredPool) else None)


def _entry(one: StoredPool, before: StoredPool | None) -> dict[str, Any]:
    revision: Revision = one.revision
    told = {
        "revision": str(revision),
        "version": revision.version,
        "written": datetime.fromtimestamp(one.written, UTC).isoformat(timespec="seconds") if one.written else None,
        "author": one.author or None,
        "changed": None,
        "fields": None,
        "moreFields": 0,
        "template": False,
    }
    if before is None or before.revision.uid != revision.uid:
        return told
    form = WRITTEN[one.pool.api_version]
    names = [change.field for change in field_changes(form.dump(before.pool), form.dump(one.pool))]
    return told | {
        "changed": one.pool != before.pool,
        "fields": names[:_MOST_FIELDS],
        "moreFields": max(0, len(names) - _MOST_FIELDS),
        "template": one.template != before.template,
    }
