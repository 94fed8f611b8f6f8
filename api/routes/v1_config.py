"""All pools of version 1 replaced at once, by the one request that does so.

Every pool is checked before the first one is written. The writes are one after the other, each on the condition that
nobody changed the pool meanwhile; a request that ends in between can be repeated.
"""

from flask import request

from api.routes.judging import require_taken
from api.routes.pool_forms import V1
from api.routes.pool_operations import tag_of_body
from api.validation.judgement import as_stored
from api.web.authentication import account
from api.web.bodies import read_json
from api.web.conditions import Condition, require_condition
from api.web.context import Context
from api.web.problems import ApiProblem
from scheduler.pools.model import ApiVersion, Pool
from scheduler.pools.problems import InvalidPool
from scheduler.pools.stored.store import PoolExists, PoolMissing, PoolView, VersionMismatch
from scheduler.pools.v1.schema import CONFIG, load_v1_config


def replace_all(context: Context) -> None:
    """Let the pools of the body be all that there are of version 1."""
    body = read_json(request, "the pools")
    items = body.get("pools") if isinstance(body, dict) else None
    # As in a single pool, a tag says which state of it was read.
    tags = [
        tag_of_body(item, f"{CONFIG}.pools[{at}]") for at, item in enumerate(items if isinstance(items, list) else ())
    ]
    try:
        pools = load_v1_config(body)
    except InvalidPool as error:
        raise ApiProblem.of_pool(error) from error
    view = context.pools.all()
    _refuse_foreign(pools, view)
    for pool in pools:
        known = view.get(pool.name)
        if known is None or known.pool != pool:
            require_taken(context.trials, V1, as_stored(pool, known))
    if context.requires_conditions:
        _require_tags(pools, tags, view)
    try:
        for pool, tag in zip(pools, tags, strict=True):
            _store(context, pool, tag, view)
        wanted = {pool.name for pool in pools}
        for name, stored in view.items():
            if stored.pool.api_version is ApiVersion.V1 and name not in wanted:
                context.pools.delete(name, str(stored.revision))
    except (PoolExists, PoolMissing, VersionMismatch) as error:
        status = 412 if any(tags) else 409
        raise ApiProblem(status, f"{error}; the pools before it are as the request says already") from error
    except InvalidPool as error:
        raise ApiProblem.of_pool(error) from error


def _refuse_foreign(pools: tuple[Pool, ...], view: PoolView) -> None:
    for pool in pools:
        found = view.get(pool.name)
        if found is not None and found.pool.api_version is not ApiVersion.V1:
            where = f"it is at v2/pools/{pool.name}"
            raise ApiProblem(409, f"pool {pool.name} is a pool of API version {found.pool.api_version}: {where}")


def _require_tags(pools: tuple[Pool, ...], tags: list[str | None], view: PoolView) -> None:
    """Of each pool that becomes another one, or would be deleted because it is not named."""
    of = {pool.name: (pool, tag) for pool, tag in zip(pools, tags, strict=True)}
    for name, stored in view.items():
        pool, tag = of.get(name, (None, None))
        if stored.pool.api_version is ApiVersion.V1 and pool != stored.pool:
            require_condition(Condition(must_exist=tag is not None), name)


def _store(context: Context, pool: Pool, tag: str | None, view: PoolView) -> None:
    known = view.get(pool.name)
    if known is None:
        context.pools.create(pool, account())
    elif pool != known.pool or tag is not None:
        context.pools.replace(pool, tag or str(known.revision), account())
