"""The worker on a real ZooKeeper when tasks change faster than they can be taken, or cannot be taken at all."""

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from api.dcos_template.worker import Worker
from api.mesos_listener.replica import TaskChanges
from api.mesos_listener.task import Port, Task
from scheduler.pools.stored.store import PoolStore, PoolView
from sdk.clock import SystemClock
from sdk.storage.connection import ZooKeeper
from sdk.storage.election import Leadership
from tests.support.rendered import Rendered
from tests.support.wait import wait_until
from tests.unit.api.dcos_template.pools import backend, frontend, pool, service, task

pytestmark = pytest.mark.integration


@pytest.fixture
def session(connection: ZooKeeper) -> ZooKeeper:
    return connection


@contextlib.contextmanager
def in_charge(session: ZooKeeper, zk_root: str, turned: Callable[[], None]) -> Iterator[Worker]:
    """A worker that publishes; it is told pools and tasks by the test."""
    leadership = Leadership(session, f"{zk_root}/locks/template", {"id": "test", "url": "", "pid": 0})
    made = Worker(session, zk_root, leadership.path, SystemClock(), turned=turned)
    made.start()
    leadership.start(made.on_gained, made.on_lost)
    yield made
    made.stop()
    leadership.stop()


@pytest.fixture
def worker(session: ZooKeeper, zk_root: str) -> Iterator[Worker]:
    """In charge, with all pools of the store."""
    with in_charge(session, zk_root, lambda: None) as made:
        watch = PoolStore(session, zk_root).watch(made.on_pools)
        yield made
        watch.close()


def version(session: ZooKeeper, zk_root: str, name: str = "web") -> int:
    """How often the endpoints of the pool were written."""
    found = session.stat(f"{zk_root}/rendered/{name}/endpoints")
    return found.version + 1 if found else 0


def test_publishing_goes_on_while_tasks_change_faster_than_they_are_taken(
    session: ZooKeeper, zk_root: str, worker: Worker
) -> None:
    """The inbox never gets empty here, and what it holds does not grow: a task waits once."""
    selectors = [service(task_name_pattern=f"^x{number}.*[a-z]+$") for number in range(50)]
    PoolStore(session, zk_root).create(
        pool("web", frontend("web", "app"), backend("app", service(task_name="app")), backend("none", *selectors))
    )
    worker.on_tasks(TaskChanges(revision=0, updated=(task("app"),)))
    wait_until(lambda: version(session, zk_root), what="the first servers")
    others = [task(f"t{number}") for number in range(500)]
    batches = [
        TaskChanges(revision=1, updated=(*others[first : first + 50], task("app", agent_address=f"10.0.0.{last}")))
        for first in range(0, 500, 50)
        for last in (2, 3)
    ]
    ended = threading.Event()

    def flood() -> None:
        for changes in itertools.cycle(batches):
            if ended.is_set():
                return
            worker.on_tasks(changes)

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        begin = version(session, zk_root)
        wait_until(lambda: version(session, zk_root) >= begin + 3, timeout=60, what="three more writes")
    finally:
        ended.set()
        thread.join()


def test_the_loop_says_that_it_lives_between_the_pools_of_one_turn(session: ZooKeeper, zk_root: str) -> None:
    """A process that comes in charge has all pools to publish, and is not to be taken for one that hangs."""
    store, names = PoolStore(session, zk_root), [f"p{number}" for number in range(8)]
    seen: list[PoolView] = []
    published: list[int] = []
    for name in names:
        store.create(pool(name, frontend("web", "app"), backend("app", service(task_name="app"))))
    watch = store.watch(seen.append)
    wait_until(lambda: seen and len(seen[-1]) == len(names), what="all pools")
    watch.close()

    def turned() -> None:
        published.append(sum(version(session, zk_root, name) > 0 for name in names))

    with in_charge(session, zk_root, turned) as worker:
        worker.on_pools(seen[-1])
        worker.on_tasks(TaskChanges(revision=0, updated=(task("app"),)))
        wait_until(lambda: published and published[-1] == len(names), what="all pools")
    assert set(range(1, len(names))) <= set(published)


def test_a_task_that_cannot_be_taken_costs_no_other(session: ZooKeeper, zk_root: str, worker: Worker) -> None:
    """Neither those before nor those behind it, nor what comes later."""
    PoolStore(session, zk_root).create(pool("web", frontend("web", "app"), backend("app", service(task_name="app"))))
    worker.on_tasks(TaskChanges(revision=0, updated=(named("t0", 0),)))
    wait_until(lambda: servers(session, zk_root) == {"agentip_10.0.0.1_10000"}, what="the first server")
    impossible: Any = None
    odd = task("odd", name="app", ports=impossible)
    worker.on_tasks(
        TaskChanges(revision=1, updated=(named("t1", 1), odd, named("t2", 2)), removed=(named("t0", 0).key,))
    )
    wanted = {"agentip_10.0.0.1_10001", "agentip_10.0.0.1_10002"}
    wait_until(lambda: servers(session, zk_root) == wanted, what="the servers around it")
    worker.on_tasks(TaskChanges(revision=2, removed=(odd.key, named("t1", 1).key)))
    wait_until(lambda: servers(session, zk_root) == {"agentip_10.0.0.1_10002"}, what="the removal")


def named(task_id: str, number: int) -> Task:
    return task(task_id, name="app", ports=(Port(number=10000 + number),))


def servers(session: ZooKeeper, zk_root: str) -> set[str]:
    return set(Rendered(session, zk_root, "web").servers().get("app", ()))
