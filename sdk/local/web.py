"""HTTP as libprocess speaks it, on aiohttp: event streams in RecordIO, compact JSON, plain-text errors, JSONP, path
lookup.

Knows nothing of masters and agents beyond that their endpoints are functions of a request.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from aiohttp import web

from sdk.local.core.http import Reply, Request, syntax_error
from sdk.local.core.http import encode as encode

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
# A launch of many tasks at once is one call; a real master accepts bodies of this size without complaint.
_MAX_BODY = 64 * 1024 * 1024


async def received(request: web.Request) -> Request:
    """The request as a value, with its whole body."""
    return Request(
        method=request.method,
        path=request.path,
        query=tuple((name, value) for name, value in request.query.items()),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=await request.read(),
    )


def reply(value: Reply) -> web.Response:
    """The reply as a response."""
    response = web.Response(status=value.status, headers=value.headers, body=value.body)
    if "Content-Type" not in value.headers and not value.body:
        response.headers.popall("Content-Type", None)
    return response


def text(status: int, message: str = "") -> web.Response:
    """A plain-text answer; with no message an empty body without a content type."""
    if not message:
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


class EventStream:
    """One long answer: every event becomes one RecordIO record in one chunk, as a real Mesos sends it."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()

    def send(self, event: Any) -> None:
        """Queue an event."""
        body = encode(event)
        self._queue.put_nowait(b"%d\n%s" % (len(body), body))

    def close(self) -> None:
        """End the stream properly after what is queued."""
        self._queue.put_nowait(None)

    async def run(
        self, request: web.Request, headers: Mapping[str, str], *, first: Iterable[bytes] = ()
    ) -> web.StreamResponse:
        """Write until `close` or until the client is gone (then asyncio.CancelledError passes through).

        `first`: a large record in parts, written before everything that was sent.
        """
        response = web.StreamResponse(headers={"Content-Type": "application/json", **headers})
        response.enable_chunked_encoding()
        await response.prepare(request)
        try:
            for part in first:
                await response.write(part)
            del first
            while (record := await self._queue.get()) is not None:
                await response.write(record)
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
    raw = await request.read()
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise Refused(text(400, f"Failed to parse body into JSON: {syntax_error(raw)}")) from None


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
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
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

    async def _headers(self, _request: web.Request, response: web.StreamResponse) -> None:
        """Leave out what libprocess does not send."""
        response.headers.popall("Server", None)
        if response.content_length == 0 and response.status != 200:
            response.headers.popall("Content-Type", None)
        if self._any_origin:
            response.headers["Access-Control-Allow-Origin"] = "*"
