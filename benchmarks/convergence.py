"""Nothing drifts: thousands of random changes while everything that can end is killed again and again.

Tasks of twenty backends start and end at random, a few at once. Every so often one of these happens, in turns: the
listener, the template that leads, lbmgr, HAProxy, or ZooKeeper is killed and, as far as nobody else does it, started
again; or the template that leads is stopped until its session has expired and another one has the lock. In the end what
Mesos names, what HAProxy has at run time, and what it begins with from its files alone have to be the same servers.

    .venv/bin/python benchmarks/convergence.py [--changes 10000] [--json] [--check] [--quick]
"""

import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.answers import NETWORK
from benchmarks.balancer import Balancer
from benchmarks.pool import backend, pool, probe_name
from benchmarks.process import Process, kill
from benchmarks.report import Bar, Report, parser, progress, stoppable
from benchmarks.system import System, until
from pool_executor.lbmgr.servers.journal import Journal
from sdk.local.simulated.on_demand import NewTask

BACKENDS = 20
TASKS = 300
"""About so many run at a time."""
AT_ONCE = 20
DISTURBED_EVERY = 500
"""Changes."""
QUIET = 20.0
"""Seconds in which everything has to be equal in the end."""
EXPIRED = 8.0
OLD_WORKERS = 10

Servers = dict[str, set[str]]


class Tasks:
    """The tasks that run, as they were asked for."""

    def __init__(self, system: System, seed: int) -> None:
        self._system = system
        self._random = random.Random(seed)
        self._running: dict[str, tuple[str, str]] = {}
        """Backend and server of each task."""
        self._number = 0

    def change(self, most: int) -> int:
        """A few start, a few end; how many."""
        starting = self._random.randint(0, most) if len(self._running) < 2 * TASKS else 0
        new = []
        for _ in range(starting):
            self._number += 1
            address, port = f"{NETWORK}.0.{1 + self._number % 16}", 10_000 + self._number // 16 % 40_000
            new.append(NewTask(name=probe_name(self._random.randrange(BACKENDS)), address=address, port=port))
        ids = self._system.tasks.prepare(new) if new else []
        room = max(0, len(self._running) - TASKS // 2)
        ending = self._random.sample(sorted(self._running), min(self._random.randint(0, most), room))
        states = [*((task, "TASK_RUNNING") for task in ids), *((task, "TASK_KILLED") for task in ending)]
        self._random.shuffle(states)
        if states:
            self._system.tasks.change(states)
        for task, one in zip(ids, new, strict=True):
            self._running[task] = one.name, f"agentip_{one.address}_{one.port}"
        for task in ending:
            del self._running[task]
        return len(states)

    def wanted(self) -> Servers:
        """Names of servers by backend."""
        found: Servers = {probe_name(number): set() for number in range(BACKENDS)}
        for name, server in self._running.values():
            found[name].add(server)
        return found


class Disturbance:
    """What is killed, in turns."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._balancer = system.balance("web")
        self._second: Process = system.another_template()
        self._turn = 0
        self.counts: dict[str, int] = {}

    @property
    def balancer(self) -> Balancer:
        """The one that runs."""
        return self._balancer

    def next(self) -> None:
        """The next one."""
        actions: list[Callable[[], None]] = [
            self._listener, self._template, self._lbmgr, self._haproxy, self._zookeeper, self._session,
        ]  # fmt: skip
        action = actions[self._turn % len(actions)]
        self._turn += 1
        name = action.__name__.strip("_")
        self.counts[name] = self.counts.get(name, 0) + 1
        progress(f"  {name}")
        action()

    def _again(self, process: Process) -> None:
        process.end(signal.SIGKILL)
        process.start()

    def _listener(self) -> None:
        self._again(self._system.listener)

    def _template(self) -> None:
        self._again(self._system.template)

    def _lbmgr(self) -> None:
        self._balancer.process.end(signal.SIGKILL)
        self._balancer = self._system.balance("web")

    def _haproxy(self) -> None:
        kill([self._balancer.master])

    def _zookeeper(self) -> None:
        self._system.zookeeper.kill()
        self._system.zookeeper.start()

    def _session(self) -> None:
        # The lock moves to the other template, and this one finds out that it has lost it.
        for process in (self._system.template, self._second):
            process.tell(signal.SIGSTOP)
            time.sleep(EXPIRED)
            process.tell(signal.SIGCONT)


def different(wanted: Servers, found: Servers) -> int:
    """How many servers are in one and not in the other."""
    return sum(len(servers ^ found.get(name, set())) for name, servers in wanted.items())


def differences(balancer: Balancer, wanted: Servers) -> int:
    """Of what HAProxy has at run time; -1 when it cannot be asked."""
    try:
        return different(wanted, {name: balancer.live(name) for name in wanted})
    except (OSError, RuntimeError, ValueError) as error:
        progress(f"  cannot be compared: {error}")
        return -1


def on_disk(balancer: Balancer, wanted: Servers) -> int:
    """Of what lbmgr has stored, which is a moment later than HAProxy has it; -1 when it cannot be read."""
    stored = Journal(balancer.sandbox / "haproxy.d/endpoints").load()
    return -1 if stored is None else different(wanted, {name: set(some) for name, some in stored.servers.items()})


def settled(look: Callable[[Balancer, Servers], int], balancer: Balancer, wanted: Servers) -> int:
    """The differences as soon as there are none, or those that stay."""
    end = time.monotonic() + QUIET
    while (found := look(balancer, wanted)) and time.monotonic() < end:
        time.sleep(0.25)
    return found


def from_files(system: System, balancer: Balancer, wanted: Servers) -> int:
    """The differences once all began again with what stands on the disk alone: ZooKeeper is away."""
    if stored := settled(on_disk, balancer, wanted):
        return stored
    system.zookeeper.kill()
    balancer.process.end(signal.SIGKILL)
    until("the end of HAProxy", lambda: not balancer.serves())
    balancer.start()
    until("a load balancer", balancer.serves, balancer.process)
    return settled(differences, balancer, wanted)


def main() -> int:
    """Change, disturb, and compare."""
    options = parser(__doc__)
    options.add_argument("--changes", type=int, default=10_000)
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    stoppable()
    every = DISTURBED_EVERY
    if given.quick:
        given.changes, every = min(given.changes, 600), 100
    report = Report(name="convergence", figures={"changes": given.changes, "seed": given.seed})
    with System(tasks=100) as system:
        system.create(pool("web", [backend(probe_name(n), probe_name(n), check=False) for n in range(BACKENDS)]))
        tasks, disturbance = Tasks(system, given.seed), Disturbance(system)
        made, due, early = 0, every, 0.0
        while made < given.changes:
            made += tasks.change(AT_ONCE)
            if made >= due:
                due += every
                disturbance.next()
            if not early and made > given.changes / 3:
                early = disturbance.balancer.process.memory()
        progress("comparing ...")
        wanted, start = tasks.wanted(), time.monotonic()
        run_time = settled(differences, disturbance.balancer, wanted)
        passed = time.monotonic() - start
        balancer = disturbance.balancer
        report.figures |= {f"times that {name} was disturbed": count for name, count in disturbance.counts.items()}
        report.figures |= {
            "servers in the end": sum(map(len, wanted.values())),
            "equal after (s)": passed,
            "memory of lbmgr after a third (MB)": early,
            "memory of lbmgr in the end (MB)": balancer.process.memory(),
        }
        until("HAProxy's workers", balancer.workers)
        report.bars += [
            Bar(name="old workers", value=len(balancer.workers()) - 1, limit=OLD_WORKERS),
            Bar(
                name="memory of lbmgr in the end as a multiple of that after a third",
                value=balancer.process.memory() / early if early and not given.quick else None,
                limit=1.2,
            ),
        ]
        files = from_files(system, balancer, wanted)
        for name, value in (("run time", run_time), ("files", files)):
            report.bars.append(Bar(name=f"differences: {name}", value=value if value >= 0 else float("inf"), limit=0))
    return report.finish(given)


if __name__ == "__main__":
    sys.exit(main())
