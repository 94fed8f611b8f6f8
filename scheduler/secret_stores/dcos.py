"""The secrets API of DC/OS: `/secrets/v1/secret/<store>/<path>`, with an authentication token."""

import urllib.parse
from pathlib import Path

from scheduler.secret_stores.http import Http
from scheduler.secret_stores.store import Denied, NoSecret, StoreAway, usable
from sdk.errors import InvalidSpec
from sdk.secret_file import read_secret


class DcosStore:
    """One store of the API, usually `default`."""

    def __init__(self, http: Http, *, store: str, token_file: Path) -> None:
        """The token is read anew at each request: whoever renews it writes the file. Raises InvalidSpec."""
        self._http = http
        self._store = store
        self._token_file = token_file
        self.name = f"the secrets API at {http.url} (store {store})"
        read_secret(token_file, "EDGELB_SECRET_TOKEN_FILE")

    def read(self, secret: str) -> bytes:
        """See `Store`."""
        path = f"/secrets/v1/secret/{urllib.parse.quote(self._store, safe='')}/{urllib.parse.quote(secret, safe='/')}"
        answer = self._http.ask("GET", path, headers=self._headers())
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
        answer = self._http.ask("GET", "/secrets/v1/store", headers=self._headers())
        # Whoever may read secrets need not be allowed to list stores: what counts is that the token is known.
        if answer.status != 403:
            self._let_in(answer.status, "the list of stores")

    def _let_in(self, status: int, what: str) -> None:
        if status == 401:
            raise StoreAway(f"{self.name} does not know our token; look at EDGELB_SECRET_TOKEN_FILE")
        if status == 403:
            raise Denied(f"{self.name} does not give us {what}: the account of our token may not read it")
        if status != 200:
            raise StoreAway(f"{self.name} answers {status} for {what}")

    def _headers(self) -> dict[str, str]:
        try:
            token = read_secret(self._token_file, "EDGELB_SECRET_TOKEN_FILE")
        except InvalidSpec as error:
            raise StoreAway(f"{self.name} cannot be asked: {error}") from error
        return {"Authorization": f"token={token}"}
