"""Tasks with labels, and pools that are made of them."""

from collections.abc import Iterable, Mapping

from api.auto_pools.claim import Exposure
from api.auto_pools.claims.ledger import EMPTY, Ledger
from api.auto_pools.claims.policy import Policy
from api.auto_pools.labels import read_exposure
from api.auto_pools.making.auto_pool import AutoPool
from api.auto_pools.making.statuses import TaskStatus
from api.mesos_listener.task import Port, Task, TaskKey
from scheduler.pools.model import Backend, Frontend, Haproxy, Pool, Stats

BASE = Pool(name="auto-default", haproxy=Haproxy(stats=Stats(bind_port=0)))
GRACE = 60.0


def read(task: Task) -> Exposure | None:
    """What the labels of a task say."""
    return read_exposure(task.labels)


def exposed(
    app: str,
    labels: Mapping[str, str] | None = None,
    *,
    number: int = 1,
    started: float = 0.0,
    role: str = "*",
    framework: str = "marathon",
    marathon: bool = True,
) -> Task:
    """A task of an application; `labels` are without the `edgelb.` in front."""
    said = {"expose": "true", **(labels or {})}
    return Task(
        id=f"{app.strip('/').replace('/', '_')}.{number}",
        framework_id=f"id of {framework}",
        framework_name=framework,
        name=app.strip("/"),
        marathon=marathon,
        marathon_id=app if marathon else "",
        state="TASK_RUNNING",
        role=role,
        started=started,
        ports=(Port(name="web", number=31000 + number),),
        labels=tuple(sorted((f"edgelb.{name}", value) for name, value in said.items())),
    )


def auto_pool(policy: Policy | None = None, *, base: Pool = BASE, ledger: Ledger = EMPTY) -> AutoPool:
    """One that has heard of nothing yet."""
    return AutoPool("default", read, base=base, policy=policy, grace=GRACE, ledger=ledger)


class Cluster:
    """Tasks that come and go one after the other, and the pool after each."""

    def __init__(self, pool: AutoPool | None = None) -> None:
        self.auto = pool or auto_pool()
        self.now = 1000.0

    def start(self, *tasks: Task) -> Pool | None:
        """Seconds later they are there."""
        self.now += 10
        self.auto.update(tasks, (), self.now)
        return self.auto.pool()

    def stop(self, *tasks: Task) -> Pool | None:
        """Seconds later they are gone."""
        self.now += 10
        self.auto.update((), [task.key for task in tasks], self.now)
        return self.auto.pool()

    def wait(self, seconds: float = GRACE) -> Pool | None:
        """Nothing happens."""
        self.now += seconds
        self.auto.update((), (), self.now)
        return self.auto.pool()

    def status(self, task: Task) -> TaskStatus:
        """Of a task."""
        found = self.auto.status_of(task.key)
        assert found is not None
        return found


def keys(tasks: Iterable[Task]) -> list[TaskKey]:
    """What names them."""
    return [task.key for task in tasks]


def frontend(pool: Pool | None, port: int) -> Frontend:
    """The one at a port."""
    assert pool is not None
    [found] = (one for one in pool.haproxy.frontends if one.bind_port == port)
    return found


def backend(pool: Pool | None, group: str) -> Backend:
    """The one of a group."""
    assert pool is not None
    found = pool.haproxy.backend(group)
    assert found is not None
    return found


def routes(pool: Pool | None, port: int = 80) -> list[str]:
    """The rules at a port in their order."""
    return [
        f"{rule.host_eq or rule.host_reg}{rule.path_beg}{rule.path_end}{rule.path_reg} -> {rule.backend}"
        for rule in frontend(pool, port).link_backend.map
    ]


def services(pool: Pool | None, group: str) -> list[str]:
    """What the services of a group select."""
    return [
        f"{one.mesos.framework_name} {one.marathon.service_id or one.mesos.task_name or one.endpoint.address}"
        for one in backend(pool, group).services
    ]
