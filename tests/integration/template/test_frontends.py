"""What the fields of frontends do, on a real HAProxy."""

import socket
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from scheduler.pools.model import Frontend, LinkBackend, MapRule, Protocol
from scheduler.pools.model.clients import AcceptProxy, Clients
from scheduler.pools.model.headers import HeaderAction, HeaderRule, Hsts
from scheduler.pools.model.redirect import RedirectToHttps, StaysOnHttp
from tests.support.balancer import Haproxy
from tests.support.haproxies import BOTH
from tests.unit.api.dcos_template.pools import backend, pool

pytestmark = pytest.mark.integration

#: Frontends of one pool; each leads to the backend `app` where nothing else is said.
FRONTENDS: Mapping[str, Frontend] = {
    "https": Frontend(name="https", redirect_to_https=RedirectToHttps()),
    "https-some": Frontend(
        name="https-some",
        redirect_to_https=RedirectToHttps(
            except_=(StaysOnHttp(path_beg="/plain"), StaysOnHttp(host="a.test", path_beg="/a")), port=8443, code=308
        ),
    ),
    "clients": Frontend(
        name="clients",
        clients=Clients(allow=("10.0.0.0/8", "fd00::/8"), deny=("10.1.0.0/16",)),
        accept_proxy=AcceptProxy(),
    ),
    "proxies": Frontend(name="proxies", accept_proxy=AcceptProxy(from_=("127.0.0.2",))),
    "tcp": Frontend(name="tcp", clients=Clients(deny=("127.0.0.2",)), protocol=Protocol.TCP),
    "headers": Frontend(
        name="headers",
        request_headers=(
            HeaderRule(name="X-Told", value="100% 'a' \"b\" $c # {d} %[src]"),
            HeaderRule(name="X-Told", value="b", action=HeaderAction.ADD),
            HeaderRule(name="X-Less", action=HeaderAction.REMOVE),
        ),
        response_headers=(
            HeaderRule(name="Content-Type", action=HeaderAction.REMOVE),
            HeaderRule(name="X-All", value="yes"),
        ),
        hsts=Hsts(max_age=60, include_subdomains=True),
    ),
    "raw": Frontend(
        name="raw",
        misc_strs=(
            "http-request deny deny_status 410 if { path_beg '/tea pot' } or { path /teapot }",
            "use_backend other if { hdr(x-canary) -m found }",
            "http-request set-path /other if { path /moved }",
            "http-response set-header X-Raw 'a # $b'",
        ),
        link_backend=LinkBackend(map=(MapRule(backend="other", path_beg="/other"),)),
    ),
}
#: A server that says which backend it is of and what it was asked for.
ECHO = (
    'status 200 content-type text/plain lf-string "%f %[pathq]"'
    " hdr X-Got %[req.fhdr(x-less)]|%[req.fhdr(x-told,1)]|%[req.fhdr(x-told,2)]"
)


@pytest.fixture(scope="module", params=BOTH)
def haproxy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Haproxy]:
    directory: Path = tmp_path_factory.mktemp("haproxy")
    frontends = [
        replace(one, link_backend=replace(one.link_backend, default_backend="tcp" if one.name == "tcp" else "app"))
        for one in FRONTENDS.values()
    ]
    shape = pool("web", *frontends, backend("app"), backend("other"), backend("tcp", protocol=Protocol.TCP))
    made = Haproxy(directory, shape, answer=ECHO, binary=request.param)
    yield made
    made.stop()


@pytest.mark.parametrize(
    ("host", "path", "place"),
    [
        ("a.test", "/x?y=%20z", "https://a.test/x?y=%20z"),
        ("A.Test:8080", "/", "https://a.test/"),
        ("[::1]:80", "//b.test/x", "https://[::1]//b.test/x"),
        ("a.test", "http://a.test/x", "https://a.test/x"),
    ],
)
def test_clients_are_sent_to_https_at_the_host_that_they_asked(
    haproxy: Haproxy, host: str, path: str, place: str
) -> None:
    """Without its port, and with path and query as they were."""
    answer = haproxy.ask("https", path, host)
    assert (answer.status, answer.headers["location"]) == (301, place)


@pytest.mark.parametrize("host", [None, "", "a.test/x", "a.test@b.test", "a.test:b", "a.test?", "a test", "a.test\\b"])
def test_nobody_is_sent_to_what_is_no_host(haproxy: Haproxy, host: str | None) -> None:
    """Whatever a client writes there."""
    assert haproxy.ask("https", "/", host).status == 400


def test_exceptions_of_the_redirect_meet_all_that_they_say(haproxy: Haproxy) -> None:
    """And everything else goes to the port and with the status of choice."""
    assert haproxy.get("https-some", "/plain/x", "b.test")[0] == 200
    assert haproxy.get("https-some", "/a", "A.test.:80")[0] == 200
    assert haproxy.get("https-some", "/a", "b.test")[0] == 308
    answer = haproxy.ask("https-some", "/", "a.test")
    assert (answer.status, answer.headers["location"]) == (308, "https://a.test:8443/")


def told(haproxy: Haproxy, frontend: str, header: bytes, source: str = "127.0.0.1") -> bytes:
    """What a client from `source` is answered that sends this before its request."""
    try:
        with socket.create_connection(("127.0.0.1", haproxy.ports[frontend]), 5, (source, 0)) as client:
            client.sendall(header + b"GET / HTTP/1.0\r\nHost: x\r\n\r\n")
            return client.makefile("rb").read()
    except ConnectionError:
        return b""


@pytest.mark.parametrize(
    ("client", "status"),
    [("10.2.0.1", b"200"), ("10.1.0.1", b"403"), ("192.168.0.1", b"403"), ("fd00::1", b"200"), ("fe80::1", b"403")],
)
def test_clients_are_served_by_their_networks(haproxy: Haproxy, client: str, status: bytes) -> None:
    """As the PROXY protocol tells their addresses."""
    kind = "TCP6" if ":" in client else "TCP4"
    own = "::1" if ":" in client else "127.0.0.1"
    answer = told(haproxy, "clients", f"PROXY {kind} {client} {own} 1234 80\r\n".encode())
    assert answer.split(b" ")[1] == status


def test_only_proxies_that_are_named_say_who_the_client_is(haproxy: Haproxy) -> None:
    """They have to, and nobody else may."""
    header = b"PROXY TCP4 10.2.0.1 127.0.0.1 1234 80\r\n"
    assert b" 200 " in told(haproxy, "proxies", header, "127.0.0.2")
    assert b" 200 " not in told(haproxy, "proxies", b"", "127.0.0.2")
    assert b" 200 " in told(haproxy, "proxies", b"")
    assert b" 200 " not in told(haproxy, "proxies", header)


def test_a_tcp_frontend_closes_the_connections_of_clients_that_it_does_not_serve(haproxy: Haproxy) -> None:
    """Others go on to the servers."""
    assert b" 200 " in told(haproxy, "tcp", b"")
    assert told(haproxy, "tcp", b"", "127.0.0.2") == b""


def test_headers_are_changed_in_requests_and_in_all_answers(haproxy: Haproxy) -> None:
    """Values are taken as they are, and what a client says of a header that is set is not believed."""
    answer = haproxy.ask("headers", "/", headers={"X-Told": "lie", "X-Less": "lie"})
    assert answer.headers["x-got"] == """|100% 'a' "b" $c # {d} %[src]|b"""
    answer = haproxy.ask("headers", "/told", headers={"X-Told": "lie"})
    assert answer.headers["x-all"] == "yes"
    assert answer.headers["strict-transport-security"] == "max-age=60; includeSubDomains"
    assert "content-type" not in answer.headers


def test_lines_in_haproxys_words_are_done_before_a_backend_is_looked_for(haproxy: Haproxy) -> None:
    """And backends that they choose come before those of the rules."""
    assert haproxy.get("raw", "/")[1] == "answer-app /"
    assert haproxy.get("raw", "/teapot")[0] == 410
    assert haproxy.get("raw", "/moved")[1] == "answer-other /other"
    answer = haproxy.ask("raw", "/", headers={"X-Canary": "1"})
    assert (answer.body, answer.headers["x-raw"]) == ("answer-other /", "a # $b")
