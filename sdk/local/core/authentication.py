"""HTTP basic authentication: who asks, and what those get who do not say it rightly.

Knows the realms of endpoints and the files of credentials. Who may do what stands in `authorization`. Secrets are never
part of a message.
"""

import base64
import binascii
import hmac
import json
from collections.abc import Mapping

from sdk.local.core.http import Refusal, Request, plain

_OPEN = frozenset({"/health", "/version", "/redirect", "/"})
_READ_WRITE = frozenset(
    {"/api/v1", "/teardown", "/reserve", "/unreserve", "/create-volumes", "/destroy-volumes", "/machine/down",
     "/machine/up", "/maintenance/schedule", "/maintenance/status", "/quota", "/weights", "/logging/toggle",
     "/internal/faults"}
)  # fmt: skip
# Executors do not say who they are: they are told apart by their ids alone, as with a real agent by default.
_AGENT_OPEN = frozenset({"/health", "/version", "/api/v1/executor"})
_AGENT_READ_WRITE = frozenset({"/api/v1", "/internal/faults"})


def realm(endpoint: str) -> str | None:
    """The realm of a master's endpoint, None for those that everybody may ask."""
    if endpoint in _OPEN:
        return None
    if endpoint == "/api/v1/scheduler":
        return "mesos-master-scheduler"
    return "mesos-master-readwrite" if endpoint in _READ_WRITE else "mesos-master-readonly"


def agent_realm(endpoint: str) -> str | None:
    """The realm of an agent's endpoint, None for those that everybody may ask."""
    if endpoint in _AGENT_OPEN:
        return None
    return "mesos-agent-readwrite" if endpoint in _AGENT_READ_WRITE else "mesos-agent-readonly"


def principal(request: Request, wanted: str | None, credentials: Mapping[str, str] | None) -> str | None:
    """Who asks for something of the realm `wanted`; None when nobody has to say. Refuses with 401 who is not known."""
    if credentials is None or wanted is None:
        return None
    kind, _, encoded = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            name, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            name, colon, secret = "", "", ""
        expected = credentials.get(name)
        if colon and expected is not None and hmac.compare_digest(expected.encode(), secret.encode()):
            return name
    raise Refusal(plain(401, "401 Unauthorized.", {"WWW-Authenticate": f'Basic realm="{wanted}"'}))


def parse_credentials(content: str) -> dict[str, str]:
    """Secrets by principal, from either of the formats of Mesos: a JSON object with `credentials`, or lines of
    `principal secret`. ValueError says where it is neither, without saying a secret.
    """
    if not content.lstrip().startswith("{"):
        return dict(_line(number, line) for number, line in enumerate(content.splitlines(), 1) if line.strip())
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise ValueError("the credentials are not JSON, though they begin with a brace") from None
    items = document.get("credentials")
    if not isinstance(items, list):
        raise ValueError("credentials must be a list of objects with principal and secret")
    return dict(_item(f"credentials[{place}]", item) for place, item in enumerate(items))


def _item(path: str, item: object) -> tuple[str, str]:
    name, secret = (item.get("principal"), item.get("secret")) if isinstance(item, dict) else (None, None)
    if not isinstance(name, str) or not isinstance(secret, str) or not name:
        raise ValueError(f"{path} must be an object with a principal and a secret, both strings")
    return name, secret


def _line(number: int, line: str) -> tuple[str, str]:
    words = line.split()
    if len(words) != 2:
        raise ValueError(f"line {number} of the credentials must be a principal and a secret with a space between")
    return words[0], words[1]
