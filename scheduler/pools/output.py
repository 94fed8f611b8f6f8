"""A pool as the API prints it: its full shape without what says nothing. Pure."""

from typing import Any

from scheduler.pools.model import Pool
from scheduler.pools.schema import dump_pool
from scheduler.pools.stored.hidden import shown
from scheduler.pools.v1.schema import dump_v1_pool


def output_pool(pool: Pool) -> dict[str, Any]:
    """The pool as version 2 prints it: zero values are dropped, unless absence would mean another value."""
    shape: dict[str, Any] = _without_zeros(dump_pool(shown(pool)))
    return shape


def output_v1_pool(pool: Pool) -> dict[str, Any]:
    """The pool as version 1 prints it; it was written in that form."""
    shape: dict[str, Any] = _without_zeros(dump_v1_pool(shown(pool)))
    return shape


# Fields whose zero value has to be written: they are documented as nullable, or their default is not zero.
_KEEP_ZERO = frozenset(
    (
        *("namespace", "constraints", "count", "disk", "cpusAdminOverhead", "memAdminOverhead", "bindPort", "enabled"),
        *("forwardfor", "xForwardedPort", "xForwardedProtoHttpsIfTls", "setHostHeader", "rewritePath"),
        *("rewriteLocation", "weight", "percent", "on", "methods", "http2"),
        # What is there is on, whatever it holds; and 0 takes back what browsers were told before.
        *("acceptProxy", "maxAge"),
    )
)


def _without_zeros(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {}
        for name, item in value.items():
            cleaned = _without_zeros(item) if isinstance(item, dict | list) else item
            if cleaned or (cleaned is not None and name in _KEEP_ZERO):
                kept[name] = cleaned
        return kept
    if isinstance(value, list):
        # The elements of an array are never dropped: their place counts.
        return [_without_zeros(item) for item in value]
    return value
