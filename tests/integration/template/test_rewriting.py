"""What servers are asked for, and what becomes of their answers, on a real HAProxy."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from scheduler.pools.model.rewrite import RewriteHttp, RewritePath, RewriteRequest, RewriteResponse
from tests.support.balancer import Haproxy
from tests.support.haproxies import BOTH
from tests.unit.api.dcos_template.pools import backend, frontend, pool
from tests.unit.api.dcos_template.test_rewriting import PATHS, PLACES

pytestmark = pytest.mark.integration

#: A server that says what it was asked for, and leads to where its client wants to be led.
ECHO = (
    "status 200 content-type text/plain hdr Location %[req.hdr(x-lead-to)]"
    ' lf-string "%[pathq] %[req.hdr(host)] %[req.hdr(x-forwarded-for),length]'
    ' %[req.hdr(x-forwarded-port)] %[req.hdr(x-forwarded-proto),length]"'
)
SHAPES = list(dict.fromkeys([*((*row[:2], "") for row in PATHS), *(row[:3] for row in PLACES)]))
PLAIN = RewriteHttp()
QUIET = RewriteRequest(forwardfor=False, x_forwarded_port=False, set_host_header=False, rewrite_path=False)


def rewrite(from_path: str, to_path: str, host: str) -> RewriteHttp:
    return RewriteHttp(host=host, path=RewritePath(from_path=from_path, to_path=to_path))


def port(*shape: str) -> str:
    """The frontend that leads to the backend of that fromPath, toPath and host."""
    return f"f{SHAPES.index((shape[0], shape[1], shape[2]))}"


@pytest.fixture(scope="module", params=BOTH)
def haproxy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Haproxy]:
    directory: Path = tmp_path_factory.mktemp("haproxy")
    off = replace(rewrite("/a", "/b", "app.test"), request=QUIET, response=RewriteResponse(rewrite_location=False))
    backends = {f"b{at}": rewrite(*shape) for at, shape in enumerate(SHAPES)} | {"bplain": PLAIN, "boff": off}
    shape = pool(
        "web",
        *(frontend(f"f{name[1:]}", name) for name in backends),
        *(backend(name, rewrite_http=found) for name, found in backends.items()),
    )
    made = Haproxy(directory, shape, answer=ECHO, binary=request.param)
    yield made
    made.stop()


def test_servers_are_asked_for_the_documented_paths(haproxy: Haproxy) -> None:
    """With the query as it was."""
    wrong = []
    for from_path, to_path, asked, told in PATHS:
        # HAProxy's own server knows no path of `OPTIONS *`.
        method, query, told = ("OPTIONS", "", "") if asked == "*" else ("GET", "?q=/nginx", told)
        found = haproxy.get(port(from_path, to_path, ""), asked + query, method=method)[1].split(" ")[0]
        if found != told + query:
            wrong.append((from_path, to_path, asked, told, found))
    assert wrong == []


def test_clients_are_led_to_places_that_they_can_ask_for(haproxy: Haproxy) -> None:
    """And never to a host that the server did not mean."""
    wrong = []
    for from_path, to_path, host, said, seen in PLACES:
        answer = haproxy.ask(port(from_path, to_path, host), "/", "web.example", headers={"X-Lead-To": said})
        if answer.headers.get("location") != seen:
            wrong.append((from_path, to_path, host, said, seen, answer.headers.get("location")))
    assert wrong == []


def test_servers_are_told_the_host_of_the_pool_or_that_of_the_client(haproxy: Haproxy) -> None:
    """Exactly as it is written there."""
    assert haproxy.get(port("", "", "app.test:8080"), "/", "web.example")[1].split()[1] == "app.test:8080"
    assert haproxy.get("fplain", "/", "web.example:81")[1].split()[1] == "web.example:81"


def test_each_flag_switches_its_own_part_off(haproxy: Haproxy) -> None:
    """A field that is absent is on."""
    path, host, forwarded, from_port, proto = haproxy.get("fplain", "/a/x", "web.example")[1].split(" ")
    assert (path, host, int(forwarded) > 0, from_port, proto) == (
        "/a/x",
        "web.example",
        True,
        str(haproxy.ports["fplain"]),
        "",
    )
    answer = haproxy.ask("foff", "/a/x", "web.example", headers={"X-Lead-To": "http://app.test/b/x"})
    assert answer.body == "/a/x web.example   "
    assert answer.headers["location"] == "http://app.test/b/x"
