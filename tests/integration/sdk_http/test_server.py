"""The HTTP server of all our processes on loopback, with clients that do not behave."""

import http.client
import logging
import socket
import struct
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from flask import Flask, Response, request

from sdk.http.server import HttpServer
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration

HALF_POST = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"
HALF_CHUNK = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"
# A worker that waits for a client would be held for the whole of a server's patience, far longer than this.
PATIENCE = 5.0


class Gate:
    """Lets a request begin and end when the test wants."""

    def __init__(self) -> None:
        self.entered, self.leave = threading.Event(), threading.Event()


@pytest.fixture
def gate() -> Gate:
    return Gate()


def make_app(gate: Gate) -> Flask:
    """A small application."""
    app = Flask("test")

    @app.get("/ping")
    def ping() -> str:
        return "pong"

    @app.post("/echo")
    def echo() -> Response:
        return Response(request.get_data(), mimetype="application/octet-stream")

    @app.get("/large")
    def large() -> bytes:
        return b"x" * 20_000_000

    @app.get("/tagged")
    def tagged() -> Response:
        return Response("x", headers={"ETag": '"1"', "X-eXample": "a: b"})

    @app.get("/slow")
    def slow() -> str:
        gate.entered.set()
        assert gate.leave.wait(30)
        return "done"

    return app


@pytest.fixture
def server(gate: Gate) -> Iterator[HttpServer]:
    """The application behind two workers."""
    running = HttpServer("127.0.0.1:0", threads=2, name="test")
    running.serve(make_app(gate))
    yield running
    gate.leave.set()
    running.stop()


@pytest.fixture
def connect(server: HttpServer) -> Iterator[Callable[[bytes], socket.socket]]:
    """Opens connections that stay open until the end of the test."""
    with ExitStack() as stack:

        def open_one(data: bytes = b"") -> socket.socket:
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
            if data:
                connection.sendall(data)
            return connection

        yield open_one


def ping(server: HttpServer) -> bytes:
    """The answer to one request on a connection of its own."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/ping", timeout=PATIENCE) as answer:
        return bytes(answer.read())


@pytest.mark.parametrize("count", [17, 40, 300])
@pytest.mark.parametrize(
    "data",
    [b"", b"GET /ping HT", b"GET /ping HTTP/1.1\r\nHost: x\r\n", HALF_POST, HALF_CHUNK],
    ids=["silent", "half-line", "half-header", "half-body", "half-chunk"],
)
def test_connections_without_a_complete_request_hold_no_worker(
    server: HttpServer,
    connect: Callable[[bytes], socket.socket],
    count: int,
    data: bytes,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As AWS ELB opens them ahead of requests, and as clients leave them that died."""
    for _ in range(count):
        connect(data)
    with caplog.at_level(logging.INFO):
        assert ping(server) == b"pong"
    assert caplog.records == []


def test_a_health_check_is_answered_before_what_waits_already() -> None:
    """A process that has much to do does not look like one that hangs, whatever its workers wait for."""
    turns, begun = threading.Semaphore(0), threading.Semaphore(0)
    app = Flask("busy")

    @app.get("/work")
    def work() -> str:
        begun.release()
        assert turns.acquire(timeout=60)
        return "done"

    @app.get("/healthz")
    def healthz() -> str:
        return "ok"

    server = HttpServer("127.0.0.1:0", threads=2)
    server.serve(app)
    with ExitStack() as stack:
        stack.callback(server.stop)
        stack.callback(turns.release, 100)

        def send(path: str) -> socket.socket:
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE))
            if path:
                connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            return connection

        for _ in range(40):
            send("/work")
        assert begun.acquire(timeout=PATIENCE)
        assert begun.acquire(timeout=PATIENCE)
        check = send("/healthz")
        for count in (42, 43):  # a later turn of the reading thread: by now it has read all that came before
            send("")
            wait_until(lambda count=count: server.connections == count, what="the connection")
        turns.release()
        assert check.recv(1000).startswith(b"HTTP/1.1 200")


def test_a_body_that_comes_byte_by_byte_is_taken_and_disturbs_nobody(
    server: HttpServer, connect: Callable[[bytes], socket.socket]
) -> None:
    """Forty at once, with other requests in between."""
    slow = [connect(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n") for _ in range(40)]
    for number in range(20):
        for connection in slow:
            connection.sendall(b"%x" % (number % 16))
        assert ping(server) == b"pong"
    for connection in slow:
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.read() == b"0123456789abcdef0123"


def test_more_connections_than_are_kept_end_the_stalest_and_not_the_newest() -> None:
    """A thousand idle clients do not lock out the next one."""
    server = HttpServer("127.0.0.1:0", threads=2, most_connections=100)
    server.serve(make_app(Gate()))
    with ExitStack() as stack:
        stack.callback(server.stop)
        idle = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE))
            for _ in range(1000)
        ]
        assert ping(server) == b"pong"
        assert server.connections <= 100
        assert idle[0].recv(1) == b""
        idle[-1].sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert idle[-1].makefile("rb").read().endswith(b"pong")


def test_readers_that_do_not_read_hold_no_worker(server: HttpServer, connect: Callable[[bytes], socket.socket]) -> None:
    """An answer of 20 MB waits for its reader, not in a worker."""
    readers = [connect(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n") for _ in range(5)]
    for reader in readers:
        assert reader.recv(17) == b"HTTP/1.1 200 OK\r\n"
    assert ping(server) == b"pong"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET http://[/x HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n", 400),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 400_000 + b"\r\n\r\n", 431),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n", 413),
    ],
    ids=["tls", "header", "address", "length", "coding", "large-header", "large-body"],
)
def test_what_is_no_request_gets_an_answer_and_no_line_in_the_log(
    connect: Callable[[bytes], socket.socket], data: bytes, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Scanners and TLS clients are normal; the answer has the form of all our errors."""
    with caplog.at_level(logging.INFO):
        answer = http.client.HTTPResponse(connect(data))
        answer.begin()
    body = answer.read()
    assert (answer.status, answer.headers["Content-Type"]) == (status, "application/json")
    assert b'"message"' in body
    assert caplog.records == []


def test_clients_that_go_away_are_no_news(
    server: HttpServer, connect: Callable[[bytes], socket.socket], caplog: pytest.LogCaptureFixture
) -> None:
    """While they send, while they wait, and while they read."""
    with caplog.at_level(logging.WARNING):
        for data in (
            b"",
            HALF_POST,
            b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n",
        ):
            for _ in range(5):
                connection = connect(data)
                # A reset, not an orderly end.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.close()
        wait_until(lambda: server.connections == 0, 10, "the end of all connections")
        assert ping(server) == b"pong"
    assert caplog.records == []


def test_names_of_headers_are_sent_as_the_application_wrote_them(
    connect: Callable[[bytes], socket.socket],
) -> None:
    """HTTP does not care, but people's scripts look for ETag."""
    connection = connect(b"GET /tagged HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    head = connection.makefile("rb").read().partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert b'ETag: "1"' in head
    assert b"X-eXample: a: b" in head
    assert b"Connection: close" in head


def test_it_does_not_say_which_software_serves(server: HttpServer) -> None:
    """No `Server` header."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/ping") as answer:
        assert answer.headers["Server"] is None


def test_a_client_that_asks_before_it_sends_its_body_is_told_to_go_on(
    connect: Callable[[bytes], socket.socket],
) -> None:
    """curl does so for bodies above 1 kB."""
    connection = connect(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(b"ok")
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    assert answer.read() == b"ok"


def test_a_chunked_body_arrives_whole(connect: Callable[[bytes], socket.socket]) -> None:
    """Without a length in advance."""
    connection = connect(
        b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    assert answer.read() == b"abcde"


def test_stopping_finishes_the_request_under_way_and_frees_the_port(
    server: HttpServer, connect: Callable[[bytes], socket.socket], gate: Gate
) -> None:
    """Idle connections do not hold it up."""
    connect(b"")
    connection = connect(b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert gate.entered.wait(PATIENCE)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    wait_until(lambda: refused(server.port), PATIENCE, "the closed port")
    gate.leave.set()
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    assert answer.read() == b"done"
    stopping.join(PATIENCE)
    assert not server.alive
    HttpServer(f"127.0.0.1:{server.port}").stop()


def refused(port: int) -> bool:
    """Whether nothing listens there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except ConnectionRefusedError:
        return True
    return False
