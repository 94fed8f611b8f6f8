"""The fields of a frontend: what is taken, refused, shown and stored."""

from typing import Any

import pytest

from scheduler.pools.advice.pool import pool_warnings
from scheduler.pools.model import Pool
from scheduler.pools.model.headers import Hsts
from scheduler.pools.output import output_pool
from scheduler.pools.problems import InvalidPool
from scheduler.pools.schema import load_pool
from scheduler.pools.stored.sparse import read, written
from tests.support.pools import minimal

SLOW = "$5$rounds=9000$abc$" + "a" * 43
HASH = "$5$rounds=1000$abc$" + "a" * 43


def user(name: str, password_hash: str = HASH) -> dict[str, str]:
    """A user who is asked for a password."""
    return {"name": name, "passwordHash": password_hash}


#: Fields of a frontend that are taken as they are.
TAKEN: list[dict[str, Any]] = [
    {
        "redirectToHttps": {
            "except": [{"host": "a.test", "pathBeg": "/x"}, {"pathBeg": "/y"}],
            "port": 8443,
            "code": 308,
        }
    },
    {"clients": {"allow": ["10.0.0.0/8", "fd00::/8"], "deny": ["10.1.2.3"]}},
    {"acceptProxy": {"from": ["10.0.0.0/8"]}},
    {
        "redirects": [
            {"hostEq": "a.test", "pathEq": "/a", "location": "https://b.test:8443/x?y=%20z#t", "code": 308},
            {"pathBeg": "/old", "location": "https://b.test/new", "keepPath": True, "code": 301},
            {"pathBeg": "/old", "location": "/new", "code": 303},
        ]
    },
    {
        "limits": {
            "connections": 1000,
            "connectionsPerClient": 10,
            "requestBytes": 1000000,
            "requestsPerClient": {"count": 100, "period": 60},
        },
        "timeouts": {"client": 3600.0, "httpRequest": 0.5, "httpKeepAlive": 60.0},
    },
    {
        "basicAuth": {
            "realm": "Ours",
            "users": [{"name": "a", "passwordHash": HASH}, {"name": "b", "passwordHash": HASH}],
        }
    },
    {"compression": {"types": ["text/html", "text/*"]}},
    {"errorPages": [{"status": 503, "content": "<p>\n'Sorry' — \"$x\" %[src] \\</p>", "contentType": "text/html"}]},
    {"requestHeaders": [{"name": "X-A", "value": "a", "action": "ADD"}, {"name": "X-B", "action": "REMOVE"}]},
    {"responseHeaders": [{"name": "X-A", "value": 'a "b" $c %d', "action": "SET"}]},
    {"bindAddress": "fd00::1"},
    {"bindModifier": "accept-proxy"},
    {"miscStrs": ["timeout client 1h", "acl a path_beg '/a b'"]},
]
#: Fields of a frontend, where they are wrong, and the rule that is told.
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"redirectToHttps": {"except": [{}]}}, "redirectToHttps.except[0]", "needs host or pathBeg"),
    ({"redirectToHttps": {"except": [{"host": "a:1"}]}}, "redirectToHttps.except[0].host", "must be a host name with"),
    ({"redirectToHttps": {"except": [{"host": "a'b"}]}}, "redirectToHttps.except[0].host", "must be a host name"),
    ({"redirectToHttps": {"except": [{"pathBeg": "/'"}]}}, "redirectToHttps.except[0].pathBeg", "must hold only"),
    (
        {"redirectToHttps": {"except": [{"hostEq": "a"}]}},
        "redirectToHttps.except[0].hostEq",
        "unknown field; did you mean",
    ),
    ({"redirectToHttps": {"port": 0}}, "redirectToHttps.port", "must be between 1 and 65535"),
    ({"redirectToHttps": {"code": 304}}, "redirectToHttps.code", "must be one of 301, 302, 303, 307, 308"),
    ({"clients": {"allow": ["10.0.0.1/8"]}}, "clients.allow[0]", "has bits beyond its mask; write 10.0.0.0/8"),
    ({"clients": {"deny": ["::1", "fe80::1%eth0"]}}, "clients.deny[1]", "must be a network"),
    ({"clients": {"deny": ["10.0.0.1 10.0.0.2"]}}, "clients.deny[0]", "must be a network"),
    ({"clients": {"deny": ["10.0.0.1"] * 1001}}, "clients.deny", "must not have more than 1000 networks"),
    ({"acceptProxy": {}, "bindModifier": "accept-proxy"}, "acceptProxy", "is what bindModifier says, too"),
    ({"miscStrs": ["acl edgelb_allowed src 0.0.0.0/0"]}, "miscStrs[0]", "must not hold edgelb_"),
    *(
        ({"redirects": [{"pathBeg": "/a", **fields}]}, "redirects[0].location", rule)
        for fields, rule in (
            ({}, "is required"),
            ({"location": "//b.test"}, "must begin with"),
            ({"location": "javascript:x"}, "must begin with"),
            ({"location": "https:///x"}, "must name a host"),
            ({"location": "https://a@b.test"}, "must name a host"),
            ({"location": "https://b.test/a b"}, "must hold only"),
            ({"location": "https://b.test/\r\nX: y"}, "must hold only"),
            ({"location": "https://b.test/'"}, "must hold only"),
            ({"location": "https://b.test/?x", "keepPath": True}, "must have no ?"),
            ({"location": "/", "keepPath": True}, "must be more than /"),
            ({"location": "/a/b"}, "leads clients in a circle"),
            ({"location": "/a?x"}, "leads clients in a circle"),
            ({"location": "/a", "keepPath": True}, "leads clients in a circle"),
            ({"location": "/b", "pathBeg": ""}, "leads clients in a circle"),
        )
    ),
    ({"redirects": [{"location": "https://a", "hostEq": "a:1"}]}, "redirects[0].hostEq", "must be a host name without"),
    ({"redirects": [{"location": "https://a", "pathEq": "x"}]}, "redirects[0].pathEq", "must begin with /"),
    ({"basicAuth": {"users": []}}, "basicAuth.users", "must have 1 to 200 users"),
    ({"basicAuth": {"users": [user("a b")]}}, "basicAuth.users[0].name", "must be a name"),
    ({"basicAuth": {"users": [user("a"), user("a")]}}, "basicAuth.users[1].name", "is that of [0], too"),
    ({"basicAuth": {"users": [user("a", "secret")]}}, "basicAuth.users[0].passwordHash", "must be a hash that"),
    ({"basicAuth": {"users": [user("a", "$1$a$b")]}}, "basicAuth.users[0].passwordHash", "must be a hash that"),
    (
        {"basicAuth": {"users": [user("a", HASH.replace("=1", "=9"))]}},
        "basicAuth.users[0].passwordHash",
        "must not have",
    ),
    ({"basicAuth": {"users": [user("a")], "realm": "a'b"}}, "basicAuth.realm", "must be of letters"),
    ({"compression": {"types": ["text/html gzip"]}}, "compression.types[0]", "must be a type"),
    ({"errorPages": [{"status": 418, "content": "x"}]}, "errorPages[0].status", "must be one of"),
    ({"errorPages": [{"status": 503}]}, "errorPages[0].content", "is required"),
    ({"errorPages": [{"status": 503, "content": "\x00"}]}, "errorPages[0].content", "must not hold control"),
    ({"errorPages": [{"status": 503, "content": "\ud800"}]}, "errorPages[0].content", "must not hold control"),
    ({"errorPages": [{"status": 503, "content": "é" * 4001}]}, "errorPages[0].content", "must not be longer"),
    ({"errorPages": [{"status": 503, "content": "x"}] * 2}, "errorPages[1].status", "is that of [0], too"),
    (
        {"errorPages": [{"status": 503, "content": "x", "contentType": "a\nb"}]},
        "errorPages[0].contentType",
        "must be a",
    ),
    ({"requestHeaders": [{"value": "a"}]}, "requestHeaders[0].name", "is required"),
    ({"requestHeaders": [{"name": "Content-Length", "value": "1"}]}, "requestHeaders[0].name", "says how a message"),
    ({"requestHeaders": [{"name": "HOST", "value": "1"}]}, "requestHeaders[0].name", "is what rewriteHttp.host"),
    ({"requestHeaders": [{"name": "X:", "value": "1"}]}, "requestHeaders[0].name", "must be a header of letters"),
    ({"requestHeaders": [{"name": "X", "value": "a\r\nY: b"}]}, "requestHeaders[0].value", "must be printable"),
    ({"requestHeaders": [{"name": "X", "value": "a "}]}, "requestHeaders[0].value", "must be printable"),
    ({"responseHeaders": [{"name": "X"}]}, "responseHeaders[0].value", "is missing; to remove"),
    ({"responseHeaders": [{"name": "X", "value": "a", "action": "REMOVE"}]}, "responseHeaders[0].value", "is removed"),
    ({"responseHeaders": [{"name": "X", "value": "a"}] * 101}, "responseHeaders", "must not have more than 100"),
    ({"hsts": {}}, "hsts", "is for a frontend of protocol HTTPS; this one has HTTP"),
    ({"protocol": "UDP"}, "protocol", "must be one of HTTP, HTTPS, TCP, TLS: HAProxy forwards no datagrams"),
    ({"bindModifier": "ssl crt /etc/x.pem"}, "bindModifier", "must not hold ssl, which is what protocol says"),
    ({"bindModifier": "accept-proxy\nbind :1"}, "bindModifier", "must be one line"),
    ({"bindModifier": "user root"}, "bindModifier", "must not hold 'user'; known are"),
    ({"bindModifier": "maxconn x"}, "bindModifier", "holds maxconn, which cannot be followed by 'x'"),
    ({"bindModifier": "maxconn"}, "bindModifier", "holds maxconn, which cannot be followed by ''"),
    ({"miscStrs": "timeout client 1h"}, "miscStrs", "must be an array"),
    ({"miscStrs": [""]}, "miscStrs[0]", "must not be empty"),
    ({"miscStrs": ["acl a path /", "server x 1.2.3.4"]}, "miscStrs[1]", "must not begin with server"),
    ({"miscStrs": ["timeout client 1h"] * 201}, "miscStrs", "must not have more than 200 lines"),
]


def with_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """A pool whose frontend has them."""
    shape = minimal()
    shape["haproxy"]["frontends"][0].update(fields)
    return shape


@pytest.mark.parametrize("fields", TAKEN, ids=str)
def test_what_is_taken_is_shown_and_stored_as_it_was_given(fields: dict[str, Any]) -> None:
    """And means something: the pool is another one without it."""
    pool = load_pool(with_fields(fields))
    shown = output_pool(pool)["haproxy"]["frontends"][0]
    assert {name: shown.get(name) for name in fields} == fields
    assert load_pool(output_pool(pool)) == pool
    assert read(Pool, written(pool), "pool") == pool
    assert pool != load_pool(minimal())


def test_what_stands_in_the_place_of_a_hash_is_not_shown() -> None:
    """It may be the password."""
    with pytest.raises(InvalidPool) as caught:
        load_pool(with_fields({"basicAuth": {"users": [user("a", "open sesame")]}}))
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("other", ["::", "0.0.0.0", "fd00::1", "[FD00:0::1]"])
def test_an_address_is_bound_once_in_whatever_form(other: str) -> None:
    """And what listens everywhere leaves no room for others."""
    shape = minimal(ports=[80, 9090])
    first = {**shape["haproxy"]["frontends"][0], "bindAddress": "fd00::1", "name": "first"}
    shape["haproxy"]["frontends"] = [first, {**first, "bindAddress": other, "name": "second"}]
    with pytest.raises(InvalidPool, match=r"frontends\[1\].bindPort: 80 invalid: is already bound by"):
        load_pool(shape)


def test_hsts_is_for_frontends_that_browsers_ask_by_https() -> None:
    """Elsewhere they would not believe it."""
    shape = with_fields({"protocol": "HTTPS", "certificates": ["$SECRETS/a.pem"], "hsts": {"maxAge": 0}})
    shape["secrets"] = [{"secret": "web/a", "file": "a.pem"}]
    pool = load_pool(shape)
    assert load_pool(output_pool(pool)) == pool
    assert pool.haproxy.frontends[0].hsts == Hsts(max_age=0)


@pytest.mark.parametrize("name", ["acceptProxy", "redirectToHttps", "compression"])
def test_what_is_on_as_soon_as_it_is_there_is_shown_where_it_is_there(name: str) -> None:
    """Its absence would mean the opposite."""
    pool = load_pool(with_fields({name: {}}))
    assert load_pool(output_pool(pool)) == pool != load_pool(minimal())
    assert name not in output_pool(load_pool(minimal()))["haproxy"]["frontends"][0]


def elsewhere(**conditions: str) -> dict[str, str]:
    """A redirect."""
    return {"location": "https://b.test", **conditions}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"redirectToHttps": {}, "redirects": [elsewhere()]}, ["redirects has no effect", "linkBackend has no effect"]),
        ({"redirectToHttps": {"except": [{"pathBeg": "/x"}]}, "basicAuth": {"users": [user("a")]}}, []),
        ({"basicAuth": {"users": [user("a")]}}, ["basicAuth: without TLS"]),
        ({"redirects": [elsewhere(), elsewhere(pathBeg="/a")]}, ["redirects[1] answers nothing, because redirects[0]"]),
        ({"redirects": [elsewhere(pathBeg="/a"), elsewhere(pathEq="/ab")]}, ["redirects[1] answers nothing"]),
        ({"redirects": [elsewhere(pathEq="/a"), elsewhere(pathBeg="/a")]}, []),
        ({"redirects": [elsewhere(hostEq="a"), elsewhere(hostEq="b"), elsewhere()]}, []),
    ],
    ids=str,
)
def test_what_is_probably_not_meant_is_told(fields: dict[str, Any], told: list[str]) -> None:
    """With the field, and the other one that makes it so."""
    found = pool_warnings(load_pool(with_fields(fields)))
    assert len(found) == len(told)
    for sentence, beginning in zip(found, told, strict=True):
        assert sentence.startswith(f"pool.haproxy.frontends[0].{beginning}")


#: Fields that are for frontends which see requests.
OF_REQUESTS: list[dict[str, Any]] = [
    {"redirectToHttps": {}},
    {"redirects": [{"location": "https://a.test"}]},
    {"limits": {"requestBytes": 1}},
    {"basicAuth": {"users": [user("a")]}},
    {"compression": {}},
    {"errorPages": [{"status": 503, "content": "x"}]},
    {"timeouts": {"httpRequest": 1}},
    {"timeouts": {"httpKeepAlive": 1}},
    {"requestHeaders": [{"name": "X", "value": "a"}]},
    {"responseHeaders": [{"name": "X", "value": "a"}]},
]


@pytest.mark.parametrize("fields", OF_REQUESTS, ids=str)
def test_what_is_done_with_requests_is_for_frontends_that_see_them(fields: dict[str, Any]) -> None:
    """A TCP frontend would do nothing of it."""
    shape = with_fields({**fields, "protocol": "TCP"})
    shape["haproxy"]["backends"][0]["protocol"] = "TCP"
    with pytest.raises(InvalidPool) as caught:
        load_pool(shape)
    [problem] = caught.value.problems
    assert problem.path.startswith(f"pool.haproxy.frontends[0].{next(iter(fields))}")
    assert problem.rule.startswith("is for a frontend of protocol HTTP")


@pytest.mark.parametrize(("fields", "path", "rule"), REFUSED, ids=str)
def test_what_is_refused_is_named_by_its_path(fields: dict[str, Any], path: str, rule: str) -> None:
    """With the rule that it breaks."""
    with pytest.raises(InvalidPool) as caught:
        load_pool(with_fields(fields))
    [problem] = caught.value.problems
    assert problem.path == f"pool.haproxy.frontends[0].{path}"
    assert problem.rule.startswith(rule)
