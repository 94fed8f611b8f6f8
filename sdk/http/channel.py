"""waitress' connection as ours are: how requests are read and answered, and when one has waited for too long.

Knows one connection and its requests; which connections there are, `sdk.http.server` knows.
"""

import json
import time
from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.task import ErrorTask, WSGITask

from sdk.http.tls import CLIENT_NAMES

# Connections have so long for a complete request, from the first byte or the last answer on; readers of an answer so
# long for each part of it.
REQUEST_SECONDS = 60.0


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
    def get_environment(self) -> dict[str, Any]:
        """With the names that the client has proven."""
        environment: dict[str, Any] = super().get_environment()
        environment[CLIENT_NAMES] = self.channel.client_names
        return environment

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
    """One connection."""

    client_names: tuple[str, ...] = ()
    """Names in the certificate that the client has shown, and that was verified."""
    task_class = _Task
    error_task_class = _ErrorTask
    parser_class = _Parser

    def __init__(self, *args: Any, **more: Any) -> None:
        self.waits_since = time.monotonic()
        """When the connection was opened or its last request was answered."""
        super().__init__(*args, **more)

    def service(self) -> None:
        """Answer the next request."""
        super().service()
        self.waits_since = time.monotonic()

    def overdue(self, now: float) -> bool:
        """Whether neither the next request nor the reading of the last answer gets on."""
        if self.requests:
            return False
        if self.total_outbufs_len:
            return bool(time.time() - self.last_activity > REQUEST_SECONDS)
        return now - self.waits_since > REQUEST_SECONDS
