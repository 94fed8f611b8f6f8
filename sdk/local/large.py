"""Sending large documents without keeping others waiting: made piece by piece, with a turn for everybody between.

Knows aiohttp and the event loop; what the pieces are is `core.pieces`.
"""

import asyncio
import time
import zlib
from collections.abc import Iterator

from aiohttp import web

from sdk.local.core.http import Reply

_TURN = 0.015
"""Seconds of CPU between two turns."""
_GZIP = 31
"""zlib's window for the gzip format."""
_CHUNK = 4 << 20


async def gathered(parts: Iterator[bytes]) -> list[bytes]:
    """All pieces, small ones put together."""
    chunks: list[bytes] = []
    small: list[bytes] = []
    size = 0
    turn = time.thread_time()
    for part in parts:
        small.append(part)
        size += len(part)
        if size >= _CHUNK:
            # A large piece is most often alone, and then it is not even copied.
            chunks.append(b"".join(small) if len(small) > 1 else part)
            small.clear()
            size = 0
        if time.thread_time() - turn > _TURN:
            await asyncio.sleep(0)
            turn = time.thread_time()
    chunks.append(b"".join(small))
    return chunks


async def respond(request: web.Request, reply: Reply) -> web.StreamResponse:
    """Send a reply that has pieces, with its length in front as every answer of Mesos has it."""
    assert reply.pieces is not None
    chunks = await gathered(reply.pieces)
    if reply.headers.get("Content-Encoding") == "gzip":
        # A fast level: the master has other things to do than to save bytes on the way to the same machine.
        packer = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
        chunks = [await asyncio.to_thread(packer.compress, chunk) for chunk in chunks] + [packer.flush()]
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    response.content_length = sum(len(chunk) for chunk in chunks)
    await response.prepare(request)
    if request.method == "HEAD":
        # What came after the headers would be taken for the next answer.
        chunks.clear()
    # In parts: a transport moves what is left of one large write with every packet.
    while chunks:
        await response.write(chunks.pop(0))
    await response.write_eof()
    return response
