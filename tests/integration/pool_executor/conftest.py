"""An lbmgr of its own for each test, over the ZooKeeper of the run."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sdk.local.zookeeper import ZooKeeperServer
from sdk.storage.connection import ZooKeeper
from tests.integration.pool_executor.harness import Lbmgr, Publisher
from tests.support.haproxies import SYSTEM


@pytest.fixture
def session(connection: ZooKeeper) -> ZooKeeper:
    """A session of the test's own."""
    return connection


@pytest.fixture
def publisher(session: ZooKeeper, zk_root: str) -> Publisher:
    """The other side of the contract."""
    return Publisher(session, zk_root)


@pytest.fixture
def binary() -> str:
    """The HAProxy that lbmgrs run; tests that are told to run on both releases say so."""
    return SYSTEM


@pytest.fixture
def make_lbmgr(zookeeper: ZooKeeperServer, zk_root: str, tmp_path: Path, binary: str) -> Iterator[Callable[..., Lbmgr]]:
    """Makes lbmgrs (not started) that are gone after the test, each with a sandbox of its own."""
    made: list[Lbmgr] = []

    def make(**options: object) -> Lbmgr:
        options = {"haproxy": binary} | options
        lbmgr = Lbmgr(zookeeper.address, zk_root, tmp_path / f"sandbox-{len(made)}", **options)  # type: ignore[arg-type]
        made.append(lbmgr)
        return lbmgr

    yield make
    for lbmgr in made:
        lbmgr.kill()


@pytest.fixture
def lbmgr(make_lbmgr: Callable[..., Lbmgr]) -> Lbmgr:
    """One that is started."""
    return make_lbmgr().start()
