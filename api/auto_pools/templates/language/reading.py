"""What is worked out once of a text: the meaning that stays the same whatever tasks run. Pure."""

import json
from typing import Any

from api.auto_pools.claims.policy import Policy
from api.auto_pools.claims.policy_schema import read_policy
from api.auto_pools.templates.language.form import BLOCKS
from api.auto_pools.templates.language.functions import merge
from api.auto_pools.templates.language.meaning import OVERLAID, Meaning, default_meaning
from api.auto_pools.templates.language.program import Program
from api.auto_pools.templates.stored_template import pool_of
from scheduler.pools.problems import InvalidPool
from scheduler.pools.schema import load_pool

_NOT_HERE = {
    "name": "a pool is called after its template",
    "haproxy": "the block stats has haproxy.stats, and labels say frontends and backends",
    "apiVersion": "it is a pool of version 2",
    "type": "it is template-dynamic",
}


def read_meaning(program: Program, name: str) -> Meaning:
    """The meaning of the template of this name. Raises InvalidSpec."""
    if not program.layered:
        return Meaning(pool=default_meaning(name).pool, whole=True)
    pool = printed_object(program, "pool", name)
    for key, why in _NOT_HERE.items():
        if key in pool:
            raise program.wrong("pool", values_of(name), (key,), f"{key} does not stand here: {why}")
    stats = printed_object(program, "stats", name)
    policy = _policy(program, name)
    try:
        made = load_pool({**pool, "name": pool_of(name), "haproxy": {"stats": stats}})
    except InvalidPool as error:
        problem = error.problems[0]
        block, at = ("stats", problem.steps[2:]) if problem.steps[:1] == ("haproxy",) else ("pool", problem.steps)
        raise program.wrong(block, values_of(name), at, str(problem)) from error
    printed = program.blocks & {"tasks", *OVERLAID}
    return Meaning(pool=made, policy=policy, printed=printed, lines=program.lines)


def _policy(program: Program, name: str) -> Policy:
    try:
        return read_policy(printed_object(program, "policy", name))
    except InvalidPool as error:
        problem = error.problems[0]
        raise program.wrong("policy", values_of(name), problem.steps, str(problem)) from error


def values_of(name: str) -> dict[str, object]:
    """What every block may use."""
    return {"template": name}


def printed_object(program: Program, block: str, name: str) -> dict[str, Any]:
    """The object that a block prints, over what it is by default."""
    printed = program.block(block, values_of(name), f"block {block}") if block in program.blocks else None
    if printed is not None and not isinstance(printed, dict):
        raise program.wrong(block, values_of(name), (), f"block {block} must print a JSON object")
    merged: dict[str, Any] = merge(json.loads(BLOCKS[block]), printed or {})
    return merged
