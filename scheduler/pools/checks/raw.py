"""What a pool says in HAProxy's own words, where an operator takes none."""

from collections.abc import Iterator

from scheduler.pools.problems import Problem
from scheduler.pools.stored.record import StoredPool

_RULE = "is not taken here: words of HAProxy's own are switched off (EDGELB_RAW_STRINGS)"


def raw_problems(stored: StoredPool) -> Iterator[Problem]:
    """Each field that holds some, and a template of its own.

    Fields with a grammar of their own, such as the options of servers, hold none.
    """
    pool = stored.pool
    for index, frontend in enumerate(pool.haproxy.frontends):
        path = f"pool.haproxy.frontends[{index}]"
        if frontend.bind_modifier:
            yield Problem(path=f"{path}.bindModifier", rule=_RULE)
        if frontend.misc_strs:
            yield Problem(path=f"{path}.miscStrs", rule=_RULE)
    for index, backend in enumerate(pool.haproxy.backends):
        if backend.misc_strs:
            yield Problem(path=f"pool.haproxy.backends[{index}].miscStrs", rule=_RULE)
    if stored.template:
        yield Problem(path="lbtemplate", rule=_RULE)
