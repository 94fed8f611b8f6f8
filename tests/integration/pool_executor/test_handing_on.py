"""What becomes of the connections that a worker still has when another one has taken over."""

import http.client
import os
import re
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType

import pytest

from pool_executor.lbmgr.haproxy.process import Haproxy, Serving
from pool_executor.lbmgr.haproxy.runtime import Runtime
from pool_executor.lbmgr.haproxy.sockets import SocketDirectory
from pool_executor.lbmgr.structure.instance import Instance
from tests.support.haproxies import BOTH
from tests.support.ports import free_port
from tests.support.tls import authority, signed
from tests.support.wait import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("binary", BOTH)]

# What dcos-template renders for a pool of one HTTP frontend, but for its servers.
GOLDEN = Path(__file__).parents[2] / "golden" / "haproxy"
CLIENTS = 20


class Server:
    """Answers with its name and what it was told of the client; a request for /slow when it is let."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.requests = 0
        self.protocols: list[str] = []
        """What each request was said to have come by, as far as it was said."""
        self.more: list[list[str]] = []
        """The values of one header that each request had."""
        self.let = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

            def do_GET(self) -> None:
                server.requests += 1
                if self.path == "/slow":
                    server.let.wait(20)
                self._answer(b"")

            def do_POST(self) -> None:
                self._answer(self.rfile.read(int(self.headers["Content-Length"])))

            def _answer(self, body: bytes) -> None:
                server.more.append(self.headers.get_all("X-More", []))
                server.protocols.append(self.headers.get("X-Forwarded-Proto", ""))
                told = [*self.headers.get_all("X-Forwarded-For", []), self.headers.get("X-Forwarded-Port", "")]
                text = f"{server.name} {' '.join(told)} {len(body)}".encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.port = self._http.server_port
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self.let.set()
        self._http.shutdown()
        self._http.server_close()


class Balancer:
    """HAProxy on the rendered files, with one server."""

    def __init__(self, binary: str, directory: Path) -> None:
        ports = {name: free_port() for name in ("web", "db", "stats")}
        self.web = ports["web"]
        self._sockets = SocketDirectory()
        self.admin = self._sockets.path / "admin.sock"
        self._directory = directory / "configuration"
        self._directory.mkdir()
        self._instance = Instance(task_id="task-1", ports=ports, sockets=self._sockets.path, state=directory)
        self.haproxy = Haproxy(
            binary=binary,
            directory=self._directory,
            admin=self.admin,
            master=self._sockets.path / "master.sock",
            log=directory / "log",
        )
        self._markers = 0

    def serve(
        self,
        server: Server,
        certificate: Path | None = None,
        rendered: str = "simple",
        changes: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Start, or reload, with this server; clients use TLS where there is a certificate."""
        self._markers += 1
        marker = f"web/{self._markers}"
        for path in (GOLDEN / rendered).glob("*.cfg"):
            if not path.name.startswith("30-"):
                # Clients may think for as long as a loaded machine lets them.
                text = path.read_text().replace("timeout http-keep-alive 1s", "timeout http-keep-alive 60s")
                for old, new in changes.items():
                    text = text.replace(old, new)
                if certificate is not None:
                    text = text.replace('${PORT_WEB}"', f'${{PORT_WEB}}" ssl crt {certificate}')
            else:
                line = f"    server one 127.0.0.1:{server.port} id 1"
                text = re.sub(r"^ +# servers of app .*$", line, path.read_text(), flags=re.MULTILINE)
            (self._directory / path.name).write_text(text)
        (self._directory / "00-instance.cfg").write_text(self._instance.text(marker, self._directory, welcome=True))
        with self.haproxy.checking(sorted(self._directory.glob("*.cfg")), 60) as complaint:
            assert complaint() is None
        result = self.haproxy.reload(marker, 20) if self.haproxy.master else self.haproxy.start(marker, 20)
        assert isinstance(result, Serving), result
        result.runtime.close()

    def listens(self) -> bool:
        """Whether a connection is taken."""
        try:
            socket.create_connection(("127.0.0.1", self.web), timeout=5).close()
        except ConnectionRefusedError:
            return False
        return True

    def stop(self) -> None:
        self.haproxy.stop(2)
        self._sockets.close()


@pytest.fixture
def balancer(binary: str, tmp_path: Path) -> Iterator[Balancer]:
    """Not started; gone after the test."""
    made = Balancer(binary, tmp_path)
    yield made
    made.stop()


@pytest.fixture
def make_server() -> Iterator[Callable[[str], Server]]:
    """Servers that are gone after the test."""
    with ExitStack() as stack:
        yield lambda name: stack.enter_context(closing(Server(name)))


@pytest.fixture
def connect(balancer: Balancer) -> Iterator[Callable[[], http.client.HTTPConnection]]:
    """Connections from an address of their own."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(
            closing(http.client.HTTPConnection("127.0.0.1", balancer.web, timeout=20, source_address=("127.0.0.7", 0)))
        )


def ask(connection: http.client.HTTPConnection, path: str = "/", body: bytes | None = None) -> str:
    """The answer to one request; http.client would connect anew only before a request, never for one that failed."""
    connection.request("GET" if body is None else "POST", path, body)
    answer = connection.getresponse()
    assert answer.status == 200
    return answer.read().decode()


def test_what_is_asked_after_a_reload_never_reaches_a_server_that_was_removed(
    balancer: Balancer, make_server: Callable[[str], Server], connect: Callable[[], http.client.HTTPConnection]
) -> None:
    """Connections that were kept are asked on by their clients; the new worker answers, and knows the clients."""
    old, new = make_server("old"), make_server("new")
    balancer.serve(old)
    clients = [connect() for _ in range(CLIENTS)]
    assert {ask(client) for client in clients} == {f"old 127.0.0.7 {balancer.web} 0"}
    sockets = [client.sock for client in clients]
    balancer.serve(new)
    answers = [ask(client) if number % 2 else ask(client, "/", b"x" * 50_000) for number, client in enumerate(clients)]
    assert set(answers) == {f"new 127.0.0.7 {balancer.web} 0", f"new 127.0.0.7 {balancer.web} 50000"}
    assert old.requests == CLIENTS
    # Each on the connection that it had, which ends with that answer.
    assert {client.sock for client in clients} == {None}
    assert None not in sockets


def test_a_request_under_way_ends_where_it_began_and_the_next_one_goes_to_the_newest_worker(
    balancer: Balancer, make_server: Callable[[str], Server], connect: Callable[[], http.client.HTTPConnection]
) -> None:
    """However many reloads came in between."""
    old, between, new = make_server("old"), make_server("between"), make_server("new")
    balancer.serve(old)
    slow, kept = connect(), connect()
    ask(kept)
    slow.request("GET", "/slow")
    wait_until(lambda: old.requests == 2, what="it is under way")
    balancer.serve(between)
    balancer.serve(new)
    old.let.set()
    assert slow.getresponse().read().decode().startswith("old ")
    assert ask(kept).startswith("new ")
    assert between.requests == 0


def test_when_the_instance_leaves_each_worker_answers_on_the_connections_that_it_has(
    balancer: Balancer, make_server: Callable[[str], Server], connect: Callable[[], http.client.HTTPConnection]
) -> None:
    """Nobody would answer in their stead: no request is lost."""
    old, new = make_server("old"), make_server("new")
    balancer.serve(old)
    first = connect()
    ask(first)
    balancer.serve(new)
    second = connect()
    ask(second)
    balancer.haproxy.soft_stop()
    wait_until(lambda: not balancer.listens(), what="the doors are closed")
    assert ask(second).startswith("new ")
    assert ask(first).startswith("old ")
    assert balancer.haproxy.wait(20)


@pytest.mark.parametrize(("before", "after"), [(True, True), (True, False), (False, True)])
def test_a_successor_knows_how_clients_are_connected_to_its_predecessor(
    balancer: Balancer, make_server: Callable[[str], Server], tmp_path: Path, before: bool, after: bool
) -> None:
    """By TLS or not, whatever its own clients do."""
    trusted = authority(tmp_path, "authority")
    own = signed(tmp_path, "web", trusted)
    chain = tmp_path / "chain"
    chain.write_text(own.certificate.read_text() + own.key.read_text())
    old, new = make_server("old"), make_server("new")
    balancer.serve(old, chain if before else None)
    client = http.client.HTTPConnection("127.0.0.1", balancer.web, timeout=20)
    if before:
        context = ssl.create_default_context(cafile=trusted.certificate)
        client = http.client.HTTPSConnection("127.0.0.1", balancer.web, timeout=20, context=context)
    with closing(client):
        assert ask(client).startswith("old ")
        balancer.serve(new, chain if after else None)
        assert ask(client).startswith("new ")
    assert old.protocols == new.protocols == ["https" if before else ""]


def test_what_is_handed_on_is_changed_by_the_worker_that_answers_alone(
    balancer: Balancer, make_server: Callable[[str], Server], connect: Callable[[], http.client.HTTPConnection]
) -> None:
    """Neither its request nor its answer by both."""
    old, new = make_server("old"), make_server("new")
    balancer.serve(old, rendered="headers")
    client = connect()
    ask(client)
    balancer.serve(new, rendered="headers")
    client.request("GET", "/")
    answer = client.getresponse()
    assert answer.read().decode().startswith("new ")
    assert new.more == [["b"]]
    assert answer.headers.get_all("X-Passed") == ["web"]


def test_a_haproxy_that_died_is_started_over_the_sockets_that_it_left(
    balancer: Balancer, make_server: Callable[[str], Server], connect: Callable[[], http.client.HTTPConnection]
) -> None:
    """And hands on what its next worker is asked after the next reload."""
    old, new = make_server("old"), make_server("new")
    balancer.serve(old)
    assert balancer.haproxy.master is not None
    os.killpg(balancer.haproxy.master, signal.SIGKILL)
    wait_until(lambda: balancer.haproxy.ended, what="it is dead")
    balancer.serve(old)
    kept = connect()
    assert ask(kept).startswith("old ")
    balancer.serve(new)
    assert ask(kept).startswith("new ")


def test_others_on_the_stats_socket_keep_nobody_out(balancer: Balancer, make_server: Callable[[str], Server]) -> None:
    """Fifty who have connected and say nothing: a reload is proven over a new connection all the same."""
    one = make_server("one")
    balancer.serve(one)
    with ExitStack() as stack:
        for _ in range(50):
            other = stack.enter_context(socket.socket(socket.AF_UNIX))
            other.settimeout(10)
            other.connect(str(balancer.admin))
        with Runtime(balancer.admin, timeout=10) as runtime:
            assert int(runtime.info()["Uptime_sec"]) >= 0
        balancer.serve(one)


def test_how_often_clients_have_asked_outlives_reloads(
    balancer: Balancer, make_server: Callable[[str], Server], connect: Callable[[], http.client.HTTPConnection]
) -> None:
    """Limits are not evaded by a deployment. A HAProxy that was just started hands nothing on for some seconds."""
    one = make_server("one")
    lasting = {"expire 10s": "expire 1000s", "http_req_rate(10s)": "http_req_rate(1000s)"}

    def serve() -> None:
        balancer.serve(one, rendered="limits", changes=lasting)

    def counted() -> int:
        with Runtime(balancer.admin, timeout=10) as runtime:
            shown = runtime.ask("show table web").text
        found = re.search(r"key=::ffff:127\.0\.0\.7 .*http_req_rate\(\d+\)=(\d+)", shown)
        return int(found[1]) if found is not None else 0

    def age() -> int:
        with Runtime(balancer.admin, timeout=10) as runtime:
            return int(runtime.info()["Uptime_sec"])

    serve()
    kept = connect()
    for _ in range(20):
        ask(kept)
    wait_until(lambda: age() >= 7, what="HAProxy has looked for a predecessor in vain", every=0.2)
    for reload in range(2):
        serve()
        wait_until(lambda: counted() >= 20, what=f"the counts have outlived reload {reload}")
    ask(connect())
    assert counted() == 21
