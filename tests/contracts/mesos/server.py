"""A Mesos process by script: real TCP, and every byte in the hands of the test."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from tests.support.wait import wait_until

FRAMEWORK_ID = "5bb63925-b482-45b6-b23b-96e171f4da8a-0000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    """By lower-case name."""
    body: Any

    @property
    def kind(self) -> str:
        """The call's type."""
        return str(self.body.get("type")) if isinstance(self.body, dict) else ""


class Peer:
    """One connection of a client, in the hands of a script."""

    def __init__(self, connection: socket.socket, number: int, server: "ScriptedServer") -> None:
        self.connection = connection
        self.number = number
        """How many connections came before this one."""
        self._file = connection.makefile("rb")
        self._server = server

    def request(self) -> Request | None:
        """The next request, None when the client closed."""
        line = self._file.readline()
        if not line:
            return None
        method, path, _ = line.decode().split(" ", 2)
        headers: dict[str, str] = {}
        while (line := self._file.readline().strip()) != b"":
            name, _, text = line.decode().partition(":")
            headers[name.lower()] = text.strip()
        data = self._file.read(int(headers.get("content-length", 0)))
        request = Request(method=method, path=path, headers=headers, body=json.loads(data) if data else None)
        self._server.requests.append(request)
        return request

    def send(self, data: bytes) -> None:
        """Bytes as they are."""
        self.connection.sendall(data)

    def answer(self, status: str, body: bytes = b"", **headers: str) -> None:
        """A whole answer."""
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {text}" for name, text in headers.items()]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def begin(self, stream_id: str | None = "stream-1") -> None:
        """The head of a stream, as a master writes it."""
        identity = f"Mesos-Stream-Id: {stream_id}\r\n" if stream_id else ""
        self.send(
            b"HTTP/1.1 200 OK\r\nDate: Mon, 23 Nov 2026 17:35:43 GMT\r\nTransfer-Encoding: chunked\r\n"
            + identity.encode()
            + b"Content-Type: application/json\r\n\r\n"
        )

    def event(self, event: Mapping[str, Any]) -> None:
        """One event: one record in one chunk."""
        self.send(chunk(record(event)))

    def end(self) -> None:
        """The proper end of a stream."""
        self.send(b"0\r\n\r\n")

    def wait_closed(self) -> None:
        """Until the client closes, whatever it sends before."""
        while self._file.read(1):
            pass


Script = Callable[[Peer], None]


class ScriptedServer:
    """Runs `script` on a thread of its own for each connection, and closes the connection after it."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self._script = script
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "{}:{}".format(*self._listener.getsockname())
        self._open: set[socket.socket] = set()
        self._closing = False
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def kinds(self) -> list[str]:
        """The types of all calls so far."""
        return [request.kind for request in self.requests]

    def wait_for(self, kind: str, count: int = 1) -> Request:
        """The `count`-th call of this type, once it has come."""
        wait_until(lambda: self.kinds().count(kind) >= count, 10, f"call {count} of type {kind}")
        return [request for request in self.requests if request.kind == kind][count - 1]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing = True
        # shutdown wakes the accept, which close alone does not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client was quicker

    def _accept(self) -> None:
        while not self._closing:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.add(connection)
            number = self.connections
            # Counted before it is served: whoever sees what the script sent sees the connection counted, too.
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with connection:
            try:
                if self._tls is not None:
                    connection = self._tls.wrap_socket(connection, server_side=True)
                peer = Peer(connection, number, self)
                with connection, peer._file:
                    self._script(peer)
            except OSError:
                return  # the client went away in the middle of the script, or did not like our certificate
            finally:
                self._open.discard(connection)


def record(event: Mapping[str, Any]) -> bytes:
    """RecordIO of one event, compact as Mesos writes it."""
    data = json.dumps(event, separators=(",", ":")).encode()
    return b"%d\n%s" % (len(data), data)


def chunk(data: bytes) -> bytes:
    """One HTTP chunk."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def subscribed(interval: float | None = 15.0, framework_id: str = FRAMEWORK_ID) -> dict[str, Any]:
    """A SUBSCRIBED event of a scheduler stream."""
    body: dict[str, Any] = {
        "framework_id": {"value": framework_id},
        "master_info": {"id": "m", "ip": 16777343, "port": 5050, "hostname": "master1", "version": "1.12.0-rc1"},
    }
    if interval is not None:
        body["heartbeat_interval_seconds"] = interval
    return {"type": "SUBSCRIBED", "subscribed": body}


def calls(peer: Peer, *, status: str = "202 Accepted") -> None:
    """Answer every request of a kept-alive connection."""
    while peer.request() is not None:
        peer.answer(status)


def master(on_subscribe: Script, *, status: str = "202 Accepted") -> Script:
    """A script that hands SUBSCRIBE to `on_subscribe` and takes all other calls."""

    def script(peer: Peer) -> None:
        request = peer.request()
        if request is None:
            return
        if request.kind == "SUBSCRIBE":
            on_subscribe(peer)
        else:
            peer.answer(status)
            calls(peer, status=status)

    return script


def stays(*events: Mapping[str, Any], interval: float | None = 15.0) -> Script:
    """Subscribe, send these events, and keep the stream open."""

    def script(peer: Peer) -> None:
        peer.begin()
        peer.event(subscribed(interval))
        for event in events:
            peer.event(event)
        peer.wait_closed()

    return script


class CountedBackoff:
    """No wait for the first `tries` failures, then one without end; a test counts instead of timing."""

    def __init__(self, tries: int) -> None:
        self.calls = 0
        self.resets = 0
        self._tries = tries

    def delay(self) -> float:
        self.calls += 1
        return 0.0 if self.calls <= self._tries else 3600.0

    def reset(self) -> None:
        self.resets += 1
