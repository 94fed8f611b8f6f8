"""Connections of clients, in clear or over TLS, and how requests and answers look on them, in waitress' classes.

Knows the form of HTTP and when a connection does not get on. Does not know which connections there are.
"""

import json
import time
from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.task import ErrorTask, WSGITask

from sdk.http.tls import NoTls, TlsConnection

# Connections have so long for a complete request, from the first byte or the last answer on; readers of an answer so
# long for each part of it.
REQUEST_SECONDS = 60.0
_NO_TLS_BODY = b'{"code": 400, "message": "this server speaks TLS: ask it by https"}\n'
_NO_TLS = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_NO_TLS_BODY), _NO_TLS_BODY)
)


class _Parser(HTTPRequestParser):  # type: ignore[misc]  # waitress ships no types
    path = ""
    """Of what cannot be read as a request, too."""

    def parse_header(self, header_plus: bytes) -> None:
        """As waitress does, which has no answer for addresses that Python's own parser refuses."""
        try:
            super().parse_header(header_plus)
        except ValueError as error:
            raise ParsingError(f"the address cannot be read: {error}") from error


class _ErrorTask(ErrorTask):  # type: ignore[misc]  # waitress ships no types
    """What cannot be read as a request is told in the form that all our errors have."""

    def execute(self) -> None:
        error = self.request.error
        reason = " ".join(str(error.body).split())
        body = json.dumps(
            {"code": error.code, "message": f"this is no request that can be answered: {reason}"}
        ).encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers.append(("Content-Type", "application/json"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Task(WSGITask):  # type: ignore[misc]  # waitress ships no types
    def build_response_header(self) -> bytes:
        """Names as the application wrote them; waitress makes Etag of ETag, for which people's scripts look."""
        written = {name.lower(): name for name, _ in self.response_headers}
        first, *lines = super().build_response_header().split(b"\r\n")
        for index, line in enumerate(lines):
            name, colon, value = line.partition(b":")
            as_written = written.get(name.decode("latin-1").lower())
            if colon and as_written is not None:
                lines[index] = as_written.encode("latin-1") + colon + value
        return b"\r\n".join((first, *lines))


class Channel(HTTPChannel):  # type: ignore[misc]  # waitress ships no types
    task_class = _Task
    error_task_class = _ErrorTask
    parser_class = _Parser

    def __init__(self, *args: Any, **more: Any) -> None:
        self.waits_since = time.monotonic()
        """When the connection was opened or its last request was answered."""
        super().__init__(*args, **more)

    def service(self) -> None:
        super().service()
        self.waits_since = time.monotonic()

    def overdue(self, now: float) -> bool:
        """Whether neither the next request nor the reading of the last answer gets on."""
        if self.requests:
            return False
        if self.total_outbufs_len:
            return bool(time.time() - self.last_activity > REQUEST_SECONDS)
        return now - self.waits_since > REQUEST_SECONDS


class TlsChannel(Channel):
    """The same over TLS: that something came does not mean that there is something to read, and the other way round."""

    socket: TlsConnection

    def writable(self) -> bool:
        return bool(self.socket.wants_to_write or super().writable())

    def handle_write(self) -> None:
        if self.socket.wants_to_write:
            self.handle_read()
        else:
            super().handle_write()

    def handle_read(self) -> None:
        """All that was decrypted: for what is left there the system would not wake us again."""
        while self.connected:
            try:
                data = self.recv(self.adj.recv_bytes)
            except BlockingIOError:
                return
            except NoTls:
                self.socket.send_in_clear(_NO_TLS)
                self.handle_close()
                return
            except OSError:
                self.handle_close()
                return
            if data:
                self.last_activity = time.time()
                self.received(data)
            if not (data and self.connected and self.socket.pending):
                return
