"""What can be done to pools over HTTP in one version of the API: list, create, show, replace and delete them.

Knows conditions, warnings and which status tells what. Knows neither the routes nor the forms of pools.
"""

from collections.abc import Iterable
from typing import Any

from flask import Response, jsonify, request

from api.observed.live_pools import LivePools
from api.routes.judging import require_taken, verdict
from api.routes.pool_forms import Form
from api.routes.principals import require_own
from api.routes.rehearsal import Rehearsal, is_rehearsal, rehearsed
from api.validation.judgement import as_stored
from api.web.authentication import account, require_change
from api.web.bodies import read_json
from api.web.conditions import Condition, condition, require_condition
from api.web.context import Context, not_found, plain
from api.web.problems import ApiProblem
from api.web.warning import warn
from scheduler.pools.advice.pool import pool_warnings
from scheduler.pools.model import MADE, ApiVersion, Pool, PoolType
from scheduler.pools.problems import InvalidPool
from scheduler.pools.stored.record import StoredPool
from scheduler.pools.stored.store import PoolExists, PoolMissing, PoolView, VersionMismatch
from scheduler.pools.words import texts
from sdk.errors import CorruptRecord


class PoolOperations:
    """On the pools of one API server that are shown in `form`, for the request at hand."""

    def __init__(self, context: Context, form: Form) -> None:
        self._context = context
        self._form = form

    def config(self) -> dict[str, Any]:
        """All pools as one object."""
        return {"pools": self._dumped(self._context.pools.all())}

    def all(self) -> Response:
        """All pools, by name; a warning for each that cannot be read."""
        view = self._context.pools.all()
        response = jsonify(self._dumped(view))
        for name, problem in view.unreadable.items():
            warn(response, f"pool {name} is left out: {problem}")
        return response

    def stored(self, name: str) -> StoredPool:
        """The pool; ApiProblem 404 when there is none that is shown in this form."""
        stored = self._context.stored(name)
        if stored.pool.api_version not in self._form.shown:
            raise _elsewhere(stored.pool)
        return stored

    def create(self) -> Response:
        """Store the pool of the body, which must be new."""
        pool, _ = self._pool_of_body()
        require_change(pool.name)
        wanted = condition(request.headers)
        warnings = self._warnings(pool, None)
        change = self._change()
        try:
            response = self._answer(change, change.create(pool, account()), warnings)
        except PoolExists as error:
            raise ApiProblem(412 if wanted.must_be_new else 409, str(error)) from error
        except InvalidPool as error:
            raise ApiProblem.of_pool(error) from error
        if doubt := self._context.scheduler.doubt():
            warn(response, doubt)
        return response

    def validate(self) -> Response:
        """What would be said of the pool of the body if it was stored."""
        body = read_json(request)
        tag_of_body(body, "pool")
        context = self._context
        return jsonify(
            verdict(context.trials, self._form, body, account(), framework=context.framework, ask=context.prospects.ask)
        )

    def show(self, name: str) -> Response:
        """One pool; 304 when the caller has it already."""
        response = self._shown(self.stored(name))
        response.make_conditional(request)
        return response

    def update(self, name: str) -> Response:
        """Replace the pool by that of the body, or create it where the request says so."""
        if texts.pool_name(name):
            raise not_found(name)
        self._refuse_made(name, "change")
        pool, tag = self._pool_of_body()
        wanted = condition(request.headers, tag)
        if pool.name != name:
            raise ApiProblem(
                400, f"pool.name: {pool.name} invalid: must be {name}, the name in the URL; pools cannot be renamed"
            )
        self._require_condition(name, wanted)
        warnings = self._warnings(pool, self._present(name))
        change = self._change()
        try:
            if wanted.must_be_new:
                return self._answer(change, change.create(pool, account()), warnings)
            self._refuse_elsewhere(name)
            return self._answer(change, change.replace(pool, wanted.tag, account()), warnings)
        except PoolMissing as error:
            raise _missing(name, wanted) from error
        except (VersionMismatch, PoolExists) as error:
            raise ApiProblem(412, str(error)) from error
        except InvalidPool as error:
            raise ApiProblem.of_pool(error) from error

    def restore(self, earlier: StoredPool) -> Response:
        """Give the pool this content again, in the version in which that was written; create it where it is gone."""
        pool, name = earlier.pool, earlier.pool.name
        self._refuse_made(name, "change")
        wanted = condition(request.headers)
        self._require_condition(name, wanted)
        warnings = self._warnings(pool, self._present(name))
        change = self._change()
        try:
            if wanted.must_be_new or not (wanted.must_exist or self._is_there(name)):
                return self._answer(change, change.create(pool, account()), warnings)
            return self._answer(change, change.replace(pool, wanted.tag, account()), warnings)
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
        self._refuse_elsewhere(name)
        self._refuse_made(name, "delete")
        self._require_condition(name, wanted)
        change = self._change()
        try:
            change.delete(name, wanted.tag)
        except PoolMissing as error:
            raise _missing(name, wanted) from error
        except VersionMismatch as error:
            raise ApiProblem(412, str(error)) from error
        if isinstance(change, Rehearsal):
            return self._rehearsed(change, None, ())
        response = Response(status=204)
        response.headers.pop("Content-Type")
        return response

    def lb_config(self, name: str) -> Response:
        """The configuration that was rendered for the pool."""
        uid = self.stored(name).revision.uid
        try:
            text = self._context.published.config_text(name, uid)
        except CorruptRecord as error:
            raise ApiProblem(500, f"the rendered configuration of pool {name} cannot be read: {error}") from error
        if text is None:
            message = f"no configuration has been rendered for pool {name} yet"
            raise ApiProblem(504, f"{message}: check that edgelb run template (or edgelb serve) is running")
        return plain(text)

    def _dumped(self, view: PoolView) -> list[dict[str, Any]]:
        pools = (stored.pool for stored in view.values())
        return [self._form.dump(pool) for pool in pools if pool.api_version in self._form.shown]

    def _refuse_elsewhere(self, name: str) -> None:
        """A change must not turn a pool into one of this version if that does not show it."""
        if self._form.shown >= frozenset(ApiVersion):
            return
        found = self._present(name)
        if found is not None and found.pool.api_version not in self._form.shown:
            raise _elsewhere(found.pool)

    def _refuse_made(self, name: str, verb: str) -> None:
        """What people write into a pool that is made from labels would be gone with the next label."""
        found = self._present(name)
        if found is None or found.pool.type is PoolType.STATIC or found.pool.api_version not in self._form.shown:
            return
        template = name.removeprefix(MADE)
        instead = (
            "it ends with the last application that asks for it, or with its pool template (edgelb pool-template"
            f" delete {template}); with EDGELB_AUTO_POOLS=0 nothing ends it until that is on again"
            if verb == "delete"
            else f"change these labels, or its pool template (edgelb pool-template update {template} FILE)"
        )
        raise ApiProblem(409, f"pool {name} is made from the labels of applications, nobody can {verb} it: {instead}")

    def _require_condition(self, name: str, wanted: Condition) -> None:
        """Of a change of what is there, where the operator wants it; what is only rehearsed loses nobody's change."""
        if not self._context.requires_conditions or is_rehearsal(request):
            return
        if self._is_there(name):
            require_condition(wanted, name)

    def _is_there(self, name: str) -> bool:
        """Damaged or not."""
        try:
            return self._context.pools.get(name) is not None
        except CorruptRecord:
            return True

    def _present(self, name: str) -> StoredPool | None:
        """The pool as it is; None also of one that is damaged: whoever replaces it mends it, and it can be deleted."""
        try:
            return self._context.pools.get(name)
        except CorruptRecord:
            return None

    def _pool_of_body(self) -> tuple[Pool, str | None]:
        body = read_json(request)
        tag = tag_of_body(body, "pool")
        try:
            return self._form.load(body), tag
        except InvalidPool as error:
            raise ApiProblem.of_pool(error) from error

    def _warnings(self, pool: Pool, before: StoredPool | None) -> tuple[str, ...]:
        """What has to be said of a pool that may be stored; ApiProblem 400 for one that may not."""
        prospect = self._context.prospects.ask(pool, before and before.pool)
        return (
            *require_own(self._context.scheduler, pool),
            *require_taken(self._context.trials, self._form, as_stored(pool, before)),
            *map(self._form.sentence, prospect.warnings()),
        )

    def _change(self) -> LivePools | Rehearsal:
        """What carries the change out that the request asks for."""
        return Rehearsal(self._context.pools) if is_rehearsal(request) else self._context.pools

    def _answer(self, change: LivePools | Rehearsal, stored: StoredPool, warnings: Iterable[str]) -> Response:
        if isinstance(change, Rehearsal):
            return self._rehearsed(change, stored, warnings)
        response = self._shown(stored)
        for warning in warnings:
            warn(response, warning)
        return response

    def _rehearsed(self, change: Rehearsal, after: StoredPool | None, warnings: Iterable[str]) -> Response:
        advice = (
            map(self._form.sentence, pool_warnings(after.pool, self._context.framework)) if after is not None else ()
        )
        return jsonify(rehearsed(self._context.trials, self._form, change.before, after, (*advice, *warnings)))

    def _shown(self, stored: StoredPool) -> Response:
        response = jsonify(self._form.dump(stored.pool))
        response.headers["ETag"] = stored.etag
        for warning in pool_warnings(stored.pool, self._context.framework):
            warn(response, self._form.sentence(warning))
        return response


def tag_of_body(body: object, path: str) -> str | None:
    """The `etag` that stands in a pool that came from `edgelb show --json`, taken out of it."""
    tag = body.pop("etag", None) if isinstance(body, dict) else None
    if tag is not None and not isinstance(tag, str):
        raise ApiProblem(400, f"{path}.etag: must be a string, the entity tag of the pool that was read")
    return tag


def _elsewhere(pool: Pool) -> ApiProblem:
    version = pool.api_version
    return ApiProblem(404, f"pool not found: {pool.name} is a pool of API version {version}, at v2/pools/{pool.name}")


def _missing(name: str, wanted: Condition) -> ApiProblem:
    if wanted.must_exist:
        return ApiProblem(412, f"there is no pool {name} any more, or not yet; create it without If-Match")
    return not_found(name)
