"""The secrets API of DC/OS: `/secrets/v1/secret/<store>/<path>`, with a token or as a service account."""

import urllib.parse
from pathlib import Path
from typing import Protocol

from scheduler.secret_stores.http import Answer, Http
from scheduler.secret_stores.store import Denied, NoSecret, StoreAway, usable
from sdk.errors import InvalidSpec
from sdk.secret_file import read_secret


class Login(Protocol):
    """How a token is come by."""

    def token(self, http: Http) -> str:
        """A token that should do; raises StoreAway."""

    def refused(self) -> bool:
        """DC/OS did not take the last one; whether there may be another now."""


class TokenFile:
    """A token that somebody else renews: the file is read anew at each request."""

    def __init__(self, file: Path) -> None:
        """Raises InvalidSpec."""
        self._file = file
        read_secret(file, "EDGELB_SECRET_TOKEN_FILE")

    def token(self, http: Http) -> str:
        """See `Login`."""
        try:
            return read_secret(self._file, "EDGELB_SECRET_TOKEN_FILE")
        except InvalidSpec as error:
            raise StoreAway(f"the secrets API at {http.url} cannot be asked: {error}") from error

    def refused(self) -> bool:
        """See `Login`."""
        return False


class DcosStore:
    """One store of the API, usually `default`."""

    def __init__(self, http: Http, *, store: str, login: Login) -> None:
        self._http = http
        self._store = store
        self._login = login
        self.name = f"the secrets API at {http.url} (store {store})"

    def read(self, secret: str) -> bytes:
        """See `Store`."""
        path = f"/secrets/v1/secret/{urllib.parse.quote(self._store, safe='')}/{urllib.parse.quote(secret, safe='/')}"
        answer = self._ask(path)
        if answer.status == 404:
            raise NoSecret(f"{secret} is not in {self.name}")
        self._let_in(answer.status, secret)
        if answer.kind.startswith("application/octet-stream"):
            return usable(answer.body, secret, self.name)
        value = (answer.json() or {}).get("value")
        if not isinstance(value, str):
            raise StoreAway(f"{self.name} answers without a value for {secret}")
        return usable(value.encode("utf-8", "surrogateescape"), secret, self.name)

    def check(self) -> None:
        """See `Store`."""
        answer = self._ask("/secrets/v1/store")
        # Whoever may read secrets need not be allowed to list stores: what counts is that the token is known.
        if answer.status != 403:
            self._let_in(answer.status, "the list of stores")

    def _let_in(self, status: int, what: str) -> None:
        if status == 401:
            raise StoreAway(
                f"{self.name} does not know our token; look at EDGELB_SECRET_TOKEN_FILE or EDGELB_SECRET_ACCOUNT_FILE"
            )
        if status == 403:
            raise Denied(f"{self.name} does not give us {what}: the account of our token may not read it")
        if status != 200:
            raise StoreAway(f"{self.name} answers {status} for {what}")

    def _ask(self, path: str) -> Answer:
        """With another token when ours is not taken: it may have ended before its time."""
        answer = self._once(path)
        return self._once(path) if answer.status == 401 and self._login.refused() else answer

    def _once(self, path: str) -> Answer:
        return self._http.ask("GET", path, headers={"Authorization": f"token={self._login.token(self._http)}"})
