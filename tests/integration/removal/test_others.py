"""Servers of dead tasks while others keep the processes busy, or some of these are away."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.contracts.mesos.server import chunk, record
from tests.support.chain.chain import PATIENCE, Chain, Pool
from tests.support.chain.recycling import in_use, recycle, takes_over, undisturbed
from tests.support.wait import wait_until
from tests.unit.api.mesos_listener import messages as m

pytestmark = pytest.mark.integration


@contextmanager
def flood(chain: Chain) -> Iterator[None]:
    """Tasks of others come and go as fast as anybody reads of it."""
    events: list[m.Json] = []
    for number in range(500):
        task = m.task_json(f"busy.{number}", name=f"busy-{number % 50}")
        events.append(m.task_added(task))
        for state in ("TASK_STARTING", "TASK_RUNNING", "TASK_KILLING", "TASK_KILLED"):
            events.append(m.task_updated(f"busy.{number}", m.status_json(state)))
    # In pieces, so that what the test says comes in between.
    pieces = [b"".join(chunk(record(one)) for one in events[at : at + 50]) for at in range(0, len(events), 50)]
    end = threading.Event()

    def blow() -> None:
        while not end.is_set():
            for piece in pieces:
                chain.mesos.say_bytes(piece)

    thread = threading.Thread(target=blow, name="flood")
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join(30)


def test_servers_go_while_thousands_of_other_tasks_change(pool: Pool) -> None:
    """What nobody selects does not hold up what somebody does."""
    with flood(pool.chain):
        recycle(pool, pool.tasks[0])
        recycle(pool, pool.tasks[0])
    in_use(pool)


def test_servers_go_while_another_pool_has_a_million_rules(chain: Chain, pool: Pool) -> None:
    """Whatever that one takes."""
    with chain.pool(f"p{uuid.uuid4().hex[:8]}", tasks=1) as other:
        hosts = [{"hostEq": f"h{number}.example", "backend": "app"} for number in range(1100)]
        paths = [{"pathBeg": f"/p{number}", "backend": "app"} for number in range(1100)]
        other.update(frontends=[other.frontend("web", linkBackend={"defaultBackend": "app", "map": [*hosts, *paths]})])
        recycle(pool, pool.tasks[0])
        recycle(other, other.tasks[0])
        recycle(pool, pool.tasks[0])


def test_servers_go_whose_tasks_ended_while_mesos_was_away(chain: Chain, pool: Pool) -> None:
    """Meanwhile the last ones are kept; then Mesos names the others only."""
    dead = pool.tasks[0]
    chain.mesos.leave()
    wait_until(lambda: chain.mesos.readers == 0, PATIENCE, "the end of the streams")
    undisturbed(pool)
    chain.mesos.forget(dead.id)
    pool.tasks.remove(dead)
    chain.mesos.come_back()
    pool.serves(*pool.tasks)
    takes_over(pool, dead)
    recycle(pool, pool.tasks[0])


@pytest.mark.parametrize("name", ["listener", "template"])
def test_servers_go_whose_tasks_ended_while_a_process_was_away(chain: Chain, pool: Pool, name: str) -> None:
    """Whoever is started again tells of it."""
    process = {"listener": chain.listener, "template": chain.template}[name]
    dead = pool.tasks[0]
    process.kill()
    chain.mesos.update(dead.id, "TASK_KILLED")
    undisturbed(pool)
    pool.tasks.remove(dead)
    process.start()
    pool.serves(*pool.tasks)
    takes_over(pool, dead)
    recycle(pool, pool.tasks[0])


def test_servers_go_whose_tasks_ended_while_lbmgr_was_away(pool: Pool) -> None:
    """It begins with what is on its disk, and has not served long before it knows."""
    dead = pool.tasks[0]
    pool.instance.kill()
    pool.chain.mesos.update(dead.id, "TASK_KILLED")
    pool.tasks.remove(dead)
    pool.instance.start()
    pool.serves(*pool.tasks)
    takes_over(pool, dead)
    recycle(pool, pool.tasks[0])


def test_the_last_server_goes(pool: Pool) -> None:
    """No answer is better than somebody else's."""
    chain = pool.chain
    dead = tuple(pool.tasks)
    for task in dead:
        chain.mesos.update(task.id, "TASK_KILLED")
    pool.tasks.clear()
    wait_until(lambda: set(pool.answers(8)) == {pool.answers(1).popitem()[0]} and pool.get()[0] == 503, PATIENCE, "503")
    for task in dead:
        chain.applications.close(task.port)
        chain.applications.open("stranger", task.port)
        chain.mesos.start(f"stranger-{task.id}", "stranger", task.port)
    assert {status for status, _ in (pool.get() for _ in range(20))} == {503}
    recycled = pool.start()
    pool.serves(recycled)
