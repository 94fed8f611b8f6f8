"""Clients of a sticky backend stay with their server, whatever happens to other servers, HAProxy and its instance."""

import http.client
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from pool_executor.contract import Put, State
from tests.integration.pool_executor.harness import Lbmgr, Pool, Publisher, applied, server
from tests.support.backends import Backend, backends
from tests.support.haproxies import BOTH

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("binary", BOTH)]

_COOKIE = ("cookie SRV insert indirect nocache httponly dynamic", "dynamic-cookie-key 0123456789abcdef")


def _pool(*running: Backend) -> Pool:
    return Pool(
        servers=tuple((one.name, one.port) for one in running),
        backend=("balance roundrobin", *_COOKIE),
        dynamic_cookie=True,
    )


@dataclass(slots=True)
class Client:
    """Keeps its cookie, as a browser does."""

    cookie: str = ""

    def ask(self, lbmgr: Lbmgr) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", lbmgr.web, timeout=10)
        try:
            connection.request("GET", "/", headers={"Cookie": self.cookie} if self.cookie else {})
            answer = connection.getresponse()
            if told := answer.getheader("set-cookie"):
                self.cookie = told.partition(";")[0]
            return answer.read().decode().strip()
        finally:
            connection.close()


def _of(lbmgr: Lbmgr, backend: Backend) -> Client:
    """A client that has come to this server."""
    for _ in range(12):
        client = Client()
        if client.ask(lbmgr) == backend.answer:
            assert client.cookie.partition("=")[2], "its cookie is empty"
            return client
    raise AssertionError(f"nobody comes to {backend.name}")


def _stays(client: Client, lbmgr: Lbmgr, backend: Backend) -> bool:
    before = client.cookie
    return {client.ask(lbmgr) for _ in range(6)} == {backend.answer} and client.cookie == before


def test_clients_stay_while_servers_come_and_go_and_haproxy_is_loaded_anew(
    publisher: Publisher, make_lbmgr: Callable[..., Lbmgr]
) -> None:
    """Also those of a server that came at run time or at another port, and in every instance."""
    lbmgr = make_lbmgr().start()
    with backends(4) as (one, two, three, four):
        applied(publisher, publisher.publish(_pool(one)))
        first = _of(lbmgr, one)
        applied(publisher, publisher.publish(_pool(one, two)))
        second = _of(lbmgr, two)
        moved = replace(_pool(one, two), servers=((one.name, one.port), (two.name, two.port), ("moving", three.port)))
        applied(publisher, publisher.publish(moved))
        _of(lbmgr, three)
        applied(publisher, publisher.publish(replace(moved, servers=(*moved.servers[:2], ("moving", four.port)))))
        third = _of(lbmgr, four)
        homes = ((first, one), (second, two), (third, four))
        assert all(_stays(client, lbmgr, home) for client, home in homes)

        anew = replace(moved, servers=(*moved.servers[:2], ("moving", four.port)), more="# loaded anew\n")
        status = applied(publisher, publisher.publish(anew))
        assert status.structure.action == "reload"
        assert all(_stays(client, lbmgr, home) for client, home in homes)
        other = make_lbmgr(task_id="task-2").start()
        applied(publisher, publisher.publish(anew), "task-2")
        assert all(_stays(client, other, home) for client, home in homes)


def test_a_server_that_drains_keeps_its_clients_and_gets_no_others(publisher: Publisher, lbmgr: Lbmgr) -> None:
    """Before a reload and after it; once it is gone they go to another server and stay there."""
    with backends(2) as (one, two):
        shape = _pool(one, two)
        applied(publisher, publisher.publish(shape))
        client = _of(lbmgr, one)
        drained = server(one.name, one.port, state=State.DRAIN)
        applied(publisher, publisher.operate([Put("app", drained)]))
        assert _stays(client, lbmgr, one)
        assert {Client().ask(lbmgr) for _ in range(6)} == {two.answer}
        applied(publisher, publisher.publish_parts(replace(shape, more="# loaded anew\n").parts()))
        assert _stays(client, lbmgr, one)
        assert {Client().ask(lbmgr) for _ in range(6)} == {two.answer}
        applied(publisher, publisher.publish_servers({"app": {two.name: server(two.name, two.port)}}))
        assert client.ask(lbmgr) == two.answer
        assert _stays(client, lbmgr, two)
