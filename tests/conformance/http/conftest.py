"""A master and an agent as processes, and a framework that must not notice what is done to them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.http.bystander import Bystander
from tests.conformance.http.processes import Running, agent, master
from tests.conformance.http.wire import ask
from tests.support.wait import wait_until


@pytest.fixture(scope="module")
def running_master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A master with quick heartbeats."""
    directory = Path(tmp_path_factory.mktemp("master"))
    with master(directory, "--heartbeat-interval", "0.5", "--allocation-interval", "0.2") as item:
        yield item


@pytest.fixture(scope="module")
def running_agent(running_master: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """An agent of that master."""
    directory = Path(tmp_path_factory.mktemp("agent"))
    resources = ("--resources", "cpus:4;mem:512;disk:100;ports:[1-9]", "--hostname", "agent1")
    with agent(directory, f"127.0.0.1:{running_master.port}", *resources) as item:
        wait_until(lambda: b'"active":true' in ask(running_master.port, "GET", "/slaves").body, 20, "the agent")
        yield item


@pytest.fixture(scope="module")
def bystander(running_master: Running, running_agent: Running) -> Iterator[Bystander]:
    """A framework that lives through all tests of a module."""
    item = Bystander(running_master, running_agent)
    yield item
    item.close()
