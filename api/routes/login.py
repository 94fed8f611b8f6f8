"""The page on which people log in, and where they see who they are and log out. It works without scripts.

Knows the form, the cookies and where to go afterwards. How passwords are compared and sessions made is in api/users.
"""

import re
import secrets

import jinja2
from flask import Blueprint, Request, Response, request

from api.users.credentials import SESSION_SECONDS, Credentials
from api.web.authentication import COOKIE, ByCookie, Identity, opened_session, require_page_token, user_of_password
from api.web.problems import ApiProblem

FORMS = frozenset({"login.enter", "login.leave"})
"""What takes a form, as pages send it."""
_FORM_COOKIE = "edgelb_login"
# Relative and below the place where we are, so that it is no other site's.
_NEXT = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*(/[A-Za-z0-9._~-]+)*/?")
_templates = jinja2.Environment(
    loader=jinja2.PackageLoader("templates", "ui"), autoescape=True, undefined=jinja2.StrictUndefined
)


def login_pages(credentials: Credentials) -> Blueprint:
    """The routes."""
    pages = Blueprint("login", __name__)
    by_cookie = ByCookie(credentials)

    @pages.get("/login")
    def show() -> Response:
        """The form, or who is logged in."""
        return _page(by_cookie.identify(request))

    @pages.post("/login")
    def enter() -> Response:
        """Log in with the form's user and password."""
        name = request.form.get("user", "")
        wanted, given = request.cookies.get(_FORM_COOKIE, ""), request.form.get("form_token", "")
        if not wanted or not secrets.compare_digest(wanted.encode(), given.encode("utf-8", "replace")):
            problem = "The form was not from this server, or its cookie is gone: log in once more."
            return _page(None, name=name, problem=problem, status=403)
        try:
            user = user_of_password(credentials, name, request.form.get("password", ""), request)
            session, _ = opened_session(credentials, user)
        except ApiProblem as refused:
            problem = refused.message[:1].upper() + refused.message[1:] + "."
            answer = _page(None, name=name, problem=problem, status=refused.status)
            answer.headers.extend({key: value for key, value in refused.headers.items() if key == "Retry-After"})
            return answer
        answer = _redirected(_next(request) or "./")
        _set_cookie(answer, COOKIE, session, int(SESSION_SECONDS))
        return answer

    @pages.post("/logout")
    def leave() -> Response:
        """End the session of this browser."""
        found = by_cookie.identify(request)
        if found is not None:
            require_page_token(found.page_token or "", request.form.get("page_token", ""))
        answer = _redirected("login")
        answer.delete_cookie(COOKIE, path=None, httponly=True, samesite="Strict")
        return answer

    return pages


def _page(found: Identity | None, *, name: str = "", problem: str = "", status: int = 200) -> Response:
    """The page for who is logged in, or for who is not."""
    nonce, form_token = secrets.token_urlsafe(16), secrets.token_urlsafe(32)
    text = _templates.get_template("login.html.j2").render(
        user=found.user if found else None,
        page_token=found.page_token if found else "",
        name=name[:64],
        problem=problem,
        next=_next(request),
        form_token=form_token,
        nonce=nonce,
    )
    answer = Response(text, status, mimetype="text/html")
    if found is None:
        _set_cookie(answer, _FORM_COOKIE, form_token, 3600)
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    answer.headers["Content-Security-Policy"] = policy
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Referrer-Policy"] = "same-origin"
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _set_cookie(answer: Response, name: str, value: str, seconds: int) -> None:
    # Without a path it is that of this page: a proxy may serve us below one that we do not know.
    secure = request.is_secure or request.headers.get("X-Forwarded-Proto") == "https"
    answer.set_cookie(name, value, max_age=seconds, path=None, secure=secure, httponly=True, samesite="Strict")


def _redirected(where: str) -> Response:
    return Response(status=303, headers={"Location": where, "Cache-Control": "no-store"})


def _next(asked: Request) -> str:
    """Where to go after the login, relative to this page; empty for the page at the root."""
    wanted = asked.args.get("next", "")
    return wanted if _NEXT.fullmatch(wanted) and len(wanted) <= 500 else ""
