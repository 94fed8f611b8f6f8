"""Servers of dead tasks when one of two listeners is of no use: the other one tells."""

import signal
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests.support.chain.chain import Chain, Pool
from tests.support.chain.recycling import recycle
from tests.support.zookeeper import ZooKeeperServer

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture(scope="module")
def chain(zookeeper: ZooKeeperServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """A chain with two of them, each of which has a way to Mesos of its own."""
    root = f"/t-{uuid.uuid4().hex[:12]}"
    with Chain(tmp_path_factory.mktemp("chain"), zookeeper.address, root, listeners=2) as chain:
        yield chain


@contextmanager
def killed(chain: Chain, number: int) -> Iterator[None]:
    """It is gone."""
    chain.listeners[number].kill()
    try:
        yield
    finally:
        chain.listeners[number].start()


@contextmanager
def hangs(chain: Chain, number: int) -> Iterator[None]:
    """It has its sockets, and does nothing."""
    chain.listeners[number].signal(signal.SIGSTOP)
    try:
        yield
    finally:
        chain.listeners[number].signal(signal.SIGCONT)


@contextmanager
def lost_mesos(chain: Chain, number: int) -> Iterator[None]:
    """It finds no master, and says what it knew last."""
    chain.ways_to_mesos[number].leave()
    try:
        yield
    finally:
        chain.ways_to_mesos[number].come_back()


@pytest.mark.parametrize("trouble", [killed, hangs, lost_mesos], ids=lambda one: one.__name__)
def test_servers_go_when_one_listener(
    chain: Chain, pool: Pool, trouble: Callable[[Chain, int], AbstractContextManager[None]]
) -> None:
    """..., whichever of the two it is."""
    for number in range(2):
        with trouble(chain, number):
            recycle(pool, pool.tasks[0])
        recycle(pool, pool.tasks[0])
