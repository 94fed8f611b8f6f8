"""Values that are stored and never shown: whoever writes back what he was shown means the value that is there. Pure."""

from dataclasses import replace

from scheduler.pools.model import Pool
from scheduler.pools.problems import InvalidPool, Problem

#: What stands for the value of a variable that becomes a file, wherever a pool is shown: it is a key, as a rule.
HIDDEN = "<hidden>"


def shown(pool: Pool) -> Pool:
    """The pool as it may be shown."""
    return replace(
        pool,
        environment=tuple(replace(one, value=HIDDEN) if one.is_file and one.value else one for one in pool.environment),
    )


def hides(pool: Pool) -> bool:
    """Whether a value of the pool is only what stands for one that is not shown."""
    return any(one.value == HIDDEN for one in pool.environment)


def revealed(pool: Pool, before: Pool | None) -> Pool:
    """The pool with the values of the one before in their places; raises InvalidPool where that has none."""
    known = {one.name: one.value for one in before.environment} if before is not None else {}
    missing = [one.name for one in pool.environment if one.value == HIDDEN and known.get(one.name, HIDDEN) == HIDDEN]
    if missing:
        rule = f"is what stands for a value that is not shown ({HIDDEN}), and none is stored: give the value itself"
        raise InvalidPool(
            Problem(path=f"pool.environmentVariables.{name}", rule=rule, keys=("environmentVariables", name))
            for name in missing
        )
    environment = (replace(one, value=known[one.name]) if one.value == HIDDEN else one for one in pool.environment)
    return replace(pool, environment=tuple(environment))
