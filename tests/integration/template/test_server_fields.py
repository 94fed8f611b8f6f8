"""What the fields of an endpoint do, on a real HAProxy: for servers of its file, and for those that come later."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.dcos_template.selecting.endpoint import Endpoint, task_endpoints
from scheduler.pools.model import CustomCheck, ProxyProtocol
from scheduler.pools.model import Endpoint as Wish
from tests.support.balancer import Haproxy
from tests.support.haproxies import BOTH
from tests.support.late import add_late, health
from tests.support.ports import free_port
from tests.support.wait import wait_until
from tests.unit.api.dcos_template.pools import backend, frontend, pool, service, task

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("binary", BOTH)]


def endpoints(wish: Wish, port: int) -> tuple[Endpoint, ...]:
    """The server of a service at a port of this host."""
    return tuple(
        one._replace(port=port) for one in task_endpoints(wish, task("t", agent_address="127.0.0.1")).endpoints
    )


PROXIED = pool(
    "web",
    *(frontend(f"to-{name}", name) for name in ("v1", "v2")),
    *(
        backend(
            name,
            service(Wish(proxy_protocol=ProxyProtocol(name.upper())), task_name="t"),
            custom_check=CustomCheck(httpchk=True),
        )
        for name in ("v1", "v2")
    ),
    backend("spare"),
)


@pytest.fixture
def proxied(binary: str, tmp_path: Path) -> Iterator[Haproxy]:
    """Its servers take nothing without the PROXY protocol, and say who their client is."""
    ports = {name: free_port() for name in ("v1", "v2", "spare")}
    servers = {
        one.name: endpoints(one.services[0].endpoint, ports[one.name])
        for one in PROXIED.haproxy.backends
        if one.services
    }
    answer = 'status 200 content-type text/plain lf-string "%[dst_port]"'
    made = Haproxy(
        tmp_path, PROXIED, {**servers, "spare": ()}, answer=answer, bind="accept-proxy", binary=binary, answers=ports
    )
    yield made
    made.stop()


@pytest.mark.parametrize("name", ["v1", "v2"])
def test_servers_are_told_by_the_proxy_protocol_in_requests_and_in_checks(proxied: Haproxy, name: str) -> None:
    """In the file as well as later; the port that the client asked is that of the listener."""
    late = add_late(proxied, name, proxied.answers["spare"])
    wait_until(
        lambda: set(health(proxied, name).values()) == {("UP", "L7OK")}, what="all of the servers answer to checks"
    )
    assert late in health(proxied, name)
    assert {proxied.get(f"to-{name}", "/")[1] for _ in range(4)} == {str(proxied.ports[f"to-{name}"])}


def test_weights_share_and_a_backup_waits_for_its_turn(binary: str, tmp_path: Path) -> None:
    """A server of 20 gets twice what one of 10 gets, and the backup nothing while one of them is up."""
    wishes = {"a": Wish(weight=20), "b": Wish(weight=10), "c": Wish(backup=True)}
    shape = pool(
        "web",
        frontend("web", "app"),
        backend("app", *(service(wish, task_name=name) for name, wish in wishes.items())),
        *(backend(name) for name in wishes),
    )
    ports = {name: free_port() for name in ("app", *wishes)}
    servers = {
        "app": tuple(one for name, wish in wishes.items() for one in endpoints(wish, ports[name])),
        **dict.fromkeys(wishes, ()),
    }
    haproxy = Haproxy(tmp_path, shape, servers, binary=binary, answers=ports)
    try:
        wait_until(lambda: haproxy.get("web", "/")[0] == 200, what="a server is up")
        assert Counter(haproxy.get("web", "/")[1] for _ in range(30)) == {"a": 20, "b": 10}
        for name in ("a", "b"):
            haproxy.command(f"set server app/agentip_127.0.0.1_{ports[name]} state maint")
        assert haproxy.get("web", "/") == (200, "c")
    finally:
        haproxy.stop()
