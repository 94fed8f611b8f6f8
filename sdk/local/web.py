"""HTTP as libprocess speaks it, on aiohttp: event streams in RecordIO, compact JSON, plain-text errors, JSONP, path
lookup.

Knows nothing of masters and agents beyond that their endpoints are functions of a request.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from sdk.local.core.http import Refusal, Reply, Request, load
from sdk.local.core.http import encode as encode
from sdk.local.core.pieces import is_large, pieces
from sdk.local.large import gathered

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
# A launch of many tasks at once is one call; a real master accepts bodies of this size without complaint.
_MAX_BODY = 64 * 1024 * 1024
# A reader may be busy for half a minute with a snapshot of 50,000 tasks while 2,000 events a second come after it.
_MAX_BACKLOG = 64 * 1024 * 1024
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
    """The request as a value, with its whole body."""
    return Request(
        method=request.method,
        path=request.path,
        query=tuple((name, value) for name, value in request.query.items()),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=await body_of(request),
    )


async def body_of(request: web.Request) -> bytes:
    """The whole body; raises Refused when it is not what its headers say."""
    try:
        return await request.read()
    except web.RequestPayloadError as error:
        refused = text(400, f"Failed to read the body: {error}")
        refused.force_close()
        raise Refused(refused) from None


def reply(value: Reply) -> web.Response:
    """The reply as a response."""
    response = web.Response(status=value.status, headers=value.headers, body=value.body)
    if "Content-Type" not in value.headers and not value.body:
        response.headers.popall("Content-Type", None)
    return response


def text(status: int, message: str = "") -> web.Response:
    """A plain-text answer; an empty one has a content type only if it is an error, as with Mesos."""
    if not message and status < 400:
        return web.Response(status=status)
    return web.Response(status=status, text=message, content_type="text/plain", charset="utf-8")


def answer(request: web.Request, value: Any) -> web.Response:
    """A JSON answer, wrapped in the `jsonp` function that the request names."""
    body = encode(value)
    function = request.query.get("jsonp")
    if function:
        return web.Response(body=function.encode() + b"(" + body + b")", content_type="text/javascript")
    response = web.Response(body=body, content_type="application/json")
    if len(body) > 1024 and "gzip" in request.headers.get("Accept-Encoding", ""):
        response.enable_compression(web.ContentCoding.gzip)
    return response


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
        self._queue: asyncio.Queue[bytes | _Large | None] = asyncio.Queue()
        self._max_backlog = max_backlog
        self._waiting = 0
        self._given_up = False
        self._transport: asyncio.BaseTransport | None = None
        self.is_cut = False
        """Whether it ends in the middle of a record: nothing more gets through."""

    @property
    def waiting(self) -> int:
        """How many records wait to be written."""
        return self._queue.qsize()

    def send(self, event: Any) -> None:
        """Queue an event."""
        if self._given_up:
            return
        if not self.waiting and is_large(event):
            # Nothing else waits, as with a snapshot; more of them would wait without being counted.
            self._queue.put_nowait(_Large(event))
        else:
            body = encode(event)
            self._put(b"%d\n%s" % (len(body), body))

    def _put(self, record: bytes) -> None:
        # The first may be of any size: a snapshot is not cut because it is large.
        if self._waiting and self._waiting + len(record) > self._max_backlog:
            self._give_up()
            return
        self._waiting += len(record)
        self._queue.put_nowait(record)

    def _give_up(self) -> None:
        self._given_up = True
        self._queue = asyncio.Queue()
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
        self._queue.put_nowait(None)

    async def run(self, request: web.Request, headers: Mapping[str, str]) -> web.StreamResponse:
        """Write until `close` or until the client is gone (then asyncio.CancelledError passes through)."""
        response = web.StreamResponse(headers={"Content-Type": "application/json", **headers})
        response.enable_chunked_encoding()
        self._transport = request.transport
        await response.prepare(request)
        try:
            while (record := await self._queue.get()) is not None:
                if isinstance(record, _Large):
                    parts = await gathered(pieces(record.event))
                    # The document is larger than what is written of it, which may take the reader long.
                    del record
                    await response.write(b"%d\n" % sum(len(part) for part in parts))
                    while parts:
                        await response.write(parts.pop(0))
                    continue
                self._waiting -= len(record)
                await response.write(record)
            if self.is_cut and request.transport is not None:
                # What was written still gets there, the last chunk of the answer never does.
                request.transport.close()
            await response.write_eof()
        except ConnectionResetError:
            # The client went away between two writes; the caller's clean-up is the same.
            pass
        return response


async def json_body(request: web.Request) -> Any:
    """The parsed body; raises Refused with the answer that Mesos gives to what it cannot take."""
    kind = request.headers.get("Content-Type")
    if kind is None:
        raise Refused(text(400, "Expecting 'Content-Type' to be present"))
    if kind != "application/json":
        raise Refused(text(415, "Expecting 'Content-Type' of application/json or application/x-protobuf"))
    accept = request.headers.get("Accept", "*/*")
    if not any(item in accept for item in ("application/json", "*/*", "application/*")):
        raise Refused(text(406, "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'"))
    try:
        return load(await body_of(request))
    except Refusal as refused:
        raise Refused(reply(refused.reply)) from None


class Refused(Exception):
    """Carries the answer to a request that is not even looked at."""

    def __init__(self, response: web.Response) -> None:
        super().__init__(response.text)
        self.response = response


def only_post(request: web.Request) -> None:
    """Raise Refused unless the method is POST."""
    if request.method != "POST":
        message = f"405 Method Not Allowed. Expecting one of {{ 'POST' }}, but received '{request.method}'."
        response = text(405, message)
        response.headers["Allow"] = "POST"
        raise Refused(response)


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
        except Refused as refused:
            return refused.response

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
