"""One event stream kept open: find the leader, subscribe, read, and begin again when it ends.

Knows redirects, backoff, heartbeats and the first event. Does not know what the other events mean; the scheduler,
executor and operator clients stand on it.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from sdk.clock import Clock, SystemClock
from sdk.errors import Refused, SdkError
from sdk.mesos.connection import Client, Redirected
from sdk.mesos.detector import Masters
from sdk.mesos.endpoint import Endpoint
from sdk.mesos.recordio import MalformedStream
from sdk.mesos.stream import Stream
from sdk.retry import Backoff, ExponentialBackoff

_log = structlog.get_logger()
_MAX_REDIRECTS = 5
# A stream that lived shorter than this did not prove that all is well: the wait before the next try goes on growing.
_SETTLED_SECONDS = 10.0
# Mesos says 15. What is longer than a day is an error, and beyond some years no deadline of a socket.
_MOST_HEARTBEAT_SECONDS = 24 * 3600.0

WireEvent = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSubscription:
    """A live subscription: calls go to `endpoint` and carry `stream_id`."""

    endpoint: Endpoint
    stream_id: str | None


class Listener(Protocol):
    """Whom a subscription tells, always on its own thread. What these raise is logged and does no other harm."""

    def on_event(self, event: WireEvent) -> None:
        """One event, SUBSCRIBED included."""

    def on_disconnected(self, why: str) -> None:
        """The stream ended that SUBSCRIBED had opened."""

    def on_trouble(self, error: Exception) -> None:
        """A try to subscribe failed; another one follows."""

    def on_stopped(self) -> None:
        """The thread ends; nothing is told after this."""


class Subscription:
    """A thread that keeps one stream open from `start` to `stop`."""

    def __init__(
        self,
        *,
        client: Client,
        masters: Masters,
        path: str,
        request: Callable[[], Mapping[str, Any]],
        listener: Listener,
        backoff: Backoff | None = None,
        clock: Clock | None = None,
        name: str = "mesos",
    ) -> None:
        self._client, self._masters, self._path = client, masters, path
        self._request, self._listener = request, listener
        self._backoff: Backoff = backoff or ExponentialBackoff()
        self._clock: Clock = clock or SystemClock()
        self._thread = threading.Thread(target=self._run, name=f"{name}-stream", daemon=True)
        self._lock = threading.Lock()
        self._stopped = False
        self._woken = threading.Event()
        self._stream: Stream | None = None
        self._current: LiveSubscription | None = None
        self._given_up: str | None = None

    @property
    def current(self) -> LiveSubscription | None:
        """The live subscription, None while there is none."""
        return self._current

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped

    def start(self) -> None:
        """Begin; may be called once."""
        self._masters.start(self._leader_changed)
        self._thread.start()

    def stop(self) -> None:
        """End the stream and do not begin again. Returns at once, from any thread."""
        with self._lock:
            self._stopped = True
            stream = self._stream
        self._woken.set()
        if stream is not None:
            stream.interrupt()

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the end of the thread; False when `timeout` seconds passed first."""
        if self._thread.ident is None or self._thread is threading.current_thread():
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def give_up(self, why: str) -> None:
        """Begin anew, although the stream is open: what the present event says ends it. On the stream's thread."""
        self._given_up = why

    def _is_given_up(self) -> bool:
        return self._given_up is not None

    def drop(self, subscribed: LiveSubscription) -> None:
        """The peer does not know this subscription any more, though its stream is open: begin a new one."""
        with self._lock:
            stream = self._stream if self._current is subscribed else None
        if stream is not None:
            stream.interrupt()

    def _leader_changed(self) -> None:
        self._woken.set()
        leader = self._masters.leader()
        with self._lock:
            stream = self._stream
        if stream is not None and leader is not None and stream.endpoint != leader:
            # A master that lost its leadership exits, but a partitioned one may keep the connection open for long.
            stream.interrupt()

    def _run(self) -> None:
        redirect: Endpoint | None = None
        redirects = 0
        refreshed = False
        try:
            while not self._stopped:
                self._woken.clear()
                endpoint = redirect or self._masters.candidate()
                redirect = None
                if endpoint is None:
                    self._wait("no leading master is known")
                    continue
                started = self._clock.monotonic()
                try:
                    why = self._subscribe(endpoint)
                except Redirected as answer:
                    redirects += 1
                    if answer.target != endpoint and redirects <= _MAX_REDIRECTS:
                        _log.info("Following the redirect to the leading master", master=str(answer.target))
                        redirect = answer.target
                        continue
                    self._trouble(answer)
                    why = str(answer)
                except SdkError as error:
                    if isinstance(error, Refused) and error.status == 401 and not refreshed and self._refresh():
                        refreshed = True
                        redirect = endpoint
                        continue
                    self._trouble(error)
                    why = str(error)
                except Exception as error:  # noqa: BLE001 - a bug, here or in a token provider, must not end the thread
                    _log.exception("Subscribing to Mesos failed in an unexpected way")
                    self._trouble(error)
                    why = f"{type(error).__name__}: {error}"
                redirects, refreshed = 0, False
                if self._clock.monotonic() - started >= _SETTLED_SECONDS:
                    self._backoff.reset()
                if not self._stopped:
                    self._wait(why)
        finally:
            self._client.close()
            self._masters.stop()
            try:
                self._listener.on_stopped()
            except Exception:  # noqa: BLE001 - foreign code
                _log.exception("The end of the Mesos stream could not be told")

    def _subscribe(self, endpoint: Endpoint) -> str:
        """One stream from SUBSCRIBE to its end; returns why it ended, raises SdkError when it never began."""
        try:
            stream = self._client.open(endpoint, self._path, self._request(), begun=self._begun)
        except BaseException:
            with self._lock:
                self._stream = None
            raise
        subscribed = False
        self._given_up = None
        why = f"{endpoint} ended the stream"
        try:
            for record in stream.records():
                event = decode(record)
                if event.get("type") == "SUBSCRIBED":
                    stream.set_heartbeat(heartbeat_interval(event))
                    subscribed = True
                    with self._lock:
                        self._current = LiveSubscription(endpoint=endpoint, stream_id=stream.stream_id)
                self._tell(self._listener.on_event, event)
                if self._stopped or self._is_given_up():
                    why = self._given_up or why
                    break
        except SdkError as error:
            if not subscribed:
                raise
            why = str(error)
        finally:
            with self._lock:
                self._current = None
                self._stream = None
            stream.close()
            if subscribed:
                self._tell(self._listener.on_disconnected, "stopped" if self._stopped else why)
        return why

    def _begun(self, stream: Stream) -> None:
        """From now on `stop` and a change of the leader can end the wait for an answer, too."""
        with self._lock:
            self._stream = stream
            if self._stopped:
                stream.interrupt()

    def _wait(self, why: str) -> None:
        delay = self._backoff.delay()
        _log.warning(f"Not subscribed to Mesos; trying again in {delay:.1f} s", why=why)
        if self._woken.wait(delay):
            # Another master leads: that the one before could not be had is no reason to wait long for this one, which
            # may need a moment yet.
            self._backoff.reset()

    def _trouble(self, error: Exception) -> None:
        if not self._stopped:
            self._tell(self._listener.on_trouble, error)

    def _refresh(self) -> bool:
        try:
            return self._client.credentials.refresh()
        except Exception as error:  # noqa: BLE001 - a token provider is foreign code, and its failure is not the end
            _log.warning("New credentials for Mesos could not be had", why=str(error))
            return False

    def _tell(self, tell: Callable[[Any], None], value: object) -> None:
        try:
            tell(value)
        except Exception:  # noqa: BLE001 - whatever happens in there, the stream must go on
            _log.exception("Handling of something that Mesos said failed")


def decode(record: bytes) -> WireEvent:
    """The event in a record; raises MalformedStream when there is none.

    Mesos hands on what tasks say of themselves, byte by byte: what is not UTF-8 becomes U+FFFD, and ends no stream.
    """
    try:
        event = json.loads(record.decode(errors="replace"))
    except ValueError as error:
        raise MalformedStream(f"a record is not JSON: {error}") from error
    except RecursionError as error:
        raise MalformedStream("a record is nested too deeply") from error
    if not isinstance(event, dict):
        raise MalformedStream(f"a record is not an event but {type(event).__name__}")
    return event


def heartbeat_interval(event: WireEvent) -> float | None:
    """Seconds between heartbeats, as SUBSCRIBED announces them; None when it does not, or nothing that can be true."""
    body = event.get("subscribed")
    interval = body.get("heartbeat_interval_seconds") if isinstance(body, dict) else None
    return float(interval) if isinstance(interval, int | float) and 0 < interval <= _MOST_HEARTBEAT_SECONDS else None
