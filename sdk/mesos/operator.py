"""The operator API of masters and agents: single calls, and the stream of what happens in the cluster.

Knows how to find the leader and when a stream is dead. Does not reconnect a stream: what was missed in between is
known only to the caller, who begins with the snapshot in the next SUBSCRIBED.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from sdk.errors import NotConnected, Refused, TemporaryFailure
from sdk.mesos.auth import Credentials
from sdk.mesos.connection import Client, NotSent, Redirected
from sdk.mesos.detector import Masters, masters
from sdk.mesos.endpoint import Endpoint
from sdk.mesos.stream import Limits, Stream
from sdk.mesos.subscription import decode, heartbeat_interval
from sdk.mesos.tls import Tls

API = "/api/v1"
_MAX_REDIRECTS = 5
_T = TypeVar("_T")


class StreamEnded(TemporaryFailure):
    """The master ended the stream, or `close` did."""


class OperatorClient:
    """A client of one cluster; several threads may call, each `stream` belongs to one thread.

    `master` is `host:port[,host:port]`, `http(s)://host:port`, `zk://host:port[,..]/path`, or an agent's address.
    """

    def __init__(
        self,
        master: str,
        *,
        credentials: Credentials | None = None,
        tls: Tls | None = None,
        limits: Limits | None = None,
        source: Masters | None = None,
    ) -> None:
        self._client = Client(credentials=credentials, tls=tls, limits=limits)
        self._masters = source or masters(master, scheme="https" if tls else "http")
        self._news = threading.Condition()
        self._masters.start(self._leader_changed)
        self._lock = threading.Lock()
        self._streams: set[Stream] = set()
        self._closed = False

    def wait_known(self, timeout: float) -> bool:
        """Wait until a master to ask is known, which is at once where it is named itself; False after `timeout` s."""
        with self._news:
            return self._news.wait_for(lambda: bool(self._masters.known()), timeout)

    def call(self, kind: str, body: Mapping[str, Any] | None = None, *, idempotent: bool = True) -> Any:
        """Make a call and return its JSON, `{}` when the answer is empty.

        `body` stands below the call's name in lower case: `call("RESERVE_RESOURCES", {...})` sends
        `{"type": "RESERVE_RESOURCES", "reserve_resources": {...}}`. Raises NotConnected when no master is known or can
        be reached, Refused, or another TemporaryFailure; of several masters each is tried once.
        """
        wire: dict[str, Any] = {"type": kind}
        if body is not None:
            wire[kind.lower()] = body
        return self._each(
            lambda endpoint: self._client.call(endpoint, API, wire, idempotent=idempotent), idempotent=idempotent
        )

    def get(self, path: str) -> Any:
        """The JSON of one of the older endpoints, such as `/slaves`."""
        return self._each(
            lambda endpoint: self._client.call(endpoint, path, method="GET", idempotent=True), idempotent=True
        )

    def stream(self, *, heartbeats: bool = False) -> Iterator[Mapping[str, Any]]:
        """Subscribe once and give the events, SUBSCRIBED with the whole state first, HEARTBEAT only when asked for.

        Never returns normally: raises StreamEnded at the end of the stream, NotConnected when no master takes the
        subscription, Refused, or another TemporaryFailure.
        """
        with self.subscription() as stream:
            for record in stream.records():
                event = decode(record)
                if event.get("type") == "SUBSCRIBED":
                    stream.set_heartbeat(heartbeat_interval(event))
                if heartbeats or event.get("type") != "HEARTBEAT":
                    yield event
            raise StreamEnded(f"{stream.endpoint} ended the stream")

    @contextmanager
    def subscription(self) -> Iterator[Stream]:
        """Subscribe once, for whoever reads records himself: the first one holds the whole cluster.

        The reader calls `set_heartbeat` with what SUBSCRIBED says, or a dead stream is not noticed. Raises what
        `stream` does; the end of the stream is the end of its records.
        """
        stream = self._open()
        try:
            yield stream
        finally:
            with self._lock:
                self._streams.discard(stream)
            stream.close()

    def close(self) -> None:
        """End all streams and connections."""
        with self._lock:
            self._closed = True
            streams = list(self._streams)
        for stream in streams:
            stream.interrupt()
        self._masters.stop()
        self._client.close()

    def _open(self) -> Stream:
        def attempt(endpoint: Endpoint) -> Stream:
            refreshed = False
            for _ in range(_MAX_REDIRECTS + 1):
                try:
                    return self._subscribe(endpoint)
                except Redirected as answer:
                    if answer.target == endpoint:
                        raise
                    endpoint = answer.target
                except Refused as error:
                    if error.status != 401 or refreshed or not self._client.credentials.refresh():
                        raise
                    refreshed = True
            raise NotConnected("the masters redirect to each other; they have no leader yet")

        return self._each(attempt, idempotent=True)

    def _subscribe(self, endpoint: Endpoint) -> Stream:
        begun: list[Stream] = []

        def begin(stream: Stream) -> None:
            # From now on `close` and a change of the leader can end the wait for an answer, too.
            begun.append(stream)
            with self._lock:
                self._streams.add(stream)
                if self._closed:
                    stream.interrupt()

        try:
            return self._client.open(endpoint, API, {"type": "SUBSCRIBE"}, begun=begin)
        except BaseException:
            with self._lock:
                self._streams.difference_update(begun)
            raise

    def _each(self, attempt: Callable[[Endpoint], _T], *, idempotent: bool) -> _T:
        """The answer of the first master that gives one."""
        failure: TemporaryFailure = NotConnected("no leading master is known")
        for endpoint in self._masters.known():
            try:
                return attempt(endpoint)
            except NotSent as error:
                failure = NotConnected(str(error))
            except TemporaryFailure as error:
                if not idempotent:
                    raise
                failure = error
        raise failure

    def _leader_changed(self) -> None:
        with self._news:
            self._news.notify_all()
        leader = self._masters.leader()
        with self._lock:
            stale = [stream for stream in self._streams if leader is not None and stream.endpoint != leader]
        for stream in stale:
            stream.interrupt()
