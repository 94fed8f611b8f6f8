"""Names that a pool may not give."""

from scheduler.pools.model import RESERVED_NAMES


def reserved(name: str) -> str | None:
    return "is the name of a part of every load balancer; choose another one" if name in RESERVED_NAMES else None
