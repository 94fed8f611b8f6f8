"""Servers whose certificates are verified, and that are shown one, on a real HAProxy."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from api.dcos_template.selecting.endpoint import Endpoint, Kind
from scheduler.pools.model import Protocol, ServerTls
from scheduler.pools.model.rewrite import RewriteHttp
from tests.support.balancer import Haproxy
from tests.support.haproxies import BOTH
from tests.support.late import add_late, health
from tests.support.ports import free_port
from tests.support.tls import Certificate, authority, pem
from tests.support.wait import wait_until
from tests.unit.api.dcos_template.pools import backend, frontend, pool, service

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("binary", BOTH)]

CA = "$SECRETS/ca.pem"
#: Backends by name, and the name for which their servers' certificates have to be.
TLS = {
    "signed": ServerTls(ca=CA),
    "asked": ServerTls(ca=CA, server_name="a.test"),
    "verified": ServerTls(ca=CA, verify_host="a.test"),
    "told": ServerTls(ca=CA, certificate="$SECRETS/own.pem"),
}
SHAPE = pool(
    "web",
    *(frontend(f"to-{name}", name) for name in (*TLS, "late")),
    *(
        backend(
            name,
            service(task_name="t"),
            protocol=Protocol.HTTPS,
            tls=tls,
            rewrite_http=RewriteHttp(host="a.test" if name == "told" else ""),
        )
        for name, tls in TLS.items()
    ),
    backend("late", service(task_name="t"), protocol=Protocol.HTTPS, tls=TLS["told"]),
)
Start = Callable[..., Haproxy]


@pytest.fixture
def known(tmp_path: Path) -> Certificate:
    return authority(tmp_path, "known")


@pytest.fixture
def start(tmp_path: Path, binary: str, known: Certificate) -> Iterator[Start]:
    """HAProxy on the pool; `served` is the certificate of its servers, who want one of `known`."""
    started: list[Haproxy] = []

    def made(served: bytes, own: bytes) -> Haproxy:
        file = tmp_path / "served.pem"
        file.write_bytes(served)
        ports = {one.name: free_port() for one in SHAPE.haproxy.backends}
        servers = {
            name: (Endpoint(Kind.AGENT_IP, "127.0.0.1", port),) if name != "late" else ()
            for name, port in ports.items()
        }
        haproxy = Haproxy(
            tmp_path,
            SHAPE,
            servers,
            answer='status 200 content-type text/plain lf-string "%[ssl_fc_sni] %[ssl_c_s_dn(cn)]"',
            bind=f"ssl crt {file} ca-file {known.certificate} verify optional",
            binary=binary,
            answers=ports,
            files={"secrets/ca.pem": known.certificate.read_bytes(), "secrets/own.pem": own},
        )
        started.append(haproxy)
        return haproxy

    yield made
    for one in started:
        one.stop()


def test_only_servers_whose_certificates_are_good_are_asked(start: Start, tmp_path: Path, known: Certificate) -> None:
    """Those of the file and those that come later, which are shown our own certificate."""
    own = pem(tmp_path, "own", by=known)
    haproxy = start(pem(tmp_path, "server", "a.test", by=known), own)
    add_late(haproxy, "late", haproxy.answers["told"])
    wait_until(lambda: [one[0] for one in health(haproxy, "late").values()] == ["UP"], what="the late server is up")
    told = {name: haproxy.get(f"to-{name}", "/", "client.test") for name in (*TLS, "late")}
    assert told == {
        "signed": (200, " "),
        "asked": (200, "a.test "),
        "verified": (200, " "),
        "told": (200, "a.test own"),
        "late": (200, " own"),
    }


@pytest.mark.parametrize("by", ["known", "stranger", "itself"])
def test_servers_whose_certificates_are_not_good_are_down(
    start: Start, tmp_path: Path, known: Certificate, by: str
) -> None:
    """Signed by somebody else, or for another name where the pool says one."""
    signer = {"known": known, "stranger": authority(tmp_path, "stranger")}.get(by)
    haproxy = start(pem(tmp_path, "server", "other.test", by=signer), pem(tmp_path, "own", by=known))
    add_late(haproxy, "late", haproxy.answers["told"])
    good = {"signed", "late"} if by == "known" else set()
    for name in (*TLS, "late"):
        state = "UP" if name in good else "DOWN"
        wait_until(
            lambda name=name, state=state: (  # type: ignore[misc]
                {(one[0], one[1].startswith("L6")) for one in health(haproxy, name).values()} == {(state, True)}
            ),
            timeout=30,
            what=f"the servers of {name} are {state}",
        )
        assert haproxy.get(f"to-{name}", "/", "client.test")[0] == (200 if name in good else 503)
