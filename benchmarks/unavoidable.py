"""What no way from a task's event to traffic can do without, measured beside the real thing under the same load: one
ZooKeeper write until a watch of another session has its data, and one runtime command to HAProxy.
"""

import re
import threading
import time
from pathlib import Path

from api.cli.local.ps import stack_processes
from benchmarks.report import median
from pool_executor.lbmgr.runtime import Runtime
from sdk.storage.connection import connect

_NODE = "/benchmark"
_SIZE = 800
"""Bytes of a bundle head with a dozen parts."""
# Changes nothing: it is what the server is already.
_COMMAND = "set server _lbmgr/serving state ready"


class Unavoidable:
    """Takes one sample of each part per `sample`."""

    def __init__(self, hosts: str, root_pid: int, instance: str) -> None:
        self._writer, self._reader = connect(hosts), connect(hosts)
        for session in (self._writer, self._reader):
            session.wait_connected(10)
        self._seen = threading.Condition()
        self._last, self._arrived = b"", 0.0
        self._writer.put(_NODE, b"")
        self._reader.watch_data(_NODE, self._on_data)
        self._runtime = Runtime(_admin_socket(root_pid, instance))
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
        reply = self._runtime.ask(_COMMAND)
        assert reply.ok, reply.text
        self.commands.append((time.monotonic() - start) * 1000)

    @property
    def total(self) -> float:
        """Sum of the medians, in milliseconds."""
        return median(self.writes) + median(self.commands)

    def close(self) -> None:
        """End the connections."""
        self._runtime.close()
        for session in (self._writer, self._reader):
            session.close()

    def _on_data(self, found: tuple[bytes, int] | None) -> None:
        now = time.monotonic()
        with self._seen:
            self._last, self._arrived = found[0] if found else b"", now
            self._seen.notify_all()


def _admin_socket(root_pid: int, instance: str) -> Path:
    line = next(line for name, _pid, line in stack_processes(root_pid) if name == f"{instance}/haproxy")
    found = re.search(r"-S (\S+)/master\.sock", line)
    assert found is not None, line
    return Path(found[1]) / "admin.sock"
