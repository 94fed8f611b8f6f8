"""What a master answers depending on who leads: itself, another one, nobody yet.

Knows the two refusals and the redirect of Mesos; the election itself is the shell's.
"""

from dataclasses import dataclass
from urllib.parse import urlencode

from sdk.local.core.http import Reply, Request, plain

# These a master answers itself, leading or not.
LOCAL = frozenset({"/", "/health", "/version", "/flags", "/metrics/snapshot", "/logging/toggle", "/system/stats.json"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Leadership:
    """Who leads, seen from one master. `leader` is `host:port`, None while there is none."""

    leader: str | None
    mine: bool
    recovered: bool = True
    """Whether the registry was read; false only for a leader at its start."""


def refusal(leadership: Leadership, request: Request, endpoint: str) -> Reply | None:
    """The answer that a request gets because of who leads, or None when this master is to answer it."""
    if endpoint in LOCAL or endpoint.startswith("/files/"):
        return None
    if leadership.leader is None:
        return plain(503, "No leader elected")
    if endpoint == "/redirect":
        return Reply(status=307, headers={"Location": f"//{leadership.leader}"})
    if not leadership.mine:
        query = f"?{urlencode(request.query)}" if request.query else ""
        return Reply(status=307, headers={"Location": f"//{leadership.leader}/master{endpoint}{query}"})
    if not leadership.recovered and endpoint.startswith("/api/v1"):
        return plain(503, "Master has not finished recovery")
    return None
