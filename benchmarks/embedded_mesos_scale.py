"""How large a simulated cluster can be: 1,000 agents, 50,000 tasks and 2,000 task events per second in one master.

A simulated cluster (`edgelb local --simulated-agents 1000 --simulated-tasks 50000`) is started: the process of its
master, and that of its agents. While its tasks change, a reader in a process of its own checks every event of the
operator stream (the states of each task follow each other, health alternates: a lost or repeated event shows), and
another asks for snapshots. Then Edge-LB's own listener follows the stream as well, which is a fourth process; with two
cores for four busy processes that is where the machine ends, so the pace with it is a figure without a bar. At the end
a framework on the SDK's driver is offered all agents and launches a task.

Latencies are from the timestamp that the executor puts into a status to the moment at which the reader has the event
parsed. Memory is the master's resident memory and its peak.

    .venv/bin/python benchmarks/embedded_mesos_scale.py [--agents 1000] [--tasks 50000] [--rate 2000] [--seconds 30]
        [--json] [--check] [--quick]
"""

import http.client
import json
import os
import queue
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from api.cli import logs
from benchmarks.process import Process
from benchmarks.report import Bar, Report, median, parser, percentile, progress, stoppable
from benchmarks.stream_checks import Reader, check_stream
from benchmarks.system import answers, until
from sdk.local.simulated.cluster import SimulatedCluster
from sdk.mesos.driver import MesosDriver

PORT = 23900
HEALTH = f"127.0.0.1:{PORT + 2}"
SNAPSHOTS = ("SUBSCRIBE", "GET_STATE", "GET_TASKS", "/tasks?limit=1000000", "/state")
_CAUGHT_UP = 200.0
"""Milliseconds behind the events at which a reader has dealt with what came while it read the snapshot."""


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
    directory = Path(tempfile.mkdtemp(prefix="edgelb-benchmark-"))
    listener = Process.module(
        "listener",
        ["api.cli.main", "run", "listener", "--mesos", f"127.0.0.1:{PORT}", "--listen", f"127.0.0.1:{PORT + 1}",
         "--health-listen", HEALTH, "--log-level", "warning"],
        directory / "listener.log",
    )  # fmt: skip
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
        started = time.monotonic()
        listener.start()
        until("the listener's view", lambda: answers(f"http://{HEALTH}/readyz"), listener)
        indexed = time.monotonic() - started
        progress(f"the listener has all tasks after {indexed:.1f} s")
        used = listener.cpu()
        both, seen = paced(cluster.pid, checker, seconds)
        progress(f"{both:.0f} events/s with the listener")
        figures |= {f"with the listener: {name}": value for name, value in seen.items()}
        figures["CPU of the listener, cores"] = (listener.cpu() - used) / seconds
        offered, running = launch(cluster.address, agents)
        figures |= {"offers of the agents to a new framework, s": offered, "its task runs after, s": running}
        errors = checker.ask("result")[3]
        figures |= {"first error": errors[0]} if errors else {}
        resident, peak = memory(cluster.pid)
        figures |= {"resident memory, MB": resident, "peak of it, MB": peak}
    finally:
        for reader in readers:
            reader.end()
        listener.end()
        cluster.stop()
        shutil.rmtree(directory, ignore_errors=True)

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
