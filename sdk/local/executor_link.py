"""The v1 executor API over one socket, for executors that must start fast: no HTTP library, no typing at run time.

Knows the wire; events and calls are JSON objects that it does not look into.
"""

from __future__ import annotations

import json
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Only for the type checker: importing typing would cost more than all the rest.
    from typing import Any


def parse_duration(text: str) -> float:
    """`15mins` or `5secs` in seconds."""
    for unit, factor in (("mins", 60.0), ("secs", 1.0), ("hrs", 3600.0), ("ms", 0.001)):
        if text.endswith(unit):
            return float(text[: -len(unit)]) * factor
    return float(text)


class Gone(Exception):
    """The agent does not answer."""


class Rejected(Exception):
    """The agent knows nothing of this executor."""


class AgentLink:
    """The connection to the agent: one long answer with events, short calls beside it."""

    def __init__(self, endpoint: str) -> None:
        host, _, port = endpoint.rpartition(":")
        self._address = (host, int(port))
        self.socket: socket.socket | None = None
        self._raw = b""
        self._records = b""

    def _post(self, body: dict[str, Any], close: bool) -> tuple[socket.socket, int, bytes]:
        data = json.dumps(body, separators=(",", ":")).encode()
        connection = socket.create_connection(self._address, timeout=10.0)
        head = (
            "POST /api/v1/executor HTTP/1.1\r\n"
            f"Host: {self._address[0]}:{self._address[1]}\r\n"
            "Content-Type: application/json\r\nAccept: application/json\r\n"
            f"Content-Length: {len(data)}\r\n{'Connection: close' + chr(13) + chr(10) if close else ''}\r\n"
        )
        try:
            connection.sendall(head.encode() + data)
            answer = b""
            while b"\r\n\r\n" not in answer:
                piece = connection.recv(65536)
                if not piece:
                    raise Gone("the agent closed the connection")
                answer += piece
        except BaseException:
            connection.close()
            raise
        head_bytes, _, rest = answer.partition(b"\r\n\r\n")
        return connection, int(head_bytes.split(b" ", 2)[1]), rest

    def call(self, body: dict[str, Any]) -> None:
        """A call other than SUBSCRIBE."""
        try:
            connection, status, _ = self._post(body, close=True)
        except (OSError, ValueError) as error:
            raise Gone(str(error)) from error
        connection.close()
        if status >= 300:
            raise Gone(f"HTTP {status}")

    def subscribe(self, body: dict[str, Any]) -> None:
        """Open the event stream."""
        self.close()
        try:
            connection, status, rest = self._post(body, close=False)
        except (OSError, ValueError) as error:
            raise Gone(str(error)) from error
        if status != 200:
            connection.close()
            if status == 400:
                raise Rejected(rest.decode(errors="replace"))
            raise Gone(f"HTTP {status}")
        connection.setblocking(False)
        self.socket, self._raw, self._records = connection, rest, b""

    def close(self) -> None:
        """Forget the stream."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def events(self) -> list[dict[str, Any]]:
        """What can be read now; raises Gone at the end of the stream."""
        if self.socket is not None:
            try:
                piece = self.socket.recv(1 << 20)
            except (BlockingIOError, InterruptedError):
                piece = None
            except OSError as error:
                raise Gone(str(error)) from error
            if piece == b"":
                raise Gone("the agent ended the stream")
            self._raw += piece or b""
        self._dechunk()
        found: list[dict[str, Any]] = []
        while True:
            length, newline, rest = self._records.partition(b"\n")
            if not newline or len(rest) < int(length):
                return found
            found.append(json.loads(rest[: int(length)]))
            self._records = rest[int(length) :]

    def _dechunk(self) -> None:
        while True:
            size, newline, rest = self._raw.partition(b"\r\n")
            if not newline:
                return
            length = int(size.partition(b";")[0], 16)
            if len(rest) < length + 2:
                return
            if length == 0:
                raise Gone("the agent ended the stream")
            self._records += rest[:length]
            self._raw = rest[length + 2 :]
