"""Rules that need more than one value of a pool: names that must exist or differ, fields that exclude each other.

Knows only `Pool`. A single value's own bounds are in scheduler.pools.schema and texts.py. Everything returns values;
nothing raises.
"""

from collections.abc import Iterator

from scheduler.pools.checks.backends import backend_name_problems, backend_problems
from scheduler.pools.checks.frontends import frontend_problems
from scheduler.pools.checks.links import link_problems
from scheduler.pools.checks.listeners import listener_problems, port_problems
from scheduler.pools.checks.material import secret_problems, tls_problems
from scheduler.pools.checks.networks import network_problems
from scheduler.pools.checks.raw import raw_problems
from scheduler.pools.checks.same import Same
from scheduler.pools.model import Backend, Pool
from scheduler.pools.problems import Problem

__all__ = ["pool_problems", "raw_problems"]


def pool_problems(pool: Pool, sound: Pool | None = None) -> Iterator[Problem]:
    """Every rule that the pool breaks, in the order of the fields. The time grows with the pool's size only.

    `sound` breaks none: whoever makes a large pool of it is told of what is new.
    """
    same = Same(sound)
    backends: dict[str, Backend] = {}
    for backend in pool.haproxy.backends:
        backends.setdefault(backend.name, backend)
    yield from port_problems(pool)
    yield from network_problems(pool)
    yield from secret_problems(pool)
    yield from listener_problems(pool)
    yield from tls_problems(pool)
    for index, frontend in enumerate(pool.haproxy.frontends):
        yield from frontend_problems(index, frontend)
        yield from link_problems(backends, index, frontend, same)
    yield from backend_name_problems(pool)
    for index, backend in enumerate(pool.haproxy.backends):
        if not same.has(backend):
            yield from backend_problems(index, backend)
