"""Requests at a fixed pace, in a process of its own, that are never tried again.

    with Load(port, "app.test", kind="keep-alive") as load:
        ...
        seen = load.end()

Each request is due at its own moment and its latency counts from there. What ordinary clients hide is a failure here:
an answer that is not whole, a status of 4xx or 5xx, a connection that is refused or reset. Kinds: `keep-alive`;
`blind`, which may still use a connection for 20 ms after the balancer has closed it, as a client that far away does;
`close`, with a connection for each request.
"""

import asyncio
import multiprocessing
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Literal

from benchmarks.report import percentile

Kind = Literal["keep-alive", "blind", "close"]
KINDS: tuple[Kind, ...] = ("keep-alive", "blind", "close")
RATE = 1000
_CONNECTIONS = 64
_BLIND = 0.02
_TIMEOUT = 10.0


@dataclass(slots=True, kw_only=True)
class Seen:
    """What a load saw. `last` tells for each answer when the last request was sent that got it."""

    requests: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    last: dict[str, float] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list, repr=False)
    """Milliseconds."""
    delays: list[float] = field(default_factory=list, repr=False)
    """Milliseconds by which the client itself was late with a request: what others did on this machine."""

    @property
    def failed(self) -> int:
        """All failures."""
        return self.failures.total()

    @property
    def p99(self) -> float:
        """Milliseconds."""
        return percentile(self.latencies, 0.99)

    @property
    def late(self) -> float:
        """Milliseconds by which the client was late with one of a hundred requests."""
        return percentile(self.delays, 0.99)


class Load:
    """`rate` requests per second to a host through the balancers at these ports, in turns."""

    def __init__(
        self, ports: int | Sequence[int], host: str, *, kind: Kind, rate: float = RATE, path: str = "/"
    ) -> None:
        context = multiprocessing.get_context("forkserver")
        self._pipe, theirs = context.Pipe()
        listed = [ports] if isinstance(ports, int) else list(ports)
        arguments = (theirs, listed, host, kind, rate, path)
        self._process = context.Process(target=_run, args=arguments, daemon=True)

    def __enter__(self) -> "Load":
        self._process.start()
        assert self._pipe.recv() == "begun"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.join()

    def use(self, ports: Sequence[int]) -> None:
        """From now on only these: connections to others are not used for another request."""
        self._pipe.send(list(ports))

    def end(self) -> Seen:
        """What was seen, once all requests are answered."""
        self._pipe.send(None)
        found: Seen = self._pipe.recv()
        return found


def _run(pipe: Connection, ports: list[int], host: str, kind: Kind, rate: float, path: str) -> None:
    asyncio.run(_Client(pipe, ports, host, kind, rate, path).run())


class _Client:
    def __init__(self, pipe: Connection, ports: list[int], host: str, kind: Kind, rate: float, path: str) -> None:
        self._pipe, self.ports, self.kind, self._rate = pipe, ports, kind, rate
        last = "Connection: close\r\n" if kind == "close" else ""
        self.request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{last}\r\n".encode()
        self.seen = Seen()
        self.idle: deque[_Connection] = deque()
        self._turn = 0
        self._under_way: set[asyncio.Task[None]] = set()
        self._left = False

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._pipe.fileno(), self._told)
        self._pipe.send("begun")
        due = time.monotonic()
        while not self._left:
            now = time.monotonic()
            while due <= now:
                self.seen.delays.append((now - due) * 1000)
                task = loop.create_task(self._one(due))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
                due += 1 / self._rate
            await asyncio.sleep(due - time.monotonic())
        if self._under_way:
            await asyncio.wait(self._under_way)
        self._pipe.send(self.seen)

    def _told(self) -> None:
        ports = self._pipe.recv()
        if ports is None:
            self._left = True
            return
        self.ports = ports
        for connection in [one for one in self.idle if one.port not in ports]:
            self.idle.remove(connection)
            connection.close()

    async def _one(self, due: float) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT):
                connection = self._usable() or await self._connect()
                body = await connection.ask(self.request)
        except TimeoutError:
            self._failed("timeout")
        except OSError as error:
            self._failed(str(error))
        else:
            self.seen.requests += 1
            self.seen.latencies.append((time.monotonic() - due) * 1000)
            self.seen.last[body] = max(connection.sent, self.seen.last.get(body, 0.0))

    def _failed(self, why: str) -> None:
        self.seen.requests += 1
        self.seen.failures[why] += 1

    def _usable(self) -> "_Connection | None":
        """The connection that has waited longest, as far as there is one."""
        while self.idle:
            connection = self.idle.popleft()
            if connection.ended is None:
                return connection
            if self.kind == "blind" and time.monotonic() - connection.ended < _BLIND:
                raise ConnectionError("used just after it was closed")
        return None

    async def _connect(self) -> "_Connection":
        self._turn += 1
        port = self.ports[self._turn % len(self.ports)]
        try:
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: _Connection(self, port), "127.0.0.1", port
            )
        except ConnectionRefusedError:
            raise ConnectionError("refused") from None
        return connection


class _Connection(asyncio.Protocol):
    def __init__(self, client: _Client, port: int) -> None:
        self._client = client
        self.port = port
        self.ended: float | None = None
        """When the other side closed it."""
        self.sent = 0.0
        self._read = bytearray()
        self._answer: asyncio.Future[str] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def close(self) -> None:
        self._transport.close()

    def connection_lost(self, _error: Exception | None) -> None:
        self.ended = time.monotonic()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("truncated" if self._read else "closed without an answer"))

    async def ask(self, request: bytes) -> str:
        self._answer = asyncio.get_running_loop().create_future()
        self._read.clear()
        self.sent = time.monotonic()
        self._transport.write(request)
        return await self._answer

    def data_received(self, data: bytes) -> None:
        self._read += data
        at = self._read.find(b"\r\n\r\n")
        if at < 0 or self._answer is None or self._answer.done():
            return
        head = bytes(self._read[:at]).lower()
        start = head.find(b"content-length:")
        if start < 0:
            self._over(ConnectionError(f"status {head[9:12].decode()} without a length"), lasting=False)
            return
        length = int(head[start + 15 :].split(b"\r\n", 1)[0])
        if len(self._read) < at + 4 + length:
            return
        lasting = self._client.kind != "close" and b"\r\nconnection: close" not in head
        if not head.startswith(b"http/1.1 2"):
            self._over(ConnectionError(f"status {head[9:12].decode()}"), lasting=lasting)
            return
        body = bytes(self._read[at + 4 : at + 4 + min(length, 64)]).decode()
        self._over(body, lasting=lasting)

    def _over(self, result: str | ConnectionError, *, lasting: bool) -> None:
        answer, self._answer = self._answer, None
        assert answer is not None
        if isinstance(result, str):
            answer.set_result(result)
        else:
            answer.set_exception(result)
        if lasting and self.port in self._client.ports and len(self._client.idle) < _CONNECTIONS:
            self._client.idle.append(self)
        else:
            self.close()
