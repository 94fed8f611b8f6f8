"""What a thousand reloads leave behind: processes, descriptors, memory, sockets, and requests that failed.

    .venv/bin/python benchmarks/reloads.py [--reloads N] [--json] [--check] [--quick]

One HAProxy with its master serves what is rendered for a pool, and is loaded anew as soon as the worker before has
answered, which is more often than lbmgr ever does. Clients ask all the time, each on a new connection; others keep
theirs over three reloads, so that old workers have something to wait for.
"""

import argparse
import http.client
import os
import socket
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from api.dcos_template.rendering.build import build_config
from api.dcos_template.rendering.text import render
from benchmarks.report import Bar, Report, parser, progress, stoppable
from benchmarks.rest import rest
from pool_executor.lbmgr.haproxy import program
from pool_executor.lbmgr.haproxy.process import Haproxy, Serving
from pool_executor.lbmgr.haproxy.sockets import SocketDirectory
from pool_executor.lbmgr.structure.instance import RELAY_ENTRY, RELAY_MAP, Instance
from scheduler.pools.schema import load_pool
from tests.support.ports import free_port

_PATIENCE = 60.0
_KEPT = 3
"""Reloads over which a connection is kept."""
_POOL = {
    "name": "web",
    "haproxy": {
        "stats": {"bindPort": 0},
        "frontends": [
            {
                "name": "web",
                "bindAddress": "127.0.0.1",
                "protocol": "HTTP",
                "limits": {"requestsPerClient": {"count": 1_000_000, "period": 10}},
                "miscStrs": ["http-request return status 200"],
                "linkBackend": {"defaultBackend": "app"},
            }
        ],
        "backends": [{"name": "app", "protocol": "HTTP"}],
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What there is at one moment; memory in MB."""

    descriptors: int
    own_descriptors: int
    memory: float
    workers: int
    sockets: int


class Balancer:
    """HAProxy, loaded anew by whoever asks."""

    def __init__(self, binary: str, directory: Path, sockets: Path) -> None:
        self.port = free_port()
        self._directory, self._sockets = directory / "configuration", sockets
        self._directory.mkdir()
        (sockets / RELAY_MAP).write_text(RELAY_ENTRY)
        for name, text in render(build_config(load_pool(_POOL), "0" * 32)).items():
            (self._directory / name).write_text(text.text)
        self._instance = Instance(
            task_id="task", ports={"web": self.port, "stats": free_port()}, sockets=sockets, state=directory
        )
        self.haproxy = Haproxy(
            binary=binary,
            directory=self._directory,
            admin=sockets / "admin.sock",
            master=sockets / "master.sock",
            log=directory / "log",
        )
        self._loads = 0

    def load(self) -> None:
        """Start it, or load it anew; returns when the new worker has answered."""
        self._loads += 1
        marker = f"web/{self._loads}"
        text = self._instance.text(marker, self._directory, welcome=True)
        (self._directory / "00-instance.cfg").write_text(text)
        again = self.haproxy.master is not None
        result = self.haproxy.reload(marker, _PATIENCE) if again else self.haproxy.start(marker, _PATIENCE)
        if not isinstance(result, Serving):
            raise RuntimeError(f"HAProxy does not serve: {result.message}")
        result.runtime.close()

    def seen(self) -> Seen:
        """What there is now."""
        deadline, master = time.monotonic() + _PATIENCE, self.haproxy.master
        while (processes := self.haproxy.processes()) is None:  # it is loading itself anew
            if master is None or time.monotonic() > deadline:
                raise RuntimeError("the master of HAProxy does not answer")
            time.sleep(0.005)
        pages = int(Path(f"/proc/{master}/statm").read_text().split()[1])
        return Seen(
            descriptors=_entries(Path(f"/proc/{master}/fd")),
            own_descriptors=_entries(Path("/proc/self/fd")),
            memory=pages * os.sysconf("SC_PAGE_SIZE") / 1e6,
            workers=len(processes.workers) + len(processes.leaving),
            sockets=_entries(self._sockets),
        )


def _entries(directory: Path) -> int:
    return sum(1 for _ in directory.iterdir())


class Clients:
    """One that asks all the time, until it is stopped."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._stop = threading.Event()
        self.answers = 0
        self.failures: list[str] = []
        self._thread = threading.Thread(target=self._run)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """All the time within."""
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                ask(http.client.HTTPConnection("127.0.0.1", self._port, timeout=20))
                self.answers += 1
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(f"{type(error).__name__}: {error}")
            time.sleep(0.002)


def ask(connection: http.client.HTTPConnection) -> None:
    """One request on a connection that ends with it; raises what went wrong."""
    try:
        connection.request("GET", "/")
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise http.client.HTTPException(f"HTTP {answer.status}")
    finally:
        connection.close()


def measure(reloads: int) -> Report:
    """Load HAProxy anew so often."""
    haproxy, sockets = program.find(None), SocketDirectory()
    try:
        with tempfile.TemporaryDirectory() as directory:
            balancer = Balancer(haproxy.path, Path(directory), sockets.path)
            try:
                return _measured(balancer, haproxy.version, reloads)
            finally:
                balancer.haproxy.stop(2.0)
    finally:
        sockets.close()


def _measured(balancer: Balancer, version: str, reloads: int) -> Report:
    balancer.load()
    clients, kept, most = Clients(balancer.port), deque[socket.socket](), 0
    first: Seen | None = None
    with clients.asking():
        began = time.monotonic()
        for number in range(1, reloads + 1):
            kept.append(socket.create_connection(("127.0.0.1", balancer.port), timeout=20))
            if len(kept) > _KEPT:
                kept.popleft().close()
            balancer.load()
            most = max(most, balancer.seen().workers)
            if number == min(20, reloads):
                first = balancer.seen()
            if number % 100 == 0:
                progress(f"{number} of {reloads} reloads: {balancer.seen()}")
        lasted = time.monotonic() - began
        for one in kept:
            one.close()
        rest(5.0)
        last = balancer.seen()
    assert first is not None, "there was a reload"
    if clients.failures:
        progress(f"the first failure: {clients.failures[0]}")
    figures: dict[str, float | int | str] = {
        "HAProxy": version,
        "reloads": reloads,
        "seconds": lasted,
        "requests": clients.answers + len(clients.failures),
        "workers at most": most,
        "workers at the end": last.workers,
        "memory of the master, MB": last.memory,
        "descriptors of the master": last.descriptors,
    }
    bars = [
        Bar(name="failed requests", value=float(len(clients.failures)), limit=0),
        # Those that connections keep, the one that serves, and one that has just been told to leave.
        Bar(name="most workers at a time", value=float(most), limit=_KEPT + 4),
        Bar(
            name="descriptors that the master has more than after 20",
            value=last.descriptors - first.descriptors,
            limit=2,
        ),
        Bar(name="descriptors that we have more", value=last.own_descriptors - first.own_descriptors, limit=2),
        Bar(name="MB that the master has more", value=last.memory - first.memory, limit=5),
        Bar(name="sockets that are left", value=float(last.sockets - first.sockets), limit=0),
    ]
    return Report(name="reloads", figures=figures, bars=bars)


def _options() -> argparse.Namespace:
    made = parser(__doc__)
    made.add_argument("--reloads", type=int, metavar="N", help="how often; default 1,000, quick 200")
    return made.parse_args()


def main() -> int:
    """Measure and report."""
    options = _options()
    stoppable()
    return measure(options.reloads or (200 if options.quick else 1000)).finish(options)


if __name__ == "__main__":
    sys.exit(main())
