"""HTTP/1.1 byte by byte: requests as written, answers as received, chunks as sent.

Knows no Mesos. A client library would hide what is looked at here: spelling, framing, and how a connection ends.
"""

import contextlib
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The head of one answer, and its body unless that comes in chunks."""

    version: str
    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    @property
    def fields(self) -> dict[str, str]:
        """Headers by name, spelled as they were sent."""
        return dict(self.headers)

    @property
    def chunked(self) -> bool:
        """Whether its body is a stream of chunks."""
        return self.fields.get("Transfer-Encoding") == "chunked"


class Wire:
    """One connection."""

    def __init__(self, port: int, timeout: float = 20.0) -> None:
        self.socket = socket.create_connection((HOST, port), timeout=timeout)
        self._reader = self.socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, data: bytes) -> None:
        """Write bytes."""
        self.socket.sendall(data)

    def request(self, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> None:
        """Write one request; a body gets a Content-Length."""
        self.send(request(method, target, headers or {}, body))

    def answer(self, method: str = "GET") -> Answer:
        """The next answer; with a chunked body only its head. EOFError when the peer closes instead."""
        first = self._line()
        version, _, rest = first.partition(" ")
        status, _, reason = rest.partition(" ")
        headers = []
        while line := self._line():
            name, _, value = line.partition(":")
            headers.append((name, value.strip()))
        head = Answer(version=version, status=int(status), reason=reason, headers=tuple(headers))
        if head.chunked or method == "HEAD" or head.status < 200:
            return head
        body = self._exactly(int(head.fields.get("Content-Length", "0")))
        return Answer(version=version, status=head.status, reason=reason, headers=head.headers, body=body)

    def chunk(self) -> bytes | None:
        """One chunk of a body, None for the last, empty one; EOFError when the connection ends without it."""
        size = int(self._line(), 16)
        data = self._exactly(size)
        if self._exactly(2) != b"\r\n":
            raise ValueError("a chunk does not end with CRLF")
        return data if size else None

    def record(self) -> bytes | None:
        """The record in the next chunk, which must hold exactly one; None at the end of the stream."""
        data = self.chunk()
        if data is None:
            return None
        length, newline, record = data.partition(b"\n")
        if not newline or not length.isdigit() or int(length) != len(record):
            raise ValueError(f"not one record in one chunk: {data[:100]!r}")
        return record

    def ended(self) -> bool:
        """Whether the peer closes now, with nothing more to read; waits for one or the other."""
        try:
            return self._reader.read(1) == b""
        except ConnectionResetError:
            return True

    def half_close(self) -> None:
        """Say that nothing more will be sent."""
        self.socket.shutdown(socket.SHUT_WR)

    def hang_up(self) -> None:
        """Disconnect, as a crash would; whoever reads in another thread is woken, and closes."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Disconnect and let go of it."""
        self.hang_up()
        self._reader.close()
        self.socket.close()

    def _line(self) -> str:
        line = self._reader.readline()
        if not line:
            raise EOFError("connection closed")
        if not line.endswith(b"\r\n"):
            raise ValueError(f"a line does not end with CRLF: {line!r}")
        return line[:-2].decode("latin-1")

    def _exactly(self, count: int) -> bytes:
        data = self._reader.read(count)
        if len(data) < count:
            raise EOFError("connection closed")
        return data


def request(method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """One request as bytes."""
    fields = {"Host": HOST, **headers}
    if body or method == "POST":
        fields.setdefault("Content-Length", str(len(body)))
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def ask(port: int, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Answer:
    """One request on a connection of its own."""
    with Wire(port) as wire:
        wire.request(method, target, {"Connection": "close", **(headers or {})}, body)
        return wire.answer(method)
