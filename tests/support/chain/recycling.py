"""The question that a removal is about: does anybody's request reach what runs at a dead task's port?"""

from pool_executor.lbmgr.servers.journal import Journal
from tests.support.chain.chain import PATIENCE, Pool, Task
from tests.support.wait import wait_until


def recycle(pool: Pool, dead: Task, *, state: str = "TASK_KILLED") -> Task:
    """Mesos ends `dead` and starts another task of the application; then another application comes to the dead one's
    port. None of its answers may reach a client of the pool. Gives the new task.

    The dead task's server answers until its requests have ended: so it is the removal that ends them, not a check of
    HAProxy.
    """
    pool.chain.mesos.update(dead.id, state)
    pool.tasks.remove(dead)
    fresh = pool.start()
    pool.serves(*pool.tasks)
    takes_over(pool, dead)
    return fresh


def takes_over(pool: Pool, dead: Task) -> None:
    """Another application gets the port of a task that gets no requests any more; they stay with the pool's tasks."""
    chain = pool.chain
    stranger = f"stranger-{dead.id}"
    chain.applications.close(dead.port)
    chain.applications.open(stranger, dead.port)
    chain.mesos.start(stranger, "stranger", dead.port)
    undisturbed(pool)


def undisturbed(pool: Pool) -> None:
    """All of many requests are answered by the pool's tasks, and none reached a stranger."""
    found = pool.answers(60)
    assert set(found) == {task.id for task in pool.tasks}, found
    ours = f"stranger-{pool.application}."
    asked = {name: count for (name, _), count in pool.chain.applications.asked.items() if name.startswith(ours)}
    assert not asked, f"strangers were asked: {asked}"


def in_use(pool: Pool) -> set[int]:
    """The ports of the pool's tasks, once HAProxy sends requests to exactly these."""
    wanted = {task.port for task in pool.tasks}
    wait_until(lambda: pool.ports() == wanted, PATIENCE, f"servers at {sorted(wanted)}")
    return wanted


def on_disk(pool: Pool) -> None:
    """Wait until lbmgr has stored exactly the servers of the pool's tasks, which is a moment after HAProxy has them."""
    journal, wanted = pool.sandbox / "haproxy.d/endpoints", {task.port for task in pool.tasks}

    def stored() -> bool:
        found = Journal(journal).load()
        return found is not None and {server.port for server in found.servers["app"].values()} == wanted

    wait_until(stored, PATIENCE, f"servers at {sorted(wanted)} on disk")
