"""HAProxy's metrics where something else answers at lbmgr's socket."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from pool_executor.contract import LBMGR_SOCKET
from tests.support.balancer import Haproxy
from tests.support.haproxies import BOTH
from tests.support.wait import wait_until
from tests.unit.api.dcos_template.pools import backend, frontend, pool

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("binary", BOTH)]


class Lbmgr:
    """Answers whether it is there, and nothing else before it is let."""

    def __init__(self, path: Path) -> None:
        self.asked = 0
        self.let = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=[connection], daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            if b" /metrics" in connection.recv(65536):
                self.asked += 1
                self.let.wait(30)
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nown")

    def close(self) -> None:
        self.let.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def haproxy(tmp_path: Path, binary: str) -> Iterator[tuple[Haproxy, Lbmgr]]:
    """Both."""
    lbmgr = Lbmgr(tmp_path / LBMGR_SOCKET)
    made = Haproxy(tmp_path, pool("shop", frontend("web", "app"), backend("app")), binary=binary)
    yield made, lbmgr
    made.stop()
    lbmgr.close()


def test_whoever_comes_on_top_is_answered_by_haproxy_alone(haproxy: tuple[Haproxy, Lbmgr]) -> None:
    """Eight slow answers keep nobody from HAProxy's metrics."""
    made, lbmgr = haproxy
    with ThreadPoolExecutor(8) as slow, ExitStack() as stack:
        stack.callback(lbmgr.let.set)
        answers = [slow.submit(made.get, "stats", "/metrics") for _ in range(8)]
        wait_until(lambda: lbmgr.asked == 8, what="all are under way")
        assert "haproxy_frontend_status" in made.get("stats", "/metrics")[1]
        lbmgr.let.set()
        assert [answer.result() for answer in answers] == [(200, "own")] * 8
