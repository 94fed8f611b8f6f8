"""Servers that come to a running HAProxy, told as lbmgr tells them."""

from api.dcos_template.rendering.build import build_config
from api.dcos_template.selecting.endpoint import task_endpoints
from api.dcos_template.selecting.servers import server_of
from pool_executor.contract import parse_marker
from pool_executor.lbmgr.haproxy.runtime import capabilities
from pool_executor.lbmgr.servers.way import Orders, way
from pool_executor.lbmgr.structure.content import ServerRef
from tests.support.balancer import Haproxy
from tests.unit.api.dcos_template.pools import COOKIE_KEY, task


def add_late(haproxy: Haproxy, backend: str, port: int, service: int = 0) -> str:
    """Have a server of that service come at a port of this host; its name."""
    model = next(one for one in build_config(haproxy.shape, COOKIE_KEY).backends if one.name == backend)
    wish = next(one for one in haproxy.shape.haproxy.backends if one.name == backend).services[service].endpoint
    [endpoint] = task_endpoints(wish, task("late", agent_address="127.0.0.1")).endpoints
    server = server_of(endpoint._replace(port=port), None, ())
    facts = parse_marker(model.marker)
    assert facts is not None
    orders = way(ServerRef(backend, server.name), facts, capabilities("2.6"), None, server, None)
    assert isinstance(orders, Orders), orders
    for line in (*orders.lines, *orders.then):
        answer = haproxy.command(line)
        assert not answer.strip() or "registered" in answer or "changed" in answer, (line, answer)
    return server.name


def health(haproxy: Haproxy, backend: str) -> dict[str, tuple[str, str]]:
    """What HAProxy says of the servers of a backend: whether it uses them, and what it found when it last looked."""
    lines = haproxy.command(f"show stat {backend} 4 -1").removeprefix("# ").splitlines()
    names = lines[0].split(",")
    rows = [dict(zip(names, line.split(","), strict=False)) for line in lines[1:] if line]
    return {row["svname"]: (row["status"], row["check_status"]) for row in rows}
