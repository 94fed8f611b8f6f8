"""The words for the state of a pool, and how a pending one is explained; shared by the server and its clients. Pure."""

from collections.abc import Mapping
from typing import Any

READY = "ready"
"""Every wanted instance serves the current configuration."""
DEPLOYING = "deploying"
PENDING = "pending"
"""An instance waits for an offer that fits."""
REJECTED = "rejected"
"""HAProxy refused the current configuration; the one before is still served."""
UNKNOWN = "unknown"
"""The instances serve, but no scheduler is there to say whether that is all."""
REMOVING = "removing"
"""The pool was deleted; something of it is still there."""


def refusals(pending: Mapping[str, Any] | None) -> str:
    """`2 offers: ports 80 not free; 1 offer: role slave_public missing` of a pod whose step found no fitting offer.

    Empty when no offer was refused: then the step is under way, and its own summary says what it waits for.
    """
    if pending is None or pending.get("status") != "PREPARED":
        return ""
    reasons = [one for one in pending.get("reasons") or () if isinstance(one, Mapping)]
    return "; ".join(f"{one['count']} offer{'' if one['count'] == 1 else 's'}: {one['reason']}" for one in reasons)
