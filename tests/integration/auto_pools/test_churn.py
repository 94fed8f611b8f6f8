"""Thousands of exposed applications whose tasks come and go all the time."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from api.auto_pools.templates.template_store import TemplateStore
from api.auto_pools.thread.context import Rules
from api.auto_pools.thread.worker import AutoPoolWorker
from api.mesos_listener.replica import TaskChanges
from api.mesos_listener.task import Task
from scheduler.pools.model import Pool
from scheduler.pools.stored.own_writings import OwnWritings
from scheduler.pools.stored.store import PoolStore
from sdk.clock import SystemClock
from sdk.storage.connection import ZooKeeper
from tests.support.wait import wait_until
from tests.unit.api.dcos_template.pools import task

pytestmark = [pytest.mark.integration, pytest.mark.slow]

APPS = 5_000
CHANGES = 5_000


class Cluster:
    """Tasks by application, and whoever hears of them."""

    def __init__(self, random_: random.Random) -> None:
        self.running: dict[int, list[Task]] = {}
        self.random = random_
        self._started = 0

    @property
    def tasks(self) -> tuple[Task, ...]:
        return tuple(one for tasks in self.running.values() for one in tasks)

    def start(self, app: int) -> Task:
        """One more task; one application in ten wants a host that another one has."""
        self._started += 1
        group, host = f"g{app}", f"h{app - app % 10 if app % 10 == 9 else app}.test"
        labels = (("edgelb.expose", "true"), (f"edgelb.{group}.frontend.rules", f"hostEq:{host}"))
        name = f"app{app}"
        started = task(
            f"{name}.{self._started}", name=name, marathon_id=f"/{name}", labels=labels, started=1000.0 + app
        )
        self.running.setdefault(app, []).append(started)
        return started

    def change(self) -> TaskChanges:
        """A restart, a task more or less, or the last one of an application."""
        app = self.random.randrange(APPS)
        tasks = self.running.get(app, [])
        if not tasks or (len(tasks) == 1 and self.random.random() < 0.3):
            return TaskChanges(revision=1, updated=(self.start(app),))
        ended = tasks.pop(self.random.randrange(len(tasks)))
        again = (self.start(app),) if self.random.random() < 0.7 else ()
        return TaskChanges(revision=1, updated=again, removed=(ended.key,))


@contextmanager
def maker(connection: ZooKeeper, root: str, cluster: Cluster, epoch: int) -> Iterator[AutoPoolWorker]:
    """A thread in charge that knows all tasks."""
    made = AutoPoolWorker(
        connection,
        root,
        f"{root}/locks/template",
        SystemClock(),
        turned=lambda: None,
        cluster=lambda: len(cluster.tasks),
        own=OwnWritings(),
        rules=Rules(grace=0.5),
    )
    made.start()
    watches = (
        PoolStore(connection, root).watch(made.on_pools),
        TemplateStore(connection, root).watch(made.on_templates),
    )
    made.on_tasks(TaskChanges(revision=1, updated=cluster.tasks))
    made.on_gained(epoch)
    yield made
    for watch in watches:
        watch.close()
    made.stop()


def test_thousands_of_applications_under_churn(connection: ZooKeeper, zk_root: str) -> None:
    """In the end the pool has those that run, whoever held a host holds it still, and a successor writes nothing."""
    cluster = Cluster(random.Random(7))
    for app in range(APPS):
        for _ in range(1 + app % 2):
            cluster.start(app)
    connection.create(f"{zk_root}/locks/template")
    TemplateStore(connection, zk_root).make_default()
    store = PoolStore(connection, zk_root)

    def apps(pool: Pool) -> set[str]:
        return {service.marathon.service_id for one in pool.haproxy.backends for service in one.services}

    # Of those that want the same host, the older one has it.
    first = {f"/app{app}" for app in range(APPS) if app % 10 != 9}

    with maker(connection, zk_root, cluster, 0) as made:
        wait_until(lambda: (found := store.get("auto-default")) and apps(found.pool) == first, 60, "the first pool")
        for _ in range(CHANGES):
            made.on_tasks(cluster.change())
        # Applications that took over a host from one that was gone keep it.
        running = {app for app, tasks in cluster.running.items() if tasks}
        must = {f"/app{app}" for app in running if app % 10 not in (0, 9)}
        gone = {f"/app{app}" for app in range(APPS)} - {f"/app{app}" for app in running}

        def settled() -> bool:
            found = store.get("auto-default")
            assert found is not None
            served = apps(found.pool)
            hosts = [rule.host_eq for one in found.pool.haproxy.frontends for rule in one.link_backend.map]
            assert len(hosts) == len(set(hosts))
            return must <= served and not served & gone

        wait_until(settled, 60, "the pool of those that run", every=0.5)
        wait_until(lambda: made.status("default")["auto-default"]["status"] == "OK", 30, "its status")
    before = store.get("auto-default")
    connection.set(f"{zk_root}/locks/template", b"{}")
    with maker(connection, zk_root, cluster, 1) as successor:
        wait_until(lambda: successor.status("default").get("auto-default", {}).get("status") == "OK", 60, "a successor")
        assert store.get("auto-default") == before
