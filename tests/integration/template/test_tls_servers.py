"""Servers that speak TLS, on a real HAProxy."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from api.dcos_template.rendering.build import build_config
from scheduler.pools.model import Protocol
from scheduler.pools.model.rewrite import RewriteHttp
from tests.support.balancer import Haproxy
from tests.support.haproxies import BOTH
from tests.support.tls import authority
from tests.support.wait import wait_until
from tests.unit.api.dcos_template.pools import TCP, backend, frontend, pool

pytestmark = pytest.mark.integration

SHAPE = pool(
    "web",
    *(frontend(f"to-{name}", name) for name in ("https", "named")),
    *(frontend(f"to-{name}", name, **TCP) for name in ("tls", "tcp")),
    backend("https", protocol=Protocol.HTTPS),
    backend("named", protocol=Protocol.HTTPS, rewrite_http=RewriteHttp(host="a.test:8443")),
    backend("tls", protocol=Protocol.TLS),
    backend("tcp", protocol=Protocol.TCP),
)
ECHO = 'status 200 content-type text/plain lf-string "%[ssl_fc] %[ssl_fc_sni]"'


@pytest.fixture(params=BOTH)
def haproxy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Haproxy]:
    made = authority(tmp_path, "self-signed")
    both = tmp_path / "both.pem"
    both.write_text(made.certificate.read_text() + made.key.read_text())
    balancer = Haproxy(tmp_path, SHAPE, answer=ECHO, bind=f"ssl crt {both}", binary=request.param)
    yield balancer
    balancer.stop()


def checks(haproxy: Haproxy, backend: str) -> Mapping[str, tuple[str, str]]:
    """State and last check of each server."""
    rows = csv.DictReader(haproxy.get("stats", "/haproxy?stats;csv")[1].splitlines())
    return {row["svname"]: (row["status"], row["check_status"]) for row in rows if row["# pxname"] == backend}


def test_servers_are_spoken_to_by_tls_and_told_the_name_of_the_pool(haproxy: Haproxy) -> None:
    """Whoever signed their certificates; a backend of protocol TCP hands on what comes."""
    assert haproxy.get("to-https", "/", "client.test") == (200, "1 ")
    assert haproxy.get("to-named", "/", "client.test") == (200, "1 a.test")
    assert haproxy.get("to-tls", "/", "client.test") == (200, "1 ")
    with pytest.raises(OSError):  # nobody spoke TLS
        haproxy.get("to-tcp", "/", "client.test")


@pytest.mark.parametrize("name", ["https", "named", "tls"])
def test_servers_that_come_at_run_time_are_as_those_of_the_file(haproxy: Haproxy, name: str) -> None:
    """And their checks are handshakes of TLS."""
    options = next(one.options[""] for one in build_config(SHAPE).backends if one.name == name)
    haproxy.command(f"add server {name}/late 127.0.0.1:{haproxy.answers[name]} id 77 {options}")
    haproxy.command(f"enable health {name}/late")
    haproxy.command(f"set server {name}/late state ready")

    def checked() -> bool:
        found = checks(haproxy, name)
        servers = {found[server] for server in found if server != "BACKEND"}
        return len(servers) == 1 and servers == {("UP", "L6OK")}

    wait_until(checked, timeout=30, what="both servers are checked by TLS")
    asked = [haproxy.get(f"to-{name}", "/") for _ in range(4)]
    assert set(asked) == {(200, "1 a.test" if name == "named" else "1 ")}
