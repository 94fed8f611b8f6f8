"""A scheduler that serves HAProxy, and agents that need nothing but python3."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pool_executor.lbmgr.haproxy import program
from scheduler.pools.model import Frontend, Haproxy, Pool, Stats
from scheduler.pools.stored.store import PoolStore
from sdk.local.cluster import Cluster, standard_agents
from sdk.storage.connection import ZooKeeper
from tests.integration.runner.system import QUICK, Master, Scheduler
from tests.support.haproxies import BUNDLED
from tests.support.ports import free_port
from tests.support.wait import wait_until
from tests.support.zookeeper import ZooKeeperServer

pytestmark = [pytest.mark.integration, pytest.mark.slow]

FRAMEWORKS = Path(__file__).parents[3] / "frameworks.json"
POOL = Pool(
    name="web",
    cpus=0.2,
    mem=64,
    disk=32,
    haproxy=Haproxy(
        stats=Stats(bind_address="127.0.0.1", bind_port=0),
        frontends=(Frontend(name="http", bind_address="127.0.0.1"),),
    ),
)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """The embedded Mesos, whose agents fetch and run what they are told."""
    made = Cluster(tmp_path / "mesos", free_port(), standard_agents(28200, ports_each=50), timing=QUICK)
    made.start()
    yield made
    made.stop()


def test_an_instance_runs_the_haproxy_of_the_scheduler(
    tmp_path: Path, zookeeper: ZooKeeperServer, connection: ZooKeeper, zk_root: str, cluster: Cluster
) -> None:
    """From the option in frameworks.json to the HAProxy in the sandbox."""
    document = json.loads(FRAMEWORKS.read_text())
    document["frameworks"][0]["options"]["serve_haproxy"] = True
    frameworks = tmp_path / "frameworks.json"
    frameworks.write_text(json.dumps(document))
    scheduler = Scheduler(
        tmp_path / "scheduler.log",
        zk=zookeeper.address,
        zk_root=zk_root,
        mesos=cluster.master_address,
        frameworks=frameworks,
        names=("edgelb",),
        environment={program.CHOICE: BUNDLED},
    ).start()
    try:
        scheduler.wait_ready()
        PoolStore(connection, zk_root).create(POOL)
        base = f"{zk_root}/instances/web"
        task = wait_until(lambda: connection.children(base), 60, "the instance reports itself")[0]
        node = connection.get(f"{base}/{task}")
        assert node is not None
        assert json.loads(node[0])["haproxy"]["version"].startswith("2.8.")
        sandboxes = [path.parent for path in tmp_path.rglob("haproxy.zip")]
        assert [(path / "haproxy" / "bin" / "haproxy").exists() for path in sandboxes] == [True]
        assert scheduler.request("POST", "/v1/uninstall", {"confirm": "edgelb"})[0] == 202
        master = Master(cluster, "edgelb")
        wait_until(lambda: master.framework() is None, 60, "the framework is gone")
    finally:
        scheduler.stop()
