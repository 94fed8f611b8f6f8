"""The ZooKeeper persister behaves as every persister, on a real server."""

import threading
from collections.abc import Callable, Iterator

import pytest

from sdk.errors import CorruptRecord, EnvironmentProblem
from sdk.storage.connection import ZooKeeper, connect
from sdk.storage.persister import Persister, Put
from sdk.storage.schema import ensure_schema, wait_for_schema
from sdk.storage.zookeeper_persister import ZooKeeperPersister
from tests.contracts.storage.suite import PersisterBehaviour
from tests.support.zookeeper import ZooKeeperServer

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def connection(zookeeper: ZooKeeperServer) -> Iterator[ZooKeeper]:
    """One session for the module."""
    client = connect(zookeeper.address)
    assert client.wait_connected(60)
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


class _Patience(threading.Event):
    """Ends the third wait by being set, and remembers how long each was to be."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        if len(self.waits) == 3:
            self.set()
        return self.is_set()


def test_a_tree_that_lets_nobody_in_is_asked_again_with_pauses_and_told(
    connection: ZooKeeper, zookeeper: ZooKeeperServer, zk_root: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is a connection all the time, so waiting for one is no pause."""
    owner = connect(f"zk://somebody:secret@{zookeeper.address}")
    try:
        assert owner.wait_connected(60)
        owner.create(f"{zk_root}/schema", b'{"version":1}')
    finally:
        owner.close()
    stop = _Patience()

    wait_for_schema(connection, [zk_root], stop)

    assert len(stop.waits) == 3
    assert min(stop.waits) > 0
    captured = capsys.readouterr()
    assert "check the credentials" in captured.out + captured.err
