"""Asking a store over HTTP: bounded in time and size, tried again for a while, and silent about what it carries.

Knows no store. Answers that mean something to it (404, 403) are returned, whatever else is wrong is StoreAway.
"""

import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3

from scheduler.secret_stores.store import MOST_BYTES, StoreAway
from sdk.errors import InvalidSpec
from sdk.http.address import is_loopback
from sdk.retry import Policy

_ANSWER = 4 * MOST_BYTES
"""Bytes of an answer at most: JSON with escapes is longer than what is in it."""
_AGAIN = Policy(first=0.2, most=2.0)
_BUSY = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came; what it holds may be secret."""

    status: int
    body: bytes = field(repr=False)
    kind: str

    def json(self) -> Mapping[str, Any] | None:
        """The object in it, None when it is none."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None


class Http:
    """One server. Threads may share it."""

    def __init__(
        self,
        url: str,
        *,
        ca: Path | None = None,
        plain: bool = False,
        timeout: float = 3.0,
        patience: float = 3.0,
    ) -> None:
        """`plain`: whether other machines may be asked without TLS; `patience`: seconds in which it is tried again.

        Raises InvalidSpec with the setting's name.
        """
        try:
            parsed = urllib3.util.parse_url(url)
        except urllib3.exceptions.LocationParseError as error:
            raise InvalidSpec("EDGELB_SECRET_URL", "is no URL such as https://vault.example.com:8200") from error
        if parsed.scheme not in ("http", "https") or not parsed.host or parsed.auth or parsed.query or parsed.fragment:
            raise InvalidSpec(
                "EDGELB_SECRET_URL", "must be a URL such as https://vault.example.com:8200, without a password"
            )
        host = parsed.host.removeprefix("[").removesuffix("]")
        if parsed.scheme == "http" and not plain and not is_loopback(f"{host}:0"):
            raise InvalidSpec(
                "EDGELB_SECRET_URL",
                f"{url!r} would carry secrets across the network for everybody to read: ask by https, or say with"
                " EDGELB_SECRET_PLAIN_HTTP=1 that it may",
            )
        self.url = url.rstrip("/")
        self._patience = patience
        self._timeout = timeout
        context: ssl.SSLContext | None = None
        if parsed.scheme == "https":
            try:
                context = ssl.create_default_context(cafile=str(ca) if ca else None)
            except (OSError, ValueError) as error:
                raise InvalidSpec("EDGELB_SECRET_CA", f"{ca} cannot be used: {error}") from error
        self._pool = urllib3.PoolManager(
            num_pools=2, maxsize=4, retries=False, ssl_context=context, timeout=urllib3.Timeout(timeout)
        )

    def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        known: Callable[[int], bool] = lambda status: status not in _BUSY,
    ) -> Answer:
        """One request; statuses that are not `known` are tried again. Raises StoreAway when the time is over."""
        until = time.monotonic() + self._patience
        attempts = _AGAIN.attempts(
            on=StoreAway,
            pause=time.sleep,
            alive=lambda: time.monotonic() < until,
            failed=lambda _error, _seconds: None,
        )
        for attempt in attempts:
            with attempt:
                answer = self._once(method, path, headers or {}, body, until)
                if not known(answer.status):
                    raise StoreAway(f"{self.url} answers {answer.status}")
                return answer
        raise AssertionError("the loop above ends with an answer or an error")

    def _once(
        self, method: str, path: str, headers: Mapping[str, str], body: Mapping[str, Any] | None, until: float
    ) -> Answer:
        try:
            response = self._pool.request(
                method,
                self.url + path,
                headers={**headers, "Accept": "application/json, application/octet-stream"},
                json=body,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            try:
                data = self._read(response, until)
            finally:
                response.close()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise StoreAway(f"{self.url} does not answer: {_reason(error)}") from error
        except ValueError:  # its words hold the header, which is a token
            raise StoreAway(f"{self.url} cannot be asked: our token holds what no header can carry") from None
        return Answer(status=response.status, body=data, kind=response.headers.get("Content-Type", ""))

    def _read(self, response: urllib3.BaseHTTPResponse, until: float) -> bytes:
        data = b""
        while piece := response.read1(65536, decode_content=False):
            data += piece
            if len(data) > _ANSWER:
                raise StoreAway(f"{self.url} answers with more than {_ANSWER} bytes")
            if time.monotonic() > until + self._timeout:
                raise StoreAway(f"{self.url} takes too long to answer")
        return data


def _reason(error: Exception) -> str:
    """In few words: urllib3 puts objects and URLs into its own."""
    cause: BaseException = error
    while isinstance(cause, urllib3.exceptions.HTTPError) and (cause.__cause__ or cause.__context__):
        cause = cause.__cause__ or cause.__context__ or cause
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({cause.verify_message}): name what to trust with EDGELB_SECRET_CA"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return "it took too long" if isinstance(cause, TimeoutError | urllib3.exceptions.TimeoutError) else str(cause)[:200]
