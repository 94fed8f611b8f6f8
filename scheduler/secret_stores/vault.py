"""HashiCorp Vault: secrets engines of the kind KV, version 1 and 2, with a token or an AppRole."""

import threading
import time
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from scheduler.secret_stores.http import Answer, Http
from scheduler.secret_stores.store import Denied, NoSecret, StoreAway, usable
from sdk.errors import InvalidSpec
from sdk.secret_file import read_secret

_FIELD = "value"
# A token is replaced when a third of its time is left.
_SHARE = 2 / 3


class Login(Protocol):
    """How a token is come by."""

    def token(self, http: Http, headers: Mapping[str, str]) -> str:
        """A token that should do; raises StoreAway."""

    def refused(self) -> None:
        """Vault did not take the last one."""


class TokenFile:
    """A token that somebody else renews, as Vault's agent does; the file is read each time."""

    def __init__(self, file: Path) -> None:
        """Raises InvalidSpec."""
        self._file = file
        read_secret(file, "EDGELB_SECRET_TOKEN_FILE")

    def token(self, http: Http, headers: Mapping[str, str]) -> str:
        """See `Login`."""
        del headers
        return _from_file(self._file, "EDGELB_SECRET_TOKEN_FILE", http)

    def refused(self) -> None:
        """See `Login`: the next one is read from the file anyway."""


class AppRole:
    """A role and its secret become a token, again when it is about to end or was refused."""

    def __init__(self, role_id: str, secret_file: Path, mount: str = "approle") -> None:
        """Raises InvalidSpec."""
        self._role_id = role_id
        self._file = secret_file
        self._mount = mount
        self._lock = threading.Lock()
        self._held: tuple[str, float] | None = None
        """The token, and until when it is used (monotonic)."""
        read_secret(secret_file, "EDGELB_SECRET_ROLE_SECRET_FILE")

    def token(self, http: Http, headers: Mapping[str, str]) -> str:
        """See `Login`."""
        with self._lock:
            if self._held is None or time.monotonic() >= self._held[1]:
                self._held = self._log_in(http, headers)
            return self._held[0]

    def refused(self) -> None:
        """See `Login`."""
        with self._lock:
            self._held = None

    def _log_in(self, http: Http, headers: Mapping[str, str]) -> tuple[str, float]:
        secret = _from_file(self._file, "EDGELB_SECRET_ROLE_SECRET_FILE", http)
        body = {"role_id": self._role_id, "secret_id": secret}
        answer = http.ask("POST", f"/v1/auth/{self._mount}/login", headers=headers, body=body)
        found = _object((answer.json() or {}).get("auth"))
        token, lease = found.get("client_token"), found.get("lease_duration")
        if answer.status != 200 or not isinstance(token, str) or not token:
            raise StoreAway(
                f"Vault at {http.url} does not let the AppRole in (it answers {answer.status}): look at"
                " EDGELB_SECRET_ROLE_ID and EDGELB_SECRET_ROLE_SECRET_FILE"
            )
        seconds = lease if isinstance(lease, int) and lease > 0 else 3600
        return token, time.monotonic() + seconds * _SHARE


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """The secrets engine to read from."""

    mount: str = "secret"
    version: int = 2
    namespace: str = ""


class VaultStore:
    """`web/cert` is the value `value` of the secret at that path, `web/cert#pem` its value `pem`."""

    def __init__(self, http: Http, login: Login, engine: Engine) -> None:
        self._http = http
        self._login = login
        self._engine = engine
        self._headers = {"X-Vault-Request": "true"}
        if engine.namespace:
            self._headers["X-Vault-Namespace"] = engine.namespace
        self.name = f"Vault at {http.url} (KV version {engine.version} at {engine.mount})"

    def read(self, secret: str) -> bytes:
        """See `Store`."""
        path, _, key = secret.partition("#")
        between = "/data" if self._engine.version == 2 else ""
        mount, quoted = urllib.parse.quote(self._engine.mount), urllib.parse.quote(path)
        answer = self._ask(f"/v1/{mount}{between}/{quoted}")
        if answer.status == 404:
            raise NoSecret(f"{path} is not in {self.name}")
        if answer.status == 403:
            raise Denied(f"{self.name} does not give us {path}: the policies of our token do not allow it")
        if answer.status != 200:
            raise StoreAway(f"{self.name} answers {answer.status} for {path}")
        data = (answer.json() or {}).get("data")
        if self._engine.version == 2:
            data = _object(data).get("data")
        value = _object(data).get(key or _FIELD)
        if not isinstance(value, str):
            there = ", ".join(sorted(_object(data))[:10]) or "nothing"
            raise NoSecret(f"{path} in {self.name} has no text named {key or _FIELD}; it has {there}")
        return usable(value.encode("utf-8", "surrogateescape"), secret, self.name)

    def check(self) -> None:
        """See `Store`: whether Vault is open and knows our token."""
        answer = self._ask("/v1/auth/token/lookup-self")
        if answer.status != 200:
            raise Denied(f"{self.name} does not know our token (it answers {answer.status})")

    def _ask(self, path: str) -> Answer:
        """With another token when Vault does not take ours: it may have ended before its time."""
        answer = self._once(path)
        if answer.status == 403:
            self._login.refused()
            answer = self._once(path)
        return answer

    def _once(self, path: str) -> Answer:
        token = self._login.token(self._http, self._headers)
        return self._http.ask("GET", path, headers={**self._headers, "X-Vault-Token": token})


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _from_file(file: Path, setting: str, http: Http) -> str:
    try:
        return read_secret(file, setting)
    except InvalidSpec as error:
        raise StoreAway(f"Vault at {http.url} cannot be asked: {error}") from error
