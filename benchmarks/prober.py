"""Who answers for a host right now: a client in a process of its own that asks again and again.

    with Prober(port) as prober:
        prober.watch("shop.test", expected="127.9.0.1:8001")
        moment = ...                       # whatever makes that server answer
        answered = prober.wait()           # monotonic time of the first such answer

`expected` may be what the answer must not be (`other=True`). It asks every half millisecond, on one connection, by
itself: so that what it takes away from the system under test is little and always the same.
"""

import multiprocessing
import socket
import time
from multiprocessing.connection import Connection
from types import TracebackType

PAUSE = 0.0005


class Prober:
    """A process that watches one host at a time through the balancer at `port`."""

    def __init__(self, port: int) -> None:
        context = multiprocessing.get_context("forkserver")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_probe, args=(theirs, port), daemon=True)

    def __enter__(self) -> "Prober":
        self._process.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.join()

    def watch(self, host: str, expected: str, *, other: bool = False, timeout: float = 60.0) -> None:
        """Begin to ask; returns when the first request was answered by whomever."""
        self._pipe.send((host, expected, other, timeout))
        assert self._pipe.recv() == "asking"

    def wait(self) -> float:
        """When the first such answer was there; TimeoutError when there was none, which says who answered instead."""
        found = self._pipe.recv()
        if isinstance(found, str):
            raise TimeoutError(found)
        return float(found)


def _probe(pipe: Connection, port: int) -> None:
    client = _Client(port)
    while True:
        host, expected, other, timeout = pipe.recv()
        deadline = time.monotonic() + timeout
        client.ask(host)
        pipe.send("asking")
        body = ""
        while time.monotonic() < deadline:
            body = client.ask(host)
            if (body == expected) != other:
                pipe.send(time.monotonic())
                break
            time.sleep(PAUSE)
        else:
            pipe.send(f"{host} was {'still' if other else 'not'} answered by {expected}, but by {body!r}")


class _Client:
    """Answers of one connection, which is made again when it ends; an answer that is no 200 is its status."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def ask(self, host: str) -> str:
        try:
            if self._socket is None:
                self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=10)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.sendall(b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % host.encode())
            return self._answer(self._socket)
        except OSError as error:
            self._close()
            return repr(error)

    def _answer(self, connection: socket.socket) -> str:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65_536)
            if not piece:
                self._close()
                return "closed"
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), None)
        while length is None or len(body) < length:
            piece = connection.recv(65_536)
            if not piece:
                break
            body += piece
        if length is None or b"connection: close" in lines:
            self._close()
        status = head.split(b" ", 2)[1]
        return body.decode(errors="replace") if status == b"200" else status.decode()

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
