"""Who may use the API: users and passwords from a file, asked for by HTTP basic authentication.

Knows the file and how passwords are compared. Does not know which routes there are but for those that are open.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from flask import Flask, request
from werkzeug.security import check_password_hash, generate_password_hash

from api.problems import ApiProblem
from sdk.errors import InvalidSpec

_HASH = re.compile(r"(scrypt|pbkdf2):[^$]+\$[^$]+\$[0-9a-f]+")
_REALM = {"WWW-Authenticate": 'Basic realm="Edge-LB", charset="UTF-8"'}
# What Marathon and proxies ask to see whether the process lives; they tell nothing else.
_OPEN = frozenset({"common.ping", "common.healthz", "common.readyz"})


class Accounts:
    """The users of one API server."""

    def __init__(self, passwords: Mapping[str, str]) -> None:
        """By user: the password, or a hash of it as werkzeug makes them."""
        self._hashes = {
            user: password if _HASH.fullmatch(password) else generate_password_hash(password)
            for user, password in passwords.items()
        }
        # Compared for users that do not exist, so that they take as long as the others.
        self._nobody = generate_password_hash(secrets.token_hex())
        # The hashes are slow on purpose, and clients repeat the password at each request.
        self._key = secrets.token_bytes(32)
        self._proven: dict[str, bytes] = {}

    def knows(self, user: str, password: str) -> bool:
        """Whether that is the password of that user."""
        mark = hmac.digest(self._key, password.encode("utf-8", "surrogateescape"), hashlib.sha256)
        if hmac.compare_digest(self._proven.get(user, b""), mark):
            return True
        proven = check_password_hash(self._hashes.get(user, self._nobody), password) and user in self._hashes
        if proven:
            self._proven[user] = mark
        return proven


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
    if not found:
        raise InvalidSpec(setting, f"{path} names no user")
    return Accounts(found)


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
