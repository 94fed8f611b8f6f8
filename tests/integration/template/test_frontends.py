"""What the fields of frontends do, on a real HAProxy."""

import base64
import socket
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from scheduler.pools.model import Frontend, LinkBackend, MapRule, Protocol
from scheduler.pools.model.answers import Compression, ErrorPage
from scheduler.pools.model.basic_auth import BasicAuth, BasicAuthUser
from scheduler.pools.model.clients import AcceptProxy, Clients
from scheduler.pools.model.headers import HeaderAction, HeaderRule, Hsts
from scheduler.pools.model.limits import FrontendTimeouts, Limits, RequestRate
from scheduler.pools.model.redirect import Redirect, RedirectToHttps, StaysOnHttp
from tests.support.balancer import Haproxy
from tests.support.haproxies import BOTH
from tests.support.wait import wait_until
from tests.unit.api.dcos_template.pools import backend, pool

pytestmark = pytest.mark.integration

PAGE = "<p>\n\t'No' — \"$x\" %[src] \\ # </p>\r\n" + "é" * 3900
#: Of the passwords `open` and `sesame`.
OPEN = "$5$rounds=1000$salt$ztSWsC8raABA2O8AFbMN0CvSHk681YWW3aAVs3vs.18"
SESAME = "$6$pepper$is/iuENxuex5zXSQffEpHEhpjKjcDG2nMd36d3ifumUxL.e.l3TiybKL2kNXG0P8OQynqj36lq0hPz2kWxHXx."

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
        hsts=Hsts(max_age=60, include_sub_domains=True),
    ),
    "redirects": Frontend(
        name="redirects",
        redirects=(
            Redirect(host_eq="old.test", location="https://new.test/", keep_path=True, code=301),
            Redirect(path_beg="/old", location="/new", keep_path=True, code=307),
            Redirect(path_eq="/a", location="https://b.test/100%25?x=y#z"),
        ),
    ),
    "rate": Frontend(name="rate", limits=Limits(requests_per_client=RequestRate(count=3, period=3600))),
    "bytes": Frontend(name="bytes", limits=Limits(request_bytes=10)),
    "connections": Frontend(name="connections", limits=Limits(connections_per_client=2)),
    "tcp-rate": Frontend(
        name="tcp-rate",
        limits=Limits(requests_per_client=RequestRate(count=3, period=3600)),
        protocol=Protocol.TCP,
    ),
    "slow": Frontend(name="slow", timeouts=FrontendTimeouts(http_request=0.1)),
    "pages": Frontend(
        name="pages",
        error_pages=(ErrorPage(status=403, content=PAGE), ErrorPage(status=429, content="wait")),
        clients=Clients(deny=("127.0.0.2",)),
        limits=Limits(requests_per_client=RequestRate(count=3, period=3600)),
    ),
    "compressed": Frontend(name="compressed", compression=Compression()),
    "users": Frontend(
        name="users",
        basic_auth=BasicAuth(
            users=(BasicAuthUser(name="a", password_hash=OPEN), BasicAuthUser(name="b", password_hash=SESAME))
        ),
    ),
    "ipv6": Frontend(name="ipv6", bind_address="::"),
    "only-ipv6": Frontend(name="only-ipv6", bind_address="::1"),
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
    " hdr X-Authorization %[req.hdr(authorization),length]"
)


@pytest.fixture(scope="module", params=BOTH)
def haproxy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Haproxy]:
    directory: Path = tmp_path_factory.mktemp("haproxy")
    frontends = [
        replace(one, link_backend=replace(one.link_backend, default_backend="app" if one.protocol.is_http else "tcp"))
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


@pytest.mark.parametrize(
    ("host", "path", "place"),
    [
        ("old.test:80", "//evil.test/?q=1", (301, "https://new.test//evil.test/?q=1")),
        ("x", "/old/a?b=c", (307, "/new/old/a?b=c")),
        ("x", "/a?b=c", (302, "https://b.test/100%25?x=y#z")),
        ("x", "/ab", (200, None)),
    ],
)
def test_the_first_redirect_that_meets_a_request_answers_it(
    haproxy: Haproxy, host: str, path: str, place: tuple[int, str | None]
) -> None:
    """With the place as the pool has it, and the path where it is kept."""
    answer = haproxy.ask("redirects", path, host)
    assert (answer.status, answer.headers.get("location")) == place


@pytest.mark.parametrize("path", [".evil.test/", "@evil.test/", "*"])
def test_what_is_no_path_changes_no_host(haproxy: Haproxy, path: str) -> None:
    """HAProxy refuses it, or does not put it there."""
    answer = haproxy.ask("redirects", path, "old.test", method="OPTIONS" if path == "*" else "GET")
    assert answer.status == 400 or answer.headers["location"].startswith("https://new.test/")


def test_a_client_that_asks_too_often_is_told_so(haproxy: Haproxy) -> None:
    """Others are not concerned."""
    statuses = [haproxy.get("rate", "/")[0] for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    assert haproxy.ask("rate", "/").headers["retry-after"] == "3600"
    assert b" 200 " in told(haproxy, "rate", b"", "127.0.0.2")
    assert [told(haproxy, "tcp-rate", b"") != b"" for _ in range(5)] == [True, True, True, False, False]
    assert told(haproxy, "tcp-rate", b"", "127.0.0.2") != b""


def test_a_client_has_so_many_connections_at_a_time(haproxy: Haproxy) -> None:
    """One more is closed, and is taken when another has ended."""
    with socket.create_connection(("127.0.0.1", haproxy.ports["connections"])) as one:
        one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET")
        with socket.create_connection(("127.0.0.1", haproxy.ports["connections"])) as other:
            other.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET")
            assert one.recv(100)
            assert other.recv(100)
            assert told(haproxy, "connections", b"") == b""
    wait_until(lambda: b" 200 " in told(haproxy, "connections", b""), what="room for a connection")


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ("Content-Length: 10", b"x" * 10, b"200"),
        ("Content-Length: 11", b"x" * 11, b"413"),
        ("Transfer-Encoding: chunked", b"1\r\nx\r\n0\r\n\r\n", b"411"),
        ("X: y", b"", b"200"),
    ],
)
def test_bodies_have_a_length_and_no_more_than_allowed(
    haproxy: Haproxy, headers: str, body: bytes, status: bytes
) -> None:
    """What does not say its length is refused as well."""
    with socket.create_connection(("127.0.0.1", haproxy.ports["bytes"]), 5) as client:
        client.sendall(f"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n\r\n".encode() + body)
        assert client.recv(1000).split(b" ")[1] == status


@pytest.mark.parametrize(("method", "status"), [(b"\x82", b"\x88"), (b"\x83", b"411")])
def test_http_2_needs_no_tls_and_its_bodies_have_a_length_too(haproxy: Haproxy, method: bytes, status: bytes) -> None:
    """GET (index 2 of the table of headers) is let through (index 8: 200), POST without a length is not."""
    headers = method + b"\x84\x86\x41\x01x"  # / by http at x
    frames = b"\0\0\0\x04\0\0\0\0\0" + bytes([0, 0, len(headers), 1, 5, 0, 0, 0, 1]) + headers
    with socket.create_connection(("127.0.0.1", haproxy.ports["bytes"]), 5) as client:
        client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frames)
        answer = b""

        def answered() -> bool:
            nonlocal answer
            answer += client.recv(1000)
            return status in answer

        wait_until(answered, what="the answer over HTTP/2")


def test_timeouts_are_those_of_the_frontend(haproxy: Haproxy) -> None:
    """A request whose headers do not end is given up."""
    with socket.create_connection(("127.0.0.1", haproxy.ports["slow"]), 5) as client:
        client.sendall(b"GET / HTTP/1.1\r\n")
        assert client.recv(1000).split(b" ")[1] == b"408"


def test_haproxy_says_what_the_pool_says_with_its_own_statuses(haproxy: Haproxy) -> None:
    """Byte by byte, and with its headers."""
    head, _, page = told(haproxy, "pages", b"", "127.0.0.2").partition(b"\r\n\r\n")
    assert page.decode() == PAGE
    assert b"content-type: text/html; charset=utf-8" in head
    answers = [haproxy.ask("pages", "/") for _ in range(4)]
    assert (answers[-1].status, answers[-1].body, answers[-1].headers["retry-after"]) == (429, "wait", "3600")


def test_answers_are_compressed_for_clients_that_take_it(haproxy: Haproxy) -> None:
    """And for no others."""
    compressed = b"Accept-Encoding: gzip\r\nContent-Length: 0\r\n"
    with socket.create_connection(("127.0.0.1", haproxy.ports["compressed"]), 5) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + compressed + b"\r\n")
        assert b"content-encoding: gzip" in client.makefile("rb").read()
    assert "content-encoding" not in haproxy.ask("compressed", "/").headers


@pytest.mark.parametrize(
    ("given", "status"),
    [("a:open", 200), ("b:sesame", 200), ("a:sesame", 401), ("a:", 401), ("c:open", 401), ("", 401)],
)
def test_users_give_their_password_and_servers_are_not_told(haproxy: Haproxy, given: str, status: int) -> None:
    """Others are asked for one."""
    value = base64.b64encode(given.encode()).decode()
    answer = haproxy.ask("users", "/", headers={"Authorization": f"Basic {value}"} if given else {})
    assert answer.status == status
    assert answer.headers.get("x-authorization" if status == 200 else "www-authenticate") in (
        None,
        "0",
        'Basic realm="Restricted"',
    )


def test_frontends_listen_on_ipv6(haproxy: Haproxy) -> None:
    """On all addresses means those of IPv4, too."""
    assert haproxy.get("ipv6", "/", address="::1")[0] == 200
    assert haproxy.get("ipv6", "/")[0] == 200
    assert haproxy.get("only-ipv6", "/", address="::1")[0] == 200
    with pytest.raises(ConnectionRefusedError):
        haproxy.get("only-ipv6", "/")


def test_the_statistics_port_tells_its_process(haproxy: Haproxy) -> None:
    """Maps are told by commands, which it names; and it obeys nobody."""
    assert haproxy.get("stats", "/_haproxy_getpids") == (200, f"{haproxy.process.pid}\n")
    for path in ("/_haproxy_getvhostmap", "/_haproxy_getappmap"):
        status, text = haproxy.get("stats", path)
        assert status == 404
        assert "edgelb explain web URL" in text
    assert haproxy.get("stats", "/_mlb_signal/hup")[0] == 404
    assert haproxy.get("stats", "/_haproxy_getpids")[0] == 200


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
