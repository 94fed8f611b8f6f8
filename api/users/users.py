"""Whether somebody is who he says: passwords, tokens and sessions held against the hashes of the users' file.

Knows how long comparisons take, and that guessing must not be cheap. Does not know HTTP, nor the file.
"""

import functools
import hashlib
import hmac
import secrets
import threading
from collections.abc import Iterable

from werkzeug.security import check_password_hash, generate_password_hash

from api.users import session as sessions
from api.users.session import Session
from api.users.user import User
from api.users.users_file import BadUsers, Entry

_AT_ONCE = 4
"""So many slow hashes are made at the same time: each takes 32 MB, and anybody may send passwords."""


class Users:
    """The users of one state of the file."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        """BadUsers when a password's hash is one that cannot be compared with."""
        self._users: dict[str, User] = {}
        self._passwords: dict[str, str] = {}
        self._tokens: dict[str, User] = {}
        for entry in entries:
            self._users[entry.user.name] = entry.user
            self._tokens |= dict.fromkeys(entry.tokens, entry.user)
            if entry.password is not None:
                self._passwords[entry.user.name] = entry.password
        for name, password in self._passwords.items():
            if not _usable(password.partition("$")[0]):
                raise BadUsers(f"has a {name}.password that was hashed by a method which cannot be used here")
        # Compared for users that do not exist, so that they take as long as the others.
        self._nobody = generate_password_hash(secrets.token_hex()) if self._passwords else None
        self._hashing = threading.Semaphore(_AT_ONCE)
        # Hashes are slow on purpose, and clients repeat the password at each request: what was proven is remembered.
        self._key = secrets.token_bytes(32)
        self._proven: dict[str, bytes] = {}

    def by_password(self, name: str, password: str) -> User | None:
        """The user of that name, when that is his password."""
        mark = hmac.digest(self._key, password.encode("utf-8", "surrogateescape"), hashlib.sha256)
        if hmac.compare_digest(self._proven.get(name, b""), mark):
            return self._users[name]
        if self._nobody is None:
            return None
        with self._hashing:
            known = self._passwords.get(name)
            proven = check_password_hash(known or self._nobody, password) and known is not None
        if not proven:
            return None
        self._proven[name] = mark
        return self._users[name]

    def by_token(self, token: str) -> User | None:
        """Whose token that is. (Who finds its hash in a table learns nothing from how long that takes.)"""
        return self._tokens.get(token_hash(token))

    def open_session(self, user: User, expires: float) -> str | None:
        """The text of a session until then; None for who has no password."""
        known = self._passwords.get(user.name)
        return None if known is None else sessions.sign(Session(user=user.name, expires=expires), known)

    def by_session(self, text: str, now: float) -> User | None:
        """Whose session that is, when it is one of ours and not over."""
        claimed = sessions.claimed(text)
        known = self._passwords.get(claimed.user) if claimed is not None else None
        if claimed is None or known is None or not sessions.is_signed(text, known) or claimed.expires <= now:
            return None
        return self._users[claimed.user]

    def page_token(self, user: User, session: str) -> str:
        """What pages send along with the changes of this session."""
        return sessions.page_token(session, self._passwords[user.name])


def token_hash(token: str) -> str:
    """What the users' file has of a token."""
    return "sha256:" + hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


@functools.cache
def _usable(method: str) -> bool:
    """Whether passwords can be compared by a method such as `scrypt:32768:8:1`."""
    try:
        check_password_hash(f"{method}$salt$00", "")
    except (ValueError, OverflowError, MemoryError):
        return False
    return True
