"""Which field of a pool something is about that is known by a name of HAProxy's. Pure."""

import re
from collections.abc import Iterable

from pool_executor.contract import Part
from scheduler.pools.model import STATS_PORT_NAME, Pool

_NAMED = re.compile(r"\b(?:frontend|backend|proxy|listen) '?([A-Za-z0-9_.:-]+)", re.IGNORECASE)


def frontend_field(pool: Pool, name: str) -> str | None:
    """The path of a frontend or of the statistics listener; None when the pool has no such one (any more)."""
    if name == STATS_PORT_NAME:
        return "pool.haproxy.stats"
    return _indexed("frontends", (one.name for one in pool.haproxy.frontends), name)


def backend_field(pool: Pool, name: str) -> str | None:
    """The path of a backend; None when the pool has no such one (any more)."""
    return _indexed("backends", (one.name for one in pool.haproxy.backends), name)


def refused_field(pool: Pool, parts: Iterable[Part], message: str) -> str | None:
    """The path of what HAProxy's message is about: it names a proxy, or the file of a listener; None when neither."""
    for name in _NAMED.findall(message):
        # A sentence or a quotation may end behind the name.
        for candidate in (name, name.rstrip(".:")):
            if found := backend_field(pool, candidate) or frontend_field(pool, candidate):
                return found
    listeners = (part.listener for part in parts if part.listener and part.name in message)
    return next((found for name in listeners if (found := frontend_field(pool, name))), None)


def _indexed(kind: str, names: Iterable[str], name: str) -> str | None:
    return next((f"pool.haproxy.{kind}[{at}]" for at, one in enumerate(names) if one == name), None)
