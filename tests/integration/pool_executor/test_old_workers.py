"""Connections that outlive reloads: whose end they are, and when."""

import contextlib
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tests.integration.pool_executor.harness import Lbmgr, Pool, Publisher, alive, applied
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration

TCP = ("mode tcp", "default_backend app")


class Echo:
    """A TCP server that sends back what it gets, and a client behind lbmgr's listener for each `connect`."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(10)
        self.port: int = self._listener.getsockname()[1]

    def connect(self, lbmgr: Lbmgr) -> "Conversation":
        client = socket.create_connection(("127.0.0.1", lbmgr.web), timeout=10)
        client.sendall(b"hello")
        server, _ = self._listener.accept()
        server.settimeout(10)
        assert server.recv(64) == b"hello"
        return Conversation(client, server)

    def close(self) -> None:
        self._listener.close()


class Conversation:
    """One connection through HAProxy, seen from both ends."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self._client, self._server = client, server

    def goes_on(self) -> bool:
        """Whether something that is said is heard."""
        try:
            self._client.sendall(b"x")
            return self._server.recv(64) == b"x"
        except OSError:
            return False

    def close(self) -> None:
        self._client.close()
        self._server.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    found = Echo()
    yield found
    found.close()


def shape(echo: Echo, number: int) -> Pool:
    """A TCP pool; another number is another structure."""
    return replace(
        Pool(),
        frontend=TCP,
        backend=("mode tcp",),
        servers=(("echo", echo.port),),
        more=f"backend extra-{number}\n",
    )


@pytest.mark.slow
def test_a_lasting_connection_survives_any_number_of_reloads(
    publisher: Publisher, make_lbmgr: Callable[..., Lbmgr], echo: Echo
) -> None:
    """Other people's deployments do not cut it: workers without connections end by themselves and do not count."""
    lbmgr = make_lbmgr(max_old_workers=2).start()
    first = applied(publisher, publisher.publish(shape(echo, 0)))
    with contextlib.closing(echo.connect(lbmgr)) as conversation:
        for number in range(1, 13):
            status = applied(publisher, publisher.publish(shape(echo, number)))
            assert status.structure.action == "reload"
        assert conversation.goes_on()
        assert alive(first.haproxy.workers[0])
        assert status.counters["old_worker_ended"] == 0


def test_the_oldest_worker_ends_when_there_are_too_many_and_it_is_told(
    publisher: Publisher, make_lbmgr: Callable[..., Lbmgr], echo: Echo
) -> None:
    """Each keeps a whole configuration in memory; the newer ones go on."""
    lbmgr = make_lbmgr(max_old_workers=2, old_worker_at_least=0.5).start()
    with contextlib.ExitStack() as stack:
        talks = []
        for number in range(4):
            applied(publisher, publisher.publish(shape(echo, number)))
            talks.append(stack.enter_context(contextlib.closing(echo.connect(lbmgr))))
        wait_until(lambda: not talks[0].goes_on(), what="the oldest is cut")
        assert [talk.goes_on() for talk in talks[1:]] == [True] * 3
        assert "there are more of them than allowed" in lbmgr.log()
        told = applied(publisher, publisher.publish(replace(shape(echo, 3), servers=(("again", echo.port),))))
        assert told.counters["old_worker_ended"] == 1


def test_a_busy_worker_outlives_one_with_few_connections(
    publisher: Publisher, make_lbmgr: Callable[..., Lbmgr], echo: Echo
) -> None:
    """Whichever of them is older."""
    lbmgr = make_lbmgr(max_old_workers=1, old_worker_at_least=0.5).start()
    applied(publisher, publisher.publish(shape(echo, 0)))
    with contextlib.ExitStack() as stack:
        busy = [stack.enter_context(contextlib.closing(echo.connect(lbmgr))) for _ in range(5)]
        applied(publisher, publisher.publish(shape(echo, 1)))
        lonely = stack.enter_context(contextlib.closing(echo.connect(lbmgr)))
        applied(publisher, publisher.publish(shape(echo, 2)))
        wait_until(lambda: not lonely.goes_on(), what="the one with one connection ends")
        assert [talk.goes_on() for talk in busy] == [True] * 5


def test_an_old_worker_ends_at_once_when_the_memory_is_full(
    publisher: Publisher, make_lbmgr: Callable[..., Lbmgr], echo: Echo
) -> None:
    """Else the whole instance would end, and the connections of all workers with it."""
    lbmgr = make_lbmgr(memory=16, old_worker_at_least=600).start()
    applied(publisher, publisher.publish(shape(echo, 0)))
    with contextlib.closing(echo.connect(lbmgr)) as talk:
        applied(publisher, publisher.publish(shape(echo, 1)))
        wait_until(lambda: not talk.goes_on(), what="it is cut")
        wait_until(lambda: "there are more of them than allowed" in lbmgr.log(), what="it is told")


def test_a_reload_waits_while_as_many_old_workers_as_allowed_are_young(
    publisher: Publisher, make_lbmgr: Callable[..., Lbmgr], echo: Echo
) -> None:
    """Many changes at once cut no request that is under way; servers are followed meanwhile."""
    lbmgr = make_lbmgr(max_old_workers=1, old_worker_at_least=600).start()
    applied(publisher, publisher.publish(shape(echo, 0)))
    other = Echo()
    with contextlib.closing(other), contextlib.closing(echo.connect(lbmgr)) as talk:
        served = publisher.publish(shape(echo, 1))
        applied(publisher, served)
        with contextlib.closing(echo.connect(lbmgr)):
            waiting = publisher.publish(replace(shape(echo, 2), servers=(("other", other.port),)))
            wait_until(lambda: publisher.statuses()["task-1"].endpoints.sequence == waiting.sequence, what="followed")
            with contextlib.closing(other.connect(lbmgr)) as followed:
                assert followed.goes_on()
            assert publisher.statuses()["task-1"].structure.version == served.version
            assert talk.goes_on()
        talk.close()
        applied(publisher, waiting)


def test_an_old_worker_ends_after_its_time_and_it_is_told(
    publisher: Publisher, make_lbmgr: Callable[..., Lbmgr], echo: Echo
) -> None:
    """`hard-stop-after` is the last word."""
    lbmgr = make_lbmgr(hard_stop_after=2).start()
    applied(publisher, publisher.publish(shape(echo, 0)))
    with contextlib.closing(echo.connect(lbmgr)) as talk:
        applied(publisher, publisher.publish(shape(echo, 1)))
        wait_until(lambda: not talk.goes_on(), what="it is cut")
        wait_until(lambda: "its time was over" in lbmgr.log(), what="it is told")
        told = applied(publisher, publisher.publish(replace(shape(echo, 1), servers=(("again", echo.port),))))
        assert told.counters["old_worker_ended"] == 1
