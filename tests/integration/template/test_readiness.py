"""Whether an instance says that its backends have the servers that they need, on a real HAProxy."""

from pathlib import Path

import pytest

from api.dcos_template.selecting.endpoint import Endpoint, Kind
from tests.support.balancer import Haproxy
from tests.support.haproxies import BOTH
from tests.support.ports import free_port
from tests.unit.api.dcos_template.pools import backend, frontend, pool

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("binary", BOTH)]


def test_an_instance_is_ready_while_its_backends_have_the_servers_that_they_need(binary: str, tmp_path: Path) -> None:
    """Its health, by which it would be ended, does not depend on them."""
    ports = {name: free_port() for name in ("app", "one", "two")}
    shape = pool("web", frontend("web", "app"), backend("app", minimum_servers=2), backend("one"), backend("two"))
    servers = tuple(Endpoint(Kind.AGENT_IP, "127.0.0.1", ports[name]) for name in ("one", "two"))
    haproxy = Haproxy(tmp_path, shape, {"app": servers, "one": (), "two": ()}, binary=binary, answers=ports)
    try:
        assert haproxy.get("stats", "/_haproxy_ready") == (200, "ready")
        haproxy.command(f"set server app/agentip_127.0.0.1_{ports['one']} state maint")
        assert haproxy.get("stats", "/_haproxy_ready") == (503, "not ready")
        assert haproxy.get("stats", "/_haproxy_health_check")[0] == 200
        haproxy.command(f"set server app/agentip_127.0.0.1_{ports['one']} state ready")
        assert haproxy.get("stats", "/_haproxy_ready") == (200, "ready")
        haproxy.command("set server _lbmgr/serving state maint")
        assert haproxy.get("stats", "/_haproxy_ready") == (503, "leaving")
    finally:
        haproxy.stop()
