"""Ports that another process took while HAProxy was down: what listens there waits alone, and comes back."""

import signal
import socket
from collections.abc import Callable, Mapping

import pytest

from pool_executor.contract import Part, Waiting
from sdk.local import processes
from tests.integration.pool_executor.harness import Lbmgr, Pool, Publisher, applied, hold_port, told
from tests.support.backends import Backend, backends
from tests.support.ports import free_port
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration


def _servers(*running: Backend) -> tuple[tuple[str, int], ...]:
    return tuple((backend.name, backend.port) for backend in running)


def _parts(port: int, more: str = "") -> Mapping[str, tuple[Part, str]]:
    """A small pool with one more frontend, at this port."""
    text = f"frontend odd\n    bind 127.0.0.1:{port}\n    default_backend app\n"
    return Pool(more=more).parts() | {"20-odd.cfg": (Part.of("20-odd.cfg", "config", text, "odd"), text)}


def _servers_on_disk(lbmgr: Lbmgr) -> str:
    """What is there whole: a name that begins with a dot is a file that is being written."""
    found = (lbmgr.sandbox / "haproxy.d" / "endpoints").glob("[!.]*")
    return "".join(file.read_text() for file in found)


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _waiting(publisher: Publisher) -> tuple[Waiting, ...] | None:
    found = publisher.statuses().get("task-1")
    return found.structure.waiting if found is not None else None


def test_only_the_listener_of_a_port_that_was_lost_stays_down(
    publisher: Publisher, make_lbmgr: Callable[..., Lbmgr]
) -> None:
    """Without ZooKeeper and with it, after a start of lbmgr; and it comes back."""
    lbmgr, port = make_lbmgr(), free_port()
    with backends(1) as (one,):
        publisher.publish_parts(_parts(port))
        published = publisher.publish_servers(Pool(servers=_servers(one)).records())
        lbmgr.start()
        assert applied(publisher, published).structure.waiting == ()
        wait_until(lambda: f",{one.port}," in _servers_on_disk(lbmgr), what="the server is on disk")
        lbmgr.kill()
        wait_until(lambda: not _listens(port), what="HAProxy ended with lbmgr")
        with hold_port(port, share=False):
            lbmgr.hosts, zookeeper = f"127.0.0.1:{free_port()}", lbmgr.hosts
            lbmgr.start()
            wait_until(lambda: lbmgr.answers() == {one.answer}, what="the rest is served from disk")
            lbmgr.kill()
            lbmgr.hosts = zookeeper
            lbmgr.start()
            [waiting] = wait_until(lambda: _waiting(publisher), what="it tells who waits")
            assert (waiting.listener, waiting.missing) == (
                "odd",
                (f"127.0.0.1:{port} ({port}), where it cannot listen: Address already in use",),
            )
            assert lbmgr.answers() == {one.answer}
        wait_until(lambda: lbmgr.get(port=port)[0] == 200, what="it listens")
        wait_until(lambda: _waiting(publisher) == (), what="nobody waits")


@pytest.mark.parametrize("refused", [False, True])
def test_a_port_that_is_lost_when_haproxy_dies_comes_back(
    publisher: Publisher, make_lbmgr: Callable[..., Lbmgr], refused: bool
) -> None:
    """Though the structure was applied before, and beside a later one that HAProxy refuses."""
    lbmgr, port = make_lbmgr().start(), free_port()
    with backends(2) as (one, two):
        publisher.publish_parts(_parts(port))
        published = publisher.publish_servers(Pool(servers=_servers(one)).records())
        before = applied(publisher, published).haproxy
        assert before.master
        lbmgr.halt()
        # Workers end with their master, perhaps before it is their turn.
        processes.send((before.master, *before.workers), signal.SIGKILL)
        wait_until(lambda: not _listens(port), what="nobody listens")
        with hold_port(port, share=False):
            if refused:
                publisher.publish_parts(_parts(port, "backend extra\n    balance nonsense\n"))
            publisher.publish_servers(Pool(servers=_servers(two)).records())
            lbmgr.signal(signal.SIGCONT)
            wait_until(lambda: lbmgr.answers() == {two.answer}, what="the rest is served")
            [waiting] = wait_until(lambda: _waiting(publisher), what="it tells who waits")
            assert waiting.listener == "odd"
            if refused:
                told(publisher, "rejected")
                # Nor does it forget who waits when it is started again.
                lbmgr.kill()
                lbmgr.start()
                wait_until(lambda: lbmgr.answers() == {two.answer}, what="the rest is served again")
                told(publisher, "rejected")
        wait_until(lambda: lbmgr.get(port=port) == (200, two.answer), timeout=20, what="it listens")
        wait_until(lambda: _waiting(publisher) == (), what="nobody waits")
