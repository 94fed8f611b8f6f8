"""How large a simulated cluster can be: 1,000 agents, 50,000 tasks and 2,000 task events per second in one master.

A simulated cluster (`edgelb local --simulated-agents 1000 --simulated-tasks 50000`) is started: the process of its
master, and that of its agents. While its tasks change, a reader in a process of its own checks every event of the
operator stream (the states of each task follow each other, health alternates: a lost or repeated event shows), and
another asks for snapshots. Then Edge-LB's own listener, in a fourth process, follows the stream as well; with two cores
for four busy processes that is where the machine ends, so the pace with it is a figure without a bar. At the end a
framework on the SDK's driver is offered all agents and launches a task.

Latencies are from the timestamp that the executor puts into a status to the moment at which the reader has the event
parsed. Memory is the master's resident memory and its peak.

    .venv/bin/python benchmarks/embedded_mesos_scale.py [--agents 1000] [--tasks 50000] [--rate 2000] [--seconds 30]
        [--json] [--check] [--quick]
"""

import http.client
import json
import multiprocessing
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from api.cli import logs
from api.mesos_listener.board import Board
from api.mesos_listener.stream import Follower
from api.turns import Turns
from benchmarks.report import Bar, Report, median, parser, percentile, progress, stoppable
from sdk.clock import SystemClock
from sdk.errors import SdkError
from sdk.local.simulated.cluster import SimulatedCluster
from sdk.mesos.connection import Stream
from sdk.mesos.driver import MesosDriver
from sdk.mesos.operator import OperatorClient
from sdk.mesos.recordio import Piece

PORT = 23900
SNAPSHOTS = ("SUBSCRIBE", "GET_STATE", "GET_TASKS", "/tasks?limit=1000000", "/state")
_CAUGHT_UP = 200.0
"""Milliseconds behind the events at which a reader has dealt with what came while it read the snapshot."""
_TERMINAL = {"TASK_FINISHED", "TASK_FAILED", "TASK_KILLED"}
# What may follow what on the stream; a task begins with TASK_ADDED.
_NEXT = {
    "TASK_STAGING": {"TASK_STARTING"} | _TERMINAL,
    "TASK_STARTING": {"TASK_RUNNING"} | _TERMINAL,
    # The members of a group are killed when one fails.
    "TASK_RUNNING": {"TASK_RUNNING", "TASK_KILLING"} | _TERMINAL,
    "TASK_KILLING": {"TASK_KILLED"},
}


class Reader:
    """A process that runs `work(pipe, address)`, says "ready" when it is, and its result when it is asked."""

    def __init__(self, work: Callable[[Connection, str], None], address: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=work, args=(theirs, address), daemon=True)
        self._process.start()

    def await_ready(self, timeout: float) -> Any:
        """Until it says that it is ready; what it says about it."""
        if not self._pipe.poll(timeout):
            raise TimeoutError("a reader of the operator stream did not become ready")
        return self._pipe.recv()

    def ask(self, what: str) -> Any:
        """Its answer."""
        self._pipe.send(what)
        return self._pipe.recv()

    def end(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.join()


class Checks:
    """Every event of the stream against what was known before it."""

    def __init__(self) -> None:
        self.tasks: dict[str, tuple[str, bool | None]] = {}
        self.errors: list[str] = []
        self.reset()

    def reset(self) -> None:
        """Begin to measure."""
        self.latencies: list[float] = []
        self.events = 0
        self.since = self.last = time.monotonic()
        self.gap = 0.0

    def take(self, event: Mapping[str, Any]) -> None:
        """One event."""
        now = time.monotonic()
        self.gap, self.last = max(self.gap, now - self.last), now
        if event["type"] == "SUBSCRIBED":
            for task in event["subscribed"]["get_state"]["get_tasks"]["tasks"]:
                self.tasks[task["task_id"]["value"]] = (task["state"], _healthy(task.get("statuses", [])))
        elif event["type"] == "TASK_ADDED":
            self.events += 1
            name = event["task_added"]["task"]["task_id"]["value"]
            if name in self.tasks:
                self.errors.append(f"{name} was added twice")
            self.tasks[name] = ("TASK_STAGING", None)
        elif event["type"] == "TASK_UPDATED":
            self.events += 1
            self._updated(event["task_updated"]["status"], event["task_updated"]["state"])

    def _updated(self, status: Mapping[str, Any], latest: str) -> None:
        self.latencies.append((time.time() - status["timestamp"]) * 1000)
        name, state = status["task_id"]["value"], status["state"]
        if name not in self.tasks:
            # It ended, and was still waiting for the acknowledgement, when the snapshot was made.
            self.errors.append(f"{name} is {state} and was never added")
            return
        before, healthy = self.tasks[name]
        # The snapshot shows the newest state of a task of which older updates are still under way.
        if state not in _NEXT.get(before, ()) and state != before:
            self.errors.append(f"{name}: {state} after {before}")
        if state == before == "TASK_RUNNING" and status.get("healthy") == healthy:
            self.errors.append(f"{name}: healthy {healthy} twice")
        self.tasks[name] = (state, status.get("healthy"))
        if latest in _TERMINAL and state in _TERMINAL:
            del self.tasks[name]


def _healthy(statuses: list[Mapping[str, Any]]) -> bool | None:
    return statuses[-1].get("healthy") if statuses else None


def check_stream(pipe: Connection, address: str) -> None:
    """The process that checks every event."""
    checks, lock = Checks(), threading.Lock()
    client = OperatorClient(address)
    subscribed = threading.Event()

    def follow() -> None:
        try:
            for event in client.stream():
                with lock:
                    checks.take(event)
                subscribed.set()
        except SdkError as error:
            checks.errors.append(f"the stream ended: {error}")

    threading.Thread(target=follow, daemon=True).start()
    subscribed.wait()
    pipe.send("ready")
    while True:
        what = pipe.recv()
        with lock:
            if what == "reset":
                checks.reset()
                pipe.send(None)
            elif what == "delay":
                pipe.send(checks.latencies[-1] if checks.latencies else _CAUGHT_UP + 1)
            else:
                seconds = time.monotonic() - checks.since
                pipe.send((checks.events / seconds, checks.latencies, checks.gap, checks.errors))


class Timed:
    """An operator client that notes how long after its status an event was in the index."""

    def __init__(self, address: str) -> None:
        self._client = OperatorClient(address)
        self.latencies: list[float] = []

    @contextmanager
    def subscription(self) -> Iterator["TimedRecords"]:
        """One subscription."""
        with self._client.subscription() as stream:
            yield TimedRecords(stream, self.latencies)

    def close(self) -> None:
        """End all subscriptions."""
        self._client.close()


class TimedRecords:
    """The records of one subscription; their latencies are noted when the follower asks for what comes after them."""

    def __init__(self, stream: Stream, latencies: list[float]) -> None:
        self._stream = stream
        self._latencies = latencies

    def set_heartbeat(self, interval: float | None) -> None:
        """How often the master says something at least."""
        self._stream.set_heartbeat(interval)

    def pieces(self) -> Iterator[Piece]:
        """What the master says."""
        begun = b""
        for piece in self._stream.pieces():
            yield piece
            if len(begun) < 1_000_000:  # not a snapshot
                begun += piece.data
            if piece.last:
                self._note(begun)
                begun = b""

    def _note(self, record: bytes) -> None:
        if record.startswith(b'{"type":"TASK_UPDATED"'):
            timestamp = json.loads(record)["task_updated"]["status"]["timestamp"]
            self._latencies.append((time.time() - timestamp) * 1000)


def listen(pipe: Connection, address: str) -> None:
    """The process of Edge-LB's own listener."""
    logs.configure("warning", "text")
    board, timed = Board("benchmark"), Timed(address)
    complete = threading.Event()
    begun = time.monotonic()
    clock = SystemClock()
    follower = Follower(
        timed, board, clock, lambda: complete.set() if board.complete else None, turns=Turns(clock, limit=180)
    )
    follower.start()
    complete.wait()
    pipe.send((time.monotonic() - begun, len(board.snapshot().tasks)))
    while True:
        what = pipe.recv()
        if what == "reset":
            timed.latencies.clear()
            pipe.send(None)
        elif what == "delay":
            pipe.send(timed.latencies[-1] if timed.latencies else _CAUGHT_UP + 1)
        else:
            pipe.send(timed.latencies)


def snapshot(address: str, what: str) -> tuple[float, int]:
    """Seconds from the request to the last byte (of the first event, for SUBSCRIBE), and how many bytes there were."""
    connection = http.client.HTTPConnection(address, timeout=120)
    begun = time.monotonic()
    if what.startswith("/"):
        connection.request("GET", what)
    else:
        body = json.dumps({"type": what})
        connection.request("POST", "/api/v1", body, {"Content-Type": "application/json", "Accept": "application/json"})
    response = connection.getresponse()
    size = len(response.read(int(response.readline()))) if what == "SUBSCRIBE" else len(response.read())
    seconds = time.monotonic() - begun
    connection.close()
    return seconds, size


class Launcher:
    """A framework on the SDK's driver: is offered the agents, launches a task, waits until it runs."""

    def __init__(self) -> None:
        self.offers: queue.Queue[list[Any]] = queue.Queue()
        self.states: queue.Queue[str] = queue.Queue()

    def resourceOffers(self, _driver: Any, offers: list[Any]) -> None:  # noqa: N802 - the driver's name for it
        """Offers."""
        self.offers.put(offers)

    def statusUpdate(self, _driver: Any, update: Any) -> None:  # noqa: N802 - the driver's name for it
        """A status; the driver acknowledges it."""
        self.states.put(update["state"])

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *_arguments, **_named: None


def launch(address: str, agents: int) -> tuple[float, float]:
    """Seconds until a new framework has offers of all agents, and from its launch to TASK_RUNNING."""
    launcher = Launcher()
    info = {
        "user": "nobody", "name": "benchmark", "roles": ["benchmark"],
        "capabilities": [{"type": name} for name in ("MULTI_ROLE", "RESERVATION_REFINEMENT", "PARTITION_AWARE")],
    }  # fmt: skip
    driver = MesosDriver(launcher, info, address)
    begun = time.monotonic()
    driver.start()
    offers: list[Any] = []
    # Some agents are with the simulated frameworks at any moment; those come when they are declined.
    while len(offers) < agents * 0.9:
        offers += launcher.offers.get(timeout=60)
    offered = time.monotonic() - begun
    first = offers[0]
    task = {
        "name": "one", "task_id": {"value": "one"}, "agent_id": first["agent_id"], "command": {"value": "true"},
        "resources": [
            {"name": name, "type": "SCALAR", "scalar": {"value": value}, "allocation_info": {"role": "benchmark"}}
            for name, value in (("cpus", 0.1), ("mem", 32.0))
        ],
    }  # fmt: skip
    launched = time.monotonic()
    driver.acceptOffers([first["id"]], [{"type": "LAUNCH", "launch": {"task_infos": [task]}}])
    while (state := launcher.states.get(timeout=60)) != "TASK_RUNNING":
        if state != "TASK_STARTING":
            raise RuntimeError(f"the task is {state}")
    running = time.monotonic() - launched
    driver.teardown()
    driver.stop()
    return offered, running


def memory(pid: int) -> tuple[float, float]:
    """Resident memory of a process and its peak, in MB."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    now, peak = (int(lines[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return now, peak


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def catch_up(reader: Reader) -> float:
    """Wait until a reader has dealt with what came while it read its snapshot; after how many seconds it has."""
    begun = time.monotonic()
    while reader.ask("delay") > _CAUGHT_UP and time.monotonic() - begun < 120:
        time.sleep(0.2)
    return time.monotonic() - begun


def paced(master: int, checker: Reader, seconds: float) -> tuple[float, dict[str, float]]:
    """Events per second during so many, and what was seen of them."""
    checker.ask("reset")
    used, begun = cpu(master), time.monotonic()
    # Nothing is waited for but time: the readers measure.
    time.sleep(seconds)
    share = (cpu(master) - used) / (time.monotonic() - begun)
    events, latencies, gap, _ = checker.ask("result")
    return events, {
        "events per second": events,
        "event to subscriber, p50 ms": median(latencies),
        "event to subscriber, p99 ms": percentile(latencies, 0.99),
        "longest silence of the stream, s": gap,
        "CPU of the master, cores": share,
    }


def measure(agents: int, tasks: int, rate: float, seconds: float, limits: bool) -> Report:
    """One run."""
    report = Report(name="embedded_mesos_scale")
    figures = report.figures
    figures |= {"agents": agents, "tasks": tasks, "events per second, wanted": rate, "seconds": seconds}
    readers: list[Reader] = []
    cluster = SimulatedCluster(port=PORT, agents=agents, tasks=tasks, events_per_second=rate, timeout=600)
    begun = time.monotonic()
    try:
        cluster.start()
        figures["all tasks run after, s"] = time.monotonic() - begun
        progress(f"{tasks} tasks run after {time.monotonic() - begun:.1f} s")
        checker = Reader(check_stream, cluster.address)
        readers.append(checker)
        checker.await_ready(300)
        catch_up(checker)
        events, seen = paced(cluster.pid, checker, seconds)
        progress(f"{events:.0f} events/s")
        figures |= seen
        snapshots: dict[str, float] = {}
        for what in SNAPSHOTS:
            checker.ask("reset")
            snapshots[what], size = snapshot(cluster.address, what)
            figures[f"{what}, s"] = snapshots[what]
            figures[f"{what}, MB"] = size / 1e6
            figures[f"{what}, longest silence of the stream meanwhile, s"] = checker.ask("result")[2]
            progress(f"{what}: {snapshots[what]:.2f} s")
        listener = Reader(listen, cluster.address)
        readers.append(listener)
        indexed, found = listener.await_ready(300)
        progress(f"the listener has {found} tasks after {indexed:.1f} s")
        figures["the listener has caught up after, s"] = catch_up(listener)
        listener.ask("reset")
        both, seen = paced(cluster.pid, checker, seconds)
        progress(f"{both:.0f} events/s with the listener")
        to_index = listener.ask("result")
        figures |= {f"with the listener: {name}": value for name, value in seen.items()}
        figures |= {
            "event to the listener's index, p50 ms": median(to_index),
            "event to the listener's index, p99 ms": percentile(to_index, 0.99),
        }
        offered, running = launch(cluster.address, agents)
        figures |= {"offers of the agents to a new framework, s": offered, "its task runs after, s": running}
        errors = checker.ask("result")[3]
        figures |= {"first error": errors[0]} if errors else {}
        resident, peak = memory(cluster.pid)
        figures |= {"resident memory, MB": resident, "peak of it, MB": peak}
    finally:
        for reader in readers:
            reader.end()
        cluster.stop()

    def shown(value: float) -> float | None:
        return value if limits else None

    report.bars = [Bar(name=f"{what}, s", value=shown(snapshots[what]), limit=5) for what in SNAPSHOTS]
    report.bars += [
        Bar(name="time until the listener has all tasks, s", value=shown(indexed), limit=30),
        # Bars are upper limits: what is missing of the wanted pace, with a hundredth for its edges.
        Bar(name="events per second missing of what was wanted, %", value=max(0.0, 1 - events / rate) * 100, limit=1),
        Bar(name="events lost, repeated or out of order", value=float(len(errors)), limit=0),
        Bar(name="peak of resident memory, MB", value=shown(peak), limit=1000),
    ]
    return report


def main() -> int:
    """Parse the options and run."""
    options_parser = parser(__doc__)
    options_parser.add_argument("--agents", type=int, default=1000)
    options_parser.add_argument("--tasks", type=int, default=50_000)
    options_parser.add_argument("--rate", type=float, default=2000.0)
    options_parser.add_argument("--seconds", type=float, default=30.0)
    options = options_parser.parse_args()
    stoppable()
    logs.configure("warning", "text")
    agents, tasks, rate, seconds = options.agents, options.tasks, options.rate, options.seconds
    if options.quick:
        agents, tasks, rate, seconds = 200, 10_000, 500.0, 10.0
    whole = agents >= 1000 and tasks >= 50_000
    return measure(agents, tasks, rate, seconds, whole).finish(options)


if __name__ == "__main__":
    sys.exit(main())
