"""What a request risks that goes to a server over a connection that was used before: nothing, as none does."""

import contextlib
import http.client
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.dcos_template.selecting.endpoint import Endpoint, Kind
from tests.support.balancer import Haproxy
from tests.support.haproxies import BOTH
from tests.unit.api.dcos_template.pools import backend, frontend, pool

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("program", BOTH)]

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class OneByOne:
    """A server that works on one connection until that ends, and then on the next, as programs without threads do.

    It offers to keep each connection, and resets it in the moment in which a second request comes.
    """

    def __init__(self) -> None:
        self.answered = 0
        self.asked_again = 0
        self._ended = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while not self._ended:
                connection, _ = self._listener.accept()
                with connection, contextlib.suppress(ConnectionError, TimeoutError):
                    connection.settimeout(30)
                    self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        read = b""
        while b"\r\n\r\n" not in read:
            piece = connection.recv(65_536)
            if not piece:
                return  # a check
            read += piece
        head, _, body = read.partition(b"\r\n\r\n")
        wanted = 5 if head.startswith(b"POST") else 0
        while len(body) < wanted:
            body += connection.recv(65_536)
        self.answered += 1
        connection.sendall(_ANSWER)
        if connection.recv(65_536):
            self.asked_again += 1
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def close(self) -> None:
        self._ended = True
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        self._thread.join(35)
        self._listener.close()


@pytest.fixture
def server() -> Iterator[OneByOne]:
    made = OneByOne()
    yield made
    made.close()


@pytest.fixture
def haproxy(program: str, server: OneByOne, tmp_path: Path) -> Iterator[Haproxy]:
    servers = {"app": (Endpoint(Kind.AGENT_IP, "127.0.0.1", server.port),)}
    made = Haproxy(tmp_path, pool("shop", frontend("web", "app"), backend("app")), servers, binary=program)
    yield made
    made.stop()


def test_no_request_goes_over_a_connection_that_the_server_may_be_closing(haproxy: Haproxy, server: OneByOne) -> None:
    """Such a POST could not be sent again: nobody knows whether the server has worked on it."""
    client = http.client.HTTPConnection("127.0.0.1", haproxy.ports["web"], timeout=20)
    with contextlib.closing(client):
        for number in range(20):
            client.request(*(("POST", "/", b"order") if number % 2 else ("GET", "/")))
            answer = client.getresponse()
            assert (answer.status, answer.read()) == (200, b"ok")
    assert (server.answered, server.asked_again) == (20, 0)


def test_clients_that_keep_their_connections_do_not_occupy_a_server_that_takes_one_at_a_time(
    haproxy: Haproxy, server: OneByOne
) -> None:
    """Their connections are HAProxy's; the server is free again with its answer."""
    with contextlib.ExitStack() as stack:
        clients = [http.client.HTTPConnection("127.0.0.1", haproxy.ports["web"], timeout=20) for _ in range(5)]
        for client in clients:
            stack.enter_context(contextlib.closing(client))
        for client in clients * 2:
            client.request("POST", "/", b"order")
            answer = client.getresponse()
            assert (answer.status, answer.read()) == (200, b"ok")
    assert server.answered == 10
