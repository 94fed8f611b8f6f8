"""From a task's TASK_RUNNING event to its first request served, hop by hop, on a whole local stack.

The application's tasks only sleep: every port that the private agents offer is already served by this process, so that
the figures show our path and not how long an application takes to start. Each change adds one task to a pool of ten
servers and removes it again. The load is round robin at 1,000 requests per second, so that a server that takes traffic
at once gets its first request after up to 11 ms: that much of the last hop is the measure's own, and half of it is left
out of the ratio to the unavoidable parts (unavoidable.py), which are measured between the changes. Times are
milliseconds since this process read the event on its own operator stream.

    .venv/bin/python benchmarks/event_to_traffic.py [--changes 100] [--json] [--check] [--quick]
"""

import asyncio
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from api.cli import logs
from api.cli.child_output import LogFiles
from api.cli.local.demo import await_endpoints, await_traffic
from api.cli.local.layout import PORTS_PER_AGENT, Layout
from api.cli.local.stack import EXAMPLES, Options, Stack
from benchmarks.report import Bar, Report, median, parser, percentile, progress, stoppable
from benchmarks.unavoidable import Unavoidable
from sdk.errors import SdkError
from sdk.mesos.operator import OperatorClient
from sdk.storage.connection import connect

SERVERS = 10
BASE_PORT = 23000
REQUESTS_PER_SECOND = 1000
CONNECTIONS = 8
OWN_WAIT = (SERVERS + 1) / REQUESTS_PER_SECOND * 1000 / 2
"""Milliseconds that a server which takes traffic at once waits for its first request, on average."""


class Backends:
    """The backends and the load, in a process of their own so that they do not delay what reads the events.

    `first` tells when a port got its first request since `forget`. Monotonic clocks are the same in all processes.
    """

    def __init__(self, ports: range, url: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_traffic, args=(theirs, ports, url), daemon=True)
        self._first: dict[int, float] = {}
        self.failures = 0

    def start(self) -> None:
        """Listen on all ports; the load begins with `load`."""
        self._process.start()
        assert self._pipe.recv() == "listening"

    def load(self) -> None:
        """Begin to send requests through the balancer."""
        self._pipe.send("load")

    def forget(self) -> None:
        """From now on the next request of each port is its first."""
        self._pipe.send("forget")
        while self._pipe.recv() != "forgotten":
            continue
        self._first.clear()

    def first(self, port: int) -> float | None:
        """When the first request reached `port`, by the monotonic clock."""
        while self._pipe.poll():
            kind, value, moment = self._pipe.recv()
            if kind == "first":
                self._first.setdefault(value, moment)
            else:
                self.failures = value
        return self._first.get(port)

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.join()


def _traffic(pipe: Connection, ports: range, url: str) -> None:
    """The process behind `Backends`."""
    asyncio.run(_Traffic(pipe, url).run(ports))


class _Traffic:
    def __init__(self, pipe: Connection, url: str) -> None:
        self._pipe = pipe
        self._host, port = url.removeprefix("http://").rstrip("/").rsplit(":", 1)
        self._port = int(port)
        self._seen: set[int] = set()
        self._failures = 0

    async def run(self, ports: range) -> None:
        loop = asyncio.get_running_loop()
        commands: asyncio.Queue[str] = asyncio.Queue()
        loop.add_reader(self._pipe.fileno(), lambda: commands.put_nowait(self._pipe.recv()))
        servers = [
            await asyncio.start_server(lambda r, w, port=port: self._serve(port, r, w), self._host, port)
            for port in ports
        ]
        self._pipe.send("listening")
        clients: list[asyncio.Task[None]] = []
        while servers:
            if await commands.get() == "load":
                clients += [loop.create_task(self._client()) for _ in range(CONNECTIONS)]
            else:
                self._seen.clear()
                self._pipe.send("forgotten")

    async def _serve(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = str(port).encode()
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                if port not in self._seen:
                    self._seen.add(port)
                    self._pipe.send(("first", port, time.monotonic()))
                writer.write(answer)
                await writer.drain()
        writer.close()

    async def _client(self) -> None:
        request = f"GET / HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode()
        while True:
            reader, writer = await asyncio.open_connection(self._host, self._port)
            try:
                while True:
                    writer.write(request)
                    head = await reader.readuntil(b"\r\n\r\n")
                    lines = head.lower().split(b"\r\n")
                    length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length"))
                    await reader.readexactly(length)
                    if not head.startswith(b"HTTP/1.1 200"):
                        self._failed()
                    await asyncio.sleep(CONNECTIONS / REQUESTS_PER_SECOND)
            except (asyncio.IncompleteReadError, ConnectionError):
                self._failed()
            finally:
                writer.close()

    def _failed(self) -> None:
        self._failures += 1
        self._pipe.send(("failures", self._failures, 0.0))


class Events:
    """Notes when the operator stream told that a task runs, and which port it has."""

    def __init__(self, master: str) -> None:
        self._client = OperatorClient(master)
        self._condition = threading.Condition()
        self._running: dict[str, float] = {}
        self._ports: dict[str, int] = {}
        self._closing = False
        self._subscribed = False
        self._thread = threading.Thread(target=self._follow, name="events", daemon=True)
        self._thread.start()

    def wait_new(self, known: set[str], timeout: float) -> tuple[str, float, int]:
        """The next running task that is not in `known`: its id, the time of its event, its port."""
        deadline = time.monotonic() + timeout
        with self._condition:
            while True:
                new = [one for one in self._running if one not in known and one in self._ports]
                if new:
                    return new[0], self._running[new[0]], self._ports[new[0]]
                if not self._condition.wait(deadline - time.monotonic()):
                    raise TimeoutError("no new task is running")

    def known(self) -> set[str]:
        """Ids of all tasks seen running so far; waits for the first snapshot."""
        with self._condition:
            self._condition.wait_for(lambda: self._subscribed, 20)
            return set(self._running)

    def close(self) -> None:
        """End the stream."""
        self._closing = True
        self._client.close()

    def _follow(self) -> None:
        while not self._closing:
            try:
                for event in self._client.stream():
                    self._note(event, time.monotonic())
            except SdkError:
                time.sleep(0.1)

    def _note(self, event: Any, now: float) -> None:
        with self._condition:
            if event["type"] == "SUBSCRIBED":
                for task in event["subscribed"].get("get_state", {}).get("get_tasks", {}).get("tasks", []):
                    self._running.setdefault(task["task_id"]["value"], now)
                self._subscribed = True
            elif event["type"] == "TASK_ADDED":
                task = event["task_added"]["task"]
                ports = task.get("discovery", {}).get("ports", {}).get("ports", [])
                for port in ports:
                    if port.get("name") == "http":
                        self._ports[task["task_id"]["value"]] = port["number"]
            elif event["type"] == "TASK_UPDATED" and event["task_updated"]["state"] == "TASK_RUNNING":
                self._running.setdefault(event["task_updated"]["status"]["task_id"]["value"], now)
            self._condition.notify_all()


class Nodes:
    """Notes when the pool's bundle head and the instance's status changed."""

    def __init__(self, hosts: str, pool: str) -> None:
        self._zookeeper = connect(hosts)
        self._zookeeper.wait_connected(10)
        self._lock = threading.Lock()
        self.heads: list[float] = []
        self.acknowledged: list[float] = []
        self._zookeeper.watch_data(f"/edgelb/rendered/{pool}", lambda _data: self._add(self.heads))
        task = self._zookeeper.children(f"/edgelb/instances/{pool}")
        assert task, "the pool has no instance"
        self._zookeeper.watch_data(f"/edgelb/instances/{pool}/{task[0]}", lambda _data: self._add(self.acknowledged))

    def first_after(self, times: list[float], start: float) -> float | None:
        """The first noted time after `start`."""
        with self._lock:
            return next((one for one in times if one >= start), None)

    def close(self) -> None:
        """Close the session."""
        self._zookeeper.close()

    def _add(self, times: list[float]) -> None:
        with self._lock:
            times.append(time.monotonic())


def application(directory: Path) -> Path:
    """A frameworks file whose `webapp` only sleeps: its ports are served here."""
    document = json.loads((EXAMPLES / "frameworks.json").read_text())
    [webapp] = [one for one in document["frameworks"] if one["name"] == "webapp"]
    webapp["options"] |= {"command": "exec sleep 3600", "count": SERVERS, "cpus": 0.05, "mem": 8}
    path = directory / "frameworks.json"
    path.write_text(json.dumps({**document, "frameworks": [webapp]}))
    return path


def until(what: str, predicate: Callable[[], float | None], timeout: float = 20.0) -> float:
    """Poll until `predicate` gives a value."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        value = predicate()
        if value is not None:
            return value
        time.sleep(0.001)
    raise TimeoutError(what)


def measure(changes: int) -> Report:
    """Run the stack and make the changes one after the other."""
    directory = Path(tempfile.mkdtemp(prefix="edgelb-benchmark-"))
    layout = Layout(directory=directory, base_port=BASE_PORT)
    options = Options(application_count=SERVERS, application_frameworks=application(directory))
    stack = Stack(layout, LogFiles(directory / "logs"), options)
    stack.check_ports()
    first_private = layout.offers_base + 2 * PORTS_PER_AGENT
    report = Report(name="event_to_traffic")
    samples: dict[str, list[float]] = {"published": [], "acknowledged": [], "served": []}
    try:
        stack.start()
        stack.await_true(lambda: stack.fetch(f"{stack.api}/ping")[0] == 200, 30, "the API server")
        pool = json.loads((EXAMPLES / "pools" / "web.json").read_text()) | {"count": 1}
        stack.call("POST", f"{stack.api}/v2/pools", pool)
        frontends, _stats = await_endpoints(stack, "web", 1)
        url = frontends["web"][0]
        backends = Backends(range(first_private, first_private + 2 * PORTS_PER_AGENT), url)
        backends.start()
        await_traffic(stack, url, SERVERS)
        events, nodes = Events(f"127.0.0.1:{layout.master}"), Nodes(stack.zookeeper, "web")
        unavoidable = Unavoidable(stack.zookeeper, os.getpid(), "web/edgelb-pool-0")
        backends.load()
        for number in range(changes):
            known = events.known()
            nodes.heads.clear()
            nodes.acknowledged.clear()
            backends.forget()
            asked = time.monotonic()
            stack.call("PUT", f"{stack.application}/v1/count", {"count": SERVERS + 1})
            _task, start, port = events.wait_new(known, 20)
            served = until("the first request", lambda port=port: backends.first(port))
            published = until("the bundle", lambda asked=asked: nodes.first_after(nodes.heads, asked))
            acknowledged = until("the status", lambda asked=asked: nodes.first_after(nodes.acknowledged, asked))
            for name, moment in (("published", published), ("acknowledged", acknowledged), ("served", served)):
                samples[name].append((moment - start) * 1000)
            # The next change begins once this one is undone and acknowledged.
            before = time.monotonic()
            stack.call("PUT", f"{stack.application}/v1/count", {"count": SERVERS})
            until("the removal", lambda before=before: nodes.first_after(nodes.acknowledged, before))
            unavoidable.sample()
            if (number + 1) % 10 == 0:
                progress(f"{number + 1}/{changes} changes, median {median(samples['served']):.1f} ms")
        status = stack.get(f"{stack.api}/v2/pools/web/status")["instances"][0]
        report.figures["reloads"] = status["counters"]["reload"]
        report.figures["failed requests"] = backends.failures
        unavoidable.close()
        nodes.close()
        events.close()
        backends.stop()
    finally:
        stack.stop()
        shutil.rmtree(directory, ignore_errors=True)
    report.figures |= {"changes": changes, "servers": SERVERS}
    for name, values in samples.items():
        report.figures[f"event to {name}, p50 ms"] = median(values)
        report.figures[f"event to {name}, p99 ms"] = percentile(values, 0.99)
    report.figures |= {
        "unavoidable: ZooKeeper write and watch, p50 ms": median(unavoidable.writes),
        "unavoidable: runtime command, p50 ms": median(unavoidable.commands),
        "the load's own wait, mean ms": OWN_WAIT,
    }
    report.bars = [
        Bar(name="event to first request, p50 ms", value=median(samples["served"]), limit=25),
        Bar(name="event to first request, p99 ms", value=percentile(samples["served"], 0.99), limit=100),
        Bar(
            name="event to first request without the load's own wait, as a multiple of the unavoidable parts",
            value=(median(samples["served"]) - OWN_WAIT) / unavoidable.total,
            limit=5,
        ),
        Bar(name="failed requests", value=float(backends.failures), limit=0),
    ]
    return report


def main() -> int:
    """Parse the options and run."""
    options_parser = parser(__doc__)
    options_parser.add_argument("--changes", type=int, default=100)
    options = options_parser.parse_args()
    stoppable()
    # To stderr, and only what matters: stdout is the report's alone, one JSON object with --json.
    logs.configure("warning", "text")
    return measure(25 if options.quick else options.changes).finish(options)


if __name__ == "__main__":
    sys.exit(main())
