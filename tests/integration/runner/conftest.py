"""One embedded Mesos for each module, and a system on it for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sdk.local.cluster import Cluster
from tests.integration.runner.system import System, two_agents
from tests.support.zookeeper import ZooKeeperServer


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A master and two agents for the module."""
    made = two_agents(tmp_path_factory.mktemp("mesos"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def system(tmp_path: Path, zookeeper: ZooKeeperServer, zk_root: str, cluster: Cluster) -> Iterator[System]:
    made = System(tmp_path, zookeeper.address, zk_root, cluster)
    yield made
    made.close()
