"""One load balancer of a pool: lbmgr with its HAProxy, outside of Mesos.

Knows its ports, its process, and HAProxy's socket as it finds it on HAProxy's command line.
"""

import contextlib
import re
import socket
import time
import urllib.request
from pathlib import Path

from benchmarks.process import HAPROXY, Process, children, command_of, name_of
from tests.support.ports import free_port

_PATIENCE = 60.0
"""Seconds for lbmgr to start an HAProxy that has ended."""
_FULL = 300.0
_LOOK = 0.5
"""Seconds between two looks at all servers, each of which holds HAProxy up."""
_SOCKET = re.compile(r"^(\S+)/master\.sock")


class Balancer:
    """`port` is that of the frontend, which is called `web` as a rule, `tcp` that of one of this name, if the pool has
    it."""

    def __init__(
        self, zookeeper: str, pool: str, task_id: str, directory: Path, port: int, *, frontend: str = "web"
    ) -> None:
        self.port = port
        self.stats = free_port()
        self.tcp = free_port()
        directory.mkdir(exist_ok=True)
        self.sandbox = directory / "sandbox"
        self.process = Process.module(
            "lbmgr",
            ["pool_executor.lbmgr", "--zk", zookeeper, "--pool", pool, "--task-id", task_id,
             "--ports", f"{frontend}={self.port},stats={self.stats},tcp={self.tcp}", "--sandbox", str(self.sandbox)],
            directory.with_suffix(".log"),
        )  # fmt: skip
        self._workers: set[int] = set()
        self._reloads = 0
        self._master = 0
        self._sockets = 0, Path()
        """Where the sockets are of the master of this process id."""

    def start(self) -> None:
        """Start it; it may serve later."""
        self.process.start()

    def stop(self) -> None:
        """End it at once."""
        if self.process.running:
            self.process.end()

    def leave(self) -> None:
        """Ask it to drain and end, as Mesos does with a task that is killed."""
        self.process.tell()

    def wait(self) -> None:
        """Until it has ended."""
        self.process.wait(60)

    def serves(self) -> bool:
        """Whether its frontend takes connections."""
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def healthy(self) -> bool:
        """What its health says to whoever sends it traffic."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.stats}/_haproxy_health_check", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    # --- HAProxy --------------------------------------------------------------------------------------------------

    @property
    def master(self) -> int:
        """Process id of HAProxy's master; RuntimeError when there is none."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            known = children(self.process.pid)
            # Once it is known it is not looked at again: it replaces itself at a reload, and has no name meanwhile.
            if self._master in known:
                return self._master
            for pid in known:
                if name_of(pid) == HAPROXY and "-S" in command_of(pid):
                    self._master = pid
                    return pid
            time.sleep(0.02)
        raise RuntimeError(f"HAProxy does not run:\n{self.process.said()}")

    def workers(self) -> list[int]:
        """Process ids of all workers that run, oldest first."""
        return [pid for pid in children(self.master) if name_of(pid) == HAPROXY]

    def full(self, count: int) -> float:
        """Wait until HAProxy has so many servers; after how many seconds it has."""
        start = time.monotonic()
        found = -1
        while found < count:
            if time.monotonic() - start > _FULL:
                raise TimeoutError(f"HAProxy has {found} of {count} servers after {_FULL:g} s")
            # One that is just being replaced has no socket.
            with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
                found = len(self.servers())
            if found < count:
                time.sleep(_LOOK)
        return time.monotonic() - start

    def reloads(self) -> int:
        """How many workers began since the first call, as far as they were there when it was called."""
        known = bool(self._workers)
        before = len(self._workers)
        self._workers.update(self.workers())
        self._reloads += len(self._workers) - before if known else 0
        return self._reloads

    @property
    def sockets(self) -> Path:
        """The directory of HAProxy's sockets."""
        deadline = time.monotonic() + _PATIENCE
        while self.master != self._sockets[0]:
            # While the master replaces itself at a reload, its command line is another one or none.
            pid, command = self.master, command_of(self.master)
            found = _SOCKET.match(command[command.index("-S") + 1]) if "-S" in command else None
            if found is not None:
                self._sockets = pid, Path(found[1])
            elif time.monotonic() >= deadline:
                raise RuntimeError(f"HAProxy's command line names no socket: {command}")
            else:
                time.sleep(0.02)
        return self._sockets[1]

    def ask(self, command: str, name: str = "admin.sock") -> str:
        """HAProxy's answer to a command at its run-time socket."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(str(self.sockets / name))
            connection.sendall(f"{command}\n".encode())
            answer = b""
            while piece := connection.recv(1 << 20):
                answer += piece
        return answer.decode(errors="replace")

    def servers(self, backend: str = "") -> dict[str, tuple[int, int]]:
        """Servers that HAProxy has in a backend, or in all: operational and administrative state."""
        found = {}
        for line in self.ask(f"show servers state {backend}".strip()).splitlines():
            words = line.split()
            if len(words) > 6 and words[0].isdigit() and len(words[0]) < 10:
                found[words[3] if backend else f"{words[1]}/{words[3]}"] = (int(words[5]), int(words[6]))
        return found

    def server_id(self, backend: str, server: str) -> str:
        """The number by which HAProxy knows a server."""
        for line in self.ask(f"show servers state {backend}").splitlines():
            words = line.split()
            if len(words) > 6 and words[3] == server:
                return words[2]
        raise RuntimeError(f"HAProxy has no server {backend}/{server}")

    def serves_by(self, backend: str, number: str) -> bool:
        """Whether the server of that number gets requests; asked for one, it costs nothing in a large backend."""
        lines = self.ask(f"show stat {backend} 4 {number}").splitlines()
        return any(",MAINT," not in line for line in lines[1:] if line)

    def live(self, backend: str) -> set[str]:
        """Servers of a backend that get requests: not those that only drain or wait to be removed."""
        return {name for name, (operational, admin) in self.servers(backend).items() if operational and not admin}

    def pid(self) -> int:
        """Process id of the worker that serves, by its own words."""
        found = re.search(r"^Pid: (\d+)", self.ask("show info"), re.MULTILINE)
        return int(found[1]) if found else 0
