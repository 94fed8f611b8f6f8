"""Five thousand applications of many teams, of which some always come, go, restart or ask for what others have."""

import random

import pytest

from api.auto_pools.making.statuses import RenderStatus
from api.mesos_listener.task import Task
from scheduler.pools.checks import pool_problems
from scheduler.pools.stored.sparse import written
from tests.unit.api.auto_pools.exposed import Cluster, auto_pool, exposed

_MANY = 5_000
_STEPS = 200


def labels(app: int) -> dict[str, str]:
    """A host of its own, and some share another one by path or speak TLS."""
    said = {f"g{app}.frontend.rules": f"hostEq:h{app}.test"}
    if app % 10 == 0:
        said[f"g{app}.frontend.rules"] += f",hostEq:all.test|pathBeg:/{app}"
    if app % 25 == 0:
        said[f"g{app}.frontend.certificates"] = "$AUTOCERT"
    return said


def task(app: int, number: int) -> Task:
    return exposed(f"/team{app % 50}/app{app}", labels(app), number=number, started=float(app + 1))


@pytest.mark.slow
def test_restarts_change_nothing_and_the_pool_is_always_that_of_a_successor() -> None:
    """Each step touches a handful of applications; what it does not touch is the same object as before."""
    dice = random.Random(20261130)
    cluster = Cluster()
    alive = dict.fromkeys(range(_MANY), 0)
    pool = cluster.start(*(task(app, 0) for app in alive))
    assert pool is not None
    assert len(pool.haproxy.backends) == _MANY
    for step in range(_STEPS):
        kind = dice.choice(["restart", "restart", "new", "gone", "rival"])
        app = dice.choice(list(alive))
        before = pool
        if kind == "restart":
            old, alive[app] = alive[app], alive[app] + 1
            pool = cluster.start(task(app, alive[app]))
            assert cluster.stop(task(app, old)) is pool is before
        elif kind == "new":
            alive[_MANY + step] = 0
            pool = cluster.start(task(_MANY + step, 0))
            assert len(pool.haproxy.backends) == len(before.haproxy.backends) + 1
        elif kind == "gone":
            cluster.stop(task(app, alive.pop(app)))
            pool = cluster.wait()
            assert len(pool.haproxy.backends) == len(before.haproxy.backends) - 1
        else:
            rival = exposed(f"/rival{step}", {f"r{step}.frontend.rules": f"hostEq:new{step}.test,hostEq:h{app}.test"})
            expected = RenderStatus.RENDER_ERR if app % 25 else RenderStatus.OK
            pool = cluster.start(rival)
            assert cluster.status(rival).status is expected
            assert (pool is before) is (expected is RenderStatus.RENDER_ERR)
            cluster.stop(rival)
            pool = cluster.wait()
        assert pool is not None
        known = {id(one) for one in before.haproxy.backends}
        assert sum(id(one) not in known for one in pool.haproxy.backends) <= 1
    assert not list(pool_problems(pool))
    successor = auto_pool(ledger=cluster.auto.ledger)
    tasks = [task(app, number) for app, number in alive.items()]
    dice.shuffle(tasks)
    successor.update(tasks, (), cluster.now)
    again = successor.pool()
    assert again is not None
    assert written(again) == written(pool)
