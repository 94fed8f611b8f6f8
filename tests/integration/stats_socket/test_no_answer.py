"""A stats socket that does not answer says nothing of HAProxy's traffic: who serves is not taken down."""

import re
import socket
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.chain.chain import PATIENCE, Chain, Pool
from tests.support.chain.recycling import in_use, recycle, takes_over, undisturbed
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


def ask(path: Path, command: str) -> str:
    """The answer to one command on a connection of its own."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(str(path))
        client.sendall(f"{command}\n".encode())
        answer = b""
        while piece := client.recv(65536):
            answer += piece
        return answer.decode()


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


@contextmanager
def silent(pool: Pool) -> Iterator[socket.socket]:
    """Whoever connects is never answered, and the connections that were there have ended."""
    path = admin(pool)
    aside = path.with_name("aside.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.settimeout(PATIENCE)
        path.rename(aside)
        listener.bind(str(path))
        listener.listen(100)
        for session in re.findall(r"^(0x[0-9a-f]+): proto=unix_stream .*fe=GLOBAL", ask(aside, "show sess"), re.M):
            ask(aside, f"shutdown session {session}")
        yield listener
        path.unlink()
        aside.rename(path)


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


def test_a_socket_that_never_answers(pool: Pool) -> None:
    """HAProxy goes on with what it knows, and finds dead servers itself; then it is told what happened meanwhile."""
    haproxy = pool.haproxy()
    with load_in_thread(f"http://127.0.0.1:{pool.web}/", rps=50) as load:
        with silent(pool) as listener, ExitStack() as tried:
            dead = pool.tasks[0]
            pool.end(dead)
            pool.serves(*pool.tasks)
            for _ in range(2 * _MAX_FAIL):
                tried.enter_context(listener.accept()[0])
            assert (pool.instance.ended, pool.haproxy()) == (False, haproxy)
            undisturbed(pool)
        wait_until(lambda: dead.port not in pool.ports(), PATIENCE, "the end of its server")
        takes_over(pool, dead)
        recycle(pool, pool.tasks[0])
        in_use(pool)
    assert load.report().failed == 0, load.report()
    assert pool.haproxy() == haproxy
