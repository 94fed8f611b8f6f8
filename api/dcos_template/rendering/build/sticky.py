"""From the stickiness of a backend to its cookie."""

import hashlib

from api.dcos_template.rendering.haproxy import Cookie, Mode
from scheduler.pools.model import Backend
from scheduler.pools.words.cookie_words import cookie_problem, cookie_words
from sdk.errors import InvalidSpec

#: Scripts need not read it, and no cache hands it on.
_USUAL = "insert indirect nocache httponly dynamic"


def build_cookie(backend: Backend, mode: Mode, key: str) -> Cookie | None:
    """The cookie; None where clients need not stay. Raises InvalidSpec for words that the API would not take."""
    sticky = backend.rewrite_http.sticky
    if not sticky.enabled or mode is not Mode.HTTP:
        return None
    if problem := cookie_problem(sticky.custom_str) if sticky.custom_str else None:
        raise InvalidSpec(f"backend {backend.name}: rewriteHttp.sticky.customStr", problem)
    words = cookie_words(sticky.custom_str) if sticky.custom_str else f"{usual_name(backend.name)} {_USUAL}"
    return Cookie(backend=backend.name, words=words, key=key)


def usual_name(backend: str) -> str:
    """A name of the backend's own: several of them may serve parts of one host, to which a cookie belongs.

    It says nothing of the backend, and holds no character that a cookie could not be called by.
    """
    return f"STICKY_{hashlib.sha256(backend.encode()).hexdigest()[:8]}"
