"""HTTP to one Mesos process: an event stream on a connection of its own, and calls on kept-alive connections.

Knows deadlines, TLS, redirects as answers, and what each status means for the next try. Does not reconnect and does
not look at events; see `sdk.mesos.subscription`.
"""

import http.client
import json
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any

import structlog
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from sdk.errors import InvalidSpec, Refused, TemporaryFailure, Unauthorized, UnexpectedAnswer
from sdk.mesos.auth import Anonymous, Credentials
from sdk.mesos.endpoint import Endpoint, follow
from sdk.mesos.recordio import MalformedStream
from sdk.mesos.stream import NETWORK_ERRORS, Limits, NoAnswer, Stream
from sdk.mesos.tls import Tls, tls_problem

_log = structlog.get_logger()

_MAX_TEXT = 2000
_MAX_REDIRECTS = 5
# A peer whose machine vanished without a FIN is found by the heartbeat deadline; streams without heartbeats (those of
# executors) have only these probes.
_KEEPALIVE: list[tuple[int, int, int | bytes]] = [
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 20),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
]


class NotSent(NoAnswer):
    """The peer could not be reached: it certainly did not get the call."""


class Redirected(TemporaryFailure):
    """The peer is not the leader and names another process."""

    def __init__(self, asked: Endpoint, target: Endpoint) -> None:
        super().__init__(f"{asked} is not the leader and points to {target}")
        self.target = target


class Client:
    """Requests to Mesos processes with the same credentials, TLS settings and limits. Threads may share it."""

    def __init__(
        self, *, credentials: Credentials | None = None, tls: Tls | None = None, limits: Limits | None = None
    ) -> None:
        self.credentials: Credentials = credentials or Anonymous()
        self.limits = limits or Limits()
        self._tls = tls or Tls()
        if not self._tls.verify:
            # urllib3 would say so with a Python warning at every call; once in the log is what an operator reads.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
            _log.warning("The certificates of Mesos are not verified, as configured")
        self._context: ssl.SSLContext | None = None
        self._pools: dict[Endpoint, urllib3.HTTPConnectionPool] = {}

    def open(
        self,
        endpoint: Endpoint,
        path: str,
        body: Mapping[str, Any],
        *,
        begun: Callable[[Stream], None] = lambda _: None,
    ) -> Stream:
        """POST `body` and return the stream of events.

        `begun` gets the stream before the request goes out, so that another thread can interrupt the wait for the
        answer: a peer that is stopped or overloaded accepts connections and is silent for long.
        Raises NotSent, NoAnswer, Redirected, Refused (4xx) or UnexpectedAnswer (other statuses, no stream).
        """
        connection = self._connect(endpoint)
        sock = connection.sock
        assert sock is not None
        stream = Stream(connection, sock, endpoint, self.limits)
        try:
            begun(stream)
            # The connection sets its own timeout on the socket again and again until the answer has begun.
            connection.timeout = self.limits.answer
            data = json.dumps(body).encode()
            connection.request("POST", path, body=data, headers=self._headers(), preload_content=False)
            response = connection.getresponse()
            stream.answered(response)
            if response.status != http.client.OK:
                text = response.read(_MAX_TEXT, decode_content=True).decode("utf-8", "replace")
                raise self._failure(endpoint, response.status, response.headers.get("Location"), text)
            if "chunked" not in response.headers.get("Transfer-Encoding", "").lower():
                raise UnexpectedAnswer(response.status, f"{endpoint} answered without a stream of events")
            stream.stream_id = response.headers.get("Mesos-Stream-Id")
        except NETWORK_ERRORS as error:
            stream.close()
            raise NoAnswer(f"{endpoint} did not answer: {error}") from error
        except BaseException:
            stream.close()
            raise
        return stream

    def call(
        self,
        endpoint: Endpoint,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        idempotent: bool = False,
    ) -> Any:
        """One request; the JSON of the answer, `{}` when it has none.

        Follows redirects, gets new credentials once after a 401, and, when `idempotent`, tries once more after a broken
        connection: the peer may close a kept-alive connection at the moment we use it. Raises as `open` does, but never
        Redirected.
        """
        data = None if body is None else json.dumps(body).encode()
        may_refresh, may_repeat = True, idempotent
        redirects = 0
        while True:
            try:
                response = self._pool(endpoint).request(
                    method,
                    path,
                    body=data,
                    headers={**self._headers(with_body=data is not None), **(headers or {})},
                    retries=False,
                    redirect=False,
                    preload_content=True,
                )
            except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError) as error:
                raise NotSent(f"{endpoint} cannot be reached: {error}") from error
            except urllib3.exceptions.SSLError as error:
                raise NotSent(tls_problem(endpoint, error)) from error
            except NETWORK_ERRORS as error:
                if may_repeat:
                    may_repeat = False
                    continue
                raise NoAnswer(
                    f"{endpoint} did not answer, the call may or may not have reached it: {error}"
                ) from error
            if response.status == http.client.ACCEPTED:
                return {}
            if response.status == http.client.OK:
                return _json(endpoint, response.data)
            if response.status == http.client.UNAUTHORIZED and may_refresh:
                may_refresh = False
                if self.credentials.refresh():
                    continue
            failure = self._failure(
                endpoint,
                response.status,
                response.headers.get("Location"),
                response.data[:_MAX_TEXT].decode("utf-8", "replace"),
            )
            if isinstance(failure, Redirected):
                redirects += 1
                if failure.target == endpoint or redirects > _MAX_REDIRECTS:
                    raise UnexpectedAnswer(response.status, f"{endpoint} knows no leader yet: {failure}")
                endpoint = failure.target
                continue
            raise failure

    def close(self) -> None:
        """Close the kept-alive connections."""
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.close()

    def _failure(self, endpoint: Endpoint, status: int, location: str | None, text: str) -> Exception:
        text = text.strip() or http.client.responses.get(status, "no reason given")
        if status in (301, 302, 307, 308):
            if not location:
                return UnexpectedAnswer(status, f"{endpoint} redirects without saying where to")
            try:
                return Redirected(endpoint, follow(location, endpoint))
            except InvalidSpec as error:
                return UnexpectedAnswer(status, f"{endpoint} redirects to an address that cannot be read: {error}")
        if status == http.client.UNAUTHORIZED:
            return Unauthorized(text, f"Mesos at {endpoint} {self.credentials.refused()} (it answered: {text[:200]})")
        if 400 <= status < 500:
            return Refused(status, text)
        return UnexpectedAnswer(status, text)

    def _headers(self, *, with_body: bool = True) -> dict[str, str]:
        headers = {"Accept": "application/json"}
        if with_body:
            # Nothing behind it: Mesos answers 415 to "application/json; charset=utf-8".
            headers["Content-Type"] = "application/json"
        if (authorization := self.credentials.header()) is not None:
            headers["Authorization"] = authorization
        return headers

    def _ssl(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = self._tls.context()
        return self._context

    def _connect(self, endpoint: Endpoint) -> HTTPConnection:
        connection: HTTPConnection
        try:
            if endpoint.scheme == "https":
                connection = HTTPSConnection(
                    endpoint.host,
                    endpoint.port,
                    timeout=self.limits.connect,
                    ssl_context=self._ssl(),
                    socket_options=_KEEPALIVE,
                    assert_hostname=None if self._tls.verify else False,
                )
            else:
                connection = HTTPConnection(
                    endpoint.host, endpoint.port, timeout=self.limits.connect, socket_options=_KEEPALIVE
                )
            connection.connect()
        except (ssl.SSLError, urllib3.exceptions.SSLError) as error:
            raise NotSent(tls_problem(endpoint, error)) from error
        except NETWORK_ERRORS as error:
            raise NotSent(f"{endpoint} cannot be reached: {error}") from error
        return connection

    def _pool(self, endpoint: Endpoint) -> urllib3.HTTPConnectionPool:
        pool = self._pools.get(endpoint)
        if pool is None:
            timeout = urllib3.Timeout(connect=self.limits.connect, read=self.limits.answer)
            if endpoint.scheme == "https":
                pool = urllib3.HTTPSConnectionPool(
                    endpoint.host,
                    endpoint.port,
                    timeout=timeout,
                    maxsize=4,
                    ssl_context=self._ssl(),
                    assert_hostname=None if self._tls.verify else False,
                )
            else:
                pool = urllib3.HTTPConnectionPool(endpoint.host, endpoint.port, timeout=timeout, maxsize=4)
            self._pools[endpoint] = pool
        return pool


def _json(endpoint: Endpoint, data: bytes) -> Any:
    if not data:
        return {}
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise MalformedStream(f"{endpoint} answered with something that is not JSON: {error}") from error
