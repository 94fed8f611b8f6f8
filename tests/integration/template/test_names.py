"""Servers that are given by a name: a real HAProxy follows what a nameserver says of it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from api.dcos_template.selecting.endpoint import Endpoint, Kind
from tests.support.balancer import Haproxy
from tests.support.haproxies import BOTH
from tests.support.ports import free_port
from tests.support.wait import wait_until
from tests.unit.api.dcos_template.pools import address, backend, frontend, pool

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("binary", BOTH)]

NAME = "app.edgelb.test"
_HEADER, _A, _NO_ERROR, _NO_SUCH_NAME = 12, 1, 0x8180, 0x8183


class Nameserver:
    """Answers every question for an IPv4 address with `address`, or that there is no such name."""

    def __init__(self) -> None:
        self.address: str | None = "127.0.0.1"
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """An empty datagram ends the thread."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()

    def _answer(self) -> None:
        while True:
            question, who = self._socket.recvfrom(4096)
            if not question:
                return
            end = question.index(0, _HEADER) + 5
            asked = question[_HEADER:end]
            known = self.address
            code = _NO_ERROR if known is not None else _NO_SUCH_NAME
            told = known is not None and int.from_bytes(asked[-4:-2], "big") == _A
            counts = (code, 1, int(told), 0, 0)
            record = b""
            if known is not None and told:
                # A pointer to the name, IPv4, Internet, one second, four bytes.
                record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x01\x00\x04" + socket.inet_aton(known)
            head = question[:2] + b"".join(number.to_bytes(2, "big") for number in counts)
            self._socket.sendto(head + asked + record, who)


class _Own(BaseHTTPRequestHandler):
    """Says at which address it was asked."""

    def do_GET(self) -> None:
        body = self.connection.getsockname()[0].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def servers(port: int) -> Iterator[None]:
    """At two addresses."""
    both = [ThreadingHTTPServer((address, port), _Own) for address in ("127.0.0.1", "127.0.0.2")]
    threads = [threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.05}) for one in both]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for one, thread in zip(both, threads, strict=True):
            one.shutdown()
            thread.join()
            one.server_close()


def test_another_address_of_a_name_is_followed_without_a_reload(binary: str, tmp_path: Path) -> None:
    """It is asked again every second; a name that is gone takes its server down."""
    port = free_port()
    names = Nameserver()
    haproxy = Haproxy(
        tmp_path,
        pool("web", frontend("web", "app"), backend("app", address(NAME, port))),
        {"app": (Endpoint(Kind.ADDRESS, NAME, port),)},
        shorter={"parse-resolv-conf": f"nameserver test 127.0.0.1:{names.port}"},
        binary=binary,
    )
    try:
        with servers(port):
            wait_until(lambda: haproxy.get("web", "/") == (200, "127.0.0.1"), 20)
            names.address = "127.0.0.2"
            wait_until(lambda: haproxy.get("web", "/") == (200, "127.0.0.2"), 20)
            names.address = None
            wait_until(lambda: haproxy.get("web", "/")[0] == 503, 20)
            names.address = "127.0.0.1"
            wait_until(lambda: haproxy.get("web", "/") == (200, "127.0.0.1"), 20)
    finally:
        haproxy.stop()
        names.stop()
