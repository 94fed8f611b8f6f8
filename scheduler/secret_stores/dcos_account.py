"""Logging in to DC/OS as a service account: with its private key, which stands in a file as DC/OS itself makes it.

The file is the JSON of the account's secret: `{"uid", "private_key", "login_endpoint", "scheme"}`.
"""

import base64
import json
import threading
import time
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from scheduler.secret_stores.http import Http
from scheduler.secret_stores.store import StoreAway
from sdk.errors import InvalidSpec

_SETTING = "EDGELB_SECRET_ACCOUNT_FILE"
_LOGIN = "/acs/api/v1/auth/login"
_GOOD_FOR = 300
"""Seconds that what we sign is good for."""
_USED_FOR = 3600.0
"""Seconds that a token is used for: DC/OS gives it five days, and forgets it when the account changes."""
_MOST_BYTES = 64 * 1024


class ServiceAccount:
    """Becomes a token, again when that is not taken any more."""

    def __init__(self, file: Path) -> None:
        """Raises InvalidSpec."""
        self._uid, self._key = _read(file)
        self._lock = threading.Lock()
        self._held: tuple[str, float] | None = None
        """The token, and until when it is used (monotonic)."""

    def token(self, http: Http) -> str:
        """See `dcos.Login`."""
        with self._lock:
            if self._held is None or time.monotonic() >= self._held[1]:
                self._held = (self._log_in(http), time.monotonic() + _USED_FOR)
            return self._held[0]

    def refused(self) -> bool:
        """See `dcos.Login`."""
        with self._lock:
            self._held = None
        return True

    def _log_in(self, http: Http) -> str:
        body = {"uid": self._uid, "token": self._signed({"uid": self._uid, "exp": int(time.time()) + _GOOD_FOR})}
        answer = http.ask("POST", _LOGIN, body=body)
        token = (answer.json() or {}).get("token")
        if answer.status != 200 or not isinstance(token, str) or not token:
            raise StoreAway(
                f"{http.url} does not let the service account {self._uid} in (it answers {answer.status}); look at"
                f" {_SETTING}"
            )
        return token

    def _signed(self, claims: dict[str, Any]) -> str:
        """A JSON web token, signed RS256."""
        head = {"alg": "RS256", "typ": "JWT"}
        text = b".".join(_base64(json.dumps(part).encode()) for part in (head, claims))
        signature = self._key.sign(text, padding.PKCS1v15(), hashes.SHA256())
        return (text + b"." + _base64(signature)).decode("ascii")


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _read(file: Path) -> tuple[str, rsa.RSAPrivateKey]:
    try:
        with open(file, "rb") as opened:
            account = json.loads(opened.read(_MOST_BYTES))
        uid, pem = account["uid"], account["private_key"]
        key = serialization.load_pem_private_key(pem.encode(), None)
    except OSError as error:
        raise InvalidSpec(_SETTING, f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError):
        # What is wrong with it in detail could show a part of the key.
        raise InvalidSpec(_SETTING, f"{file} does not hold the JSON of a service account") from None
    if not isinstance(key, rsa.RSAPrivateKey) or not isinstance(uid, str) or not uid:
        raise InvalidSpec(_SETTING, f"{file} must hold a uid and an RSA key")
    return uid, key
