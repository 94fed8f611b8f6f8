"""Tasks that leave in order: they are told to end, finish their requests, and end. No client loses a request by it, not
even one that never tries again, and whose requests HAProxy must not repeat.

A task that is told to end goes on answering until HAProxy sends it nothing any more, as it should with a grace period.
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.support.chain.chain import PATIENCE, Chain, Pool, Task
from tests.support.load import Report, load_in_thread
from tests.support.wait import wait_until
from tests.unit.api.mesos_listener import messages as m

pytestmark = pytest.mark.integration

CHECKED = {"health_check": {"type": "HTTP", "grace_period_seconds": 1}}


@contextmanager
def clients(pool: Pool) -> Iterator[None]:
    """Three kinds of clients, none of which loses a request while the body runs."""
    url = f"http://127.0.0.1:{pool.web}/"
    with ExitStack() as stack:
        loads = [
            stack.enter_context(load_in_thread(url, rps=40, timeout=20)),
            stack.enter_context(load_in_thread(url, rps=40, timeout=20, method="POST")),
            stack.enter_context(load_in_thread(url, rps=40, timeout=20, keep_alive=False, method="POST")),
        ]
        yield
        # Some more on the far side, so that what comes late is seen, too.
        before = [load.report().requests for load in loads]
        wait_until(
            lambda: all(load.report().requests > count + 40 for load, count in zip(loads, before, strict=True)),
            PATIENCE,
            "requests afterwards",
        )
    reports: list[Report] = [load.report() for load in loads]
    assert [report.failures for report in reports] == [{}, {}, {}]


def join(pool: Pool) -> Task:
    """A new task is launched, is running before it answers, and is found healthy after it does."""
    task = pool.start(answers=False, **CHECKED)
    pool.chain.applications.open(task.id, task.port)
    pool.chain.mesos.update(task.id, "TASK_RUNNING", healthy=True)
    return task


def leave(pool: Pool, *tasks: Task) -> None:
    """Tasks are told to end, serve until nothing comes any more, and end."""
    for task in tasks:
        pool.chain.mesos.update(task.id, "TASK_KILLING")
    wait_until(lambda: pool.ports().isdisjoint(task.port for task in tasks), PATIENCE, "no requests for who leaves")
    wait_until(lambda: not any(_busy(pool, task) for task in tasks), PATIENCE, "the end of their requests")
    for task in tasks:
        pool.end(task)


def test_a_rolling_deployment(pool: Pool) -> None:
    """Each old task leaves when a new one is healthy, twice over."""
    with clients(pool):
        for _ in range(2):
            for old in tuple(pool.tasks):
                new = join(pool)
                wait_until(lambda new=new: new.port in pool.ports(), PATIENCE, "the new task")
                leave(pool, old)
    pool.serves(*pool.tasks)


def test_a_deployment_that_waits_for_nobody(pool: Pool) -> None:
    """All the new ones are started and all the old ones told to end at once."""
    with clients(pool):
        old = tuple(pool.tasks)
        for _ in old:
            join(pool)
        leave(pool, *old)
    pool.serves(*pool.tasks)


def test_a_rolling_deployment_while_the_structure_changes(pool: Pool) -> None:
    """Routes come and go with every step, so that HAProxy is loaded anew all the time."""
    service = pool.document()["haproxy"]["backends"][0]
    with clients(pool):
        for number, old in enumerate(tuple(pool.tasks)):
            pool.update(backends=[service, {**service, "name": f"with-{number}"}])
            new = join(pool)
            wait_until(lambda new=new: new.port in pool.ports(), PATIENCE, "the new task")
            leave(pool, old)
            wait_until(lambda number=number: pool.servers(f"with-{number}"), PATIENCE, "the new structure")
    pool.serves(*pool.tasks)


def test_a_scale_down(pool: Pool) -> None:
    """From seven to one."""
    for _ in range(4):
        join(pool)
    pool.serves(*pool.tasks)
    with clients(pool):
        leave(pool, *pool.tasks[:4])
        leave(pool, *pool.tasks[:2])
    pool.serves(*pool.tasks)


def test_an_agent_that_is_drained(chain: Chain, pool: Pool) -> None:
    """All of its tasks are told to end, and it goes away."""
    chain.mesos.agents["leaving"] = m.agent_json("leaving", "127.0.0.1")
    chain.mesos.say(m.agent_added(chain.mesos.agents["leaving"]))
    there = [pool.start(agent="leaving") for _ in range(3)]
    pool.serves(*pool.tasks)
    with clients(pool):
        leave(pool, *there)
        del chain.mesos.agents["leaving"]
        chain.mesos.say(m.agent_removed("leaving"))
    pool.serves(*pool.tasks)


@pytest.mark.parametrize("state", ["TASK_KILLING", "TASK_KILLED"])
def test_requests_under_way_are_answered(pool: Pool, state: str) -> None:
    """They began before anybody knew; none is cut by the removal of the server, also when its task is gone already for
    Mesos.
    """
    answers: list[tuple[int, str]] = []
    threads = [threading.Thread(target=lambda: answers.append(pool.get("/?delay=2"))) for _ in range(12)]
    asked = pool.chain.applications.asked
    before = asked.total()
    for thread in threads:
        thread.start()
    wait_until(lambda: asked.total() - before >= 12, PATIENCE, "requests under way")
    leaving = pool.tasks[0]
    pool.chain.mesos.update(leaving.id, state)
    wait_until(lambda: leaving.port not in pool.ports(), PATIENCE, "no requests for who leaves")
    for thread in threads:
        thread.join(30)
    assert {status for status, _ in answers} == {200}
    assert leaving.id in {body for _, body in answers}
    pool.tasks.remove(leaving)
    pool.chain.applications.close(leaving.port)
    pool.serves(*pool.tasks)


def _busy(pool: Pool, task: Task) -> bool:
    rows = [row for name, row in pool.servers().items() if name.endswith(f"_{task.port}")]
    return any(row["scur"] not in ("", "0") for row in rows)
