"""Fixtures for tests on real parts: one ZooKeeper per run, a chroot per test."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from sdk.storage.connection import ZooKeeper
from tests.support.ports import free_port
from tests.support.zookeeper import ZooKeeperServer, session


@pytest.fixture(scope="session")
def zookeeper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZooKeeperServer]:
    """A running ZooKeeper server shared by the whole run."""
    server = ZooKeeperServer(Path(tmp_path_factory.mktemp("zookeeper")), free_port())
    server.start()
    yield server
    server.stop()


@pytest.fixture
def zk_root() -> str:
    """A root path that no other test uses."""
    return f"/t-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def connection(zookeeper: ZooKeeperServer) -> Iterator[ZooKeeper]:
    """A session of this test's own."""
    with session(zookeeper) as client:
        yield client
