"""From a task's event to traffic: endpoint changes one by one, changes of structure, and what HAProxy does not see.

The way is that of a cluster: a master whose tasks are values, ZooKeeper, listener, template, API, and lbmgr with
HAProxy; the tasks that change are served. An endpoint change is timed from the moment at which the master wrote its
event until the first answer that shows it, by a client that asks every half millisecond. Between the changes the parts
that no way can do without are measured in the same run (unavoidable.py). The cores are kept awake (awake.py). Times are
milliseconds if nothing else is said.

    .venv/bin/python benchmarks/event_to_traffic.py [--servers 1000,10000,50000] [--one-backend 50000] [--changes 100]
        [--json] [--check] [--quick]
"""

import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.answers import NETWORK, Answers, Place, answer_of
from benchmarks.awake import Awake
from benchmarks.balancer import Balancer
from benchmarks.changes import PAUSE, cost, idle_of
from benchmarks.pool import backend, host_of, pool, probe_name, services_for, usual
from benchmarks.prober import Prober
from benchmarks.process import command_of
from benchmarks.report import Bar, Report, median, parser, percentile, progress, stoppable
from benchmarks.rest import rest
from benchmarks.system import System, until
from benchmarks.unavoidable import Unavoidable
from pool_executor.contract import decode_status
from sdk.local.simulated.on_demand import NewTask
from sdk.storage.connection import connect

PROBES = 60
"""Backends that change."""
QUIET = 2.0
"""Seconds after which what a change of the pool costs is counted."""
KINDS = ("added", "replaced", "removed")


@dataclass(slots=True, kw_only=True)
class Found:
    """What one size showed."""

    samples: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    cpu: dict[str, float] = field(default_factory=dict)
    """Milliseconds for each change."""
    filled: float = 0.0
    """Seconds until HAProxy had all servers, once it served."""
    reloads: int = 0
    floor: float = 0.0
    floor_worst: float = 0.0
    structure: list[float] = field(default_factory=list)
    """Seconds."""
    check: float = 0.0
    reload: float = 0.0
    unseen_reloads: int = 0
    unseen_cpu: dict[str, float] = field(default_factory=dict)

    @property
    def all(self) -> list[float]:
        """The samples of every kind."""
        return [value for values in self.samples.values() for value in values]


def places(count: int) -> list[Place]:
    """Addresses and ports, all different."""
    return [(f"{NETWORK}.0.{1 + number % 16}", 20_000 + number // 16) for number in range(count)]


def endpoints(system: System, balancer: Balancer, answers: Answers, changes: int, found: Found) -> None:
    """Each change adds a server to an empty backend, replaces it, and removes it."""
    served = places(2 * changes)
    answers.listen(served)
    ids = system.tasks.prepare(
        NewTask(name=probe_name(number // 2 % PROBES), address=address, port=port)
        for number, (address, port) in enumerate(served)
    )
    idle = idle_of(system)
    floor = Unavoidable(system.zookeeper.address, balancer)
    balancer.reloads()
    began, start = system.cpu(), time.monotonic()
    with Prober(balancer.port) as prober:
        for number in range(changes):
            host = host_of(probe_name(number % PROBES))
            old, new = ids[2 * number : 2 * number + 2]
            first, second = (answer_of(place) for place in served[2 * number : 2 * number + 2])
            for kind, expected, other, states in (
                ("added", first, False, [(old, "TASK_RUNNING")]),
                ("replaced", second, False, [(new, "TASK_RUNNING"), (old, "TASK_KILLED")]),
                ("removed", second, True, [(new, "TASK_KILLED")]),
            ):
                prober.watch(host, expected, other=other)
                moment = system.tasks.change(states)
                found.samples[kind].append((prober.wait() - moment) * 1000)
                time.sleep(PAUSE)
            floor.sample()
            if (number + 1) % 10 == 0:
                progress(f"  {number + 1}/{changes} changes, median {median(found.all):.1f} ms")
    found.cpu = cost(system, began, idle, time.monotonic() - start, len(KINDS) * changes)
    found.reloads = balancer.reloads()
    found.floor, found.floor_worst = floor.total, floor.worst
    floor.close()


def structures(system: System, balancer: Balancer, answers: Answers, services: int, repeats: int, found: Found) -> None:
    """The pool gets one backend more each time, and then another count; then HAProxy is reloaded by hand."""
    place = (f"{NETWORK}.1.1", 20_000)
    answers.listen([place])
    system.tasks.start([NewTask(name="structure", address=place[0], port=place[1])])
    more = []
    with Prober(balancer.port) as prober:
        for number in range(repeats):
            more.append(backend(f"structure-{number}", "structure"))
            prober.watch(host_of(f"structure-{number}"), answer_of(place))
            start = time.monotonic()
            system.update(usual("web", services, PROBES, more=more))
            found.structure.append(prober.wait() - start)
            # A reload keeps a distance from the one before it.
            rest(QUIET)
    idle = idle_of(system)
    balancer.reloads()
    reloads, began, start = balancer.reloads(), system.cpu(), time.monotonic()
    system.update(usual("web", services, PROBES, more=more, count=2))
    rest(QUIET)
    found.unseen_cpu = cost(system, began, idle, time.monotonic() - start, 1)
    found.unseen_reloads = balancer.reloads() - reloads
    found.check, found.reload = by_hand(balancer, repeats)


def by_hand(balancer: Balancer, repeats: int) -> tuple[float, float]:
    """Medians of the seconds of `haproxy -c` and of a reload, on the configuration that is served."""
    command = command_of(balancer.master)
    files = [word for at, word in enumerate(command) if at and command[at - 1] == "-f"]
    directory = Path(f"/proc/{balancer.master}/cwd").readlink()
    checks, reloads = [], []
    for _ in range(repeats):
        start = time.monotonic()
        arguments = [word for file in files for word in ("-f", file)]
        subprocess.run([command[0], "-c", *arguments], cwd=directory, check=True, capture_output=True)
        checks.append(time.monotonic() - start)
        pid = balancer.pid()
        start = time.monotonic()
        balancer.ask("reload", "master.sock")
        until("the new worker", lambda pid=pid: balancer.pid() not in (0, pid), every=0.005)  # type: ignore[misc]
        reloads.append(time.monotonic() - start)
        rest(QUIET)
    return median(checks), median(reloads)


def measure(servers: int, changes: int, repeats: int) -> Found:
    """One size."""
    services = services_for(servers)
    found = Found()
    progress(f"{servers} servers ...")
    with Awake(), Answers() as answers, System(tasks=servers, services=services) as system:
        system.create(usual("web", services, PROBES))
        balancer = system.balance("web")
        found.filled = balancer.full(servers)
        endpoints(system, balancer, answers, changes, found)
        structures(system, balancer, answers, services, repeats, found)
    return found


class Applied:
    """When lbmgr had HAProxy's answer to each operation of the log, as its status tells; by this machine's monotonic
    clock."""

    def __init__(self, hosts: str, pool: str, balancer: str) -> None:
        self._zookeeper = connect(hosts)
        self._zookeeper.wait_connected(10)
        self._ahead = time.time() - time.monotonic()
        self._at: dict[int, float] = {}
        self._zookeeper.watch_data(f"/edgelb/instances/{pool}/{balancer}", self._on_status)

    @property
    def last(self) -> int:
        """The number of the last operation."""
        return max(self._at, default=0)

    def moment(self, number: int) -> float:
        """Of an operation, perhaps with others after it."""
        return self._at[min(at for at in self._at if at >= number)]

    def close(self) -> None:
        """End the connection."""
        self._zookeeper.close()

    def _on_status(self, found: tuple[bytes, int] | None) -> None:
        if found is not None:
            for step in decode_status(found[0]).endpoints.recent:
                self._at[step.sequence] = step.applied - self._ahead


def measure_one_backend(servers: int, changes: int) -> Found:
    """All servers in one backend: until HAProxy has answered lbmgr, and what it says afterwards.

    Nobody could find one server among so many by requests, and each question about one holds HAProxy up for as long as
    an order does: it looks through its list.
    """
    found = Found()
    progress(f"{servers} servers in one backend ...")
    # With those that come a backend of 50,000 would have more than it may have.
    with Awake(), System(tasks=servers - changes) as system:
        system.create(pool("web", [backend("one", "^(service-|probe)", check=False, pattern=True)]))
        balancer = system.balance("web")
        found.filled = balancer.full(servers - changes)
        ids = system.tasks.prepare(
            NewTask(name="probe", address=address, port=port) for address, port in places(changes)
        )
        idle = idle_of(system)
        floor, applied = (
            Unavoidable(system.zookeeper.address, balancer),
            Applied(system.zookeeper.address, "web", "balancer-0"),
        )
        until("the status of lbmgr", lambda: applied.last)
        balancer.reloads()
        first, moments = applied.last, list[tuple[str, float]]()
        began, start = system.cpu(), time.monotonic()
        for task, (address, port) in zip(ids, places(changes), strict=True):
            for kind, state in (("added", "TASK_RUNNING"), ("removed", "TASK_KILLED")):
                moments.append((kind, system.tasks.change([(task, state)])))
                time.sleep(PAUSE)
                if kind == "added":
                    question = f"get weight one/agentip_{address}_{port}"
                    until(question, lambda question=question: "initial" in balancer.ask(question))  # type: ignore[misc]
            floor.sample()
        until("the last change", lambda: applied.last >= first + len(moments))
        found.cpu = cost(system, began, idle, time.monotonic() - start, len(moments))
        for number, (kind, moment) in enumerate(moments, first + 1):
            found.samples[kind].append((applied.moment(number) - moment) * 1000)
        probes = {f"agentip_{address}_{port}" for address, port in places(changes)}
        assert not probes & balancer.live("one"), "HAProxy uses servers whose tasks have ended"
        found.reloads = balancer.reloads()
        found.floor, found.floor_worst = floor.total, floor.worst
        floor.close()
        applied.close()
    return found


def tell(report: Report, name: str, found: Found) -> None:
    """The figures of one size, and its bars."""
    for kind, values in found.samples.items():
        if values:
            report.figures[f"{name}: server {kind}, p50"] = median(values)
            report.figures[f"{name}: server {kind}, p99"] = percentile(values, 0.99)
    report.figures[f"{name}: all servers there after the first answer (s)"] = found.filled
    report.figures[f"{name}: unavoidable, p50"] = found.floor
    report.figures[f"{name}: unavoidable, p99"] = found.floor_worst
    for process, value in found.cpu.items():
        report.figures[f"{name}: CPU of {process} per change"] = value
    middle, worst = median(found.all), percentile(found.all, 0.99)
    report.bars += [
        Bar(name=f"{name}: CPU of all three per change", value=sum(found.cpu.values()), limit=3),
        Bar(name=f"{name}: reloads", value=found.reloads, limit=0),
        Bar(name=f"{name}: p50 as a multiple of the unavoidable", value=middle / found.floor, limit=4),
        Bar(name=f"{name}: p99 as a multiple of the unavoidable p99", value=worst / found.floor_worst, limit=8),
        Bar(name=f"{name}: p50", value=middle, limit=10),
        Bar(name=f"{name}: p99", value=worst, limit=40),
        Bar(
            name=f"{name}: removed as a multiple of added, p50",
            value=median(found.samples["removed"]) / median(found.samples["added"]),
            limit=1.1,
        ),
    ]
    if found.structure:
        floor = found.check + found.reload
        report.figures[f"{name}: change of structure (s)"] = median(found.structure)
        report.figures[f"{name}: haproxy -c by hand (s)"] = found.check
        report.figures[f"{name}: reload by hand (s)"] = found.reload
        for process, value in found.unseen_cpu.items():
            report.figures[f"{name}: CPU of {process} for another count"] = value
        report.bars += [
            Bar(
                name=f"{name}: change of structure beyond check and reload (s)",
                value=median(found.structure) - floor,
                limit=0.25,
            ),
            Bar(name=f"{name}: reloads for another count", value=found.unseen_reloads, limit=0),
            Bar(name=f"{name}: CPU of lbmgr for another count", value=found.unseen_cpu["lbmgr"], limit=20),
        ]


def main() -> int:
    """Measure each size."""
    options = parser(__doc__)
    options.add_argument("--servers", default="1000,10000,50000", help="sizes, with commas between")
    options.add_argument("--one-backend", type=int, default=50_000, help="servers in one backend; 0: not measured")
    options.add_argument("--changes", type=int, default=100)
    options.add_argument("--repeats", type=int, default=5, help="changes of structure")
    given = options.parse_args()
    stoppable()
    sizes = [int(size) for size in given.servers.split(",")]
    if given.quick:
        sizes, given.changes, given.repeats = [min(sizes)], min(given.changes, 25), min(given.repeats, 2)
        given.one_backend = min(given.one_backend, 1000)
    report = Report(name="event_to_traffic", figures={"changes": given.changes})
    middles: dict[int, float] = {}
    for size in sizes:
        found = measure(size, given.changes, given.repeats)
        tell(report, f"{size:,} servers", found)
        middles[size] = median(found.all)
    flat = middles[sizes[-1]] / middles[sizes[0]] if len(sizes) > 1 else None
    report.bars.append(Bar(name="p50 of the largest size as a multiple of the smallest's", value=flat, limit=1.3))
    if given.one_backend:
        found = measure_one_backend(given.one_backend, given.changes)
        tell(report, f"one backend of {given.one_backend:,}", found)
    return report.finish(given)


if __name__ == "__main__":
    sys.exit(main())
