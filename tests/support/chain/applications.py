"""Applications that say who they are: HTTP servers on loopback, all on one thread of this process.

A task's server may go on after its task has ended, as real ones do, and its port may then be another's.
"""

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Coroutine
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.support.ports import free_port


class Applications:
    """Servers by port. A context manager; any thread may call."""

    def __init__(self) -> None:
        self.asked: Counter[tuple[str, int]] = Counter()
        """Requests by name and port of who got them."""
        self._servers: dict[int, asyncio.Server] = {}
        self._writers: dict[int, set[asyncio.StreamWriter]] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="applications", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for port in tuple(self._servers):
            self.close(port)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def open(self, name: str, port: int | None = None) -> int:
        """Answer `name` at `port` (default: a free one), after `?delay=<seconds>` when asked to; the port."""
        port = port or free_port()
        self._run(self._open(name, port))
        return port

    def close(self, port: int) -> None:
        """End it, if it is there, as a crash does: what is under way gets no answer."""
        self._run(self._close(port))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _open(self, name: str, port: int) -> None:
        writers = self._writers[port] = set()

        async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writers.add(writer)
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    self.asked[name, port] += 1
                    query = parse_qs(urlsplit(head.split()[1].decode()).query)
                    await asyncio.sleep(float(query.get("delay", ["0"])[0]))
                    body = name.encode()
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
                    await writer.drain()
            writers.discard(writer)
            writer.close()

        self._servers[port] = await asyncio.start_server(client, "127.0.0.1", port, backlog=1024)

    async def _close(self, port: int) -> None:
        if (server := self._servers.pop(port, None)) is not None:
            server.close()
            for writer in self._writers.pop(port):
                writer.transport.abort()
            await asyncio.sleep(0)
