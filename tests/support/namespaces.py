"""Network namespaces of a test's own: a container's network, as far as processes can tell.

Each has an address that this machine reaches over a pair of interfaces. What listens on loopback here is forwarded, so
that processes inside reach it at the same address and port, as containers reach the rest of a cluster.
"""

import asyncio
import contextlib
import ctypes
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)


class Unavailable(Exception):
    """This machine lets nobody make a network namespace; the sentence says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """One of them: the file by which it is entered, and the address at which it is reached."""

    file: Path
    ip: str

    @property
    def flag(self) -> str:
        """As the flag `--networks` of the embedded agent takes it."""
        return f"{self.ip}@{self.file}"


@contextmanager
def namespaces(count: int) -> Iterator[list[Namespace]]:
    """So many of them; raises Unavailable where nobody may make one."""
    if shutil.which("ip") is None:
        raise Unavailable("ip is not installed (package iproute2)")
    names = [f"edgelb-{os.getpid()}-{number}" for number in range(count)]
    made: list[Namespace] = []
    try:
        for number, name in enumerate(names):
            made.append(_make(name, number))
        yield made
    finally:
        for number, name in enumerate(names):
            # One end goes with the other, wherever it is; what was not made is no matter.
            subprocess.run(("ip", "link", "del", _outside(number)), check=False, capture_output=True)
            subprocess.run(("ip", "netns", "del", name), check=False, capture_output=True)


def _make(name: str, number: int) -> Namespace:
    """With a network of four addresses, out of the range that is set apart for measurements between networks."""
    base = f"198.18.{os.getpid() % 250}"
    here, there = f"{base}.{4 * number + 1}", f"{base}.{4 * number + 2}"
    outside, inside = _outside(number), f"el{os.getpid() % 100_000}i{number}"
    _ip("netns", "add", name)
    _ip("link", "add", outside, "type", "veth", "peer", "name", inside)
    _ip("link", "set", inside, "netns", name)
    _ip("addr", "add", f"{here}/30", "dev", outside)
    _ip("link", "set", outside, "up")
    _ip("-n", name, "addr", "add", f"{there}/30", "dev", inside)
    _ip("-n", name, "link", "set", inside, "up")
    _ip("-n", name, "link", "set", "lo", "up")
    return Namespace(file=Path("/run/netns") / name, ip=there)


def _outside(number: int) -> str:
    return f"el{os.getpid() % 100_000}o{number}"


def _ip(*arguments: str) -> None:
    done = subprocess.run(("ip", *arguments), check=False, capture_output=True, text=True)
    if done.returncode:
        raise Unavailable(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


@contextmanager
def forwarded(within: Iterable[Namespace], ports: Iterable[int]) -> Iterator[None]:
    """Whoever connects to such a port of loopback in a namespace reaches the one out here."""
    ports = tuple(ports)
    listeners = [listener for namespace in within for listener in _listeners(namespace, ports)]
    loop = asyncio.new_event_loop()
    over = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(_forward(listeners, over),), name="forwarding")
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


def _listeners(namespace: Namespace, ports: tuple[int, ...]) -> list[socket.socket]:
    found: list[socket.socket] = []
    problems: list[OSError] = []

    def listen() -> None:
        # A thread may enter a namespace alone; its sockets stay there.
        with namespace.file.open("rb") as file:
            if _LIBC.setns(file.fileno(), _CLONE_NEWNET):
                problems.append(OSError(ctypes.get_errno(), "setns"))
                return
        found.extend(socket.create_server(("127.0.0.1", port), backlog=128) for port in ports)

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    if problems:
        raise problems[0]
    return found


async def _forward(listeners: Sequence[socket.socket], over: asyncio.Event) -> None:
    connections: set[asyncio.Task[None]] = set()

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        task.add_done_callback(connections.discard)
        await _connect(reader, writer)

    servers = [await asyncio.start_server(accepted, sock=listener) for listener in listeners]
    await over.wait()
    for server in servers:
        server.close()
    for task in connections:
        task.cancel()
    await asyncio.gather(*connections, return_exceptions=True)


async def _connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Both ways, until one side has had enough."""
    port = writer.get_extra_info("sockname")[1]
    with contextlib.suppress(OSError):
        try:
            others_reader, others_writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                await asyncio.gather(_pass_on(reader, others_writer), _pass_on(others_reader, writer))
            finally:
                others_writer.close()
        finally:
            writer.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65536):
        writer.write(piece)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
