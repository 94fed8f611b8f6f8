"""A load client that never retries: paced requests over keep-alive or fresh connections, failures counted by kind.

    async with Load(url, rps=100) as load: ...          in an event loop
    with load_in_thread(url, rps=100) as load: ...      anywhere else

`load.report()` tells requests, failures by kind and who answered. A connection that the server closed while it was idle
is replaced before the next request, as every client does; a request that was sent and got no whole answer is a failure.
"""

import asyncio
import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a load saw so far. `failures` counts by kind: connect, reset, truncated, timeout, status <n>."""

    requests: int
    failures: dict[str, int]
    bodies: dict[str, int]
    latencies: list[float] = field(repr=False)

    @property
    def failed(self) -> int:
        """All failures."""
        return sum(self.failures.values())


class _Failure(Exception):
    pass


class Load:
    """`rps` requests per second from `connections` clients that each have one request under way at a time."""

    def __init__(
        self,
        url: str,
        rps: float = 100,
        *,
        connections: int = 8,
        keep_alive: bool = True,
        timeout: float = 5.0,
        headers: dict[str, str] | None = None,
        method: str = "GET",
    ) -> None:
        """A POST has no body; HAProxy may not send it a second time, as it may a GET."""
        parts = urlsplit(url)
        assert parts.scheme == "http", f"{url}: only http is spoken here"
        assert parts.hostname, f"{url}: has no host"
        self._host, self._port = parts.hostname, parts.port or 80
        self._interval = 1 / rps
        self._connections = connections
        self._keep_alive = keep_alive
        self._timeout = timeout
        lines = [f"{method} {parts.path or '/'}{'?' + parts.query if parts.query else ''} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in ({"Host": parts.netloc} | (headers or {})).items()]
        lines += [] if method == "GET" else ["Content-Length: 0"]
        lines += [] if keep_alive else ["Connection: close"]
        self._request = "\r\n".join([*lines, "", ""]).encode()
        self._lock = threading.Lock()
        self._requests = 0
        self._failures: Counter[str] = Counter()
        self._bodies: Counter[str] = Counter()
        self._latencies: list[float] = []
        self._slots: asyncio.Queue[None] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False

    def report(self) -> Report:
        """What was seen so far; from any thread."""
        with self._lock:
            return Report(
                requests=self._requests,
                failures=dict(self._failures),
                bodies=dict(self._bodies),
                latencies=list(self._latencies),
            )

    async def __aenter__(self) -> "Load":
        self._tasks = [asyncio.create_task(self._pace())]
        self._tasks += [asyncio.create_task(self._client()) for _ in range(self._connections)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let requests under way end, so that stopping is not counted as a failure."""
        self._stopping = True
        for _ in range(self._connections):
            self._slots.put_nowait(None)
        await asyncio.gather(*self._tasks)

    async def _pace(self) -> None:
        due = time.monotonic()
        while not self._stopping:
            # Clients that are all busy are not piled up behind: the load is bounded by its connections.
            if self._slots.qsize() < self._connections:
                self._slots.put_nowait(None)
            due = max(due + self._interval, time.monotonic() - 1)
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _client(self) -> None:
        stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while True:
            await self._slots.get()
            if self._stopping:
                break
            began = time.monotonic()
            try:
                async with asyncio.timeout(self._timeout):
                    if stream is not None and stream[0].at_eof():
                        stream = await _close(stream)
                    if stream is None:
                        stream = await self._connect()
                    status, body, lasting = await self._exchange(*stream)
                if status >= 400:
                    raise _Failure(f"status {status}")
                self._count(body=body, took=time.monotonic() - began)
                if not lasting:
                    stream = await _close(stream)
            except (_Failure, TimeoutError) as failure:
                self._count(failure="timeout" if isinstance(failure, TimeoutError) else str(failure))
                stream = await _close(stream)
        await _close(stream)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            return await asyncio.open_connection(self._host, self._port)
        except OSError as error:
            raise _Failure("connect") from error

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[int, str, bool]:
        try:
            writer.write(self._request)
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
        except (OSError, asyncio.IncompleteReadError) as error:
            raise _Failure("reset") from error
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        try:
            length = headers.get("content-length")
            body = await reader.readexactly(int(length)) if length is not None else await reader.read()
        except (OSError, asyncio.IncompleteReadError) as error:
            raise _Failure("truncated") from error
        lasting = self._keep_alive and length is not None and headers.get("connection", "").lower() != "close"
        return status, body.decode(errors="replace").strip(), lasting

    def _count(self, *, failure: str | None = None, body: str = "", took: float = 0.0) -> None:
        with self._lock:
            self._requests += 1
            if failure is not None:
                self._failures[failure] += 1
            else:
                self._bodies[body[:200]] += 1
                self._latencies.append(took)


_Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _close(stream: _Stream | None) -> _Stream | None:
    """Close it and give back what there is instead: nothing."""
    if stream is not None:
        stream[1].close()
        with contextlib.suppress(OSError):
            await stream[1].wait_closed()
    return None


@contextlib.contextmanager
def load_in_thread(url: str, rps: float = 100, **options: object) -> Iterator[Load]:
    """A load that runs on a thread of its own while the body does something else."""
    load = Load(url, rps, **options)  # type: ignore[arg-type]
    stop = threading.Event()

    async def run() -> None:
        async with load:
            while not stop.is_set():
                await asyncio.sleep(0.01)

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="load")
    thread.start()
    try:
        yield load
    finally:
        stop.set()
        thread.join()
