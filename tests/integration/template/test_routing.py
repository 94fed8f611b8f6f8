"""What a real HAProxy does with the rendered files."""

import contextlib
import itertools
import random
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from api.dcos_template.selecting.endpoint import Endpoint, Kind
from scheduler.pools.model import Asked, MapRule, Stats
from tests.support.balancer import Haproxy
from tests.support.haproxies import BOTH
from tests.support.routing import reference
from tests.support.wait import wait_until
from tests.unit.api.dcos_template.pools import backend, frontend, pool

pytestmark = pytest.mark.integration

BACKENDS = ("one", "two", "three", "fallback")
RULES = [
    MapRule(backend="one", host_eq="a.example", path_beg="/api"),
    MapRule(backend="two", path_beg="/static"),
    MapRule(backend="three", host_eq="a.example"),
    MapRule(backend="two", host_eq="a.example", path_beg="/never"),
    MapRule(backend="one", host_eq="b.example:8443"),
    MapRule(backend="three", host_eq="b.example", path_beg="/b"),
    MapRule(backend="one", path_beg="/b/deep"),
    MapRule(backend="two", host_eq="a.exampl", path_beg="/api"),
]


@pytest.fixture
def haproxy(tmp_path: Path) -> Iterator[Haproxy]:
    shape = pool(
        "shop",
        frontend("web", "fallback", *RULES),
        frontend("bare", "", *RULES),
        *map(backend, BACKENDS),
        backend("empty"),
    )
    made = Haproxy(tmp_path, shape)
    yield made
    made.stop()


HOSTS = [
    "a.example",
    "A.Example",
    "a.example:9999",
    "b.example",
    "b.example:8443",
    "b.example:1",
    "c.example",
    "a.exampl",
    "a.example.",
    "A.Example.:9999",
    "b.example.:8443",
]
PATHS = ["/", "/api", "/api/x?y=/static", "/apix", "/static/a", "/never", "/b", "/b/deep/x", "/b/dee", "/API"]


def test_every_request_goes_where_the_first_matching_rule_says(haproxy: Haproxy) -> None:
    """Hosts with and without port or final dot, upper case, prefixes within prefixes, the default, 503 without one."""
    wrong = []
    for host in HOSTS:
        for path in PATHS:
            wanted = reference(RULES, host, path)
            found = haproxy.get("web", path, host), haproxy.get("bare", path, host)[0]
            expected = (200, wanted or "fallback"), 200 if wanted else 503
            if found != expected:
                wrong.append((host, path, found, expected))
    assert wrong == []


MORE_HOSTS = [*HOSTS, "x.a.example", "Y.x.A.example.:81", "example", ".example", "b.example:80"]
MORE_PATHS = [*PATHS, "/static/a.png?x", "/b/deep/x.PNG", "/it's", "/v12/b"]
NAMES = ["", "", "a.example", "b.example", "b.example:8443", "a.exampl", "*.example", "*.a.example", "x.a.example"]
LISTS = [(), (), ("a.example", "*.x.a.example"), ("*.example", "example"), ("b.example:80", "*.a.example", "a.exampl")]
HOST_REGS = ["", "", r"^[ab]\.Example$", r":8\d+$", r"^(x\.)?a\.", r"^([a-z]+\.)+example(:80)?$"]
HEADERS = [
    (),
    (),
    (Asked(name="X-Canary"),),
    (Asked(name="x-canary", value_eq="always"),),
    (Asked(name="User-Agent", value_reg="(?i)curl/[0-9]"), Asked(name="X-Canary")),
    (Asked(name="X-Canary", value_eq='it\'s 100% "$a" # no'),),
]
COOKIES = [
    (),
    (),
    (Asked(name="v", value_eq="2"),),
    (Asked(name="v"),),
    (Asked(name="user", value_reg="^a'?"), Asked(name="v", value_eq="2")),
]
SENT = [
    {},
    {"X-Canary": "always"},
    {"X-CANARY": " always ", "User-Agent": "a Curl/8"},
    {"X-Canary": "always, now", "Cookie": "v=2"},
    {"Cookie": "v=2; user=ann"},
    {"Cookie": "a=v; V=2; v=1,v=2; user=a'b"},
    {"Cookie": 'user="a;v=2"; v = 3; x', "X-Canary": 'it\'s 100% "$a" # no'},
]
PATH_REGS = ["", "", "^/(api|static)/", r"(?i)\.png$", "it's|deep", "^/v[0-9]{1,2}/", "[^/]x$"]


def drawn(draw: random.Random) -> list[MapRule]:
    """Rules with all kinds of conditions, most of them with a few."""
    rules = []
    while len(rules) < 14:
        hosts = draw.choice(LISTS)
        patterns = draw.random() < 0.5
        rule = MapRule(
            backend=draw.choice(BACKENDS),
            host_eq="" if hosts else draw.choice(NAMES),
            hosts_eq=hosts,
            path_beg=draw.choice(["", "", *(path.partition("?")[0] for path in PATHS)]),
            host_reg=draw.choice(HOST_REGS) if patterns else "",
            path_end=draw.choice(["", "", "x", ".png", "/b"]) if patterns else "",
            path_reg=draw.choice(PATH_REGS) if patterns else "",
            headers=draw.choice(HEADERS) if patterns else (),
            cookies=draw.choice(COOKIES) if patterns else (),
        )
        if rule.has_conditions:
            rules.append(rule)
    return rules


@pytest.mark.parametrize("program", BOTH)
def test_rules_in_any_order_mean_what_their_order_says(program: str, tmp_path: Path) -> None:
    """Rules with and without hosts and patterns before and behind each other, drawn at random, always the same ones."""
    draw = random.Random(9)
    lists = {f"web-{number}": drawn(draw) for number in range(16)}
    frontends = [frontend(name, "", *rules) for name, rules in lists.items()]
    made = Haproxy(tmp_path, pool("shop", *frontends, *map(backend, BACKENDS)), binary=program)
    wrong = []
    try:
        for name, rules in lists.items():
            for host, path in itertools.product(MORE_HOSTS, MORE_PATHS):
                sent = draw.choice(SENT)
                wanted = reference(rules, host, path, tuple(sent.items()))
                status, body, _ = made.ask(name, path, host, headers=sent)
                if (status, body if status == 200 else None) != (200 if wanted else 503, wanted):
                    wrong.append((rules, host, path, sent, wanted, status, body))
    finally:
        made.stop()
    assert wrong == []


def test_requests_without_a_host_take_the_rules_without_a_host(haproxy: Haproxy) -> None:
    """HTTP/1.0 clients and probes; `OPTIONS *` has no path at all."""
    assert haproxy.get("web", "/static/x", host="") == (200, "two")
    assert haproxy.get("web", "/x", host="") == (200, "fallback")
    assert haproxy.get("web", "*", host="c.example", method="OPTIONS") == (200, "fallback")
    assert haproxy.get("web", "*", host="a.example", method="OPTIONS") == (200, "three")


def test_the_statistics_listener_answers_its_documented_paths(haproxy: Haproxy) -> None:
    """HTML, CSV, health and Prometheus metrics, and a 404 that tells them."""
    assert "<html>" in haproxy.get("stats", "/haproxy?stats")[1]
    assert haproxy.get("stats", "/haproxy?stats;csv")[1].startswith("# pxname,svname")
    # Nobody is here who would add his own.
    assert "haproxy_backend_status" in haproxy.get("stats", "/metrics")[1]
    assert haproxy.get("stats", "/_haproxy_getconfig")[0] == 503
    assert haproxy.get("stats", "/elsewhere")[0] == 404


def address_of_this_host() -> str:
    """One that is not of the loopback network; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])


@pytest.mark.parametrize("stats", [Stats(bind_port=0), Stats(bind_port=0, bind_address="0.0.0.0")])
def test_statistics_are_for_other_hosts_only_if_the_pool_says_so(tmp_path: Path, stats: Stats) -> None:
    """Health is for everybody, because load balancers in front ask for it."""
    shape = pool("shop", frontend("web", "app"), backend("app"))
    shape = replace(shape, haproxy=replace(shape.haproxy, stats=stats))
    made = Haproxy(tmp_path, shape)
    try:
        shown = 200 if stats.bind_address else 403
        for path in ("/haproxy?stats", "/haproxy?stats;csv", "/metrics"):
            assert made.get("stats", path)[0] == 200
            status, body = made.get("stats", path, address=address_of_this_host())
            assert status == shown
            assert (status == 200) or "haproxy.stats.bindAddress" in body
        status, body = made.get("stats", "/_haproxy_getconfig", address=address_of_this_host())
        assert status == 403
        assert not stats.bind_address or "edgelb lb-config shop" in body
        assert made.get("stats", "/_haproxy_health_check", address=address_of_this_host())[0] == 200
    finally:
        made.stop()


def test_health_is_503_while_the_instance_drains(haproxy: Haproxy) -> None:
    """lbmgr takes its own server out; traffic goes on meanwhile."""
    haproxy.command("set server _lbmgr/serving state maint")
    assert haproxy.get("stats", "/_haproxy_health_check")[0] == 503
    assert haproxy.get("web", "/static/x", "a.example") == (200, "two")
    haproxy.command("set server _lbmgr/serving state ready")
    assert haproxy.get("stats", "/_haproxy_health_check")[0] == 200


def test_a_server_that_refuses_connections_costs_no_request(tmp_path: Path) -> None:
    """Retried on another server; a POST only where nothing was sent yet."""
    shape = pool("shop", frontend("web", "app"), backend("app"))
    made = Haproxy(tmp_path, shape)
    try:
        made.command("add server app/dead 127.0.0.1:9 id 4242 check fall 3 inter 60s")
        made.command("set server app/dead state ready")
        deadline = time.monotonic() + 20
        statuses = set()
        for method in ("GET", "POST") * 10:
            statuses.add(made.get("web", "/", method=method)[0])
            assert time.monotonic() < deadline
        assert statuses == {200}
    finally:
        made.stop()


def test_the_log_has_a_line_for_each_request_that_failed_and_for_no_other(haproxy: Haproxy, tmp_path: Path) -> None:
    """All requests would fill the disk."""
    for path in ("/good", "/bad"):
        haproxy.get("bare" if path == "/bad" else "web", path, "c.example")
    wait_until(lambda: "/bad" in (tmp_path / "log").read_text(), what="the request that found no server")
    assert "/good" not in (tmp_path / "log").read_text()


class Silent:
    """A server that takes requests, counts them and never answers."""

    def __init__(self) -> None:
        self.requests = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                if connection.recv(65536):
                    self.requests += 1

    def close(self) -> None:
        for one in (self._listener, *self._open):
            one.close()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_that_takes_too_long_is_not_sent_again(tmp_path: Path, method: str) -> None:
    """One server works on it, once, and the client gets 504 after one server timeout."""
    slow = [Silent(), Silent()]
    shape = pool("reports", frontend("web", "slow"), backend("slow"))
    servers = tuple(Endpoint(Kind.AGENT_IP, "127.0.0.1", one.port, check=False) for one in slow)
    made = Haproxy(tmp_path, shape, {"slow": servers}, {"timeout server 30s": "timeout server 300ms"})
    try:
        assert made.get("web", "/report", method=method)[0] == 504
        assert sum(one.requests for one in slow) == 1
    finally:
        made.stop()
        for one in slow:
            one.close()
