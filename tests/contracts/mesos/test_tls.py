"""TLS to masters: certificates are checked, and clients may show one."""

import ssl
import subprocess
from pathlib import Path

import pytest

from sdk.errors import NotConnected
from sdk.mesos import base
from sdk.mesos.driver import MesosDriver
from sdk.mesos.endpoint import Endpoint
from sdk.mesos.operator import OperatorClient
from sdk.mesos.tls import Tls
from tests.contracts.mesos.server import CountedBackoff, Peer, ScriptedServer, master, stays
from tests.support.wait import wait_until

FRAMEWORK = {"user": "root", "name": "test", "roles": ["r"]}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    directory = tmp_path_factory.mktemp("tls")
    cert, key = directory / "cert.pem", directory / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
         "-subj", "/CN=mesos", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)],
        check=True,
        capture_output=True,
        timeout=60,
    )  # fmt: skip
    return cert, key


def context(certificate: tuple[Path, Path], *, ask: bool = False) -> ssl.SSLContext:
    cert, key = certificate
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, key)
    if ask:
        server.verify_mode = ssl.CERT_REQUIRED
        server.load_verify_locations(cert)
    return server


@pytest.mark.parametrize("uri", ["https://{}", "{}"])
def test_stream_and_calls_go_over_tls(certificate: tuple[Path, Path], uri: str) -> None:
    """With the CA that we trust, and a certificate of our own when the master asks for it."""
    cert, key = certificate
    tls = Tls(ca_file=str(cert), cert_file=str(cert), key_file=str(key))
    with ScriptedServer(master(stays()), context(certificate, ask=True)) as server:
        driver = MesosDriver(base.Scheduler(), FRAMEWORK, uri.format(server.address), tls=tls)
        driver.start()
        try:
            wait_until(lambda: driver.connected, what="the subscription")
            driver.reviveOffers()
            assert server.kinds() == ["SUBSCRIBE", "REVIVE"]
        finally:
            driver.stop()
            assert driver.join(10)


def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: tuple[Path, Path]) -> None:
    """And said; without verification it is taken."""
    with ScriptedServer(master(stays()), context(certificate)) as server:
        backoff = CountedBackoff(1)
        driver = MesosDriver(base.Scheduler(), FRAMEWORK, f"https://{server.address}", backoff=backoff)
        driver.start()
        wait_until(lambda: backoff.calls == 2, what="two tries")
        assert "certificate verify failed" in str(driver.trouble)
        driver.stop()
        assert driver.join(10)
        assert server.requests == []
        driver = MesosDriver(base.Scheduler(), FRAMEWORK, f"https://{server.address}", tls=Tls(verify=False))
        driver.start()
        wait_until(lambda: driver.connected, what="the subscription without verification")
        driver.reviveOffers()
        driver.stop()
        assert driver.join(10)


@pytest.mark.parametrize("stream", [False, True])
def test_what_is_wrong_with_tls_is_said_with_what_to_do(certificate: tuple[Path, Path], stream: bool) -> None:
    """For calls and for streams."""

    def said(address: str) -> str:
        client = OperatorClient(address)
        try:
            with pytest.raises(NotConnected) as failed:
                next(iter(client.stream())) if stream else client.call("GET_HEALTH")
        finally:
            client.close()
        return str(failed.value)

    with ScriptedServer(master(stays()), context(certificate)) as server:
        assert "is not trusted (certificate verify failed: self-signed certificate): name what to trust with" in said(
            f"https://{server.address}"
        )

    def plain(peer: Peer) -> None:
        peer.answer("400 Bad Request", b"no TLS here")

    with ScriptedServer(plain) as server:
        assert "does not speak TLS (wrong version number): ask it by http" in said(f"https://{server.address}")


def test_a_bundle_that_is_missing_is_said() -> None:
    """As trouble, not as the end of a thread."""
    backoff = CountedBackoff(0)
    driver = MesosDriver(
        base.Scheduler(), FRAMEWORK, "https://127.0.0.1:1", tls=Tls(ca_file="/nowhere/ca.pem"), backoff=backoff
    )
    driver.start()
    wait_until(lambda: backoff.calls == 1, what="the try")
    assert "No such file" in str(driver.trouble)
    driver.stop()
    assert driver.join(10)


def test_endpoints_know_their_scheme() -> None:
    """What is followed keeps it."""
    assert Endpoint("m", 5050, "https").url == "https://m:5050"
