"""What can be done to pools over HTTP: list, create, show, replace and delete them. Shared by the versions of the API.

Knows conditions, warnings and which status tells what. Does not know the routes.
"""

from typing import Any

from flask import Response, jsonify, request

from api.accounts import account
from api.bodies import read_json
from api.conditions import Condition, condition
from api.context import Context, not_found, plain
from api.problems import ApiProblem
from scheduler.pools import texts
from scheduler.pools.advice import pool_warnings
from scheduler.pools.model import Pool
from scheduler.pools.output import output_pool
from scheduler.pools.problems import InvalidPool
from scheduler.pools.schema import load_pool
from scheduler.pools.store import PoolExists, PoolMissing, VersionMismatch
from scheduler.pools.stored import StoredPool
from sdk.errors import CorruptRecord

_WARNING_HEADER = "X-Edgelb-Warning"


class PoolOperations:
    """On the pools of one API server, for the request at hand."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def config(self) -> dict[str, Any]:
        """All pools as one object."""
        return {"pools": [output_pool(stored.pool) for stored in self._context.pools.all().values()]}

    def all(self) -> Response:
        """All pools, by name; a warning for each that cannot be read."""
        view = self._context.pools.all()
        response = jsonify([output_pool(stored.pool) for stored in view.values()])
        for name, problem in view.unreadable.items():
            _warn(response, f"pool {name} is left out: {problem}")
        return response

    def create(self) -> Response:
        """Store the pool of the body, which must be new."""
        pool, _ = _pool_of_body()
        wanted = condition(request.headers)
        try:
            response = _answer(self._context.pools.create(pool, account()))
        except PoolExists as error:
            raise ApiProblem(412 if wanted.must_be_new else 409, str(error)) from error
        except InvalidPool as error:
            raise ApiProblem.of_pool(error) from error
        if doubt := self._context.scheduler.doubt():
            _warn(response, doubt)
        return response

    def show(self, name: str) -> Response:
        """One pool; 304 when the caller has it already."""
        response = _answer(self._context.stored(name))
        response.make_conditional(request)
        return response

    def update(self, name: str) -> Response:
        """Replace the pool by that of the body, or create it where the request says so."""
        if texts.pool_name(name):
            raise not_found(name)
        pool, tag = _pool_of_body()
        wanted = condition(request.headers, tag)
        if pool.name != name:
            raise ApiProblem(
                400, f"pool.name: {pool.name} invalid: must be {name}, the name in the URL; pools cannot be renamed"
            )
        try:
            if wanted.must_be_new:
                return _answer(self._context.pools.create(pool, account()))
            return _answer(self._context.pools.replace(pool, wanted.tag, account()))
        except PoolMissing as error:
            raise _missing(name, wanted) from error
        except (VersionMismatch, PoolExists) as error:
            raise ApiProblem(412, str(error)) from error
        except InvalidPool as error:
            raise ApiProblem.of_pool(error) from error

    def delete(self, name: str) -> Response:
        """Remove the pool."""
        if texts.pool_name(name):
            raise not_found(name)
        wanted = condition(request.headers)
        try:
            self._context.pools.delete(name, wanted.tag)
        except PoolMissing as error:
            raise _missing(name, wanted) from error
        except VersionMismatch as error:
            raise ApiProblem(412, str(error)) from error
        response = Response(status=204)
        response.headers.pop("Content-Type")
        return response

    def lb_config(self, name: str) -> Response:
        """The configuration that was rendered for the pool."""
        uid = self._context.stored(name).revision.uid
        try:
            text = self._context.published.config_text(name, uid)
        except CorruptRecord as error:
            raise ApiProblem(500, f"the rendered configuration of pool {name} cannot be read: {error}") from error
        if text is None:
            message = f"no configuration has been rendered for pool {name} yet"
            raise ApiProblem(504, f"{message}: check that edgelb run template (or edgelb serve) is running")
        return plain(text)


def _pool_of_body() -> tuple[Pool, str | None]:
    """The pool, and the `etag` that stands in it when it came from `edgelb show --json`."""
    body = read_json(request)
    tag = body.pop("etag", None) if isinstance(body, dict) else None
    if tag is not None and not isinstance(tag, str):
        raise ApiProblem(400, "pool.etag: must be a string, the entity tag of the pool that was read")
    try:
        return load_pool(body), tag
    except InvalidPool as error:
        raise ApiProblem.of_pool(error) from error


def _missing(name: str, wanted: Condition) -> ApiProblem:
    if wanted.must_exist:
        return ApiProblem(412, f"there is no pool {name} any more, or not yet; create it without If-Match")
    return not_found(name)


def _answer(stored: StoredPool) -> Response:
    response = jsonify(output_pool(stored.pool))
    response.headers["ETag"] = stored.etag
    for warning in pool_warnings(stored.pool):
        _warn(response, warning)
    return response


def _warn(response: Response, text: str) -> None:
    response.headers.add(_WARNING_HEADER, " ".join(text.encode("ascii", "replace").decode().split())[:500])
