"""Asking a store over HTTP: what is odd, endless, busy or not trusted is told, and never takes long."""

import socket
import threading
from pathlib import Path

import pytest

from scheduler.secret_stores import StoreAway
from scheduler.secret_stores.http import Http
from sdk.errors import InvalidSpec
from tests.support.secret_servers import DcosServer, Reply
from tests.support.tls import authority, signed


def test_a_busy_store_is_asked_again_until_it_answers() -> None:
    """503 while Vault elects a leader."""
    server = DcosServer()
    server.start()
    answers = iter([Reply(503), Reply(429), Reply.of(200, {"fine": True})])
    server.odd = lambda _path: next(answers)
    try:
        assert Http(server.url).ask("GET", "/").json() == {"fine": True}
    finally:
        server.stop()


def test_a_redirect_is_not_followed() -> None:
    """It would carry the token to wherever it points."""
    server = DcosServer()
    server.start()
    server.odd = lambda _path: Reply(307)
    try:
        assert Http(server.url).ask("GET", "/").status == 307
        assert len(server.asked) == 1
    finally:
        server.stop()


def test_an_endless_answer_is_given_up() -> None:
    """A store is a peer like any other."""
    server = DcosServer()
    server.start()
    server.odd = lambda _path: Reply(200, b"x" * 2_000_000)
    try:
        with pytest.raises(StoreAway, match="more than 1048576 bytes"):
            Http(server.url, patience=0.0).ask("GET", "/")
    finally:
        server.stop()


@pytest.mark.parametrize("token", ["geheim\nnis", "geheim€nis"])
def test_a_token_that_no_header_can_carry_is_not_shown(token: str) -> None:
    """Its error tells it, and troubles are shown to whoever may see the pool."""
    server = DcosServer()
    server.start()
    try:
        with pytest.raises(StoreAway) as error:
            Http(server.url, patience=0.0).ask("GET", "/", headers={"Authorization": token})
        assert "header" in str(error.value)
        assert "geheim" not in str(error.value)
    finally:
        server.stop()


def test_what_is_no_json_object_is_none() -> None:
    """Whatever it is."""
    server = DcosServer()
    server.start()
    try:
        for body in (b"", b"[1]", b"{", b"\xff", b"[" * 100_000):
            server.odd = lambda _path, body=body: Reply(200, body)  # type: ignore[misc]
            assert Http(server.url).ask("GET", "/").json() is None
    finally:
        server.stop()


def test_a_silent_store_is_away() -> None:
    """Connections are taken, and nothing comes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(StoreAway, match="it took too long"):
            Http(f"http://127.0.0.1:{port}", timeout=0.1, patience=0.0).ask("GET", "/")


def test_a_slow_answer_ends() -> None:
    """Byte by byte it would take for ever."""
    listening = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def drip() -> None:
        client, _ = listening.accept()
        with client:
            client.recv(65536)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not stop.wait(0.02):
                try:
                    client.sendall(b"x")
                except OSError:
                    return

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        with pytest.raises(StoreAway, match="takes too long"):
            Http(f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=0.3, patience=0.0).ask("GET", "/")
    finally:
        stop.set()
        thread.join()
        listening.close()


def test_a_certificate_that_nobody_named_is_not_trusted(tmp_path: Path) -> None:
    """And the sentence says what to set."""
    ca = authority(tmp_path, "ca")
    server = DcosServer(signed(tmp_path, "store", ca))
    server.start()
    try:
        with pytest.raises(StoreAway, match=r"is not trusted .*EDGELB_SECRET_CA"):
            Http(server.url, patience=0.0).ask("GET", "/")
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("vault:8200", "must be a URL"),
        ("https://", "URL"),
        ("ftp://vault", "must be a URL"),
        ("https://me:password@vault", "without a password"),
        ("http://vault.example.com:8200", "across the network"),
        ("https://[::1", "URL"),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused(url: str, rule: str) -> None:
    """Before anybody is asked; without what may be a password."""
    with pytest.raises(InvalidSpec, match=rule) as caught:
        Http(url)
    assert "me:password" not in str(caught.value)


def test_plain_http_is_for_loopback_or_for_who_says_so() -> None:
    """Secrets are not sent across a network in clear by mistake."""
    Http("http://127.0.0.1:8200")
    Http("http://localhost:8200")
    Http("http://[::1]:8200")
    Http("http://vault.example.com:8200", plain=True)
