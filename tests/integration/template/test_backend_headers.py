"""Headers that a backend changes, and its spare servers, on a real HAProxy."""

from pathlib import Path

import pytest

from api.dcos_template.selecting.endpoint import Endpoint, Kind, said_of
from scheduler.pools.model import Endpoint as Wish
from scheduler.pools.model.headers import HeaderAction, HeaderRule
from tests.support.balancer import Haproxy
from tests.support.haproxies import BOTH
from tests.support.ports import free_port
from tests.unit.api.dcos_template.pools import backend, frontend, pool, service

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("binary", BOTH)]


def test_headers_are_changed_for_the_servers_of_the_backend_alone(binary: str, tmp_path: Path) -> None:
    """In requests and in answers, as they are written."""
    shape = pool(
        "web",
        frontend("changed", "app"),
        frontend("plain", "other"),
        backend(
            "app",
            request_headers=(
                HeaderRule(name="X-App", value="100% 'a' %[src]"),
                HeaderRule(name="X-Secret", action=HeaderAction.REMOVE),
            ),
            response_headers=(HeaderRule(name="X-Seen", value="b", action=HeaderAction.ADD),),
        ),
        backend("other"),
    )
    answer = 'status 200 content-type text/plain hdr X-Seen a lf-string "%[req.hdr(x-app)]|%[req.hdr(x-secret)]"'
    haproxy = Haproxy(tmp_path, shape, answer=answer, binary=binary)
    try:
        asked = {"X-App": "client's", "X-Secret": "s"}
        changed = haproxy.ask("changed", "/", headers=asked)
        assert changed.body == "100% 'a' %[src]|"
        assert haproxy.ask("plain", "/", headers=asked).body == "client's|s"
        assert changed.headers["x-seen"] == "b"  # of two of a name the last one is kept here
        assert haproxy.ask("plain", "/").headers["x-seen"] == "a"
    finally:
        haproxy.stop()


def test_all_spare_servers_are_used_when_no_other_one_is_up(binary: str, tmp_path: Path) -> None:
    """HAProxy by itself would use the first one alone."""
    ports = {name: free_port() for name in ("app", "one", "two")}
    shape = pool(
        "web",
        frontend("web", "app"),
        backend("app", service(task_name="a"), service(Wish(backup=True), task_name="b")),
        backend("one"),
        backend("two"),
    )
    words, weight = said_of(Wish(backup=True))
    servers = {
        "app": (
            Endpoint(Kind.AGENT_IP, "127.0.0.1", ports["app"]),
            *(Endpoint(Kind.AGENT_IP, "127.0.0.1", ports[name], words=words, weight=weight) for name in ("one", "two")),
        )
    }
    haproxy = Haproxy(tmp_path, shape, {**servers, "one": (), "two": ()}, binary=binary, answers=ports)
    try:
        assert {haproxy.get("web", "/")[1] for _ in range(6)} == {"app"}
        haproxy.command(f"set server app/agentip_127.0.0.1_{ports['app']} state maint")
        assert {haproxy.get("web", "/")[1] for _ in range(6)} == {"one", "two"}
    finally:
        haproxy.stop()
