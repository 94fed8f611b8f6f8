"""Several frameworks in one process: each with its own subscription, lock and routes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sdk.local.cluster import Cluster
from tests.integration.runner.system import Master, Scheduler, two_agents
from tests.support.wait import wait_until
from tests.support.zookeeper import ZooKeeperServer

pytestmark = pytest.mark.integration

EXAMPLES = Path(__file__).parents[3] / "examples" / "frameworks.json"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = two_agents(tmp_path / "mesos")
    made.start()
    yield made
    made.stop()


def test_two_frameworks_share_a_process_and_nothing_else(
    tmp_path: Path, zookeeper: ZooKeeperServer, zk_root: str, cluster: Cluster
) -> None:
    """hello and webapp run side by side; uninstalling one leaves the other alone."""
    scheduler = Scheduler(
        tmp_path / "scheduler.log",
        zk=zookeeper.address,
        zk_root=zk_root,
        mesos=cluster.master_address,
        frameworks=EXAMPLES,
        names=(),
    ).start()
    hello, webapp = Master(cluster, "hello"), Master(cluster, "webapp")
    try:
        scheduler.wait_ready(30)
        wait_until(lambda: len(hello.running()) == 1 and len(webapp.running()) == 2, 40, "three tasks")
        assert scheduler.get("/frameworks/hello/v1/state")["services"] == ["hello"]
        pods = scheduler.get("/frameworks/webapp/v1/services/webapp/pods")["pods"]
        ports = [pod["tasks"][0]["ports"]["http"] for pod in pods]
        assert len(set(ports)) == 2
        assert scheduler.request("GET", "/v1/state")[0] == 404
        assert scheduler.request("PUT", "/frameworks/webapp/v1/count", {"count": 1})[0] == 200
        wait_until(lambda: len(webapp.running()) == 1, 40, "one webapp")
        assert scheduler.request("POST", "/frameworks/webapp/v1/uninstall", {"confirm": "webapp"})[0] == 202
        wait_until(lambda: webapp.framework() is None, 40, "webapp is gone")
        assert len(hello.running()) == 1
        assert scheduler.get("/frameworks/hello/readyz")["status"] == "ready"
        wait_until(lambda: "uninstalled" in str(scheduler.request("GET", "/readyz")), 20, "the process says so")
    finally:
        scheduler.stop()
