"""What lasts while servers change: downloads that take a second, and upgraded connections that talk on.

    with Lasting(port, "app.test") as lasting:
        ...
        cut = lasting.end()

A process of its own. A download whose last byte does not come is a failure. An upgraded connection belongs to one
server for as long as both want, so it ends with its server; how many did is a figure.
"""

import asyncio
import contextlib
import multiprocessing
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import TracebackType

_SIZE = 1_000_000
_DOWNLOADS = _UPGRADED = 5
"""At any moment."""
_PAUSE = 0.1
_TIMEOUT = 20.0


@dataclass(slots=True, kw_only=True)
class Cut:
    """Downloads that were not whole, of how many; upgraded connections that ended."""

    downloads: int = 0
    all_downloads: int = 0
    upgraded: int = 0


class Lasting:
    """The process."""

    def __init__(self, port: int, host: str) -> None:
        context = multiprocessing.get_context("forkserver")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_run, args=(theirs, port, host), daemon=True)

    def __enter__(self) -> "Lasting":
        self._process.start()
        assert self._pipe.recv() == "begun"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.join()

    def end(self) -> Cut:
        """What was cut, once all downloads are over."""
        self._pipe.send(None)
        found: Cut = self._pipe.recv()
        return found


def _run(pipe: Connection, port: int, host: str) -> None:
    asyncio.run(_Clients(pipe, port, host).run())


class _Clients:
    def __init__(self, pipe: Connection, port: int, host: str) -> None:
        self._pipe, self._port, self._host = pipe, port, host
        self._cut = Cut()
        self._left = asyncio.Event()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._pipe.fileno(), self._told)
        downloads = [loop.create_task(self._repeat(self._download)) for _ in range(_DOWNLOADS)]
        upgraded = [loop.create_task(self._repeat(self._upgraded)) for _ in range(_UPGRADED)]
        self._pipe.send("begun")
        await asyncio.wait(downloads)
        for task in upgraded:
            task.cancel()
        self._pipe.send(self._cut)

    def _told(self) -> None:
        self._pipe.recv()
        self._left.set()

    async def _repeat(self, one: Callable[[], Awaitable[None]]) -> None:
        while not self._left.is_set():
            await one()

    async def _download(self) -> None:
        self._cut.all_downloads += 1
        try:
            async with asyncio.timeout(_TIMEOUT):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                with contextlib.closing(writer):
                    writer.write(f"GET /bytes/{_SIZE} HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())
                    await reader.readuntil(b"\r\n\r\n")
                    await reader.readexactly(_SIZE)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            self._cut.downloads += 1

    async def _upgraded(self) -> None:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            with contextlib.closing(writer):
                upgrade = "Connection: Upgrade\r\nUpgrade: websocket"
                writer.write(f"GET / HTTP/1.1\r\nHost: {self._host}\r\n{upgrade}\r\n\r\n".encode())
                await reader.readuntil(b"\r\n\r\n")
                while True:
                    writer.write(b"still there?")
                    await reader.readexactly(12)
                    await asyncio.sleep(_PAUSE)
        except (OSError, asyncio.IncompleteReadError):
            self._cut.upgraded += 1
