"""What is sent again and how long servers are waited for, on a real HAProxy."""

import socket
from pathlib import Path

import pytest

from api.dcos_template.selecting.endpoint import Endpoint, Kind
from scheduler.pools.model import Method, Retries, RetryOn, Timeouts
from tests.support.balancer import Haproxy
from tests.support.haproxies import BOTH
from tests.support.ports import free_port
from tests.unit.api.dcos_template.pools import backend, frontend, pool

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("binary", BOTH)]


def test_requests_are_sent_again_for_the_chosen_reasons_and_methods_alone(binary: str, tmp_path: Path) -> None:
    """Of two servers one always answers with 503."""
    shape = pool(
        "web",
        *(frontend(name, f"b-{name}") for name in ("usual", "chosen", "never")),
        backend("b-usual"),
        backend("b-chosen", retries=Retries(on=(RetryOn.STATUS_503,), methods=(Method.GET, Method.PUT))),
        backend("b-never", retries=Retries(count=0, on=(RetryOn.STATUS_503,), methods=(Method.GET,))),
        backend("good"),
        backend("bad"),
        # HAProxy takes every reason that there is.
        *(backend(f"on-{one}", retries=Retries(on=(one,))) for one in RetryOn),
    )
    ports = {one.name: free_port() for one in shape.haproxy.backends}
    both = tuple(Endpoint(Kind.AGENT_IP, "127.0.0.1", ports[name]) for name in ("good", "bad"))
    servers = {one.name: both if one.name.startswith("b-") else () for one in shape.haproxy.backends}
    answer = f"status 200 if {{ dst_port {ports['good']} }}"
    haproxy = Haproxy(tmp_path, shape, servers, answer=answer, binary=binary, answers=ports)
    try:
        for name, method, expected in (
            ("usual", "GET", {200, 503}),
            ("chosen", "GET", {200}),
            ("chosen", "PUT", {200}),
            ("chosen", "POST", {200, 503}),
            ("never", "GET", {200, 503}),
        ):
            found = {haproxy.ask(name, "/", method=method, headers={"Content-Length": "0"}).status for _ in range(6)}
            assert (name, method, found) == (name, method, expected)
    finally:
        haproxy.stop()


def test_a_server_that_says_nothing_is_waited_for_as_long_as_the_backend_says(binary: str, tmp_path: Path) -> None:
    """The client, who waits for 5 s, would not see the end of the usual 30 s."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        shape = pool("web", frontend("web", "app"), backend("app", timeouts=Timeouts(server=0.3)))
        servers = {"app": (Endpoint(Kind.AGENT_IP, "127.0.0.1", silent.getsockname()[1], check=False),)}
        haproxy = Haproxy(tmp_path, shape, servers, binary=binary)
        try:
            assert haproxy.get("web", "/")[0] == 504
        finally:
            haproxy.stop()
