"""Which server is asked: the algorithms of `balance`, on a real HAProxy."""

import itertools
import socket
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.dcos_template.selecting.endpoint import Endpoint, Kind
from scheduler.pools.model import Protocol
from tests.support.backends import Backend
from tests.support.balancer import Haproxy
from tests.support.haproxies import BOTH
from tests.unit.api.dcos_template.pools import backend, frontend, pool

pytestmark = pytest.mark.integration

ALGORITHMS = {
    "turns": "roundrobin",
    "client": "source",
    "path": "uri",
    "parameter": "url_param user",
    "header": "hdr(X-User)",
    "first": "first",
}


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Backend, ...]]:
    """Three that say who they are."""
    with Backend("a") as a, Backend("b") as b, Backend("c") as c:
        yield a, b, c


class _Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        """Says what it hears."""
        while data := self.request.recv(65536):
            self.request.sendall(data)


@pytest.fixture(scope="module")
def echo() -> Iterator[int]:
    """The port of a server that says what it hears."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Echo) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module", params=BOTH)
def haproxy(
    request: pytest.FixtureRequest,
    servers: tuple[Backend, ...],
    echo: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Haproxy]:
    """A frontend and a backend for each algorithm, and one of TCP."""
    endpoints = tuple(Endpoint(Kind.AGENT_IP, "127.0.0.1", server.port) for server in servers)
    parts = [(frontend(f"on-{name}", name), backend(name, balance=how)) for name, how in ALGORITHMS.items()]
    parts.append((frontend("on-tcp", "tcp", protocol=Protocol.TCP), backend("tcp", protocol=Protocol.TCP)))
    shape = pool("web", *itertools.chain.from_iterable(parts))
    directory: Path = tmp_path_factory.mktemp("balance")
    served = {one.name: endpoints for one in shape.haproxy.backends}
    served["tcp"] = (Endpoint(Kind.AGENT_IP, "127.0.0.1", echo),)
    running = Haproxy(directory, shape, served, binary=request.param)
    yield running
    running.stop()


def test_servers_take_turns(haproxy: Haproxy, servers: tuple[Backend, ...]) -> None:
    """Each is asked as often as the others."""
    asked = [haproxy.get("on-turns", "/")[1].strip() for _ in range(9)]
    assert {one: asked.count(one) for one in asked} == {server.answer: 3 for server in servers}


def test_a_client_stays_with_its_server(haproxy: Haproxy) -> None:
    """By its address."""
    assert len({haproxy.get("on-client", f"/{number}")[1] for number in range(9)}) == 1


@pytest.mark.parametrize("algorithm", ["path", "parameter", "header"])
def test_the_same_request_goes_to_the_same_server(
    haproxy: Haproxy, servers: tuple[Backend, ...], algorithm: str
) -> None:
    """And different ones are spread over all."""

    def ask(number: int) -> str:
        path = f"/{number}" if algorithm == "path" else f"/?user={number}" if algorithm == "parameter" else "/"
        return haproxy.ask(f"on-{algorithm}", path, headers={"X-User": str(number)}).body.strip()

    chosen = {number: ask(number) for number in range(40)}
    assert {number: ask(number) for number in range(40)} == chosen
    assert set(chosen.values()) == {server.answer for server in servers}


def test_the_first_server_is_asked_while_it_has_room(haproxy: Haproxy) -> None:
    """So that the others can be given up."""
    assert len({haproxy.get("on-first", "/")[1] for _ in range(9)}) == 1


def test_what_is_said_over_tcp_is_passed_on_as_it_is(haproxy: Haproxy) -> None:
    """In both directions, until both sides have said all."""
    said = bytes(range(256)) * 1000
    with socket.create_connection(("127.0.0.1", haproxy.ports["on-tcp"]), timeout=10) as client:
        heard = threading.Thread(target=lambda: (client.sendall(said), client.shutdown(socket.SHUT_WR)))
        heard.start()
        assert b"".join(iter(lambda: client.recv(65536), b"")) == said
        heard.join()
