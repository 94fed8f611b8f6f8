"""A source of tasks that is silent, hangs or is gone: the last servers are kept and marked as stale; what happened
meanwhile counts as soon as it is told.
"""

import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests.support.chain.chain import PATIENCE, Chain, Pool
from tests.support.chain.recycling import recycle, takes_over, undisturbed
from tests.support.load import load_in_thread
from tests.support.wait import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@contextmanager
def mesos_says_nothing(chain: Chain) -> Iterator[None]:
    """Connections stay open, nothing comes."""
    with chain.mesos.silence():
        yield


@contextmanager
def mesos_is_away(chain: Chain) -> Iterator[None]:
    """No master takes connections."""
    chain.mesos.leave()
    try:
        yield
    finally:
        chain.mesos.come_back()


@contextmanager
def listener_is_away(chain: Chain) -> Iterator[None]:
    """It was killed."""
    chain.listener.kill()
    try:
        yield
    finally:
        chain.listener.start()


@contextmanager
def listener_hangs(chain: Chain) -> Iterator[None]:
    """It has its sockets, and does nothing."""
    chain.listener.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        chain.listener.signal(signal.SIGCONT)


@contextmanager
def template_is_away(chain: Chain) -> Iterator[None]:
    """It was killed."""
    chain.template.kill()
    try:
        yield
    finally:
        chain.template.start()


@pytest.mark.parametrize(
    ("away", "component", "metric"),
    [
        (mesos_says_nothing, "mesos", "edgelb_template_mesos_silence_seconds"),
        (mesos_is_away, "mesos", "edgelb_template_mesos_silence_seconds"),
        (listener_is_away, "listener", "edgelb_template_listener_silence_seconds"),
        (listener_hangs, "listener", "edgelb_template_listener_silence_seconds"),
        (template_is_away, "template", None),
    ],
)
def test_the_last_servers_are_kept_and_told_to_be_stale(
    chain: Chain, pool: Pool, away: "type[AbstractContextManager[None]]", component: str, metric: str | None
) -> None:
    """Clients notice nothing; the status and the metrics tell; then everything is right again."""
    with load_in_thread(f"http://127.0.0.1:{pool.web}/", rps=50) as load:
        with away(chain):  # type: ignore[call-arg]
            doubts = wait_until(lambda: pool.status()["doubts"], PATIENCE, "a doubt", every=0.2)
            assert {doubt["component"] for doubt in doubts} == {component}, doubts
            if metric is not None:
                assert (chain.metric(metric) or 0) > 4
            undisturbed(pool)
            dead = pool.tasks[0]
            chain.mesos.update(dead.id, "TASK_KILLED")
            pool.tasks.remove(dead)
        pool.serves(*pool.tasks)
        takes_over(pool, dead)
        wait_until(lambda: not pool.status()["doubts"], PATIENCE, "the end of the doubt", every=0.2)
        recycle(pool, pool.tasks[0])
    assert load.report().failed == 0, load.report()
