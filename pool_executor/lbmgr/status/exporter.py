"""HAProxy's own exporter, asked over a unix socket, and handed on as it comes.

Its answer about 50,000 servers has more than 100 MB: it is neither kept nor read here. Knows how it is asked and where
its answer begins. Does not know what it says.
"""

import contextlib
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PIECE = 65536
_MAX_HEAD = 16384
_STATUS = re.compile(r"HTTP/1\.[01] (\d{3})\b")
# An answer of HTTP/1.1 in chunks ends so.
_LAST = b"0\r\n\r\n"


class ExporterFailed(Exception):
    """HAProxy's exporter did not answer, or not as it should; the message says how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`pieces` are the bytes of the body as HAProxy sends them: in chunks if `chunked`, the last one included."""

    status: int
    content_type: str
    chunked: bool
    pieces: Iterator[bytes]


@contextlib.contextmanager
def asked(path: Path, query: str, timeout: float) -> Iterator[Answer]:
    """What the exporter at the socket `path` says to `query`; raises ExporterFailed.

    So may reading its pieces, also when the answer is cut off. HAProxy may be silent for `timeout` seconds.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.settimeout(timeout)
            connection.connect(str(path))
            target = f"/metrics?{query}" if query else "/metrics"
            request = f"GET {target} HTTP/1.1\r\nHost: lbmgr\r\nConnection: close\r\n\r\n"
            connection.sendall(request.encode("latin-1"))
            head, begun = _head(connection)
            status, fields = _parsed(head)
        except (OSError, ValueError) as error:
            raise ExporterFailed(f"HAProxy's exporter does not answer: {error}") from error
        chunked = fields.get("transfer-encoding") == "chunked"
        yield Answer(
            status=status,
            content_type=fields.get("content-type", "text/plain"),
            chunked=chunked,
            pieces=_pieces(connection, begun, chunked=chunked),
        )


def _head(connection: socket.socket) -> tuple[str, bytes]:
    data = b""
    while (end := data.find(b"\r\n\r\n")) < 0:
        piece = connection.recv(_PIECE)
        if not piece or len(data) > _MAX_HEAD:
            raise ValueError("its answer has no end of a head")
        data += piece
    return data[:end].decode("latin-1"), data[end + 4 :]


def _parsed(head: str) -> tuple[int, dict[str, str]]:
    first, *lines = head.split("\r\n")
    if (match := _STATUS.match(first)) is None:
        raise ValueError(f"its answer begins with {first[:80]!r}")
    fields = (line.partition(":") for line in lines)
    return int(match[1]), {name.strip().lower(): value.strip() for name, _, value in fields}


def _pieces(connection: socket.socket, begun: bytes, *, chunked: bool) -> Iterator[bytes]:
    piece, end = begun, b""
    while True:
        if piece:
            end = (end + piece)[-len(_LAST) :]
            yield piece
        try:
            piece = connection.recv(_PIECE)
        except OSError as error:
            raise ExporterFailed(f"HAProxy's exporter stopped in its answer: {error}") from error
        if not piece:
            break
    if chunked and end != _LAST:
        raise ExporterFailed("HAProxy's exporter stopped in its answer")
