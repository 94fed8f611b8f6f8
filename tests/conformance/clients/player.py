"""Plays Mesos' side of a recording to one client of ours over real sockets, byte for byte.

Subscriptions are held in the hands of the test, which sends the recorded head, events and end; calls are kept and get
the answers that the test laid out for them, or 202 Accepted as Mesos answers nearly all.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable, Mapping

from tests.conformance.clients.recording import Answer, Event
from tests.contracts.mesos.server import Peer, Request, ScriptedServer, chunk
from tests.support.wait import wait_until

Split = Callable[[bytes], list[bytes]]


def whole(data: bytes) -> list[bytes]:
    """One record in one chunk, as Mesos sends it."""
    return [data]


def bytewise(data: bytes) -> list[bytes]:
    """A chunk for every byte."""
    return [data[at : at + 1] for at in range(len(data))]


class Held:
    """One subscription of the client, from its request on."""

    def __init__(self, request: Request, peer: Peer) -> None:
        self.request = request
        self.done = threading.Event()
        self._peer = peer

    def answer(self, recorded: Answer, addresses: Mapping[str, str] | None = None) -> None:
        """The recorded status line, headers and text; `addresses` says where the recorded masters listen here."""
        body = b"" if recorded.streams else recorded.text.encode()
        self._peer.send(head(recorded, len(body), addresses or {}) + body)

    def event(self, event: Event, split: Split = whole) -> None:
        """One recorded record."""
        self._peer.send(b"".join(map(chunk, split(event.record))))

    def raw(self, data: bytes) -> None:
        """Bytes as they are; the client may have closed already, having seen enough."""
        try:
            self._peer.send(data)
        except OSError:
            return

    def end(self, how: str) -> None:
        """`zero chunk`: the proper end; anything else: the connection just closes."""
        if how == "zero chunk":
            self.raw(b"0\r\n\r\n")
        self.done.set()

    def wait_closed(self) -> None:
        """Until the client closes."""
        self._peer.wait_closed()
        self.done.set()


class Player:
    """The master or agent of a recording."""

    def __init__(self) -> None:
        self.answers: deque[Answer] = deque()
        """For the next calls, in order."""
        self.addresses: dict[str, str] = {}
        """By recorded address: where that Mesos listens here."""
        self._held: queue.Queue[Held] = queue.Queue()
        self.server = ScriptedServer(self._script)

    def __enter__(self) -> "Player":
        self.server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.__exit__()

    @property
    def address(self) -> str:
        """Where the client finds it."""
        return self.server.address

    @property
    def calls(self) -> list[Request]:
        """All but subscriptions."""
        return [request for request in self.server.requests if request.kind != "SUBSCRIBE"]

    def subscription(self) -> Held:
        """The next subscription, once it has come."""
        try:
            return self._held.get(timeout=10)
        except queue.Empty as error:
            raise AssertionError(f"no subscription came; calls so far: {self.server.kinds()}") from error

    def call(self, count: int) -> Request:
        """The `count`-th call, once it has come."""
        wait_until(lambda: len(self.calls) >= count, what=f"call {count}", every=0.001)
        return self.calls[count - 1]

    def _script(self, peer: Peer) -> None:
        while (request := peer.request()) is not None:
            if request.kind == "SUBSCRIBE":
                held = Held(request, peer)
                self._held.put(held)
                held.done.wait(30)
                return
            if not self.answers:
                peer.answer("202 Accepted")
                continue
            recorded = self.answers.popleft()
            body = recorded.text.encode()
            peer.send(head(recorded, len(body), self.addresses) + body)


def head(recorded: Answer, length: int, addresses: Mapping[str, str]) -> bytes:
    """Status line and headers; the length is that of what follows here, the texts' paths having been made neutral."""
    lines = [f"HTTP/1.1 {recorded.status} {recorded.reason}"]
    for name, text in recorded.headers.items():
        for theirs, ours in addresses.items():
            text = text.replace(theirs, ours)
        lines.append(f"{name}: {length if name == 'Content-Length' else text}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


class Gate:
    """A backoff that lets the client try again when the test says so; counts the failures."""

    def __init__(self) -> None:
        self.failures = 0
        self._tries = threading.Semaphore(0)
        self._closed = False

    def open(self) -> None:
        """One more try."""
        self._tries.release()

    def close(self) -> None:
        """No more tries: the client is about to be stopped."""
        self._closed = True
        self._tries.release()

    def delay(self) -> float:
        """Seconds until the next try."""
        self.failures += 1
        # Bounded, so that a failing test ends its threads.
        return 0.0 if self._tries.acquire(timeout=30) and not self._closed else 3600.0

    def reset(self) -> None:
        """A stream lived long."""
