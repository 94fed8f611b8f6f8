"""The applications: one process that listens wherever a task is said to be, and answers with address and port.

    with Answers() as answers:
        answers.listen([("127.9.0.1", 8001)])
        answers.close([("127.9.0.1", 8001)])         # as a task that ends: what is under way is answered
        answers.kill([("127.9.0.1", 8002)])          # as one that is killed: connections are reset

Every address of 127.0.0.0/8 is this machine's; `NETWORK` keeps two benchmarks out of each other's way. A request's path
says what else is wanted: `/wait/0.5` answers after half a second, `/bytes/1000000` is that long and takes a second. A
request to upgrade becomes an echo.
"""

import asyncio
import contextlib
import multiprocessing
import os
import socket
from collections.abc import Coroutine, Iterable
from multiprocessing.connection import Connection
from types import TracebackType

Place = tuple[str, int]
NETWORK = f"127.{20 + os.getpid() % 200}"
"""The first two numbers of addresses that are this process' own, as far as benchmarks are concerned."""
_CHUNKS = 50


def answer_of(place: Place) -> str:
    """What the server there answers."""
    return f"{place[0]}:{place[1]}"


class Answers:
    """The process; every method returns when it is done."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("forkserver")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_run, args=(theirs,), daemon=True)

    def __enter__(self) -> "Answers":
        self._process.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.join()

    def listen(self, places: Iterable[Place]) -> None:
        """Answer there."""
        self._do("listen", places)

    def close(self, places: Iterable[Place]) -> None:
        """Take no more connections there, and end each of them after its request."""
        self._do("close", places)

    def kill(self, places: Iterable[Place]) -> None:
        """Take no more connections there, and reset those there are."""
        self._do("kill", places)

    def _do(self, what: str, places: Iterable[Place]) -> None:
        self._pipe.send((what, list(places)))
        problem = self._pipe.recv()
        if problem:
            raise RuntimeError(problem)


def _run(pipe: Connection) -> None:
    asyncio.run(_serve(pipe))


async def _serve(pipe: Connection) -> None:
    loop = asyncio.get_running_loop()
    commands: asyncio.Queue[tuple[str, list[Place]]] = asyncio.Queue()
    loop.add_reader(pipe.fileno(), lambda: commands.put_nowait(pipe.recv()))
    servers: dict[Place, _Server] = {}
    while True:
        what, places = await commands.get()
        problem = ""
        for place in places:
            try:
                if what == "listen":
                    servers[place] = _Server(place)
                    await servers[place].start()
                else:
                    servers.pop(place).end(reset=what == "kill")
            except (OSError, KeyError) as error:
                problem = f"{what} {place}: {error!r}"
        pipe.send(problem)


class _Server:
    def __init__(self, place: Place) -> None:
        self.place = place
        self.body = answer_of(place).encode()
        self.leaving = False
        self.connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), *self.place, backlog=1024)

    def end(self, *, reset: bool) -> None:
        assert self._server is not None
        self._server.close()
        self.leaving = True
        for connection in list(self.connections):
            connection.end(reset=reset)


class _Connection(asyncio.Protocol):
    """One connection; the few forms of requests that the benchmarks send are all that is understood."""

    def __init__(self, server: _Server) -> None:
        self._server = server
        self._read = b""
        self._busy = False
        self._echo = False
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.connections.add(self)

    def connection_lost(self, _error: Exception | None) -> None:
        self._server.connections.discard(self)
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        if self._echo:
            self._transport.write(data)
            return
        self._read += data
        if not self._busy:
            self._next()

    def end(self, *, reset: bool) -> None:
        if reset:
            sock = self._transport.get_extra_info("socket")
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self._transport.abort()
        elif not self._busy and not self._echo:
            self._transport.close()

    def _next(self) -> None:
        head, found, rest = self._read.partition(b"\r\n\r\n")
        if not found:
            return
        self._read = rest
        kind, _, value = head.split(b" ", 2)[1].strip(b"/").partition(b"/")
        if b"upgrade: websocket" in head.lower():
            self._echo = True
            self._transport.write(
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
            )
        elif kind == b"wait":
            self._later(self._wait(float(value)))
        elif kind == b"bytes":
            self._later(self._long(int(value)))
        else:
            self._answer()

    def _later(self, work: Coroutine[None, None, None]) -> None:
        self._busy = True
        self._task = asyncio.get_running_loop().create_task(work)

    def _answer(self) -> None:
        last = b"Connection: close\r\n" if self._server.leaving else b""
        body = self._server.body
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s" % (len(body), last, body))
        self._busy = False
        if self._server.leaving:
            self._transport.close()
        elif self._read:
            self._next()

    async def _wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._answer()

    async def _long(self, size: int) -> None:
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        sent = 0
        for number in range(1, _CHUNKS + 1):
            upto = size * number // _CHUNKS
            self._transport.write(b"x" * (upto - sent))
            sent = upto
            await asyncio.sleep(1 / _CHUNKS)
        self._busy = False
        if self._server.leaving:
            self._transport.close()
        elif self._read:
            self._next()
