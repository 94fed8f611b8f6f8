"""Pools that are made of labels: 10,000 applications of two tasks each under one pool template.

The thread of the template process that makes them runs here, on a real ZooKeeper: what the first pool costs, what a
restarted task costs, what one more application costs, and what events of tasks without labels cost. Then the whole way
in a system of its own, with fewer applications: how soon clients reach an application that is new, and one whose tasks
join the backend of another one.

    .venv/bin/python benchmarks/auto_pools.py [--apps 10000] [--live 200] [--json] [--check] [--quick]
"""

import http.client
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from api.auto_pools.templates.template_store import TemplateStore
from api.auto_pools.thread.worker import AutoPoolWorker
from api.mesos_listener.replica import TaskChanges
from api.mesos_listener.task import Port, Task
from benchmarks.answers import NETWORK, Answers, answer_of
from benchmarks.balancer import Balancer
from benchmarks.report import Bar, Report, median, parser, percentile, progress, stoppable
from benchmarks.rest import rest
from benchmarks.system import System, until
from scheduler.pools.stored.own_writings import OwnWritings
from scheduler.pools.stored.store import PoolStore, PoolView
from sdk.clock import SystemClock
from sdk.local.simulated.on_demand import NewTask
from sdk.local.zookeeper import ZooKeeperServer
from sdk.storage.connection import ZooKeeper, connect
from tests.support.ports import free_port

POOL = "auto-default"
ROOT = "/edgelb"
LOCK = f"{ROOT}/locks/template"
TASKS_EACH = 2
PATIENCE = 300.0
UNEXPOSED_RATE = 1_000
BETWEEN = 3.0
"""Seconds between two changes that are timed: load balancers keep their reloads apart."""


def labels_of(group: str, port: int = 80) -> dict[str, str]:
    """Exposed under a host that is called like the group."""
    return {
        "edgelb.expose": "true",
        f"edgelb.{group}.frontend.port": str(port),
        f"edgelb.{group}.frontend.rules": f"hostEq:{group}.test",
    }


def task(app: int, number: int) -> Task:
    """One of an application of Marathon."""
    name, marathon_id = f"app-{app}.team-{app % 40}", f"/team-{app % 40}/app-{app}"
    return Task(
        id=f"{name}.{number}",
        framework_id="f",
        name=name,
        state="TASK_RUNNING",
        framework_name="marathon",
        marathon=True,
        marathon_id=marathon_id,
        agent_id="a",
        agent_address="10.0.0.1",
        ports=(Port(name="web", number=20_000 + number),),
        labels=tuple(sorted(labels_of(f"app-{app}").items())),
        started=1_000_000.0 + app,
    )


class Thread:
    """The thread that makes pools, in charge, and the pools that it stores."""

    def __init__(self, zookeeper: ZooKeeper) -> None:
        self._told = threading.Condition()
        self._view: PoolView | None = None
        self._running = 0
        zookeeper.create(LOCK)
        templates = TemplateStore(zookeeper, ROOT)
        templates.make_default()
        own = OwnWritings()
        self._worker = AutoPoolWorker(
            zookeeper, ROOT, LOCK, SystemClock(), turned=lambda: None, cluster=lambda: self._running, own=own
        )
        self._worker.start()
        PoolStore(zookeeper, ROOT, own=own).watch(self._on_pools)
        templates.watch(self._worker.on_templates)
        self._worker.on_gained(0)

    def hear(self, changes: TaskChanges) -> None:
        """Whatever it is told of tasks."""
        self._worker.on_tasks(changes)

    def _on_pools(self, view: PoolView) -> None:
        self._worker.on_pools(view)
        with self._told:
            self._view = view
            self._told.notify_all()

    @property
    def version(self) -> int:
        """How often the pool was written, as far as it is known here."""
        view = self._view
        return view[POOL].version if view is not None and POOL in view else 0

    def tell(self, *updated: Task, removed: tuple[Task, ...] = ()) -> None:
        """Tasks changed."""
        self._running += len(updated) - len(removed)
        self.hear(TaskChanges(revision=1, updated=updated, removed=tuple(one.key for one in removed)))

    def wait(self, version: int) -> None:
        """Until the pool was written so often, and everybody here has read it."""
        with self._told:
            there = self._told.wait_for(lambda: self.version >= version, PATIENCE)
        assert there, f"the pool was not written {version} times"

    def settled(self) -> None:
        """Wait until everything that was told is taken."""
        until("the thread", lambda: self._worker.status("nothing") is not None)

    def stop(self) -> None:
        """End it."""
        self._worker.stop()


@contextmanager
def thread() -> Iterator[Thread]:
    """With a ZooKeeper of its own."""
    directory = Path(tempfile.mkdtemp(prefix="edgelb-benchmark-"))
    server = ZooKeeperServer(directory, free_port())
    server.start()
    zookeeper = connect(server.address, session_timeout=30.0)
    try:
        assert zookeeper.wait_connected(30)
        made = Thread(zookeeper)
        yield made
        made.stop()
    finally:
        zookeeper.close()
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


def cpu(work: Callable[[], None]) -> float:
    """Seconds of CPU of this process meanwhile."""
    began = time.process_time()
    work()
    return time.process_time() - began


def making(apps: int, report: Report) -> None:
    """What the thread costs."""
    tasks = [task(app, number) for app in range(apps) for number in range(TASKS_EACH)]
    with thread() as made:
        rest(1.0)
        progress(f"{apps} applications, {len(tasks)} tasks ...")

        def first() -> None:
            made.tell(*tasks)
            made.wait(1)

        report.bars.append(Bar(name="first pool, CPU (s)", value=cpu(first), limit=3))
        rest(3.0)

        def restarts() -> None:
            for number in range(apps):
                made.tell(removed=(tasks[number],))
                made.tell(task(number // TASKS_EACH, TASKS_EACH + number))
            made.settled()

        before = made.version
        per_event = cpu(restarts) / (2 * apps) * 1000
        rest(3.0)
        report.bars += [
            Bar(name="an event of a task that restarts, CPU (ms)", value=per_event, limit=5),
            Bar(name="writes because of restarts", value=made.version - before, limit=0),
        ]
        found = []
        for number in range(5):

            def more(number: int = number) -> None:
                version = made.version
                made.tell(task(apps + number, 0))
                made.wait(version + 1)

            found.append(cpu(more))
            rest(2.5)
        report.figures["one more application, CPU (s)"] = median(found)
        others = [
            TaskChanges(revision=1, updated=(Task(id=f"other.{number}", framework_id="f", state="TASK_RUNNING"),))
            for number in range(20_000)
        ]

        def unexposed() -> None:
            for changes in others:
                made.hear(changes)

        share = cpu(unexposed) / len(others) * UNEXPOSED_RATE * 100
        report.bars.append(Bar(name="1,000 events/s of tasks without labels, CPU (%)", value=share, limit=5))


def places(count: int, first: int) -> list[tuple[str, int]]:
    """Addresses and ports, all different."""
    return [(f"{NETWORK}.{first}.{1 + number % 16}", 20_000 + number // 16) for number in range(count)]


def live(apps: int, count: int, report: Report) -> None:
    """How soon clients reach what is new."""
    progress(f"a system with {apps} applications ...")
    with Answers() as answers, System(tasks=max(100, apps)) as system:
        balancer_port = free_port()
        served = places(apps, 1)
        system.tasks.change(
            (one, "TASK_RUNNING")
            for one in system.tasks.prepare(
                NewTask(name=f"app-{n}", address=host, port=port, labels=labels_of(f"app-{n}", balancer_port))
                for n, (host, port) in enumerate(served)
            )
        )
        until("the pool", lambda: len(backends(system)) == apps, every=0.2)
        balancer = system.balance(POOL, port=balancer_port, frontend=f"port-{balancer_port}")
        rest(2.0)
        new = timed(system, balancer, answers, [(f"new-{n}", f"new-{n}") for n in range(count)], balancer_port, 2)
        joined = timed(system, balancer, answers, [(f"joins-{n}", f"new-{n}") for n in range(count)], balancer_port, 3)
        report.figures |= {"live: applications": apps, "live: changes of each kind": count}
        report.figures |= {
            "a new application is live, p50 (ms)": median(new),
            "an application joins a backend, p50 (ms)": median(joined),
        }
        report.bars += [
            Bar(name="a new application is live, p90 (ms)", value=percentile(new, 0.9), limit=300),
            Bar(name="an application joins a backend, p90 (ms)", value=percentile(joined, 0.9), limit=50),
        ]


def backends(system: System) -> list[object]:
    """Those of the pool."""
    found = next((one for one in system.call("GET", "/v2/pools") if one["name"] == POOL), None)
    return found["haproxy"]["backends"] if found else []


def timed(
    system: System, balancer: Balancer, answers: Answers, apps: list[tuple[str, str]], port: int, network: int
) -> list[float]:
    """Milliseconds from the event of each application's first task to the first answer under its group's host.

    Every request has a connection of its own: those that are open stay with the worker before a reload for a while.
    """
    served = places(len(apps), network)
    answers.listen(served)
    ids = system.tasks.prepare(
        NewTask(name=name, address=place[0], port=place[1], labels=labels_of(group, port))
        for (name, group), place in zip(apps, served, strict=True)
    )
    found = []
    for one, (_, group), place in zip(ids, apps, served, strict=True):
        moment = system.tasks.change([(one, "TASK_RUNNING")])
        wanted = answer_of(place)
        until(f"an answer of {group}", lambda: asked(port, f"{group}.test") == wanted, balancer.process, every=0.002)  # noqa: B023 - it is called here
        found.append((time.monotonic() - moment) * 1000)
        rest(BETWEEN)
    return found


def asked(port: int, host: str) -> str:
    """Who answers for the host; empty when nobody does."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/", headers={"Host": host, "Connection": "close"})
        return connection.getresponse().read().decode(errors="replace").strip()
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()


def main() -> int:
    """Measure it."""
    options = parser(__doc__)
    options.add_argument("--apps", type=int, default=10_000, help="applications of the thread that is measured alone")
    options.add_argument("--live", type=int, default=200, help="applications of the whole system")
    options.add_argument("--changes", type=int, default=20, help="changes of each kind that are timed there")
    given = options.parse_args()
    stoppable()
    if given.quick:
        given.apps, given.live, given.changes = min(given.apps, 500), min(given.live, 20), min(given.changes, 3)
    report = Report(name="auto_pools", figures={"applications": given.apps, "tasks": given.apps * TASKS_EACH})
    making(given.apps, report)
    live(given.live, given.changes, report)
    return report.finish(given)


if __name__ == "__main__":
    sys.exit(main())
