"""Fixtures of the chain: one for the tests of a file, and a pool with three tasks for each of them."""

import uuid
from collections.abc import Iterator

import pytest

from tests.support.chain.chain import Chain, Pool
from tests.support.zookeeper import ZooKeeperServer


@pytest.fixture(scope="module")
def chain(zookeeper: ZooKeeperServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """The chain of this file."""
    with Chain(tmp_path_factory.mktemp("chain"), zookeeper.address, f"/t-{uuid.uuid4().hex[:12]}") as chain:
        yield chain


@pytest.fixture
def pool(chain: Chain) -> Iterator[Pool]:
    """A pool whose three tasks answer."""
    with chain.pool(f"p{uuid.uuid4().hex[:8]}", tasks=3) as pool:
        yield pool
