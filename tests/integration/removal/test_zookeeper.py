"""Servers of dead tasks and a ZooKeeper that is slow or away."""

from collections.abc import Iterator

import pytest

from tests.support.chain.chain import PATIENCE, Chain, Pool
from tests.support.chain.recycling import recycle, takes_over, undisturbed
from tests.support.load import load_in_thread
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration


@pytest.fixture
def slow(chain: Chain) -> Iterator[None]:
    """Each packet to and from ZooKeeper takes its time."""
    chain.zookeeper.slow_down(0.3)
    yield
    chain.zookeeper.slow_down(0)


def test_servers_go_through_a_slow_zookeeper(pool: Pool, slow: None) -> None:
    """Late, but they go."""
    for _ in range(3):
        recycle(pool, pool.tasks[0])


def test_clients_notice_nothing_of_a_task_that_dies_while_zookeeper_is_away(pool: Pool) -> None:
    """HAProxy's own check takes it out until its removal can be told; then its port may be another's."""
    chain = pool.chain
    chain.zookeeper.leave()
    try:
        with load_in_thread(f"http://127.0.0.1:{pool.web}/", rps=50) as load:
            dead, silent = pool.tasks[0], pool.tasks[1]
            pool.end(dead)
            pool.crash(silent)  # Mesos has not heard of it yet
            pool.serves(*pool.tasks)
            wait_until(lambda: _down(pool) == {dead.port, silent.port}, PATIENCE, "what HAProxy finds itself")
        assert load.report().failed == 0, load.report()
        undisturbed(pool)
    finally:
        chain.zookeeper.come_back()
    wait_until(lambda: dead.port not in pool.ports(), PATIENCE, "the end of its server")
    takes_over(pool, dead)
    chain.mesos.update(silent.id, "TASK_FAILED")
    wait_until(lambda: silent.port not in pool.ports(), PATIENCE, "the end of the other server")
    takes_over(pool, silent)


def test_a_removal_goes_on_after_zookeeper_was_away_for_a_moment(pool: Pool) -> None:
    """Whoever lost it finds out what happened meanwhile."""
    chain = pool.chain
    dead = pool.tasks[0]
    for _ in range(3):
        chain.zookeeper.leave()
        chain.zookeeper.come_back()
        fresh = recycle(pool, dead)
        dead = fresh


def _down(pool: Pool) -> set[int]:
    return {int(name.rpartition("_")[2]) for name, row in pool.servers().items() if row["status"].startswith("DOWN")}
