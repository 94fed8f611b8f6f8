"""Who asks: the user behind each request, and what his role lets him do.

Each way to prove it is one identifier. What comes from elsewhere (a cluster's own login, OpenID Connect, certificates
of clients) is one more of them: it says which user asks, and nothing else changes. How passwords are compared is in
api/users.
"""

import hmac
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from urllib.parse import quote

from flask import Flask, Request, Response, g, request

from api.users.credentials import Credentials, TooOften, WrongPassword
from api.users.session import PREFIX
from api.users.user import EVERYBODY, User
from api.web.permissions import Needs, needs_of, pool_refusal, refusal
from api.web.problems import ApiProblem

COOKIE = "edgelb_session"
PAGE_TOKEN = "X-Edgelb-Page-Token"  # noqa: S105 - a header's name
_REALM = {"WWW-Authenticate": 'Basic realm="Edge-LB", charset="UTF-8"'}
_READING = ("GET", "HEAD", "OPTIONS")
_NEEDED = (
    "this API wants to know who asks: log in with edgelb login, or set EDGELB_TOKEN, or EDGELB_API_USER and"
    " EDGELB_API_PASSWORD_FILE"
)


class Way(StrEnum):
    """How a user proved who he is."""

    PASSWORD = "password"  # noqa: S105 - a word
    TOKEN = "token"  # noqa: S105 - a word
    SESSION = "session"
    NONE = "none"
    """Nobody is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A user, and how he proved it."""

    user: User
    way: Way
    page_token: str | None = None
    """What a browser's changes have to send along, because it sends its cookie for whoever asks it to."""


_EVERYBODY = Identity(user=EVERYBODY, way=Way.NONE)


class Identifier(Protocol):
    """One way to tell who asks."""

    def identify(self, asked: Request) -> Identity | None:
        """Who asks. None when the request says nothing in this way; ApiProblem 401 when what it says is wrong, 429
        when too much of it was.
        """


class ByPassword:
    """HTTP basic authentication."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def identify(self, asked: Request) -> Identity | None:
        """Whose user and password these are."""
        given = asked.authorization
        if given is None or given.type != "basic":
            return None
        user = user_of_password(self._credentials, given.username or "", given.password or "", asked)
        return Identity(user=user, way=Way.PASSWORD)


class ByToken:
    """A token of a user's, or that of a session: `Authorization: Bearer`, or as clients of DC/OS send theirs."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def identify(self, asked: Request) -> Identity | None:
        """Whose token it is."""
        token = _token(asked)
        if token is None:
            return None
        if token.startswith(PREFIX):
            if (user := self._credentials.of_session(token)) is None:
                raise _unknown("the session is over, or its user has another password now: log in anew (edgelb login)")
            return Identity(user=user, way=Way.SESSION)
        if (user := self._credentials.of_token(token)) is None:
            raise _unknown("the token is not known: no user of this API has it")
        return Identity(user=user, way=Way.TOKEN)


class ByCookie:
    """The session of a browser that logged in on our page."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def identify(self, asked: Request) -> Identity | None:
        """Whose session it is. A browser keeps a cookie when the session is over: that is as if there was none."""
        text = asked.cookies.get(COOKIE, "")
        user = self._credentials.of_session(text) if text else None
        page_token = None if user is None else self._credentials.page_token(text)
        if user is None or page_token is None:
            return None
        return Identity(user=user, way=Way.SESSION, page_token=page_token)


def all_ways(credentials: Credentials) -> tuple[Identifier, ...]:
    """What the request says on purpose before what a browser adds."""
    return ByPassword(credentials), ByToken(credentials), ByCookie(credentials)


def user_of_password(credentials: Credentials, name: str, password: str, asked: Request) -> User:
    """The user; ApiProblem 401, or 429 when too many passwords were wrong."""
    try:
        return credentials.of_password(name, password, asked.remote_addr or "")
    except WrongPassword as error:
        raise _unknown(f"the user {name!r:.80} or the password is not known") from error
    except TooOften as error:
        wait = math.ceil(error.seconds)
        message = f"too many wrong passwords came from your address; try again in {wait} s"
        raise ApiProblem(429, message, headers={"Retry-After": str(wait)}) from error


def opened_session(credentials: Credentials, user: User) -> tuple[str, float]:
    """The token of a new session and when it ends; ApiProblem 401 when the user has no password any more."""
    try:
        return credentials.open_session(user)
    except WrongPassword as error:
        raise _unknown(f"the user {user.name} has no password any more") from error


def require_user(app: Flask, ways: Sequence[Identifier]) -> None:
    """Refuse every request of somebody who is not known (401), or whose role is another one (403)."""

    @app.before_request
    def check() -> Response | None:
        needs = needs_of(request.endpoint, request.method)
        if needs is Needs.NOTHING:
            return None
        found = identified(request, ways)
        if found is None:
            if request.method in _READING and _is_page(request):
                return _to_login()
            raise _unknown(_NEEDED)
        if found.page_token is not None and request.method not in _READING:
            require_page_token(found.page_token, request.headers.get(PAGE_TOKEN, ""))
        g.identity = found
        name = (request.view_args or {}).get("name", "")
        if (why := refusal(found.user, needs, name)) is not None:
            raise _forbidden(why)
        return None


def identified(asked: Request, ways: Sequence[Identifier]) -> Identity | None:
    """Who asks, by the first way in which the request says it."""
    return next((found for way in ways if (found := way.identify(asked)) is not None), None)


def require_page_token(wanted: str, given: str) -> None:
    """Refuse (403) a change that the browser of somebody who is logged in did not send for a page of ours."""
    if not hmac.compare_digest(wanted.encode(), given.encode("utf-8", "replace")):
        raise _forbidden(f"in a session of a browser it needs the header {PAGE_TOKEN}, as GET /v2/whoami tells it")


def require_change(pool: str) -> None:
    """Refuse (403) the request at hand, which makes that pool, unless its user may change it."""
    g.changed_pool = pool
    if (why := pool_refusal(identity().user, pool)) is not None:
        raise _forbidden(why)


def identity() -> Identity:
    """Who asks now."""
    found: Identity = g.get("identity", _EVERYBODY)
    return found


def changed_pool() -> str:
    """The pool that the request at hand makes, empty where it makes none."""
    return str(g.get("changed_pool", ""))


def account() -> str:
    """The name of the user who asks now; empty where users are not told apart."""
    return identity().user.name


def _token(asked: Request) -> str | None:
    scheme, _, rest = asked.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.startswith("token="):
        return scheme.removeprefix("token=")
    return asked.headers.get("token")


def _unknown(message: str) -> ApiProblem:
    return ApiProblem(401, message, headers=_REALM)


def _forbidden(why: str) -> ApiProblem:
    return ApiProblem(403, f"{request.method} is refused: {why}")


def _is_page(asked: Request) -> bool:
    """Whether a browser wants to show what it gets."""
    best = asked.accept_mimetypes.best_match(["application/json", "text/html"], default="application/json")
    return best == "text/html"


def _to_login() -> Response:
    """To the login, and from there back. Relative, because a proxy may serve us below a path that we do not know."""
    path = quote(request.path.lstrip("/"))
    where = f"{'../' * path.count('/')}login"
    return Response(
        status=303, headers={"Location": f"{where}?next={path}" if path else where, "Cache-Control": "no-store"}
    )
