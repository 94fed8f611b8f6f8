"""The words for the state of a pool, and how a pending one is explained; shared by the server and its clients. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

_ROLE_MISSING = re.compile(r"role \S+ missing")

READY = "ready"
"""Traffic can flow: every wanted instance serves the current configuration with all its listeners and servers, each
backend that a frontend uses has a server, and changes of tasks reach the load balancers."""
DEGRADED = "degraded"
"""Every wanted instance has the current configuration, but traffic of some backend cannot flow, an instance lacks a
listener or servers, or changes of tasks do not reach the load balancers."""
DEPLOYING = "deploying"
PENDING = "pending"
"""An instance waits for an offer that fits."""
REJECTED = "rejected"
"""The current configuration was refused, by the template or by HAProxy; the one before is still served."""
UNKNOWN = "unknown"
"""The instances serve, but no scheduler is there to say whether that is all."""
REMOVING = "removing"
"""The pool was deleted; something of it is still there."""


def refusals(pending: Mapping[str, Any] | None) -> tuple[str, ...]:
    """`2 offers: port 80 not offered: agents offer 81`, `1 offer: role missing`: why no offer fits a pod's step.

    Offers of agents that hold nothing for the role come last: most agents do not. Empty when no offer was refused: then
    the step is under way, and its own summary says what it waits for.
    """
    if pending is None or pending.get("status") != "PREPARED":
        return ()
    reasons = [one for one in pending.get("reasons") or () if isinstance(one, Mapping)]
    reasons.sort(key=lambda one: _ROLE_MISSING.fullmatch(str(one["reason"])) is not None)
    return tuple(f"{one['count']} offer{'' if one['count'] == 1 else 's'}: {one['reason']}" for one in reasons)


def moved_by(pending: Mapping[str, Any] | None) -> str:
    """`agent1 is drained; waits for an offer of another agent`: why an instance that had a place looks for one; empty
    for one that never had any.
    """
    waits = str((pending or {}).get("waits") or "")
    return "" if waits == "waits for an offer" else waits


def deaths_note(row: Mapping[str, Any]) -> str:
    """`was ended by SIGKILL at 2026-11-29 21:14:05 UTC, 3 times so far`; empty when it never died."""
    if not row.get("deaths"):
        return ""
    last, times = row["deaths"][-1], row.get("died") or len(row["deaths"])
    at = datetime.fromtimestamp(last["at"], UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"{last['how']} at {at}{f', {times} times so far' if times > 1 else ''}"
