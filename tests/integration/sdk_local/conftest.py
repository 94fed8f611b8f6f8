"""A small cluster per test: a public and a private agent, with times short enough to lose an agent within a test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sdk.local.cluster import AgentSpec, Cluster, Timing
from tests.integration.sdk_local.agent_process import AgentProcess, Master
from tests.integration.sdk_local.client import Scheduler
from tests.support import nursery
from tests.support.ports import free_port

AGENTS = [
    AgentSpec(
        name="agent1",
        resources="cpus(slave_public):4;mem(slave_public):2048;disk(slave_public):5000;ports(slave_public):[21000-21099]",
        attributes="public_ip:true;rack:r1",
    ),
    AgentSpec(name="agent2", resources="cpus:4;mem:2048;disk:5000;ports:[21100-21199]", attributes="rack:r2"),
]


def free_ports(count: int) -> int:
    """The first of so many free ports in a row."""
    while True:
        ports = [free_port() for _ in range(count)]
        if ports == list(range(ports[0], ports[0] + count)):
            return ports[0]


def three_ports() -> int:
    """The first of three free ports in a row: for a master and two agents."""
    return free_ports(3)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A running cluster; whatever is left of it is ended."""
    # An agent that starts again on a busy machine needs more than two seconds.
    timing = Timing(allocation_interval=0.2, agent_ping_timeout=0.5, max_agent_ping_timeouts=8)
    cluster = Cluster(tmp_path / "mesos", three_ports(), AGENTS, timing=timing, popen=nursery.popen)
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture
def scheduler(cluster: Cluster) -> Iterator[Callable[..., Scheduler]]:
    """Makes schedulers subscribed to the cluster."""
    made: list[Scheduler] = []

    def make(**options: object) -> Scheduler:
        made.append(Scheduler(cluster.port, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for item in made:
        item.close()


@pytest.fixture
def master() -> Iterator[Master]:
    """A master of the test's own, for one agent."""
    result = Master()
    yield result
    result.close()


@pytest.fixture
def agent(master: Master, tmp_path: Path) -> Iterator[AgentProcess]:
    """An agent of that master, not started yet."""
    result = AgentProcess(master, tmp_path / "agent")
    yield result
    result.close()
