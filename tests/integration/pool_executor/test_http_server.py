"""lbmgr's answers at its socket, beside an exporter that is a double."""

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from pool_executor.lbmgr.status.http_server import HttpServer, Sources
from pool_executor.lbmgr.status.observed import Observed
from tests.support.wait import wait_until
from tests.unit.pool_executor.contract.test_status import STATUS

pytestmark = pytest.mark.integration

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n"
BODY = b"8\r\nhap_x 1\n\r\n"
END = b"0\r\n\r\n"
OBSERVED = Observed(pool="web", status=STATUS, behind=3, connected=False, turn_age=0.5)


class Exporter:
    """HAProxy's part: says `answer` to whatever it is asked, and notes the first line of that."""

    def __init__(self, path: Path) -> None:
        self.answer = HEAD + BODY + END
        self.asked: list[str] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=[connection], daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):  # whoever asked may go
            self.asked.append(connection.recv(65536).decode().split("\r\n")[0])
            connection.sendall(self.answer)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator[Exporter]:
    """One at its socket."""
    made = Exporter(tmp_path / "exporter")
    yield made
    made.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Path]:
    """lbmgr's socket; the exporter's is beside it."""
    path = tmp_path / "lbmgr"
    sources = Sources(observed=lambda: OBSERVED, exporter=tmp_path / "exporter", overview=tmp_path / "haproxy.cfg")
    made = HttpServer(path, sources)
    made.start()
    yield path
    made.stop()


@contextmanager
def connection(server: Path) -> Iterator[http.client.HTTPConnection]:
    """As HAProxy connects."""
    made = http.client.HTTPConnection("lbmgr")
    made.sock = socket.socket(socket.AF_UNIX)
    made.sock.settimeout(20)
    made.sock.connect(str(server))
    try:
        yield made
    finally:
        made.close()


def get(server: Path, path: str) -> tuple[int, str]:
    """Status and body."""
    with connection(server) as made:
        made.request("GET", path)
        answer = made.getresponse()
        return answer.status, answer.read().decode()


@pytest.mark.parametrize(
    ("query", "own", "asked"),
    [
        ("", True, "GET /metrics HTTP/1.1"),
        ("?no-maint", True, "GET /metrics?no-maint HTTP/1.1"),
        ("?scope=*", True, "GET /metrics?scope=* HTTP/1.1"),
        ("?scope=lbmgr&scope=server", True, "GET /metrics?scope=server HTTP/1.1"),
        ("?scope=server&no-maint=1", False, "GET /metrics?scope=server&no-maint=1 HTTP/1.1"),
        ("?scope=lbmgr", True, None),
    ],
)
def test_a_scope_asks_for_a_part(server: Path, exporter: Exporter, query: str, own: bool, asked: str | None) -> None:
    """HAProxy is asked for what is its own, and not at all for what is lbmgr's."""
    status, text = get(server, f"/metrics{query}")
    assert status == 200
    assert ("edgelb_lbmgr_operations_behind 3.0\n" in text) is own
    assert ("hap_x 1\n" in text) is (asked is not None)
    assert exporter.asked == [asked] * (asked is not None)


def test_an_answer_that_is_cut_off_has_no_end(server: Path, exporter: Exporter) -> None:
    """Whoever reads it notices, and does not take half of the servers for all."""
    exporter.answer = HEAD + BODY
    with pytest.raises(http.client.IncompleteRead):
        get(server, "/metrics")


@pytest.mark.parametrize("answer", [b"", b"what?\r\n\r\n", b"x" * 100_000])
def test_an_exporter_that_makes_no_sense_is_told(server: Path, exporter: Exporter, answer: bytes) -> None:
    """With the reason."""
    exporter.answer = answer
    status, text = get(server, "/metrics")
    assert status == 502
    assert "HAProxy's exporter does not answer" in text


def test_what_the_exporter_refuses_is_refused(server: Path, exporter: Exporter) -> None:
    """In its words."""
    exporter.answer = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 3\r\n\r\nno\n"
    assert get(server, "/metrics?scope=x") == (400, "no\n")


def test_those_who_do_not_read_keep_the_others_waiting_for_a_while_only(server: Path, exporter: Exporter) -> None:
    """Eight are answered at a time; who comes on top is sent away, and HAProxy answers him."""
    exporter.answer = HEAD + b"100000\r\n" + b"x" * 0x100000 + b"\r\n" + END
    with ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(connection(server)).request("GET", "/metrics")
        wait_until(lambda: len(exporter.asked) == 8, what="all are under way")
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)):
            get(server, "/")
    wait_until(lambda: answers(server), what="there is room again")


def answers(server: Path) -> bool:
    """Whether it takes a request."""
    try:
        return get(server, "/") == (200, "lbmgr\n")
    except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
        return False


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/", 200), ("HEAD", "/metrics", 200), ("POST", "/metrics", 501)]
)
def test_an_answer_does_not_tell_what_gives_it(server: Path, method: str, path: str, status: int) -> None:
    """Neither Python nor its version is anybody's business."""
    with connection(server) as made:
        made.request(method, path)
        answer = made.getresponse()
        assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (status, "text/plain")
        assert "server" not in answer.headers
        assert b"<" not in answer.read()


def test_what_is_not_there_is_not_found(server: Path) -> None:
    """Neither a path nor a configuration before the first."""
    assert get(server, "/elsewhere")[0] == 404
    assert get(server, "/_haproxy_getconfig") == (404, "There is no configuration yet.\n")


def test_a_large_configuration_is_told_line_by_line(server: Path, tmp_path: Path) -> None:
    """All of it, but for what is hidden."""
    lines = [*(f"    server s{number} 127.0.0.1:80" for number in range(10_000)), "    stats auth a:b"]
    (tmp_path / "haproxy.cfg").write_text("\n".join([*lines, ""]))
    assert get(server, "/_haproxy_getconfig")[1].splitlines() == [*lines[:-1], "    stats auth <hidden>"]
