"""A standby that takes over with the pools' plugin on a real ZooKeeper: it removes nothing that it has not seen."""

import itertools
from dataclasses import replace

import pytest

from scheduler.plugin import EdgeLB
from scheduler.pools.stored.store import PoolStore
from sdk.clock import SystemClock
from sdk.core.effects import Kill
from sdk.framework_store import FrameworkStore
from sdk.frameworks import parse_frameworks
from sdk.metrics import Metrics
from sdk.plugin import HostSettings
from sdk.runner import Runner
from sdk.storage.connection import ZooKeeper, connect
from sdk.storage.election import Leadership
from sdk.storage.zookeeper_persister import ZooKeeperPersister
from tests.integration.runner.doubles import Master
from tests.integration.scheduler.test_pools import POOL
from tests.support.wait import wait_until
from tests.support.zookeeper import ZooKeeperServer

pytestmark = pytest.mark.integration


class Process:
    """A scheduler's runner with real storage, election and plugin; Mesos is played."""

    def __init__(self, zookeeper: ZooKeeperServer, root: str, number: int) -> None:
        self.connection: ZooKeeper = connect(zookeeper.address)
        assert self.connection.wait_connected(60)
        self.master = Master()
        framework = parse_frameworks({"frameworks": [{"name": "edgelb", "plugin": "a:B", "roles": ["slave_public"]}]})[
            0
        ]
        url = f"http://127.0.0.1:{number}"
        store = FrameworkStore(ZooKeeperPersister(self.connection), root, "edgelb")
        ids = itertools.count()
        self.runner = Runner(
            settings=HostSettings(framework=framework, zk=zookeeper.address, zk_root=root, advertised_url=url),
            plugin=EdgeLB(),
            zookeeper=self.connection,
            store=store,
            charge=Leadership(self.connection, store.leader_path, {"id": "edgelb", "url": url}),
            feeds=self.master,
            clock=SystemClock(),
            new_id=lambda: f"id-{number}-{next(ids)}",
            metrics=Metrics(),
        )
        self.runner.start()

    def services(self) -> dict[str, bool]:
        """Whether each service is being removed, by name."""
        snapshot = self.runner.snapshot()
        return {} if snapshot is None else {name: view.removing for name, view in snapshot.services.items()}

    def stop(self) -> None:
        self.runner.stop()
        self.connection.close()


@pytest.fixture
def pools(connection: ZooKeeper, zk_root: str) -> PoolStore:
    return PoolStore(connection, zk_root)


def test_a_standby_reads_the_pools_anew_when_it_takes_over(
    zookeeper: ZooKeeperServer, zk_root: str, pools: PoolStore
) -> None:
    """Pools that were made and deleted while it waited are known to it before it removes anything."""
    pools.create(POOL)
    first = Process(zookeeper, zk_root, 1)
    wait_until(lambda: first.services() == {"web": False}, 20, "the first leads")
    second = Process(zookeeper, zk_root, 2)
    try:
        for number in range(5):
            pools.create(replace(POOL, name=f"late{number}"))
        wait_until(lambda: len(first.services()) == 6, 20, "all pools are services")
        first.stop()
        pools.delete("late0")
        wait_until(lambda: second.runner.status().phase == "leading", 30, "the second leads")
        wait_until(lambda: "late0" not in second.services() and len(second.services()) == 5, 20, "one is gone")
        assert set(second.services().values()) == {False}
        assert not any(isinstance(call, Kill) for call in second.master.calls)
    finally:
        second.stop()
