"""Who may change something over HTTP: the checks that stand before every route of every server of ours.

Knows that browsers send requests of foreign pages, what they say of them, and which requests need a caller who is known
(who that is, `sdk.http.access` tells). Does not know users.
"""

import re
from collections.abc import Collection, Sequence
from typing import Any
from urllib.parse import urlsplit

import structlog
from flask import Blueprint, Flask, Request, current_app, request

from sdk.http.access import Right, Way
from sdk.http.address import own_names
from sdk.http.errors import HttpError
from sdk.http.openapi import is_open
from sdk.net.address import is_address

_log = structlog.get_logger()
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
# What a page may have sent by a visitor's browser without asking first is text/plain, a form, or nothing at all.
_JSON, _TEXT, _FORM = "application/json", "text/plain", "application/x-www-form-urlencoded"
_BEARER = {"WWW-Authenticate": "Bearer"}


def require_sound_changes(
    app: Flask, also: Collection[str] = (), texts: Collection[str] = (), forms: Collection[str] = ()
) -> None:
    """Refuse changes that a foreign page may have made a browser send: 403 for its origin, 415 for another body than
    JSON. Media types of `also` are taken as well, none of which a page may send without asking first. So is text/plain
    with PUT by the endpoints of `texts`, and a form by those of `forms`, which see themselves that it is one of ours.
    """

    @app.before_request
    def check() -> None:
        if request.method in _READING or request.routing_exception is not None:
            return
        if (origin := foreign_origin(request)) is not None:
            raise HttpError(
                403,
                f"{request.method} is refused: the request comes from a page of {origin[:200]}, and only pages of this"
                " server, and programs that send no Origin, may change something",
            )
        wanted = request.method != "DELETE" or bool(request.content_length)
        kind = request.mimetype
        if request.method == "PUT" and request.endpoint in texts and kind == _TEXT:
            return
        if request.endpoint in forms and kind == _FORM:
            return
        if (
            wanted
            and kind != _JSON
            and kind not in also
            and not (kind.startswith("application/") and kind.endswith("+json"))
        ):
            said = f"Content-Type: {kind[:80]} is not accepted here" if kind else "the request has no Content-Type"
            raise HttpError(415, f"{said}; send Content-Type: {_TEXT if request.endpoint in texts else _JSON}")


def require_known_host(app: Flask, names: Collection[str], setting: str) -> None:
    """Refuse (403) what a browser sends to a name of somebody else's, which only points here (DNS rebinding): to the
    browser that page and server are one. `names` are known beside addresses, localhost and this machine's own;
    `setting` is where they are given.
    """
    given = frozenset(map(_plain_name, names))

    @app.before_request
    def check() -> None:
        if "Origin" not in request.headers and "Sec-Fetch-Site" not in request.headers:
            return
        # Not X-Forwarded-Host: a page may set it for its own server, and to its browser that is who we are.
        host = _plain_name(_without_port(request.host))
        if is_address(host) or host == "localhost" or host.endswith(".localhost") or host in given:
            return
        if host not in own_names():
            raise HttpError(
                403,
                f"{request.method} is refused: a browser sent it to {host[:200]!r}, which is no name of this server;"
                f" if it is one, give it in {setting}",
            )


def _without_port(host: str) -> str:
    return host if host.endswith("]") else re.sub(r":[0-9]*$", "", host)


def _plain_name(name: str) -> str:
    return name.lower().removesuffix(".")


def require_access(routes: Flask | Blueprint, ways: Sequence[Way], where: str, *, reading: bool = False) -> None:
    """Refuse changes by whom none of `ways` knows (401), or knows as a reader (403); with `reading` nobody else may
    read, but for what is open to all. `where` says where that is to be found by which callers show who they are.
    """

    def check() -> None:
        reads = request.method in _READING
        if reads and (not reading or is_open(current_app.view_functions.get(request.endpoint or ""))):
            return
        callers = [caller for way in ways if (caller := way.caller(request)) is not None]
        able = next((caller for caller in callers if caller.right is Right.CHANGE), None)
        if able is not None:
            if not reads:
                _log.info("A change was asked for over HTTP", caller=able.name, request=_brief(request))
            return
        if callers and reads:
            return
        if callers:
            raise HttpError(403, f"{request.method} is refused: {callers[0].name} may read, and change nothing")
        what = "was refused: nobody is known by it" if "Authorization" in request.headers else "needs a secret"
        raise HttpError(401, f"{request.method} {what}; send Authorization: Bearer with {where}", headers=_BEARER)

    routes.before_request(check)


def _brief(asked: Request) -> str:
    return f"{asked.method} {asked.path[:200]}"


def require_confirmation(body: Any, name: str) -> None:
    """Refuse (400) what cannot be undone unless the body says what it is meant for: `{"confirm": <name>}`."""
    given = body.get("confirm") if isinstance(body, dict) else None
    if given != name:
        said = "the body has no confirmation" if given is None else f"confirm: {given!r:.80} is another name"
        raise HttpError(400, f'{said}; send {{"confirm": "{name}"}} to remove everything of framework {name}')


def foreign_origin(asked: Request) -> str | None:
    """The origin of the page that sent the request when it is none of this server's, else None.

    Browsers tell it in Sec-Fetch-Site, older ones only in Origin; programs send neither. A proxy in front may change
    Host: what it says in X-Forwarded-Host counts too, which pages cannot set without asking first.
    """
    origin, site = asked.headers.get("Origin"), asked.headers.get("Sec-Fetch-Site")
    if site is not None:
        return None if site in ("same-origin", "none") else origin or f"another site ({site})"
    if origin is None:
        return None
    hosts = {asked.host, *asked.headers.get("X-Forwarded-Host", "").replace(" ", "").split(",")} - {""}
    try:
        own = urlsplit(origin).netloc.lower() in {host.lower() for host in hosts}
    except ValueError:
        own = False  # no origin that a browser sends
    return None if own else origin
