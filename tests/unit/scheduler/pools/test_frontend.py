"""The fields of a frontend: what is taken, refused, shown and stored."""

from typing import Any

import pytest

from scheduler.pools.model import Pool
from scheduler.pools.output import output_pool
from scheduler.pools.problems import InvalidPool
from scheduler.pools.schema import load_pool
from scheduler.pools.sparse import read, written
from tests.support.pools import minimal

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
    {"requestHeaders": [{"name": "X-A", "value": "a", "action": "ADD"}, {"name": "X-B", "action": "REMOVE"}]},
    {"responseHeaders": [{"name": "X-A", "value": 'a "b" $c %d', "action": "SET"}]},
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


#: Fields that are for frontends which see requests.
OF_REQUESTS: list[dict[str, Any]] = [
    {"redirectToHttps": {}},
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
    assert problem.path == f"pool.haproxy.frontends[0].{next(iter(fields))}"
    assert problem.rule.startswith("is for a frontend of protocol HTTP")


@pytest.mark.parametrize(("fields", "path", "rule"), REFUSED, ids=str)
def test_what_is_refused_is_named_by_its_path(fields: dict[str, Any], path: str, rule: str) -> None:
    """With the rule that it breaks."""
    with pytest.raises(InvalidPool) as caught:
        load_pool(with_fields(fields))
    [problem] = caught.value.problems
    assert problem.path == f"pool.haproxy.frontends[0].{path}"
    assert problem.rule.startswith(rule)
