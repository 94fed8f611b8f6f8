"""Applications that say who they are: HTTP servers on loopback, all on one thread of this process.

A task's server may go on after its task has ended, as real ones do, and its port may then be another's.
"""

import asyncio
import contextlib
from collections import Counter
from typing import Self
from urllib.parse import parse_qs, urlsplit

from tests.support.chain.loop import LoopThread, stop_listening
from tests.support.ports import free_port


class Applications:
    """Servers by port. A context manager; any thread may call."""

    def __init__(self) -> None:
        self.asked: Counter[tuple[str, int]] = Counter()
        """Requests by name and port of who got them."""
        self._servers: dict[int, asyncio.Server] = {}
        self._writers: dict[int, set[asyncio.StreamWriter]] = {}
        self._loop = LoopThread("applications")

    def __enter__(self) -> Self:
        self._loop.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        for port in tuple(self._servers):
            self.close(port)
        self._loop.__exit__(*exception)

    def open(self, name: str, port: int | None = None) -> int:
        """Answer `name` at `port` (default: a free one), after `?delay=<seconds>` when asked to; the port."""
        port = port or free_port()
        self._loop.run(self._open(name, port))
        return port

    def close(self, port: int) -> None:
        """End it, if it is there, as a crash does: what is under way gets no answer."""
        self._loop.run(self._close(port))

    async def _open(self, name: str, port: int) -> None:
        writers = self._writers[port] = set()

        async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writers.add(writer)
            try:
                with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                    while self._writers.get(port) is writers:
                        head = await reader.readuntil(b"\r\n\r\n")
                        self.asked[name, port] += 1
                        query = parse_qs(urlsplit(head.split()[1].decode()).query)
                        await asyncio.sleep(float(query.get("delay", ["0"])[0]))
                        body = name.encode()
                        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
                        await writer.drain()
            finally:
                writers.discard(writer)
                writer.transport.abort()

        self._servers[port] = await asyncio.start_server(client, "127.0.0.1", port, backlog=1024)

    async def _close(self, port: int) -> None:
        if (server := self._servers.pop(port, None)) is not None:
            await stop_listening(server)
            for writer in self._writers.pop(port):
                writer.transport.abort()
            await asyncio.sleep(0)
