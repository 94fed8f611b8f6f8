"""lbmgr's answers over HTTP, at a unix socket at which HAProxy alone asks: metrics, and HAProxy's configuration.

Who may ask, and how slowly, is HAProxy's affair (the listener `stats`). Knows requests and answers. Does not know what
is told (own_metrics.py), how HAProxy tells its own (exporter.py), nor what is hidden (redaction.py).
"""

import contextlib
import http.server
import socket
import socketserver
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import structlog

from pool_executor.lbmgr.status import exporter
from pool_executor.lbmgr.status.observed import Observed
from pool_executor.lbmgr.status.redaction import redacted

_log = structlog.get_logger()

# Each answer under way has a thread; a client that reads slowly keeps it. Others are sent away, and HAProxy tells its
# own metrics alone.
_MOST = 8
# HAProxy sends a request whole, and an answer must not come to a stop for longer.
_SILENCE = 10.0
_PAUSE = 1.0
_PIECE = 65536
_TEXT = "text/plain; charset=utf-8"
_METRICS = "text/plain; version=0.0.4; charset=utf-8"
#: What `scope` of a query may be beside HAProxy's own ones: lbmgr's metrics, and all.
_LBMGR, _ALL = "lbmgr", "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What is told. `observed` may be called by any thread and is None before there is anything to tell."""

    observed: Callable[[], Observed | None]
    exporter: Path
    """The socket of HAProxy's exporter."""
    overview: Path
    """The file with the configuration."""


class HttpServer:
    """Of one instance."""

    def __init__(self, path: Path, sources: Sources) -> None:
        self._path = path
        self._sources = sources
        self._server: _Server | None = None

    def start(self) -> None:
        """Begin to listen. Where that fails, HAProxy answers alone."""
        try:
            self._path.unlink(missing_ok=True)
            self._server = _Server(self._path, self._sources)
        except OSError as error:
            _log.warning("lbmgr's own metrics cannot be told; those of HAProxy are", error=str(error))
            return
        threading.Thread(target=self._server.accept, name="http", daemon=True).start()

    def stop(self) -> None:
        """End; whoever reads an answer is cut off."""
        if self._server is not None:
            self._server.close()


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 32

    def __init__(self, path: Path, sources: Sources) -> None:
        self.sources = sources
        self._closed = threading.Event()
        self._free = threading.BoundedSemaphore(_MOST)
        super().__init__(str(path), _Request)

    def accept(self) -> None:
        """Until it is closed. `serve_forever` would look for that twice a second."""
        while not self._closed.is_set():
            try:
                request, client_address = self.get_request()
                self.process_request(request, client_address)
            except (OSError, RuntimeError) as error:
                if not self._closed.is_set():
                    _log.warning("A request for metrics or the configuration was not taken", error=str(error))
                    self._closed.wait(_PAUSE)  # no descriptor or no thread is free

    def close(self) -> None:
        """Take no more requests."""
        self._closed.set()
        self.socket.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        """In a thread of its own; not at all when there are too many."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            self.shutdown_request(request)
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """One connection, to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A request that failed is told, and costs nobody else anything."""
        del request, client_address
        _log.exception("A request for metrics or the configuration failed")


class _Request(http.server.BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = _SILENCE

    def do_GET(self) -> None:
        """HAProxy asks for `/` whether lbmgr lives."""
        self.close_connection = True
        path, _, query = self.path.partition("?")
        try:
            match path:
                case "/":
                    self._text(HTTPStatus.OK, "lbmgr\n")
                case "/metrics":
                    self._metrics(query)
                case "/_haproxy_getconfig":
                    self._configuration()
                case _:
                    self._text(HTTPStatus.NOT_FOUND, "Not found.\n")
        except (OSError, exporter.ExporterFailed) as error:
            # Whoever asked has gone, or sees an answer without its end.
            _log.debug("An answer was not told to its end", path=path, error=str(error))

    def do_HEAD(self) -> None:
        """Nobody has to be asked for what is not told."""
        self.close_connection = True
        self._head(HTTPStatus.OK, _METRICS if self.path.partition("?")[0] == "/metrics" else _TEXT)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What is no request for anything is refused without a word on who does that."""
        del explain
        self.close_connection = True
        self._text(HTTPStatus(code), f"{message or HTTPStatus(code).phrase}\n")

    def log_message(self, format: str, *args: object) -> None:
        """HAProxy has a log of its own."""

    def _metrics(self, query: str) -> None:
        told, rest = _scopes(query)
        own = self._own() if told else b""
        if rest is None:
            self._chunks(HTTPStatus.OK, _METRICS, [own])
            return
        with contextlib.ExitStack() as stack:
            try:
                answer = stack.enter_context(exporter.asked(self.server.sources.exporter, rest, _SILENCE))
            except exporter.ExporterFailed as error:
                self._text(HTTPStatus.BAD_GATEWAY, f"{error}\n")
                return
            if answer.status == HTTPStatus.OK and answer.chunked:
                # HAProxy's chunks go on as they are, behind one of ours.
                self._head(HTTPStatus.OK, answer.content_type)
                self._write([_chunk(own)])
                self._write(answer.pieces)
            else:
                self._chunks(answer.status, answer.content_type, answer.pieces)

    def _own(self) -> bytes:
        observed = self.server.sources.observed()
        if observed is None:
            return b""
        from pool_executor.lbmgr.status import own_metrics

        return own_metrics.text(observed)

    def _configuration(self) -> None:
        try:
            file = open(self.server.sources.overview, encoding="utf-8", errors="replace")  # noqa: SIM115
        except FileNotFoundError:
            self._text(HTTPStatus.NOT_FOUND, "There is no configuration yet.\n")
            return
        with file:
            self._chunks(HTTPStatus.OK, _TEXT, _gathered(redacted(line.rstrip("\n")) for line in file))

    def _text(self, status: HTTPStatus, text: str) -> None:
        self._chunks(status, _TEXT, [text.encode()])

    def _chunks(self, status: int, content_type: str, pieces: Iterable[bytes]) -> None:
        self._head(status, content_type)
        self._write(map(_chunk, pieces))
        self._write([b"0\r\n\r\n"])

    def _head(self, status: int, content_type: str) -> None:
        self.send_response_only(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Connection", "close")
        self.end_headers()

    def _write(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            self.wfile.write(piece)


def _scopes(query: str) -> tuple[bool, str | None]:
    """Whether lbmgr's own metrics are asked for, and the query for HAProxy; None when nothing of HAProxy is asked."""
    scopes = {value for name, value in parse_qsl(query, keep_blank_values=True) if name == "scope"}
    if scopes == {_LBMGR}:
        return True, None
    others = "&".join(part for part in query.split("&") if part != f"scope={_LBMGR}")
    return not scopes or bool(scopes & {_LBMGR, _ALL}), others


def _chunk(data: bytes) -> bytes:
    """As one piece of an answer; an empty one would be its end."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def _gathered(lines: Iterator[str]) -> Iterator[bytes]:
    """Lines in large pieces."""
    found, size = [], 0
    for line in lines:
        found.append(line)
        size += len(line) + 1
        if size >= _PIECE:
            yield "\n".join([*found, ""]).encode()
            found, size = [], 0
    if found:
        yield "\n".join([*found, ""]).encode()
