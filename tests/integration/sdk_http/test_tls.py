"""TLS of our server: certificates that are renewed, clients that show their own, and clients that do not behave."""

import http.client
import json
import shutil
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from flask import Flask, Response, jsonify, request

from sdk.errors import InvalidSpec
from sdk.http.server import HttpServer
from sdk.http.tls import CLIENT_NAMES, ServerTls
from tests.support import tls
from tests.support.tls import Certificate
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration

LARGE = 8_000_000


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def root(files: Path) -> Certificate:
    return tls.authority(files, "root")


@pytest.fixture
def served(tmp_path: Path, files: Path, root: Certificate) -> Certificate:
    """The files that the server reads."""
    made = tls.signed(files, "server", root)
    copy = Certificate(certificate=tmp_path / "server.pem", key=tmp_path / "server.key")
    shutil.copy(made.certificate, copy.certificate)
    shutil.copy(made.key, copy.key)
    return copy


@pytest.fixture
def server(served: Certificate, root: Certificate) -> Iterator[HttpServer]:
    app = Flask("test")

    @app.get("/who")
    def who() -> Response:
        return jsonify({"names": request.environ[CLIENT_NAMES], "secure": request.is_secure})

    @app.post("/echo")
    def echo() -> bytes:
        return request.get_data()

    @app.get("/large")
    def large() -> bytes:
        return b"x" * LARGE

    how = ServerTls(certificate=served.certificate, key=served.key, client_ca=root.certificate)
    running = HttpServer("127.0.0.1:0", threads=2, name="test", tls=how)
    running.serve(app)
    yield running
    running.stop()


def trusting(root: Certificate, own: Certificate | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=root.certificate)
    if own is not None:
        context.load_cert_chain(own.certificate, own.key)
    return context


def connection(server: HttpServer, context: ssl.SSLContext) -> http.client.HTTPSConnection:
    return http.client.HTTPSConnection("127.0.0.1", server.port, timeout=60, context=context)


def ask(server: HttpServer, context: ssl.SSLContext, path: str = "/who") -> bytes:
    """On a connection of its own."""
    with closing(connection(server, context)) as asked:
        return get(asked, path)


def get(asked: http.client.HTTPSConnection, path: str) -> bytes:
    asked.request("GET", path)
    answer = asked.getresponse()
    assert answer.status == 200
    return answer.read()


def test_a_client_that_shows_a_certificate_is_known_by_its_names(
    server: HttpServer, files: Path, root: Certificate
) -> None:
    """One that shows none is served as well, and has no name."""
    assert ask(server, trusting(root)) == b'{"names":[],"secure":true}\n'
    own = tls.signed(files, "ops", root)
    assert ask(server, trusting(root, own)) == b'{"names":["ops"],"secure":true}\n'


def test_a_certificate_of_another_authority_is_nobodys(server: HttpServer, tmp_path: Path, root: Certificate) -> None:
    """The connection ends, and the server goes on."""
    other = tls.authority(tmp_path, "other")
    own = tls.signed(tmp_path, "ops", other)
    with pytest.raises((OSError, http.client.HTTPException)):
        ask(server, trusting(root, own))
    assert b"secure" in ask(server, trusting(root))


def test_large_bodies_and_answers_pass_on_one_connection(server: HttpServer, root: Certificate) -> None:
    """In both directions far more than a TLS record or a socket's buffer holds."""
    sent = bytes(range(256)) * 20_000
    with closing(connection(server, trusting(root))) as asked:
        for _ in range(2):
            asked.request("POST", "/echo", body=sent, headers={"Content-Type": "application/octet-stream"})
            assert asked.getresponse().read() == sent
            assert len(get(asked, "/large")) == LARGE


def test_requests_that_come_at_once_are_answered_in_turn(server: HttpServer, root: Certificate) -> None:
    """TLS has the second one before anybody asks for it: the socket says no more about it."""
    with ExitStack() as stack:
        plain = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=60))
        asked = stack.enter_context(trusting(root).wrap_socket(plain, server_hostname="127.0.0.1"))
        one = b"GET /who HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        last = b"GET /who HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        # More than one reading of the server takes.
        asked.sendall(one * 300 + last)
        answer = b""
        while data := asked.recv(65536):
            answer += data
    assert answer.count(b"HTTP/1.1 200") == 301


def test_connections_that_do_not_speak_tls_hold_nobody_up(server: HttpServer, root: Certificate) -> None:
    """Silent ones, half handshakes and plain HTTP."""
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    with ExitStack() as stack:
        for data in (b"", hello, b"GET /who HTTP/1.1\r\nHost: x\r\n\r\n") * 10:
            opened = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=60))
            opened.sendall(data)
        assert b"secure" in ask(server, trusting(root))


def test_a_client_that_speaks_plain_http_is_told_so(server: HttpServer, root: Certificate) -> None:
    """Nothing of what it asks for is done."""
    with (
        pytest.raises(urllib.error.HTTPError) as caught,
        urllib.request.urlopen(f"http://127.0.0.1:{server.port}/who", timeout=60),
    ):
        pass
    with caught.value as answer:
        assert (answer.code, json.loads(answer.read())["code"]) == (400, 400)


def test_a_renewed_certificate_is_shown_to_the_next_connection(
    server: HttpServer, served: Certificate, tmp_path: Path, root: Certificate
) -> None:
    """A broken one is not: what was served goes on to be."""

    def shown() -> bytes:
        with closing(connection(server, trusting(root))) as asked:
            asked.connect()
            assert isinstance(asked.sock, ssl.SSLSocket)
            return bytes(asked.sock.getpeercert(binary_form=True) or b"")

    before = shown()
    renewed = tls.signed(tmp_path, "renewed", root)
    served.certificate.write_text("half of it")
    assert shown() == before
    shutil.copy(renewed.key, served.key)
    shutil.copy(renewed.certificate, served.certificate)
    wait_until(lambda: shown() != before, what="the new certificate")
    assert shown() == ssl.PEM_cert_to_DER_cert(renewed.certificate.read_text())


@pytest.mark.parametrize("broken", ["certificate", "key", "missing"])
def test_files_that_cannot_be_used_are_told_before_anything_is_served(
    served: Certificate, files: Path, root: Certificate, broken: str
) -> None:
    """By the setting's name."""
    if broken == "missing":
        served.key.unlink()
    elif broken == "certificate":
        served.certificate.write_text("no certificate")
    else:
        shutil.copy(root.key, served.key)
    with pytest.raises(InvalidSpec, match="scheduler-certificate"):
        ServerTls(certificate=served.certificate, key=served.key, settings="scheduler-certificate")
