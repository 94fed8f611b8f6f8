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


def waits_for_offer(pending: Mapping[str, Any] | None) -> bool:
    """Whether a pod's `pending` says that offers came and none fitted, as opposed to a step that is under way."""
    return pending is not None and pending.get("status") == "PREPARED"


def pending_text(pending: Mapping[str, Any]) -> str:
    """`2 offers: ports 80 not free; 1 offer: role slave_public missing`, or the summary when no offer was refused."""
    reasons = [one for one in pending.get("reasons") or () if isinstance(one, Mapping)]
    if not reasons:
        return str(pending.get("summary") or "no offer has been seen yet")
    return "; ".join(f"{one['count']} offer{'' if one['count'] == 1 else 's'}: {one['reason']}" for one in reasons)
