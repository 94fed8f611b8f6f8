"""What is accepted and probably not meant is told with its place."""

from typing import Any

import pytest

from scheduler.pools.advice import pool_warnings
from scheduler.pools.schema import load_pool
from tests.support.pools import SUPPORTED, example, minimal


def advice(data: dict[str, Any]) -> tuple[str, ...]:
    """The sentences about a pool."""
    return pool_warnings(load_pool(data))


def pool(**haproxy: object) -> dict[str, Any]:
    """A minimal pool with parts of `haproxy` replaced."""
    base = minimal()
    base["haproxy"] |= haproxy
    return base


def with_rules(*rules: dict[str, str]) -> dict[str, Any]:
    """A pool whose frontend has these rules, all to its one backend."""
    link = {"map": [{"backend": "app", **rule} for rule in rules]}
    return pool(frontends=[{"bindPort": 80, "protocol": "HTTP", "linkBackend": link}])


def test_what_is_kept_without_effect_is_told() -> None:
    """Old files may name a namespace or a package; one learns that they do nothing."""
    assert advice(minimal()) == ()
    told = advice(minimal(namespace="a/b", packageVersion="v1.7.0"))
    assert [warning.split()[0] for warning in told] == ["pool.namespace", "pool.packageName"]
    assert "statistics only" in advice({"name": "a"})[0]


@pytest.mark.parametrize(
    ("backend", "told"),
    [
        ({"rewriteHttp": {"path": {"toPath": "/x"}}}, "path.toPath /x has no effect without fromPath"),
        ({"rewriteHttp": {"path": {"fromPath": "/x", "toPath": "/y/"}}}, "only one of fromPath and toPath ends with /"),
        ({"rewriteHttp": {"path": {"fromPath": "/x/", "toPath": "/y"}}}, "only one of fromPath and toPath ends with /"),
        ({"rewriteHttp": {"path": {"fromPath": "/x", "toPath": "/"}}}, ""),
        ({"rewriteHttp": {"path": {"fromPath": "/x/"}}}, ""),
        ({"protocol": "TCP", "rewriteHttp": {"host": "app.test"}}, "rewriteHttp has no effect"),
        ({"customCheck": {"httpchkMiscStr": "GET /"}}, "customCheck.httpchkMiscStr has no effect without httpchk"),
        ({"customCheck": {"httpchk": True, "httpchkMiscStr": "GET /"}}, ""),
    ],
)
def test_fields_of_backends_without_effect_are_told(backend: dict[str, Any], told: str) -> None:
    """And paths of which only one ends with a slash, as the documentation says that both do or none."""
    frontend = {"bindPort": 80, "protocol": backend.get("protocol", "HTTP"), "linkBackend": {"defaultBackend": "app"}}
    service = {"mesos": {"taskName": "app"}}
    found = advice(pool(frontends=[frontend], backends=[{"name": "app", "services": [service], **backend}]))
    assert [told in sentence for sentence in found] == ([True] if told else [])


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ([("my.test", "/"), ("my.test", "/api")], {1: 0}),
        ([("my.test", ""), ("my.test", "")], {1: 0}),
        ([("my.test", ""), ("my.test", "/api")], {1: 0}),
        ([("", "/api"), ("my.test", "/api/v1")], {1: 0}),
        ([("", "/"), ("my.test", ""), ("", "/x")], {1: 0, 2: 0}),
        ([("my.test", ""), ("my.test:8080", "/x")], {1: 0}),
        ([("MY.test.", ""), ("my.test", "/x")], {1: 0}),
        ([("my.test", "/api"), ("my.test", "/")], {}),
        ([("my.test", "/api"), ("my.test", "/ap")], {}),
        ([("my.test:8080", ""), ("my.test", "/x")], {}),
        ([("a.test", ""), ("b.test", "")], {}),
        ([("my.test", "/a"), ("", "/a")], {}),
    ],
)
def test_a_rule_that_can_never_match_is_told_with_the_one_that_takes_everything(
    rules: list[tuple[str, str]], told: dict[int, int]
) -> None:
    """The first rule wins; in other products the longest path does, and files are carried over."""
    given = [{"hostEq": host, "pathBeg": path} for host, path in rules]
    place = "pool.haproxy.frontends[0].linkBackend"
    assert advice(with_rules(*given)) == tuple(
        f"{place}.map[{later}] never matches, because map[{earlier}] takes all of it" for later, earlier in told.items()
    )


def test_parts_that_do_nothing_are_told() -> None:
    """A frontend without backends, a backend without services, one that nothing uses."""
    backends = [*minimal()["haproxy"]["backends"], {"name": "empty", "protocol": "HTTP"}]
    told = advice(pool(frontends=[{"bindPort": 80, "protocol": "HTTP"}], backends=backends))
    assert [sentence.partition(":")[0] for sentence in told] == [
        "pool.haproxy.frontends[0] has no linkBackend",
        "pool.haproxy.backends[0] (app) is used by no frontend",
        "pool.haproxy.backends[1] (empty) is used by no frontend",
        "pool.haproxy.backends[1] (empty) has no services",
    ]


@pytest.mark.parametrize(
    ("service_id", "told"),
    [
        ("/My/App", True),
        ("/my_app", True),
        ("/a b", True),
        ("/group/my-app.v2", False),
        ("app", False),
        ("/x.y/", False),
    ],
)
def test_an_id_that_no_app_of_marathon_can_have_is_told(service_id: str, told: bool) -> None:
    """Marathon refuses to create such an app."""
    backend = {"name": "app", "protocol": "HTTP", "services": [{"marathon": {"serviceID": service_id}}]}
    found = advice(pool(backends=[backend]))
    assert [f".services[0].marathon.serviceID {service_id} can match no app" in one for one in found] == [True] * told


def test_a_name_to_listen_on_is_told_unless_it_means_this_machine() -> None:
    """Where it does not resolve HAProxy does not take the configuration at all."""
    stats = {"bindAddress": "lb.example.com", "bindPort": 9090}
    assert "pool.haproxy.stats.bindAddress lb.example.com" in advice(pool(stats=stats))[0]
    for address in ("localhost", "127.0.0.1"):
        assert advice(pool(stats=stats | {"bindAddress": address})) == ()


@pytest.mark.parametrize("name", SUPPORTED)
def test_documented_pools_are_told_nothing_that_is_not_so(name: str) -> None:
    """A sentence about a file that works is noise."""
    for sentence in advice(example(name)):
        assert sentence.split()[0] in ("pool.namespace", "pool.packageName", "pool.haproxy.frontends"), sentence


def test_very_many_sentences_are_counted() -> None:
    """They become headers of a response."""
    backends = [{"name": f"b{index}", "protocol": "HTTP"} for index in range(300)]
    frontends = [{"bindPort": 80, "protocol": "HTTP", "linkBackend": {"defaultBackend": "b0"}}]
    told = advice(pool(frontends=frontends, backends=backends))
    assert (len(told), told[-1]) == (21, "and 579 more of this kind")
