"""The ZooKeeper persister behaves as every persister, on a real server."""

import threading
from collections.abc import Callable, Iterator

import pytest
from structlog.testing import capture_logs

from sdk.errors import CorruptRecord, EnvironmentProblem
from sdk.storage.connection import ZooKeeper, connect
from sdk.storage.persister import Persister, Put
from sdk.storage.schema import await_schema, ensure_schema
from sdk.storage.zookeeper import ZooKeeperPersister
from tests.contracts.storage.suite import PersisterBehaviour
from tests.support.wait import wait_until
from tests.support.zookeeper import ZooKeeperServer

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def connection(zookeeper: ZooKeeperServer) -> Iterator[ZooKeeper]:
    """One session for the module."""
    client = connect(zookeeper.address)
    assert client.wait_connected(10)
    yield client
    client.close()


class TestZooKeeperPersister(PersisterBehaviour):
    """All of the suite on ZooKeeper."""

    @pytest.fixture
    def persister(self, connection: ZooKeeper) -> Persister:
        return ZooKeeperPersister(connection)

    @pytest.fixture
    def root(self, zk_root: str) -> str:
        return f"{zk_root}/deep/er"

    @pytest.fixture
    def other(self, connection: ZooKeeper) -> Callable[[], Persister]:
        return lambda: ZooKeeperPersister(connection)


def test_a_fresh_tree_gets_its_schema_and_a_newer_one_is_refused(connection: ZooKeeper, zk_root: str) -> None:
    """Version 1 is written once; a greater one is an EnvironmentProblem, nonsense a CorruptRecord."""
    ensure_schema(connection, zk_root)
    ensure_schema(connection, zk_root)
    assert connection.get(f"{zk_root}/schema") == (b'{"version":1}', 0)
    persister = ZooKeeperPersister(connection)
    persister.apply([Put(f"{zk_root}/schema", b'{"version":2}')])
    with pytest.raises(EnvironmentProblem, match="version 2"):
        ensure_schema(connection, zk_root)
    persister.apply([Put(f"{zk_root}/schema", b"[]")])
    with pytest.raises(CorruptRecord):
        ensure_schema(connection, zk_root)


def test_a_tree_that_we_may_not_read_is_told_and_read_as_soon_as_we_may(
    zookeeper: ZooKeeperServer, connection: ZooKeeper, zk_root: str
) -> None:
    """The connection is well, so that nothing else would say it; and asking goes on, but not without a pause."""
    owner = connect(f"zk://owner:secret@{zookeeper.address}")
    assert owner.wait_connected(10)
    connection.ensure(zk_root)
    owner.put(f"{zk_root}/schema", b'{"version":1}')
    stop = threading.Event()
    waiting = threading.Thread(target=await_schema, args=(connection, [zk_root], stop), daemon=True)
    with capture_logs() as logs:
        waiting.start()
        wait_until(lambda: len(logs) >= 2, 10, "two lines")
        count = len(logs)
        owner.delete(f"{zk_root}/schema")
        waiting.join(10)
    assert not waiting.is_alive()
    assert count < 20
    assert "check the credentials" in logs[0]["error"]
    assert "secret" not in str(logs)
    owner.close()
