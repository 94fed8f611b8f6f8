"""A stats socket that does not answer says nothing of HAProxy's traffic: who serves is not taken down."""

import socket
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.chain.chain import PATIENCE, Chain, Pool
from tests.support.chain.recycling import in_use, recycle
from tests.support.load import load_in_thread
from tests.support.wait import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.slow]

# So that a load balancer that is not well is given up soon.
_MAX_FAIL = 3
STRICT = (
    *("--health-grace", "1", "--health-interval", "0.3", "--health-timeout", "1"),
    *("--health-max-fail", str(_MAX_FAIL)),
)
_MANY = 100
"""More connections than HAProxy takes on its stats socket at a time."""


@pytest.fixture
def pool(chain: Chain) -> Iterator[Pool]:
    """A pool whose load balancer is looked at closely."""
    with chain.pool(f"p{uuid.uuid4().hex[:8]}", tasks=3, options=STRICT) as pool:
        yield pool


def admin(pool: Pool) -> Path:
    """HAProxy's stats socket, beside that of its master."""
    for pid in pool.haproxy():
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
        if "-S" in words:
            return Path(words[words.index("-S") + 1].split(",")[0]).with_name("admin.sock")
    raise LookupError(f"no HAProxy of {pool.name} runs")


@contextmanager
def all_taken(pool: Pool) -> Iterator[None]:
    """Others have all the connections that the socket takes, so new ones wait."""
    with ExitStack() as stack:
        path = admin(pool)
        for _ in range(_MANY):
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.setblocking(False)
            with suppress(BlockingIOError):  # of those who may wait there are enough
                client.connect(str(path))
        yield


def test_a_socket_whose_connections_others_have(pool: Pool) -> None:
    """Servers come and go over the connection that lbmgr has, and clients notice nothing."""
    haproxy = pool.haproxy()
    with load_in_thread(f"http://127.0.0.1:{pool.web}/", rps=50) as load:
        with all_taken(pool):
            wait_until(lambda: "stats socket" in pool.instance.log.read_text(), PATIENCE, "a word about the socket")
            for _ in range(4):
                recycle(pool, pool.tasks[0])
        recycle(pool, pool.tasks[0])
        in_use(pool)
    assert load.report().failed == 0, load.report()
    assert pool.haproxy() == haproxy
