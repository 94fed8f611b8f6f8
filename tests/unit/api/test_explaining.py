"""Where a request goes and why, told in the order in which a load balancer looks at it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.explaining import BadQuestion, Known, Question, explanation, read_question
from pool_executor.contract import Server
from scheduler.pools.model import Asked, MapRule, Protocol
from scheduler.pools.model.basic_auth import BasicAuth, BasicAuthUser
from scheduler.pools.model.clients import Clients
from scheduler.pools.model.headers import HeaderAction, HeaderRule
from scheduler.pools.model.limits import Limits, RequestRate
from scheduler.pools.model.redirect import Redirect, RedirectToHttps, StaysOnHttp
from scheduler.pools.model.rewrite import RewriteHttp, RewritePath
from tests.support.routing import reference
from tests.unit.api.dcos_template.pools import TCP, backend, frontend, pool
from tests.unit.api.dcos_template.test_routes import ANY_RULES, HOSTS, PATHS

RULES = (
    MapRule(backend="api", host_eq="api.example.com"),
    MapRule(backend="api", hosts_eq=("*.example.com", "example.com"), path_beg="/api"),
    MapRule(backend="static", host_reg="^shop", path_end=".png"),
)
APP = RewriteHttp(host="app.test:8080", path=RewritePath(from_path="/shop", to_path="/100%"))
SHOP = pool(
    "shop",
    frontend("web", "app", *RULES, bind_port=80),
    frontend("bare", "", *RULES, bind_port=0),
    frontend("old", "app", bind_port=8080, redirect_to_https=RedirectToHttps(except_=(StaysOnHttp(path_beg="/x"),))),
    frontend("db", "pg", bind_port=5432, **TCP),
    backend("api"),
    backend("static"),
    backend("app", rewrite_http=APP, protocol=Protocol.HTTPS),
    backend("pg", protocol=Protocol.TCP),
)


def ask(url: str, known: Known | None = None, **fields: object) -> dict[str, Any]:
    """The answer about the pool of this page."""
    return explanation(SHOP, read_question({"url": url, **fields}), known or Known())


def test_each_rule_up_to_the_one_that_matches_is_told_with_why_it_does_not() -> None:
    """By its number and its conditions as the pool has them."""
    found = ask("http://Shop.example.com./logo.png?x")
    assert [(rule["rule"], rule["matches"], rule["why"]) for rule in found["rules"]] == [
        (0, False, "the host shop.example.com is not api.example.com"),
        (1, False, "the path /logo.png does not begin with /api"),
        (2, True, None),
    ]
    assert found["rules"][1]["conditions"] == {"hostsEq": ["*.example.com", "example.com"], "pathBeg": "/api"}
    assert found["backend"] == {"name": "static", "by": "map[2]", "protocol": "HTTP", "balance": "roundrobin"}
    assert found["listener"] == {"frontend": "web", "protocol": "HTTP", "address": "0.0.0.0"} | {
        "ports": [80],
        "certificates": [],
    }
    assert found["result"].startswith("frontend web asks backend static (map[2])")


def test_what_no_rule_takes_goes_to_the_default_or_is_answered() -> None:
    """With 503, as HAProxy does."""
    assert ask("http://other.test/")["backend"]["by"] == "defaultBackend"
    found = ask("http://other.test/", frontend="bare")
    assert (found["backend"], found["sent"]) == (None, None)
    assert found["result"] == "frontend bare answers 503: no rule matches, and it has no defaultBackend"


def test_without_a_port_the_only_listener_that_speaks_so_is_asked() -> None:
    """What stands in front of load balancers has the usual port, whatever theirs is."""
    shop = pool("shop", frontend("web", "app", bind_port=0), frontend("db", "pg", bind_port=5432, **TCP))
    asked = explanation(shop, read_question({"url": "http://a.test/"}), Known())
    assert asked["listener"]["frontend"] == "web"
    assert explanation(shop, read_question({"url": "http://a.test:80/"}), Known())["listener"] is None
    assert explanation(shop, read_question({"url": "https://a.test/"}), Known())["listener"] is None


def test_the_rewritten_request_is_told_with_its_headers() -> None:
    """Path without the query, `%` as it is."""
    assert ask("http://a.test/shop/x?y=/shop")["sent"] == {
        "tls": True,
        "host": "app.test:8080",
        "path": "/100%/x?y=/shop",
        "headers": ["X-Forwarded-For: <the client's address>", "X-Forwarded-Port: 80"],
    }


def test_the_port_finds_the_listener_whatever_it_is_on_each_load_balancer() -> None:
    """A fixed port is known from the pool, one that was allocated from the load balancers."""
    known = Known(ports={"bare": [1025, 1026], "web": [80, 80]})
    assert ask("http://a.test:1026/api", known)["listener"]["frontend"] == "bare"
    assert ask("http://a.test/", known)["listener"]["ports"] == [80]
    found = ask("http://a.test:81/", known)
    assert found["listener"] is None
    listed = "web (80), bare (1025, 1026), old (8080), db (5432)"
    assert found["result"].startswith(f"no frontend listens on port 81; there are {listed}")
    assert ask("http://a.test", frontend="nope")["result"].startswith(
        "there is no frontend nope; there are web (80), bare"
    )


def test_a_redirect_ends_it() -> None:
    """Unless the request is an exception."""
    assert ask("http://A.test:8080/y?z")["redirect"] == {
        "status": 301,
        "location": "https://a.test/y?z",
        "by": "redirectToHttps",
    }
    found = ask("http://a.test:8080/x")
    assert (found["redirect"], found["backend"]["name"]) == (None, "app")


def test_the_first_redirect_that_is_met_ends_it() -> None:
    """All of its conditions have to hold; the path stays behind the place where it says so."""
    redirects = (
        Redirect(location="https://new.test/", host_eq="old.test", keep_path=True),
        Redirect(location="/start", path_eq="/", code=303),
    )
    shape = pool("r", frontend("web", "app", bind_port=80, redirects=redirects), backend("app"))
    answers = [
        explanation(shape, read_question({"url": url}), Known())["redirect"]
        for url in ("old.test/a?b", "x.test/", "x.test/a")
    ]
    assert answers == [
        {"status": 302, "location": "https://new.test/a?b", "by": "redirects[0]"},
        {"status": 303, "location": "/start", "by": "redirects[1]"},
        None,
    ]


def test_servers_see_what_the_frontend_changes() -> None:
    """In the order in which a load balancer does it; what a request does not show is noted."""
    headers = (
        HeaderRule(name="X-Team", value="a"),
        HeaderRule(name="Cookie", action=HeaderAction.REMOVE),
    )
    limits = Limits(requests_per_client=RequestRate(count=5))
    one = frontend("web", "", *RULES, bind_port=80, request_headers=headers, limits=limits, misc_strs=("no log",))
    found = explanation(pool("h", one, backend("api")), read_question({"url": "api.example.com"}), Known())
    assert (found["backend"]["by"], found["sent"]["host"]) == ("map[0]", "api.example.com")
    assert found["sent"]["headers"][:2] == ["X-Team: a", "without Cookie"]
    assert [note.split(" ", 2)[2].split()[0] for note in found["notes"]] == ["limits", "has"]


def test_who_may_ask_a_backend_is_noted() -> None:
    """A request does not show it."""
    user = BasicAuthUser(name="ann", password_hash="$5$a$" + "a" * 43)
    one = backend("api", clients=Clients(deny=("10.0.0.1",)), basic_auth=BasicAuth(users=(user,)))
    shape = pool("h", frontend("web", "api", bind_port=80), one)
    notes = explanation(shape, read_question({"url": "a.test"}), Known())["notes"]
    assert [note.split(" ", 2)[2].split()[0] for note in notes] == ["looks", "asks"]
    assert "$5$" not in "".join(notes)


def test_the_certificates_of_a_listener_are_told_in_their_order_with_the_name_that_is_asked_for() -> None:
    """Which of them holds the name is known to the load balancer alone."""
    files = ("$SECRETS/a.pem", "$SECRETS/b.pem")
    one = frontend("web", "app", bind_port=443, protocol=Protocol.HTTPS, certificates=files)
    found = explanation(pool("t", one, backend("app")), read_question({"url": "https://a.test/"}), Known())
    assert (found["listener"]["certificates"], found["request"]["sni"]) == ([*files], "a.test")
    assert found["notes"][0].startswith("frontend web shows the first of its certificates that holds the name")
    assert found["sent"]["headers"][-1] == "X-Forwarded-Proto: https"


def test_a_tcp_frontend_looks_at_nothing() -> None:
    """Its default backend takes all."""
    found = ask("https://a.test:5432/")
    assert (found["rules"], found["sent"], found["backend"]["name"]) == ([], None, "pg")
    assert found["notes"] == ["frontend db speaks no TLS, and the URL begins with https://"]


def test_servers_are_those_that_are_published_with_what_load_balancers_say() -> None:
    """And why there is none that can be used."""
    servers = {"static": {name: Server(name, "10.0.0.1", 80, 1, task="t") for name in ("b", "a")}}
    known = Known(
        servers=servers, backends=[{"name": "static", "up": 1}, {"name": "api", "up": 0, "reason": "none fits"}]
    )
    found = ask("http://shop.example.com/x.png", known)
    assert [one["name"] for one in found["servers"]] == ["a", "b"]
    assert found["servers"][0] == {
        "name": "a", "address": "10.0.0.1", "port": 80, "state": "ready", "weight": None, "task": "t"
    }  # fmt: skip
    assert found["result"].endswith("which can use 1 of 2 servers")
    assert ask("http://api.example.com/", known)["result"].endswith("which has no server: none fits")
    assert "no load balancer says yet" in ask("http://other.test", known)["result"]


def test_of_thousands_of_rules_those_are_told_of_which_a_part_holds() -> None:
    """The others are counted."""
    hosts = [MapRule(backend="app", host_eq=f"h{number}.test") for number in range(3000)]
    near = MapRule(backend="app", host_eq="a.test", path_beg="/x")
    shape = pool("many", frontend("web", "app", *hosts, near, *hosts, bind_port=80), backend("app"))
    found = explanation(shape, read_question({"url": "http://a.test/y"}), Known())
    assert [rule["rule"] for rule in found["rules"]] == [*range(19), 3000]
    assert found["rulesLeftOut"] == 5981


@given(st.lists(ANY_RULES, max_size=8), st.sampled_from([*HOSTS, "z.a.com"]), st.sampled_from(PATHS))
def test_it_tells_the_rule_that_decides(rules: list[MapRule], host: str, path: str) -> None:
    """The same that HAProxy is held against."""
    shape = pool("any", frontend("web", "", *rules), *map(backend, ("one", "two", "three")))
    found = explanation(shape, read_question({"url": f"http://{host}{path}", "frontend": "web"}), Known())
    assert (found["backend"] or {}).get("name") == reference(rules, host, path)


def test_a_question_is_a_request_as_clients_send_it() -> None:
    """The host of the URL is the header, unless one is given."""
    assert read_question({"url": "a.test:81", "headers": None}) == Question(
        tls=False, address="a.test", port=81, port_given=True, host="a.test:81", url="/", sni="", frontend=""
    )
    assert read_question({"url": "https://u@10.0.0.1/x?y", "headers": {"HOST": "b"}, "sni": "c"}) == Question(
        tls=True, address="10.0.0.1", port=443, port_given=False, host="b", url="/x?y", sni="c", frontend=""
    )


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ([], "must be an object"),
        ({}, "url: is required"),
        ({"url": 3}, "url: must be a string"),
        ({"url": "ftp://a"}, "must begin with http"),
        ({"url": "http:///x"}, "must begin with http"),
        ({"url": "http://a:x/"}, "url: http://a:x/ invalid: Port could not be cast"),
        ({"url": "http://a b/"}, "must be printable ASCII without spaces"),
        ({"url": "http://a/\ud800"}, "must be printable ASCII without spaces"),
        ({"url": "http://[::1"}, "url: http://[::1 invalid"),
        ({"url": "http://a", "header": {}}, "header: unknown field; known are url"),
        ({"url": "http://a", "headers": []}, ""),
        ({"url": "http://a", "headers": ["x"]}, "headers: must be an object"),
        ({"url": "http://a", "headers": {"Host": 3}}, "headers.Host: must be a string"),
        ({"url": "http://a" + "x" * 9000}, "url: must be a string of at most 8192"),
    ],
)
def test_a_question_that_is_none_is_refused_with_the_field(body: object, told: str) -> None:
    """People and programs correct it."""
    if not told:
        assert read_question(body).host == "a"
        return
    with pytest.raises(BadQuestion) as caught:
        read_question(body)
    assert told in str(caught.value)


def test_headers_and_cookies_of_the_request_are_looked_at() -> None:
    """Behind what the frontend does with headers; a rule of the host is near, whatever the request lacks."""
    rules = (
        MapRule(backend="canary", host_eq="a.test", headers=(Asked(name="X-Canary", value_eq="always"),)),
        MapRule(backend="next", cookies=(Asked(name="version", value_reg="^2"),)),
    )
    canaries = pool(
        "shop",
        frontend("web", "app", *rules, bind_port=80),
        frontend(
            "own",
            "app",
            *rules,
            bind_port=81,
            request_headers=(
                HeaderRule(name="x-canary", value="always"),
                HeaderRule(name="Cookie", action=HeaderAction.REMOVE),
            ),
        ),
        *(backend(name) for name in ("app", "canary", "next")),
    )

    def asked(url: str, **headers: str) -> dict[str, Any]:
        return explanation(canaries, read_question({"url": url, "headers": headers}), Known())

    plain = asked("http://a.test/", Cookie="version=1")
    assert [rule["why"] for rule in plain["rules"]] == [
        "the request has no header X-Canary",
        "valueReg ^2 is not found in the cookie version",
    ]
    assert plain["rules"][0]["conditions"]["headers"] == [{"name": "X-Canary", "valueEq": "always"}]
    assert asked("http://a.test/", **{"x-canary": "always"})["backend"]["name"] == "canary"
    assert asked("http://b.test/", Cookie="a=1; version=2 ")["backend"]["name"] == "next"
    assert asked("http://a.test:81/", Cookie="version=2")["backend"]["name"] == "canary"
    assert asked("http://b.test:81/", Cookie="version=2")["backend"]["name"] == "app"


@pytest.mark.parametrize("value", ["a\nb", "x" * 8193, 3, None])
def test_a_header_is_one_line(value: object) -> None:
    """As a client would send it."""
    with pytest.raises(BadQuestion, match=r"headers\.X-A"):
        read_question({"url": "http://a.test/", "headers": {"X-A": value}})
