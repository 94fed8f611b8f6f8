"""HTTP basic authentication: who asks, and what those get who do not say it rightly.

Knows the realms of the master's endpoints. There are no rules here about who may do what: whoever is known may do all.
"""

import base64
import binascii
from collections.abc import Mapping

from sdk.local.core.http import Refusal, Request, plain

_OPEN = frozenset({"/health", "/version", "/redirect", "/"})
_READ_WRITE = frozenset(
    {"/api/v1", "/teardown", "/reserve", "/unreserve", "/create-volumes", "/destroy-volumes", "/machine/down",
     "/machine/up", "/maintenance/schedule", "/maintenance/status", "/quota", "/weights", "/logging/toggle"}
)  # fmt: skip


def realm(endpoint: str) -> str | None:
    """The realm of an endpoint, None for those that everybody may ask."""
    if endpoint in _OPEN:
        return None
    if endpoint == "/api/v1/scheduler":
        return "mesos-master-scheduler"
    return "mesos-master-readwrite" if endpoint in _READ_WRITE else "mesos-master-readonly"


def principal(request: Request, endpoint: str, credentials: Mapping[str, str] | None) -> str | None:
    """Who asks; None when nobody has to say. Refuses with 401 who is not known."""
    wanted = realm(endpoint)
    if credentials is None or wanted is None:
        return None
    kind, _, encoded = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            name, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            name, colon, secret = "", "", ""
        if colon and credentials.get(name) == secret:
            return name
    raise Refusal(plain(401, "401 Unauthorized.", {"WWW-Authenticate": f'Basic realm="{wanted}"'}))
