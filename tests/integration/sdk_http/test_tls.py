"""The server over TLS, with clients that do not behave, and with a certificate that is renewed while it serves."""

import http.client
import shutil
import socket
import ssl
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask, Response, request
from structlog.testing import capture_logs

from sdk.clock import SystemClock
from sdk.errors import InvalidSpec
from sdk.http.server import HttpServer
from sdk.http.tls import CertificateFiles
from tests.support.tls import Certificate, authority, signed
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration

LARGE = b"0123456789" * 800_000
SETTINGS = ("certificate", "key")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """The authority that clients trust."""
    return authority(tmp_path_factory.mktemp("root"), "root")


@pytest.fixture
def files(tmp_path: Path, root: Certificate) -> Certificate:
    """A certificate of the server's."""
    return signed(tmp_path, "server", root)


@pytest.fixture
def server(files: Certificate) -> Iterator[HttpServer]:
    """A server with a small application."""
    app = Flask("test")

    @app.post("/echo")
    def echo() -> Response:
        return Response(request.get_data(), mimetype="application/octet-stream")

    @app.get("/large")
    def large() -> bytes:
        return LARGE

    @app.get("/scheme")
    def scheme() -> str:
        return request.scheme

    tls = CertificateFiles(files.certificate, files.key, SETTINGS, SystemClock())
    running = HttpServer("127.0.0.1:0", threads=2, tls=tls)
    running.serve(app)
    yield running
    running.stop()


def trusting(root: Certificate) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=root.certificate)


def opened(server: HttpServer, root: Certificate) -> ssl.SSLSocket:
    """A connection after its handshake."""
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    return trusting(root).wrap_socket(plain, server_hostname="127.0.0.1")


def client(server: HttpServer, root: Certificate) -> http.client.HTTPSConnection:
    return http.client.HTTPSConnection("127.0.0.1", server.port, timeout=60, context=trusting(root))


def test_requests_and_answers_of_any_size_go_through_one_connection(server: HttpServer, root: Certificate) -> None:
    """Far more than one record, both ways, and the application knows that it is asked by TLS."""
    connection = client(server, root)
    connection.request("GET", "/scheme")
    assert connection.getresponse().read() == b"https"
    connection.request("POST", "/echo", LARGE)
    assert connection.getresponse().read() == LARGE
    connection.request("GET", "/large")
    assert connection.getresponse().read() == LARGE
    connection.close()


def test_requests_that_come_in_one_record_are_all_answered(server: HttpServer, root: Certificate) -> None:
    """What was decrypted with the first one is not waited for."""
    one = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n%s"
    with opened(server, root) as connection:
        connection.sendall(b"".join(one % b"abcd%d" % index for index in range(9)))
        came = b""
        while came.count(b"abcd") < 9:
            data = connection.recv(65536)
            assert data, came
            came += data
    assert [came.index(b"abcd%d" % index) for index in range(9)] == sorted(came.index(b"abcd%d" % i) for i in range(9))


def test_clients_that_say_nothing_or_half_of_it_or_go_hold_up_nobody(server: HttpServer, root: Certificate) -> None:
    """Before, in and after the handshake."""
    address = ("127.0.0.1", server.port)
    idle = [socket.create_connection(address, timeout=60) for _ in range(20)]
    for number, one in enumerate(idle):
        one.sendall((b"", b"\x16\x03\x01\x00\xa5\x01", b"\x16", b"\x00\x01garbage")[number % 4])
    gone = socket.create_connection(address, timeout=60)
    gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    gone.close()
    half = opened(server, root)
    half.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
    unread = opened(server, root)
    unread.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
    unread.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    unread.close()
    for _ in range(5):
        connection = client(server, root)
        connection.request("GET", "/scheme")
        assert connection.getresponse().read() == b"https"
        connection.close()
    for one in (*idle, half):
        one.close()
    wait_until(lambda: server.connections == 0, 60, "the end of all connections")
    assert server.alive


def test_whoever_asks_in_clear_is_told(server: HttpServer) -> None:
    """In the form of our errors."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", "/scheme")
    answer = connection.getresponse()
    assert (answer.status, b"https" in answer.read()) == (400, True)


def test_old_protocols_are_refused(server: HttpServer, root: Certificate) -> None:
    """TLS 1.2 is the oldest."""
    old = trusting(root)
    old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as plain, pytest.raises(OSError):
        old.wrap_socket(plain, server_hostname="127.0.0.1")


def shown(server: HttpServer, root: Certificate) -> bytes | None:
    with opened(server, root) as connection:
        return connection.getpeercert(binary_form=True)


def test_a_renewed_certificate_is_shown_without_a_restart(
    server: HttpServer, files: Certificate, root: Certificate, tmp_path: Path
) -> None:
    """To new connections; those that are open go on."""
    before = shown(server, root)
    connection = client(server, root)
    connection.request("GET", "/scheme")
    connection.getresponse().read()
    renewed = signed(tmp_path, "renewed", root)
    shutil.copy(renewed.key, files.key)
    shutil.copy(renewed.certificate, files.certificate)
    wait_until(lambda: shown(server, root) not in (before, None), 60, "the new certificate")
    connection.request("GET", "/scheme")
    assert connection.getresponse().read() == b"https"
    connection.close()


class LateClock:
    """Each look is long after the one before."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        return 0.0

    def monotonic(self) -> float:
        self._now += 60
        return self._now


def test_files_of_no_use_keep_the_certificate_and_are_told_once(files: Certificate) -> None:
    """As between the writing of the certificate and that of the key."""
    tls = CertificateFiles(files.certificate, files.key, SETTINGS, LateClock())
    before = tls.context()
    for damage in (lambda: files.key.write_text("no key"), files.key.unlink):
        damage()
        with capture_logs() as logs:
            assert [tls.context() for _ in range(3)] == [before] * 3
        assert [entry["log_level"] for entry in logs] == ["warning"]
        assert str(files.key) in logs[0]["problem"]


def test_what_cannot_be_used_is_told_with_its_setting(files: Certificate, root: Certificate, tmp_path: Path) -> None:
    """Before anything is served."""
    locked = tmp_path / "locked.key"
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(files.key.read_bytes(), None)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    locked.write_bytes(key.private_bytes(*form, serialization.BestAvailableEncryption(b"s3cret")))
    empty = tmp_path / "empty"
    empty.write_text("")
    for certificate, key_file, why in (
        (tmp_path / "none", None, "certificate: .*none cannot be read"),
        (files.certificate, tmp_path / "none", "key: .*none cannot be read"),
        (files.certificate, root.key, "key: .*root.key holds a key that is not of"),
        (files.certificate, locked, "key: .*locked.key holds a key with a password"),
        (files.certificate, None, "certificate: .*must hold a certificate and its key"),
        (empty, files.key, "certificate: .*must hold a certificate and its key"),
    ):
        with pytest.raises(InvalidSpec, match=why):
            CertificateFiles(certificate, key_file, SETTINGS, SystemClock())


def test_certificate_and_key_may_stand_in_one_file(files: Certificate, tmp_path: Path) -> None:
    """In any order."""
    both = tmp_path / "both.pem"
    both.write_bytes(files.key.read_bytes() + files.certificate.read_bytes())
    CertificateFiles(both, None, SETTINGS, SystemClock()).context()
