"""Leader detection in a real ZooKeeper, with the nodes that masters write."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sdk.errors import InvalidSpec
from sdk.mesos import base
from sdk.mesos.detector import ZooKeeperMasters, master_endpoint, masters
from sdk.mesos.driver import MesosDriver
from sdk.mesos.endpoint import Endpoint
from sdk.storage.connection import Create, Delete, ZooKeeper, connect
from tests.contracts.mesos import traces
from tests.contracts.mesos.server import CountedBackoff, ScriptedServer, master, stays
from tests.support.ports import free_port
from tests.support.wait import wait_until
from tests.support.zookeeper import ZooKeeperServer

pytestmark = pytest.mark.integration


def info(address: str, hostname: str = "master1.test") -> bytes:
    host, _, port = address.rpartition(":")
    return json.dumps({"address": {"hostname": hostname, "ip": host, "port": int(port)}, "id": "m"}).encode()


@pytest.fixture
def zk(zookeeper: ZooKeeperServer) -> Iterator[ZooKeeper]:
    client = connect(zookeeper.address, session_timeout=2.0)
    assert client.wait_connected(20)
    yield client
    client.close()


@pytest.fixture
def source(zookeeper: ZooKeeperServer, zk_root: str) -> Iterator[ZooKeeperMasters]:
    found = ZooKeeperMasters(f"zk://{zookeeper.address}{zk_root}", session_timeout=2.0)
    yield found
    found.stop()


def test_the_lowest_candidate_leads(zk: ZooKeeper, zk_root: str, source: ZooKeeperMasters) -> None:
    """Other nodes below the path are not masters, and a path that is not there yet is no error."""
    changes: list[Endpoint | None] = []
    source.start(lambda: changes.append(source.leader()))
    assert source.leader() is None
    zk.create(f"{zk_root}/log_replicas/0000000001", b"?")
    zk.create(f"{zk_root}/json.info_0000000009", info("10.0.0.9:5050"))
    wait_until(lambda: source.leader() == Endpoint("10.0.0.9", 5050), what="the first master")
    zk.create(f"{zk_root}/json.info_0000000010", info("10.0.0.10:5050"))
    zk.delete(f"{zk_root}/json.info_0000000009")
    wait_until(lambda: source.leader() == Endpoint("10.0.0.10", 5050), what="the second master")
    zk.delete(f"{zk_root}/json.info_0000000010")
    wait_until(lambda: source.leader() is None, what="the end of the last master")
    assert changes == [Endpoint("10.0.0.9", 5050), Endpoint("10.0.0.10", 5050), None]
    assert source.known() == ()


def test_a_master_that_comes_back_at_its_address_is_news(zk: ZooKeeper, zk_root: str, source: ZooKeeperMasters) -> None:
    """Who waits for it after it was restarted is woken, even when the list was read only after both changes."""
    changes: list[Endpoint | None] = []
    zk.create(f"{zk_root}/json.info_0000000001", info("10.0.0.1:5050"))
    source.start(lambda: changes.append(source.leader()))
    wait_until(lambda: len(changes) == 1, what="the master")
    zk.multi(
        [
            Delete(f"{zk_root}/json.info_0000000001"),
            Create(f"{zk_root}/json.info_0000000002", info("10.0.0.1:5050")),
        ]
    )
    wait_until(lambda: len(changes) == 2, what="the same master, started again")
    assert set(changes) == {Endpoint("10.0.0.1", 5050)}


def test_a_wiped_zookeeper_begins_again_at_the_same_number(
    zk: ZooKeeper, zk_root: str, source: ZooKeeperMasters
) -> None:
    """pymesos takes a node of the same name for the same master."""
    source.start(lambda: None)
    for port in (5051, 5052):
        zk.create(f"{zk_root}/json.info_0000000000", info(f"10.0.0.1:{port}"))
        wait_until(lambda port=port: source.leader() == Endpoint("10.0.0.1", port), what="the master")  # type: ignore[misc]
        zk.delete(zk_root, recursive=True)
        wait_until(lambda: source.leader() is None, what="its end")


def test_the_driver_follows_the_leader(zookeeper: ZooKeeperServer, zk: ZooKeeper, zk_root: str) -> None:
    """It waits for the first master, and leaves a master that lost its leadership though the stream is open."""
    with ScriptedServer(master(stays())) as first, ScriptedServer(master(stays())) as second:
        driver = MesosDriver(
            base.Scheduler(),
            {"user": "", "name": "test", "roles": ["r"]},
            f"zk://{zookeeper.address}{zk_root}",
            backoff=CountedBackoff(0),
        )
        driver.start()
        try:
            zk.create(f"{zk_root}/json.info_0000000001", info(first.address))
            wait_until(lambda: driver.connected and driver.master == first.address, what="the first master")
            zk.create(f"{zk_root}/json.info_0000000002", info(second.address))
            zk.delete(f"{zk_root}/json.info_0000000001")
            wait_until(lambda: driver.connected and driver.master == second.address, what="the second master")
            assert (first.connections, second.connections) == (1, 1)
        finally:
            driver.stop()
            assert driver.join(10)


def test_a_zookeeper_that_is_away_changes_nothing(tmp_path: Path) -> None:
    """The stream to the master goes on; and a driver may start before ZooKeeper does."""
    server = ZooKeeperServer(tmp_path / "zk", free_port())
    with ScriptedServer(master(stays())) as leader:
        source = ZooKeeperMasters(f"zk://{server.address}/mesos", session_timeout=2.0)
        driver = MesosDriver(
            base.Scheduler(), {"user": "", "name": "t"}, "zk://x/mesos", source=source, backoff=CountedBackoff(0)
        )
        driver.start()
        try:
            server.start()
            client = connect(server.address, session_timeout=2.0)
            assert client.wait_connected(20)
            client.create("/mesos/json.info_0000000001", info(leader.address))
            wait_until(lambda: driver.connected, 30, "the subscription")
            client.close()
            server.kill()
            driver.reviveOffers()
            assert driver.connected
            server.start()
            assert leader.connections == 2  # one stream, one call
        finally:
            driver.stop()
            assert driver.join(20)
            server.stop()


def test_recorded_nodes_name_their_master() -> None:
    """As Mesos 1.12 writes them; with TLS the host name counts."""
    nodes = [line for line in traces.lines("10-master-failover") if line["kind"] == "znode" and line.get("raw")]
    found = [master_endpoint(line["raw"].encode()) for line in nodes]
    assert Endpoint("127.0.0.1", 15050) in found
    assert master_endpoint(info("10.0.0.1:5050", "m.test"), "https") == Endpoint("m.test", 5050, "https")


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"[]", b"{}", b'{"address":{"ip":"1.2.3.4","port":"x"}}', b"[" * 100_000]
)
def test_nodes_that_name_nothing_are_no_master(data: bytes) -> None:
    """Garbage in ZooKeeper costs a log line."""
    assert master_endpoint(data) is None


@pytest.mark.parametrize("uri", ["zk://", "zk:///mesos", "zk://a:1", "zk://a:1/"])
def test_a_path_is_needed(uri: str) -> None:
    """Masters never stand at the root."""
    with pytest.raises(InvalidSpec, match="host:port"):
        masters(uri)
