"""Servers that speak HTTP/2, on a real HAProxy: those of its file, and those that come later."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.dcos_template.selecting.endpoint import Endpoint, Kind
from scheduler.pools.model import CustomCheck, Protocol, ServerTls
from scheduler.pools.model.rewrite import RewriteHttp
from tests.support.balancer import Haproxy
from tests.support.haproxies import BOTH
from tests.support.late import add_late, health
from tests.support.ports import free_port
from tests.support.tls import authority
from tests.support.wait import wait_until
from tests.unit.api.dcos_template.pools import backend, frontend, pool, service

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("binary", BOTH)]

TLS = {"protocol": Protocol.HTTPS, "tls": ServerTls(server_name="a.test"), "rewrite_http": RewriteHttp(host="b.test")}
SHAPE = pool(
    "web",
    *(frontend(f"to-{name}", name) for name in ("connected", "asked")),
    backend("connected", service(task_name="t"), http2=True, **TLS),
    backend("asked", service(task_name="t"), http2=True, custom_check=CustomCheck(httpchk=True), **TLS),
    backend("spare"),
)
CLEAR = pool(
    "web",
    *(frontend(f"to-{name}", name) for name in ("connected", "asked")),
    backend("connected", service(task_name="t"), http2=True),
    backend("asked", service(task_name="t"), http2=True, custom_check=CustomCheck(httpchk=True)),
    backend("spare"),
)


@pytest.fixture(params=["tls", "clear"])
def haproxy(request: pytest.FixtureRequest, binary: str, tmp_path: Path) -> Iterator[Haproxy]:
    """Its servers speak nothing else, and say what they were asked in."""
    both = tmp_path / "both.pem"
    made = authority(tmp_path, "self-signed")
    both.write_text(made.certificate.read_text() + made.key.read_text())
    shape, bind = (SHAPE, f"ssl crt {both} alpn h2") if request.param == "tls" else (CLEAR, "proto h2")
    ports = {one.name: free_port() for one in shape.haproxy.backends}
    servers = {name: (Endpoint(Kind.AGENT_IP, "127.0.0.1", ports[name]),) for name in ("connected", "asked")}
    answer = 'status 200 content-type text/plain lf-string "%[req.ver] %[ssl_fc_sni]"'
    balancer = Haproxy(
        tmp_path, shape, {**servers, "spare": ()}, answer=answer, bind=bind, binary=binary, answers=ports
    )
    yield balancer
    balancer.stop()


@pytest.mark.parametrize("name", ["connected", "asked"])
def test_servers_are_asked_and_checked_in_http_2(haproxy: Haproxy, name: str) -> None:
    """By the name that the backend says for TLS, whatever it says in HTTP."""
    add_late(haproxy, name, haproxy.answers["spare"])
    wait_until(
        lambda: (
            {status for status, _ in health(haproxy, name).values()} == {"UP"}
            and all(check.endswith("OK") for _, check in health(haproxy, name).values())
        ),
        timeout=20,
        what="both servers answer to checks",
    )
    sni = "a.test" if haproxy.shape is SHAPE else ""
    assert {haproxy.get(f"to-{name}", "/")[1] for _ in range(4)} == {f"2.0 {sni}"}
