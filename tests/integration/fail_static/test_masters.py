"""Masters that know less than the one before: the last servers are kept until somebody knows better, and then it counts
at once.
"""

import uuid
from collections.abc import Iterator

import pytest

from tests.support.chain.chain import PATIENCE, Chain, Pool, Task
from tests.support.chain.recycling import recycle, takes_over, undisturbed
from tests.support.load import load_in_thread
from tests.support.wait import wait_until
from tests.unit.api.mesos_listener import messages as m

pytestmark = pytest.mark.integration

AGENTS = ("r1", "r2", "r3")


@pytest.fixture
def spread(chain: Chain) -> Iterator[Pool]:
    """A pool with two tasks on each of three agents."""
    for agent in AGENTS:
        chain.mesos.agents[agent] = m.agent_json(agent, "127.0.0.1")
        chain.mesos.say(m.agent_added(chain.mesos.agents[agent]))
    with chain.pool(f"p{uuid.uuid4().hex[:8]}") as pool:
        for agent in AGENTS:
            pool.start(agent=agent)
            pool.start(agent=agent)
        pool.serves(*pool.tasks)
        yield pool


def subscribed_anew(chain: Chain) -> None:
    """The listener has read the snapshot of the master that leads now, and all that this one has said."""
    wait_until(lambda: chain.mesos.readers == 1, PATIENCE, "a new subscription")
    # What comes after it in the stream has been read, so that was, too.
    port = chain.applications.open("marker")
    marker = f"marker-{uuid.uuid4().hex[:8]}"
    with chain.pool(marker) as other:
        chain.mesos.start(marker, other.application, port)
        wait_until(lambda: other.answers(3).keys() == {"marker"}, PATIENCE, "a task of the new master")
        chain.mesos.update(marker, "TASK_FINISHED")
    chain.applications.close(port)


def ends_unheard(chain: Chain, pool: Pool, dead: Task) -> None:
    """A task ends of which nobody hears before its agent, the last one, is back: it goes then, and not before."""
    chain.mesos.update(dead.id, "TASK_KILLED")
    undisturbed(pool)
    pool.tasks.remove(dead)
    chain.mesos.register("r3")
    pool.serves(*pool.tasks)
    takes_over(pool, dead)


def test_a_master_that_recovers_takes_nothing_away(chain: Chain, spread: Pool) -> None:
    """Agents come back one by one, up to ten minutes later; what an agent does not name any more goes with its return,
    and what ends meanwhile on one that is back goes at once.
    """
    pool = spread
    with load_in_thread(f"http://127.0.0.1:{pool.web}/", rps=50) as load:
        chain.mesos.fail_over(recovers=True)
        chain.mesos.register("a1")
        subscribed_anew(chain)
        pool.serves(*pool.tasks)
        first, second, third = pool.tasks[0], pool.tasks[2], pool.tasks[4]
        chain.mesos.register("r1")
        recycle(pool, first)
        chain.mesos.update(second.id, "TASK_KILLED")  # nobody hears it: its agent is not back
        undisturbed(pool)
        pool.tasks.remove(second)
        chain.mesos.register("r2")
        pool.serves(*pool.tasks)
        takes_over(pool, second)
        chain.mesos.register("r3")
        recycle(pool, third)
    assert load.report().failed == 0, load.report()


@pytest.mark.parametrize("registry", [True, False], ids=["with its registry", "without a registry"])
def test_a_listener_that_starts_while_a_master_recovers_takes_nothing_away(
    chain: Chain, spread: Pool, registry: bool
) -> None:
    """It never knew the tasks that are not named, but those who listen to it did."""
    pool = spread
    chain.listener.kill()
    chain.mesos.fail_over(recovers=True, registry=registry)
    chain.mesos.register("a1")
    chain.listener.start()
    wait_until(lambda: chain.mesos.readers == 1, PATIENCE, "a new subscription")
    undisturbed(pool)
    chain.mesos.register("r1")
    undisturbed(pool)
    chain.mesos.register("r2")
    subscribed_anew(chain)
    undisturbed(pool)
    ends_unheard(chain, pool, pool.tasks[4])
    recycle(pool, pool.tasks[0])


def test_tasks_end_and_start_while_a_listener_that_started_waits_for_agents(chain: Chain, spread: Pool) -> None:
    """What a master that recovers says of agents that are back counts at once, whatever is not known of the others."""
    pool = spread
    chain.listener.kill()
    chain.mesos.fail_over(recovers=True)
    chain.mesos.register("a1")
    chain.mesos.register("r1")
    chain.listener.start()
    wait_until(lambda: chain.mesos.readers == 1, PATIENCE, "a new subscription")
    recycle(pool, pool.tasks[0])
    wait_until(lambda: chain.metric("edgelb_template_tasks_kept") == 4, PATIENCE, "the tasks that are kept")
    pool.says("4 tasks are kept as last known")
    chain.listener.kill()
    chain.mesos.register("r2")
    chain.listener.start()
    wait_until(lambda: chain.mesos.readers == 1, PATIENCE, "a new subscription")
    recycle(pool, pool.tasks[0])
    chain.mesos.register("r3")
    pool.serves(*pool.tasks)


def test_all_that_starts_while_a_master_recovers_takes_nothing_away(chain: Chain, spread: Pool) -> None:
    """Nobody is left who knew the tasks on agents that are not back: what is published of them is kept, all of it."""
    pool = spread
    chain.listener.kill()
    chain.template.kill()
    chain.mesos.fail_over(recovers=True)
    for agent in ("a1", "r1", "r2"):
        chain.mesos.register(agent)
    chain.listener.start()
    chain.template.start()
    pool.says("2 servers are kept in app")
    recycle(pool, pool.tasks[0])
    ends_unheard(chain, pool, pool.tasks[3])
    wait_until(lambda: "kept" not in str(pool.status()), PATIENCE, "the end of what it tells")


def test_a_master_that_knows_of_nothing_takes_nothing_away(chain: Chain, spread: Pool) -> None:
    """It has lost its registry: no agents, no tasks, and it expects none."""
    pool = spread
    chain.mesos.fail_over(recovers=True, registry=False)
    chain.mesos.register("a1")
    subscribed_anew(chain)
    pool.serves(*pool.tasks)
    for agent in AGENTS:
        chain.mesos.register(agent)
    recycle(pool, pool.tasks[0])


def test_a_snapshot_without_tasks_takes_nothing_away(chain: Chain, spread: Pool) -> None:
    """Though its agents are all there: the pool tells that its servers are kept, until their tasks are named again."""
    pool = spread
    tasks, chain.mesos.tasks = chain.mesos.tasks, {}
    chain.mesos.fail_over()
    pool.says("kept")
    undisturbed(pool)
    dead = pool.tasks[0]
    chain.mesos.tasks = tasks
    chain.mesos.forget(dead.id)
    pool.tasks.remove(dead)
    chain.mesos.fail_over()
    pool.serves(*pool.tasks)
    takes_over(pool, dead)
    wait_until(lambda: "kept" not in str(pool.status()), PATIENCE, "the end of what it tells")
