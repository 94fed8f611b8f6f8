"""HTTP as libprocess speaks it, on aiohttp: requests and replies of `core.http` on the wire, event streams in RecordIO,
path lookup.

Knows nothing of masters and agents beyond that their endpoints are functions of a request, and of answers only how to
send them.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from sdk.local.core import http
from sdk.local.core.http import Refusal, Reply, Request, document, plain
from sdk.local.core.http import encode as encode
from sdk.local.core.pieces import is_large, pieces
from sdk.local.large import gathered, respond

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
# A launch of many tasks at once is one call; a real master accepts bodies of this size without complaint.
_MAX_BODY = 64 * 1024 * 1024
# A reader may be busy for half a minute with a snapshot of 50,000 tasks while 2,000 events a second come after it.
_MAX_BACKLOG = 64 * 1024 * 1024
_TOGETHER = 256 * 1024
"""Bytes of records that are written at once, and that may wait in the connection before the next are."""
_PAUSE = 0.01
_LOG = logging.getLogger(__name__)


def _one_line(record: logging.LogRecord) -> bool:
    """Bytes that are not HTTP are the peer's mistake: one sentence, no traceback of ours."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, (HttpProcessingError, web.RequestPayloadError)):
        record.msg, record.args, record.exc_info = "refused what is not HTTP: %r", (str(error)[:200],), None
        record.levelno, record.levelname = logging.INFO, "INFO"
        return _LOG.isEnabledFor(logging.INFO)
    return True


_LOG.addFilter(_one_line)


async def received(request: web.Request) -> Request:
    """The request as a value, with its whole body; web.RequestPayloadError when that is not what its headers say."""
    return replace(_head(request), body=await request.read())


def _head(request: web.Request) -> Request:
    return Request(
        method=request.method,
        path=request.path,
        query=tuple((name, value) for name, value in request.query.items()),
        headers={name.lower(): value for name, value in request.headers.items()},
    )


async def json_body(request: web.Request) -> Any:
    """The parsed body; raises Refusal with the answer that Mesos gives to what it cannot take."""
    return http.json_body(await received(request))


def reply(value: Reply) -> web.Response:
    """The reply as a response."""
    response = web.Response(status=value.status, headers=value.headers, body=value.body)
    if "Content-Type" not in value.headers and not value.body:
        response.headers.popall("Content-Type", None)
    return response


async def deliver(request: web.Request, value: Reply) -> web.StreamResponse:
    """The reply as a response; a large one is written piece by piece."""
    return reply(value) if value.pieces is None else await respond(request, value)


def text(status: int, message: str = "") -> web.Response:
    """A plain-text answer."""
    return reply(plain(status, message))


async def answer(request: web.Request, value: Any) -> web.StreamResponse:
    """A JSON answer, as the request wants it."""
    return await deliver(request, document(_head(request), value))


@dataclass(frozen=True, slots=True)
class _Large:
    """An event that is encoded when it is its turn, in pieces, while others are served."""

    event: Any


class EventStream:
    """One long answer: every event becomes one RecordIO record in one chunk, as a real Mesos sends it; a large one
    becomes several chunks.

    Whoever does not read is disconnected when more than `max_backlog` bytes wait for it behind the first record.
    """

    def __init__(self, max_backlog: int = _MAX_BACKLOG) -> None:
        self._records: deque[bytes | _Large | None] = deque()
        """What waits to be written; None ends the stream."""
        self._arrived = asyncio.Event()
        self._max_backlog = max_backlog
        self._waiting = 0
        self._given_up = False
        self._transport: asyncio.BaseTransport | None = None
        self.is_cut = False
        """Whether it ends in the middle of a record: nothing more gets through."""

    @property
    def waiting(self) -> int:
        """How many records wait to be written."""
        return len(self._records)

    def send(self, event: Any) -> None:
        """Queue an event."""
        if self._given_up:
            return
        if not self.waiting and is_large(event):
            # Nothing else waits, as with a snapshot; more of them would wait without being counted.
            self._append(_Large(event))
        else:
            body = encode(event)
            self._put(b"%d\n%s" % (len(body), body))

    def _put(self, record: bytes) -> None:
        # The first may be of any size: a snapshot is not cut because it is large.
        if self._waiting and self._waiting + len(record) > self._max_backlog:
            self._give_up()
            return
        self._waiting += len(record)
        self._append(record)

    def _append(self, record: bytes | _Large | None) -> None:
        self._records.append(record)
        self._arrived.set()

    async def _next(self) -> bytes | _Large | None:
        while not self._records:
            self._arrived.clear()
            await self._arrived.wait()
        return self._records.popleft()

    def _give_up(self) -> None:
        self._given_up = True
        self._records.clear()
        _LOG.warning("disconnected a reader that was %d bytes behind", self._waiting)
        self.close()
        if isinstance(self._transport, asyncio.Transport):
            # Ended in the middle of what it does not read: the handler is cancelled, as when the reader goes away.
            self._transport.abort()

    def cut(self, event: Any) -> None:
        """End the stream in the middle of the record of an event, and the connection without a proper end."""
        body = encode(event)
        record = b"%d\n%s" % (len(body), body)
        self._put(record[: len(record) // 2])
        self.is_cut = True
        self.close()

    def close(self) -> None:
        """End the stream properly after what is queued."""
        self._append(None)

    async def run(self, request: web.Request, headers: Mapping[str, str]) -> web.StreamResponse:
        """Write until `close` or until the client is gone (then asyncio.CancelledError passes through)."""
        response = web.StreamResponse(headers={"Content-Type": "application/json", **headers})
        response.enable_chunked_encoding()
        self._transport = request.transport
        await response.prepare(request)
        try:
            while (record := await self._next()) is not None:
                if isinstance(record, _Large):
                    parts = await gathered(pieces(record.event))
                    # The document is larger than what is written of it, which may take the reader long.
                    del record
                    await response.write(b"%d\n" % sum(len(part) for part in parts))
                    while parts:
                        await response.write(parts.pop(0))
                    continue
                self._waiting -= len(record)
                # Whatever the answer begins with is written with this one.
                await response.write(record)
                await self._write_waiting(request.transport)
            if self.is_cut and request.transport is not None:
                # What was written still gets there, the last chunk of the answer never does.
                request.transport.close()
            await response.write_eof()
        except ConnectionResetError:
            # The client went away between two writes; the caller's clean-up is the same.
            pass
        return response

    async def _write_waiting(self, transport: asyncio.Transport | None) -> None:
        """Write all records that wait already at once, each as a chunk of its own: a call of the system for every one
        is what costs most when there are thousands in a second.
        """
        while transport is not None and not transport.is_closing():
            chunks = bytearray()
            while len(chunks) < _TOGETHER and self._records and isinstance(record := self._records[0], bytes):
                self._records.popleft()
                self._waiting -= len(record)
                chunks += b"%x\r\n%b\r\n" % (len(record), record)
            if not chunks:
                return
            transport.write(chunks)
            while transport.get_write_buffer_size() > _TOGETHER and not transport.is_closing():
                # Its reader is slow.
                await asyncio.sleep(_PAUSE)


class Server:
    """Endpoints by path, served on one address. The longest known prefix of a path serves it, as in libprocess."""

    def __init__(
        self,
        endpoints: Mapping[str, Handler],
        prefix: str,
        *,
        any_origin: bool = False,
        fallback: Handler | None = None,
    ) -> None:
        """`any_origin` lets pages of other origins read the answers: the master's page reads from agents. `fallback`
        serves what no endpoint serves.
        """
        self._fallback = fallback
        self._endpoints = dict(endpoints)
        self._prefix = prefix
        self._any_origin = any_origin
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> None:
        """Listen."""
        app = web.Application(client_max_size=_MAX_BODY)
        app.router.add_route("*", "/{path:.*}", self._handle)
        app.on_response_prepare.append(self._headers)
        # Long answers end when their client goes away: that is how a scheduler's disconnect is seen.
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.2, logger=_LOG)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()

    async def stop(self) -> None:
        """Close everything."""
        if self._runner is not None:
            await self._runner.cleanup()

    def _find(self, path: str) -> Handler | None:
        path = path.rstrip("/") or "/"
        if path.startswith(self._prefix + "/"):
            path = path[len(self._prefix) :]
        while path and path != "/":
            if path in self._endpoints:
                return self._endpoints[path]
            path = path.rsplit("/", 1)[0]
            if not path:
                return None
        return self._endpoints.get("/")

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        handler = self._find(request.path) or self._fallback
        if handler is None:
            return text(404, "404 Not Found.")
        try:
            return await handler(request)
        except Refusal as refused:
            return reply(refused.reply)
        except web.RequestPayloadError as error:
            unreadable = text(400, f"Failed to read the body: {error}")
            unreadable.force_close()
            return unreadable

    async def _headers(self, request: web.Request, response: web.StreamResponse) -> None:
        """Leave out what libprocess does not send, not even to who asked for `Connection: close`."""
        for name in ("Server", "Connection"):
            response.headers.popall(name, None)
        if response.content_length == 0 and response.status < 400:
            response.headers.popall("Content-Type", None)
        if request.method == "HEAD" and isinstance(response, web.Response):
            response.headers["Content-Length"] = str(response.content_length or 0)
        if self._any_origin and "Origin" in request.headers:
            response.headers["Access-Control-Allow-Origin"] = "*"
