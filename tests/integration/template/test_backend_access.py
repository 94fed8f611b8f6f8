"""Who may ask a backend, on a real HAProxy: those of its networks, and those who know a password."""

import base64
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from scheduler.pools.model import Frontend, LinkBackend, MapRule, Protocol
from scheduler.pools.model.basic_auth import BasicAuth, BasicAuthUser
from scheduler.pools.model.clients import AcceptProxy, Clients
from tests.support.balancer import Haproxy
from tests.support.haproxies import BOTH
from tests.unit.api.dcos_template.pools import backend, pool

pytestmark = pytest.mark.integration

#: Of the password `open`.
OPEN = "$5$rounds=1000$salt$ztSWsC8raABA2O8AFbMN0CvSHk681YWW3aAVs3vs.18"
ECHO = 'status 200 content-type text/plain lf-string "%f" hdr X-Authorization %[req.hdr(authorization),length]'
PATHS = ("users", "inside", "all")
WEB = Frontend(
    name="web",
    accept_proxy=AcceptProxy(),
    link_backend=LinkBackend(map=tuple(MapRule(backend=name, path_beg=f"/{name}") for name in PATHS)),
)
TCP = Frontend(name="tcp", protocol=Protocol.TCP, link_backend=LinkBackend(default_backend="bytes"))
BACKENDS = (
    backend("users", basic_auth=BasicAuth(users=(BasicAuthUser(name="a", password_hash=OPEN),), realm="Shop")),
    backend("inside", clients=Clients(allow=("10.0.0.0/8", "fd00::/8"), deny=("10.1.0.0/16",))),
    backend("all"),
    backend("bytes", protocol=Protocol.TCP, clients=Clients(deny=("127.0.0.2",))),
)


@pytest.fixture(scope="module", params=BOTH)
def haproxy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Haproxy]:
    directory: Path = tmp_path_factory.mktemp("haproxy")
    made = Haproxy(directory, pool("web", WEB, TCP, *BACKENDS), answer=ECHO, binary=request.param)
    yield made
    made.stop()


def told(haproxy: Haproxy, frontend: str, client: str, path: str = "/", header: str = "") -> bytes:
    """What a client at that address is answered; of a frontend of TCP, at an address of this machine."""
    kind = "TCP6" if ":" in client else "TCP4"
    own = "::1" if ":" in client else "127.0.0.1"
    proxied = f"PROXY {kind} {client} {own} 1234 80\r\n" if frontend == "web" else ""
    source = "127.0.0.1" if frontend == "web" else client
    try:
        with socket.create_connection(("127.0.0.1", haproxy.ports[frontend]), 5, (source, 0)) as connection:
            connection.sendall(f"{proxied}GET {path} HTTP/1.0\r\nHost: x\r\n{header}\r\n".encode())
            return connection.makefile("rb").read()
    except ConnectionError:
        return b""


@pytest.mark.parametrize(
    ("client", "status"),
    [("10.2.0.1", b"200"), ("10.1.0.1", b"403"), ("192.168.0.1", b"403"), ("fd00::1", b"200"), ("fe80::1", b"403")],
)
def test_a_backend_is_for_clients_of_its_networks(haproxy: Haproxy, client: str, status: bytes) -> None:
    """Other backends of the frontend are for all."""
    assert told(haproxy, "web", client, "/inside").split(b" ")[1] == status
    assert told(haproxy, "web", client, "/all").split(b" ")[1] == b"200"


def test_a_backend_of_tcp_closes_connections_of_other_clients(haproxy: Haproxy) -> None:
    """Before a server hears of them."""
    assert b" 200 " in told(haproxy, "tcp", "127.0.0.1")
    assert told(haproxy, "tcp", "127.0.0.2") == b""


@pytest.mark.parametrize(
    ("given", "status"), [("a:open", b"200"), ("a:shut", b"401"), ("b:open", b"401"), ("", b"401")]
)
def test_a_backend_is_for_its_users(haproxy: Haproxy, given: str, status: bytes) -> None:
    """Servers are not told the password, and other backends ask for none."""
    header = f"Authorization: Basic {base64.b64encode(given.encode()).decode()}\r\n" if given else ""
    answer = told(haproxy, "web", "10.0.0.1", "/users", header)
    assert answer.split(b" ")[1] == status
    if status == b"200":
        assert b"x-authorization: 0" in answer or b"x-authorization" not in answer
    else:
        assert b'Basic realm="Shop"' in answer
    assert told(haproxy, "web", "10.0.0.1", "/all", header).split(b" ")[1] == b"200"
