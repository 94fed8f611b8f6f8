"""A TCP proxy between a client and the real server, which can be slow, or as if the server were away."""

import asyncio
import contextlib
from typing import Self

from tests.support.chain.loop import LoopThread, stop_listening
from tests.support.ports import free_port


class Proxy:
    """Forwards `address` to `target` (both `host:port`). A context manager; any thread may call."""

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self._target = host, int(port)
        self._delay = 0.0
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._loop = LoopThread("proxy")
        self._port = free_port()
        self.address = f"127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._loop.__enter__()
        self.come_back()
        return self

    def __exit__(self, *exception: object) -> None:
        self.leave()
        self._loop.__exit__(*exception)

    def slow_down(self, seconds: float) -> None:
        """Every packet of either side comes so much later; 0: at once."""
        self._delay = seconds

    def leave(self) -> None:
        """Cut all connections and refuse new ones."""
        self._loop.run(self._leave())

    def come_back(self) -> None:
        """Forward, at the same address as before."""
        self._loop.run(self._listen())

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._client, "127.0.0.1", self._port)

    async def _leave(self) -> None:
        if self._server is not None:
            server, self._server = self._server, None
            await stop_listening(server)
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
                    if self._server is None:
                        return  # it left while this connection was made
                    await asyncio.gather(self._pump(reader, there), self._pump(there_reader, writer))
                finally:
                    self._writers.discard(there)
                    there.transport.abort()
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One direction, in order, each piece so much after it came; the end of either side ends both."""
        # Bounded: that one cannot read is felt by the other, who writes.
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(8)

        async def write() -> None:
            while True:
                due, data = await pieces.get()
                await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
                if not data:
                    writer.close()
                    return
                writer.write(data)
                await writer.drain()

        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(write())
                data = b"not the end"
                while data:
                    data = await reader.read(65536)
                    await pieces.put((asyncio.get_running_loop().time() + self._delay, data))
        except* OSError:
            writer.transport.abort()
