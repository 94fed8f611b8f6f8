"""The files that say who may talk to a master or agent, and do what: credentials and access control lists.

Reads them and names the option when they are wrong; what they mean stands in `core.authentication` and
`core.authorization`.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

from sdk.local.core.authentication import agent_realm, parse_credentials, principal
from sdk.local.core.authorization import Acls, parse
from sdk.local.web import Handler, received


def read_credentials(path: Path, option: str) -> dict[str, str]:
    """Secrets by principal from a file; ValueError when there is none in it that can be used."""
    try:
        return parse_credentials(_content(path))
    except ValueError as error:
        raise ValueError(f"{option} {path}: {error}") from None


def read_acls(path: Path) -> Acls:
    """The rules in a file; ValueError when it is not a file of rules that this master checks."""
    try:
        document = json.loads(_content(path))
    except json.JSONDecodeError as error:
        raise ValueError(f"--acls {path}: not JSON: {error}") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"--acls {path}: {error}") from None
    try:
        return parse(document)
    except ValueError as error:
        raise ValueError(f"--acls {path}: {error}") from None


def _content(path: Path) -> str:
    # The real master wants a URL.
    name = Path(str(path).removeprefix("file:"))
    try:
        return name.read_text()
    except OSError as error:
        raise ValueError(error.strerror) from None
    except UnicodeDecodeError:
        raise ValueError("not UTF-8 text") from None


def guarded(endpoints: Mapping[str, Handler], credentials: Mapping[str, str] | None) -> dict[str, Handler]:
    """An agent's endpoints behind the check of credentials, if there are any."""
    if credentials is None:
        return dict(endpoints)
    return {name: _guarded(handler, agent_realm(name), credentials) for name, handler in endpoints.items()}


def _guarded(handler: Handler, realm: str | None, credentials: Mapping[str, str]) -> Handler:
    async def checked(request: web.Request) -> web.StreamResponse:
        principal(await received(request), realm, credentials)
        return await handler(request)

    return checked
