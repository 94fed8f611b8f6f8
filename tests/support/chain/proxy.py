"""A TCP proxy between a client and the real server, which can be slow, or as if the server were away."""

import asyncio
import contextlib
import threading
from typing import Self

from tests.support.ports import free_port


class Proxy:
    """Forwards `address` to `target` (both `host:port`). A context manager; any thread may call."""

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self._target = host, int(port)
        self._delay = 0.0
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._port = free_port()
        self.address = f"127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self.come_back()
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def slow_down(self, seconds: float) -> None:
        """Every packet of either side comes so much later; 0: at once."""
        self._delay = seconds

    def leave(self) -> None:
        """Cut all connections and refuse new ones."""
        asyncio.run_coroutine_threadsafe(self._leave(), self._loop).result(20)

    def come_back(self) -> None:
        """Forward, at the same address as before."""
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(20)

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._client, "127.0.0.1", self._port)

    async def _leave(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in tuple(self._writers):
            writer.transport.abort()
        # Until the tasks of the connections have seen it.
        while self._writers:
            await asyncio.sleep(0.01)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            with contextlib.suppress(OSError):
                there_reader, there = await asyncio.open_connection(*self._target)
                self._writers.add(there)
                try:
                    await asyncio.gather(self._pump(reader, there), self._pump(there_reader, writer))
                finally:
                    self._writers.discard(there)
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One direction, in order, each piece so much after it came; the end ends both."""
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def write() -> None:
            while True:
                due, data = await pieces.get()
                await asyncio.sleep(max(0.0, due - self._loop.time()))
                if not data:
                    return
                writer.write(data)
                await writer.drain()

        writing = asyncio.create_task(write())
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                pieces.put_nowait((self._loop.time() + self._delay, data))
        pieces.put_nowait((self._loop.time() + self._delay, b""))
        with contextlib.suppress(OSError):
            await writing
        writer.transport.abort()
