"""Tiny HTTP servers as processes of their own: each answers `<name> <port>`, after `?delay=<seconds>` when asked to."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

from tests.support.ports import free_port
from tests.support.wait import wait_until


class Backend:
    """One server process on a loopback port. A context manager; `kill` and `stop` may come earlier."""

    def __init__(self, name: str, port: int | None = None) -> None:
        self.name = name
        self.port = port or free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def answer(self) -> str:
        """The body of its answers."""
        return f"{self.name} {self.port}"

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> "Backend":
        """Start it and wait until it accepts connections."""
        import socket

        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__)), self.name, str(self.port)], cwd=Path(__file__).parents[2]
        )

        def accepts() -> bool:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True

        wait_until(accepts, what=f"backend {self.name} listens on {self.port}")
        return self

    def stop(self) -> None:
        """SIGTERM: it answers what is under way, then exits."""
        self._end("terminate")

    def kill(self) -> None:
        """SIGKILL: what is under way gets no answer."""
        self._end("kill")

    def _end(self, how: str) -> None:
        if self._process is not None:
            getattr(self._process, how)()
            self._process.wait(20)
            self._process = None

    def __enter__(self) -> "Backend":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


@contextlib.contextmanager
def backends(count: int, prefix: str = "b") -> Iterator[list[Backend]]:
    """`count` running backends."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Backend(f"{prefix}{number}")) for number in range(count)]


async def _serve(name: str, port: int) -> None:
    import signal

    busy: set[asyncio.StreamWriter] = set()
    leaving = asyncio.Event()

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while not leaving.is_set():
                head = await reader.readuntil(b"\r\n\r\n")
                busy.add(writer)
                query = parse_qs(urlsplit(head.split()[1].decode()).query)
                await asyncio.sleep(float(query.get("delay", ["0"])[0]))
                body = f"{name} {port}\n".encode()
                last = b"Connection: close\r\n" if leaving.is_set() else b""
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s" % (len(body), last, body))
                await writer.drain()
                busy.discard(writer)
        busy.discard(writer)
        writer.close()

    server = await asyncio.start_server(client, "127.0.0.1", port, backlog=1024)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, leaving.set)
    await leaving.wait()
    server.close()
    while busy:
        await asyncio.sleep(0.01)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    asyncio.run(_serve(sys.argv[1], int(sys.argv[2])))
