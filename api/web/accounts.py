"""Who may use the API: users and passwords from a file, asked for by HTTP basic authentication.

Knows the file and how passwords are compared. Does not know which routes there are but for those that are open.
"""

import functools
import hashlib
import hmac
import re
import secrets
import threading
from collections.abc import Mapping
from pathlib import Path

from flask import Flask, g, request
from werkzeug.security import check_password_hash, generate_password_hash

from api.web.problems import ApiProblem
from sdk.errors import InvalidSpec

_HASH = re.compile(r"(scrypt|pbkdf2):[^$]+\$[^$]+\$[0-9a-f]+")
_AT_ONCE = 4
"""So many slow hashes are made at the same time: each takes 32 MB, and anybody may send passwords."""
_REALM = {"WWW-Authenticate": 'Basic realm="Edge-LB", charset="UTF-8"'}
# What Marathon and proxies ask to see whether the process lives; they tell nothing else.
_OPEN = frozenset({"common.ping", "common.healthz", "common.readyz"})


class Accounts:
    """The users of one API server."""

    def __init__(self, passwords: Mapping[str, str]) -> None:
        """By user: the password, or a hash of it as werkzeug makes them, which has to be a usable one."""
        self._hashes = {user: secret for user, secret in passwords.items() if _HASH.fullmatch(secret)}
        # Compared for users that do not exist, so that they take as long as the others.
        self._nobody = generate_password_hash(secrets.token_hex()) if self._hashes else None
        self._hashing = threading.Semaphore(_AT_ONCE)
        # Hashes are slow on purpose, and clients repeat the password at each request: what was proven is remembered.
        # Whom the file gives a password in clear needs no slow hash, which would only make the start take long.
        self._key = secrets.token_bytes(32)
        self._proven = {user: self._mark(secret) for user, secret in passwords.items() if user not in self._hashes}

    def knows(self, user: str, password: str) -> bool:
        """Whether that is the password of that user."""
        mark = self._mark(password)
        if hmac.compare_digest(self._proven.get(user, b""), mark):
            return True
        if self._nobody is None:
            return False
        with self._hashing:
            proven = check_password_hash(self._hashes.get(user, self._nobody), password) and user in self._hashes
        if proven:
            self._proven[user] = mark
        return proven

    def _mark(self, password: str) -> bytes:
        return hmac.digest(self._key, password.encode("utf-8", "surrogateescape"), hashlib.sha256)


def load_accounts(path: Path, setting: str) -> Accounts:
    """Read lines `user:password` or `user:hash`; empty ones and those that begin with `#` count not.

    Raises InvalidSpec with the setting's name and the line's number, never with what stands in the line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InvalidSpec(setting, f"{path} cannot be read: {reason}") from error
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        user, colon, password = line.partition(":")
        if not (user and colon and password):
            raise InvalidSpec(setting, f"{path}, line {number}: must have the form user:password or user:hash")
        if user in found:
            raise InvalidSpec(setting, f"{path}, line {number}: names the user {user!r} again")
        found[user] = password
        if _HASH.fullmatch(password) and not _usable(password.partition("$")[0]):
            raise InvalidSpec(setting, f"{path}, line {number}: holds a hash of the password that cannot be used")
    if not found:
        raise InvalidSpec(setting, f"{path} names no user")
    return Accounts(found)


@functools.cache
def _usable(method: str) -> bool:
    """Whether passwords can be compared by a method such as `scrypt:32768:8:1`."""
    try:
        check_password_hash(f"{method}$salt$00", "")
    except (ValueError, OverflowError):
        return False
    return True


def require_account(app: Flask, accounts: Accounts) -> None:
    """Refuse (401) every request without user and password but for health checks."""

    @app.before_request
    def check() -> None:
        if request.endpoint in _OPEN and request.method in ("GET", "HEAD"):
            return
        given = request.authorization
        if given is None or given.type != "basic":
            message = "user and password are needed: EDGELB_API_USER and EDGELB_API_PASSWORD_FILE for the command line"
            raise ApiProblem(401, message, headers=_REALM)
        if not accounts.knows(given.username or "", given.password or ""):
            raise ApiProblem(401, f"the user {given.username or ''!r:.80} or the password is not known", headers=_REALM)
        g.account = given.username


def account() -> str:
    """Whose request this is; empty where users are not told apart."""
    return str(g.get("account") or "")
