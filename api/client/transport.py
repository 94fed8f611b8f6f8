"""How the API is asked: its URL, who asks, TLS, one request and what comes back.

Knows HTTP and the credentials. Does not know which operations there are.
"""

import base64
import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import urllib3

from api.client.errors import ApiError, ApiUnreachable, error_of, reason_of
from sdk.http.address import is_loopback

Trace = Callable[[str], None]
# Errors of single fields come one by one in the form of RFC 9457 only.
_ACCEPT = "application/problem+json, application/json;q=0.9, text/plain;q=0.8"


class Transport:
    """Asks one API server; `base` is its URL, perhaps with a path such as `/service/edgelb`."""

    def __init__(
        self,
        base: str,
        *,
        token: str | None = None,
        credentials: tuple[str, str] | None = None,
        ca: Path | None = None,
        timeout: float = 90.0,
        trace: Trace | None = None,
    ) -> None:
        """`token` is one of ours or of DC/OS; `credentials`, user and password, may stand in `base`, too. `ca` is a
        file of certificates to trust instead of the system's. ValueError when `base` is no http(s) URL, or `ca` of no
        use.
        """
        if "://" not in base:
            base = f"http://{base}"
        parts = urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{without_secrets(base)} is no URL of the form http://host:port")
        if credentials is None and parts.username is not None:
            credentials = (unquote(parts.username), unquote(parts.password or ""))
        if token and credentials:
            raise ValueError("a token and a user cannot be sent together, both need the header Authorization")
        self.base = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])).rstrip("/")
        self._authorization = None if credentials is None else _basic(*credentials)
        self._token = token
        self._trace = trace
        self._http = urllib3.PoolManager(
            retries=False,
            timeout=urllib3.Timeout(connect=5.0, read=timeout),
            ssl_context=None if ca is None else _trusting(ca),
        )

    @property
    def shows_user(self) -> bool:
        """Whether a user and his password are sent."""
        return self._authorization is not None

    @property
    def in_clear(self) -> bool:
        """Whether what is sent crosses a network, and everybody there can read it."""
        parts = urlsplit(self.base)
        return parts.scheme == "http" and not is_loopback(f"[{parts.hostname}]:80")

    def call(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        text: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """The answer to any request, unless it is an error; for what this class has no method."""
        sent = {"Accept": _ACCEPT, **(headers or {})}
        if self._token:
            # DC/OS' Admin Router wants this form; the API takes it as well as Bearer.
            sent |= {"Authorization": f"token={self._token}", "token": self._token}
        elif self._authorization:
            sent["Authorization"] = self._authorization
        data = None
        if method in ("POST", "PUT"):
            # Also without a body: nothing changes by what a foreign page can make a browser send.
            sent["Content-Type"] = "application/json"
        if body is not None:
            data = json.dumps(body).encode()
        if text is not None:
            sent["Content-Type"], data = "text/plain; charset=utf-8", text.encode()
        url = f"{self.base}{path}"
        self._say(f"> {method} {without_secrets(url)}")
        try:
            response = self._http.request(method, url, body=data, headers=sent)
        except urllib3.exceptions.HTTPError as error:
            raise ApiUnreachable(f"no answer from {without_secrets(self.base)}: {reason_of(error)}") from error
        self._say(f"< HTTP {response.status}, {len(response.data)} bytes")
        if response.status >= 400:
            raise error_of(response, without_secrets(self.base))
        if response.status >= 300 and response.status != 304:
            where = without_secrets(response.headers.get("Location", ""))
            raise ApiError(response.status, f"the server points to {where or 'another address'}; use that as --api")
        return response

    def _say(self, line: str) -> None:
        if self._trace is not None:
            self._trace(line)


def without_secrets(url: str) -> str:
    """The URL without user, password and query, which may hold credentials."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that cannot be shown"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _trusting(ca: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:
        # One of OpenSSL's is an OSError, too, and knows no file.
        reason = "it holds no certificate in PEM" if isinstance(error, ssl.SSLError) else error.strerror
        raise ValueError(f"{ca} cannot be used: {reason}") from error


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def parsed(response: urllib3.BaseHTTPResponse, what: str) -> Any:
    """The JSON of an answer; `what` was asked."""
    try:
        return json.loads(response.data)
    except ValueError as error:
        raise ApiError(response.status, f"{what} answered with something that is no JSON; is that the API?") from error
