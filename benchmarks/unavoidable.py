"""What no way from a task's event to traffic can do without, measured beside the real thing under the same load: one
ZooKeeper write until a watch of another session has its data, and one runtime command to HAProxy.
"""

import socket
import threading
import time

from benchmarks.balancer import Balancer
from benchmarks.report import median, percentile
from sdk.storage.connection import connect

_NODE = "/benchmark"
_SIZE = 800
"""Bytes of a head with the last operations."""
# Changes nothing and looks nothing up.
_COMMAND = b"show env PORT_WEB\n"
_PROMPT = b"\n> "


class Unavoidable:
    """Takes one sample of each part per `sample`."""

    def __init__(self, hosts: str, balancer: Balancer) -> None:
        self._writer, self._reader = connect(hosts), connect(hosts)
        for session in (self._writer, self._reader):
            session.wait_connected(10)
        self._seen = threading.Condition()
        self._last, self._arrived = b"", 0.0
        self._writer.put(_NODE, b"")
        self._reader.watch_data(_NODE, self._on_data)
        self._runtime = socket.socket(socket.AF_UNIX)
        self._runtime.settimeout(10)
        self._runtime.connect(str(balancer.sockets / "admin.sock"))
        # The connection stays open and says where an answer ends.
        self._ask(b"prompt\n")
        self.writes: list[float] = []
        self.commands: list[float] = []

    def sample(self) -> None:
        """One write and one command, each timed alone."""
        data = f"{len(self.writes):0{_SIZE}}".encode()
        start = time.monotonic()
        self._writer.put(_NODE, data)
        with self._seen:
            if not self._seen.wait_for(lambda: self._last == data, 10):
                raise TimeoutError("the watch of a ZooKeeper write")
            self.writes.append((self._arrived - start) * 1000)
        start = time.monotonic()
        self._ask(_COMMAND)
        self.commands.append((time.monotonic() - start) * 1000)

    @property
    def total(self) -> float:
        """Sum of the medians, in milliseconds."""
        return median(self.writes) + median(self.commands)

    @property
    def worst(self) -> float:
        """The 99th percentile of both together, in milliseconds."""
        return percentile([write + command for write, command in zip(self.writes, self.commands, strict=True)], 0.99)

    def close(self) -> None:
        """End the connections."""
        self._runtime.close()
        for session in (self._writer, self._reader):
            session.close()

    def _ask(self, command: bytes) -> None:
        self._runtime.sendall(command)
        answer = b""
        while not answer.endswith(_PROMPT):
            piece = self._runtime.recv(65_536)
            if not piece:
                raise ConnectionError("HAProxy closed its run-time socket")
            answer += piece

    def _on_data(self, found: tuple[bytes, int] | None) -> None:
        now = time.monotonic()
        with self._seen:
            self._last, self._arrived = found[0] if found else b"", now
            self._seen.notify_all()
