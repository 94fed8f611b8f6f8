"""What HAProxy may use of a task's resources."""

from pathlib import PurePath

import pytest

from pool_executor.lbmgr.haproxy.resources import MB, Resources
from pool_executor.lbmgr.structure.instance import Instance


@pytest.mark.parametrize(
    ("cpus", "cores", "threads"),
    [(0.1, 8, 1), (1.0, 8, 1), (1.4, 8, 1), (1.6, 8, 2), (4.1, 8, 4), (4.0, 2, 2), (None, 8, 8), (0.0, 1, 1)],
)
def test_threads_are_as_many_as_whole_cpus_and_never_more_than_cores(
    cpus: float | None, cores: int, threads: int
) -> None:
    """More would only wait for each other."""
    assert Resources(cpus=cpus).threads(cores) == threads


def test_connections_follow_the_memory() -> None:
    """Half of it for the buffers of as many connections as may be stuck at the same time."""
    assert Resources(memory=1024).connections == 10922
    assert Resources(memory=2048).connections == 21845
    assert Resources(memory=8).connections == 100
    assert Resources().connections == 10_000


def test_old_workers_may_take_what_lbmgr_and_the_worker_that_serves_leave() -> None:
    """Less than nothing where that is too much already; anything where nobody knows."""
    assert Resources(memory=1000).room(50 * MB, 300 * MB) == 550 * MB
    assert Resources(memory=100).room(50 * MB, 300 * MB) == -260 * MB
    assert Resources().room(50 * MB, 300 * MB) is None


def test_haproxy_is_told() -> None:
    """A frontend that is full leaves room for the answers about health."""
    instance = Instance(
        task_id="t",
        ports={},
        sockets=PurePath("/s"),
        state=PurePath("/st"),
        resources=Resources(cpus=2.0, memory=1024),
        cores=4,
    )
    text = instance.text("m", PurePath("/m"), welcome=True)
    assert '    setenv CONNECTIONS "10922"\n' in text
    assert "    maxconn 11022\n" in text
    assert "    nbthread 2\n" in text
