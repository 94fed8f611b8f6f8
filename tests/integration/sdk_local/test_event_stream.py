"""A stream under load over a real socket: records that are written together are a chunk each, and none is lost."""

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web

from sdk.local.web import EventStream, Server
from tests.support.ports import free_port

pytestmark = pytest.mark.integration
REQUEST = b"POST /stream HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"


async def chunk(reader: asyncio.StreamReader) -> bytes:
    """The next chunk of an answer, empty at its end."""
    size = int(await reader.readline(), 16)
    body = await reader.readexactly(size)
    assert await reader.readexactly(2) == b"\r\n"
    return body


async def received(events: list[dict[str, Any]], slow_after: int) -> list[Any]:
    """What a client gets of these events, sent in one go; it stops reading for a while after so many."""
    stream, port = EventStream(), free_port()

    async def handler(request: web.Request) -> web.StreamResponse:
        return await stream.run(request, {})

    server = Server({"/stream": handler}, "/master")
    await server.start("127.0.0.1", port)
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST)
        found: list[Any] = []
        for event in events:
            stream.send(event)
        stream.close()
        while await reader.readline() != b"\r\n":
            pass
        while body := await chunk(reader):
            if len(found) == slow_after:
                # Turns of the loop in which the server writes until the connection takes no more.
                for _ in range(100):
                    await asyncio.sleep(0)
            length, _, content = body.partition(b"\n")
            assert int(length) == len(content), "a chunk that is not one record"
            found.append(json.loads(content))
        # The connection can be used again: the answer ended where it should.
        writer.close()
        return found
    finally:
        await server.stop()


@pytest.mark.parametrize("size", [1, 2000])
def test_records_that_wait_are_written_together_each_in_a_chunk(size: int) -> None:
    """Two thousand of them, small and large, to a reader that pauses in between."""
    events = [{"type": "TASK_UPDATED", "number": number, "text": "x" * size} for number in range(2000)]

    async def run() -> list[Any]:
        async with asyncio.timeout(30):
            return await received(events, slow_after=10)

    assert asyncio.run(run()) == events
