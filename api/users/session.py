"""Sessions: a signed text that says who logged in and until when. Nobody stores them, so any API server knows them.

The key is made of the hash of the user's password, which only API servers have: with another password all sessions of
the user end, and without one he has none. Pure.
"""

import base64
import hashlib
import hmac
import json
import re
from dataclasses import dataclass

PREFIX = "s1."
_FORM = re.compile(r"s1\.([A-Za-z0-9_-]{1,400})\.([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What the text says of itself; nothing of it counts before the signature was compared."""

    user: str
    expires: float
    """Seconds since the epoch."""


def sign(session: Session, password_hash: str) -> str:
    """The text for a session of the user with that password."""
    said = _encoded(json.dumps([session.user, session.expires]).encode())
    return f"{PREFIX}{said}.{_mark(password_hash, 'session', said)}"


def claimed(text: str) -> Session | None:
    """What a text claims; None for what is no session at all."""
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    try:
        user, expires = json.loads(base64.urlsafe_b64decode(found[1] + "=" * (-len(found[1]) % 4)))
    except (ValueError, TypeError):
        return None
    if not isinstance(user, str) or not isinstance(expires, float | int) or isinstance(expires, bool):
        return None
    return Session(user=user, expires=float(expires))


def is_signed(text: str, password_hash: str) -> bool:
    """Whether the text was signed for the user with that password."""
    found = _FORM.fullmatch(text)
    return found is not None and hmac.compare_digest(found[2], _mark(password_hash, "session", found[1]))


def page_token(text: str, password_hash: str) -> str:
    """What a page of ours sends along with changes, and a page of another site cannot know (CSRF)."""
    return _mark(password_hash, "page", text)


def _mark(password_hash: str, purpose: str, text: str) -> str:
    key = hmac.digest(b"edge-lb session", password_hash.encode(), hashlib.sha256)
    return _encoded(hmac.digest(key, f"{purpose}\0{text}".encode(), hashlib.sha256))


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
