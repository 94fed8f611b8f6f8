"""What is accepted and probably not meant is told with its place."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.pools.advice.pool import pool_warnings
from scheduler.pools.advice.shadowed import never_matching
from scheduler.pools.model import Asked, MapRule, MesosSelector
from scheduler.pools.routing import Target, mismatch
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


def with_rules(*rules: dict[str, Any]) -> dict[str, Any]:
    """A pool whose frontend has these rules, all to its one backend."""
    link = {"map": [{"backend": "app", **rule} for rule in rules]}
    return pool(frontends=[{"bindPort": 80, "protocol": "HTTP", "linkBackend": link}])


def test_what_is_kept_without_effect_is_told() -> None:
    """Old files may name a namespace, a package or a secret of Mesos; one learns that they do nothing."""
    assert advice(minimal()) == ()
    told = advice(minimal(namespace="a/b", packageVersion="v1.7.0", secretName="team/mesos"))
    assert [warning.split()[0] for warning in told] == ["pool.namespace", "pool.packageName", "pool.secretName"]
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


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ([{"hostEq": "*.test"}, {"hostEq": "a.test"}], ["1 never matches, because map[0] takes"]),
        ([{"hostEq": "*.test"}, {"hostEq": "*.a.test", "pathEnd": ".js"}], ["1 never matches, because map[0] takes"]),
        ([{"hostEq": "*.a.test"}, {"hostEq": "a.test"}, {"hostEq": "*.test"}], []),
        (
            [{"hostsEq": ["a.test", "b.test"]}, {"hostEq": "c.test"}, {"hostsEq": ["c.test", "b.test"]}],
            ["2 never matches, because map[0] and map[1] take"],
        ),
        (
            [{"hostsEq": ["a.test", "b.test"]}, {"hostsEq": ["c.test", "b.test"]}],
            ["1 never matches for b.test, because map[0] takes"],
        ),
        ([{"pathEnd": "s"}, {"pathEnd": ".js", "pathBeg": "/x"}], ["1 never matches, because map[0] takes"]),
        ([{"pathEnd": ".js"}, {"pathEnd": "s"}], []),
        (
            [{"pathReg": "a", "pathBeg": "/"}, {"pathReg": "a", "hostEq": "x"}],
            ["1 never matches, because map[0] takes"],
        ),
        ([{"pathReg": "a"}, {"pathReg": "aa"}, {"pathBeg": "/a"}], []),
        (
            [{"hostReg": "^a[.]"}, {"hostEq": "a.test"}, {"hostEq": "b.a.test"}],
            ["1 never matches, because map[0] takes"],
        ),
        ([{"hostReg": "test$"}, {"hostEq": "a.test"}], []),
        (
            [
                {"hostEq": "a.test", "headers": [{"name": "X-A"}]},
                {"hostEq": "a.test", "cookies": [{"name": "b"}]},
                {"hostEq": "a.test", "headers": [{"name": "x-a"}], "pathBeg": "/a"},
                {"hostEq": "a.test"},
                {"hostEq": "a.test", "headers": [{"name": "X-B"}]},
            ],
            ["2 never matches, because map[0] takes", "4 never matches, because map[3] takes"],
        ),
        ([{"hostReg": "test$"}, {"hostEq": "a.test:80"}, {"hostReg": "80$"}, {"hostEq": "b:80"}], ["3 never matches"]),
        ([{"hostEq": "a.test", "hostReg": "^b"}], ["0 never matches, because hostReg ^b is not found in"]),
        ([{"hostEq": "a.test", "hostReg": ":443$"}, {"hostEq": "*.test", "hostReg": "^b"}], []),
    ],
)
def test_patterns_and_several_hosts_are_compared_as_far_as_they_can_be(
    rules: list[dict[str, Any]], told: list[str]
) -> None:
    """What may depend on the request is not told."""
    found = advice(with_rules(*rules))
    assert len(found) == len(told)
    for sentence, (number, *words) in zip(found, told, strict=True):
        assert sentence.startswith(f"pool.haproxy.frontends[0].linkBackend.map[{number}]{''.join(words)}")


HOSTS = ["a.test", "a.test:80", "b.a.test", "test"]
NAMES = [*HOSTS, "*.test", "*.a.test"]
ANY_RULE = st.builds(
    MapRule,
    backend=st.just("app"),
    hosts_eq=st.lists(st.sampled_from(NAMES), max_size=2, unique=True).map(tuple),
    path_beg=st.sampled_from(["", "/", "/a", "/a/b"]),
    path_end=st.sampled_from(["", "", "b", "/b"]),
    host_reg=st.sampled_from(["", "", "^a[.]", "test$", ":80"]),
    path_reg=st.sampled_from(["", "", "b$"]),
    headers=st.sampled_from([(), (), (Asked(name="X-A"),), (Asked(name="x-a", value_eq="1"),)]),
    cookies=st.sampled_from([(), (), (Asked(name="c"),)]),
)


@given(st.lists(ANY_RULE, max_size=5))
def test_a_rule_that_is_said_to_match_never_matches_no_request(rules: list[MapRule]) -> None:
    """Held against the plain meaning of rules."""
    for number, hosts, _ in never_matching(rules):
        paths = ["/", "/a", "/a/b", "/b", "/a/bb"]
        sent = [(), (("X-A", "1"), ("Cookie", "c=1")), (("X-a", "2"),)]
        for host, path, headers in product([*HOSTS, "c.b.a.test:81", "test:80", "x"], paths, sent):
            target = Target.of(host, path, headers)
            rule = replace(rules[number], hosts_eq=hosts or rules[number].hosts_eq)
            if mismatch(rule, target) is None:
                assert any(mismatch(one, target) is None for one in rules[:number])


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


@pytest.mark.parametrize(
    ("frontend", "told"),
    [
        ({"protocol": "HTTP"}, True),
        ({"protocol": "HTTP", "redirectToHttps": {}}, False),
        ({"protocol": "HTTP", "redirectToHttps": {"except": [{"pathBeg": "/x"}]}}, True),
        ({"protocol": "HTTPS", "certificates": ["$AUTOCERT"]}, False),
    ],
)
def test_passwords_of_a_backend_that_can_be_read_on_the_way_are_told(frontend: dict[str, Any], told: bool) -> None:
    """By TLS they cannot."""
    data = pool(frontends=[{"bindPort": 80, "linkBackend": {"defaultBackend": "app"}, **frontend}])
    [backend] = data["haproxy"]["backends"]
    users = [{"name": "ann", "passwordHash": "$5$a$" + "a" * 43}]
    data["haproxy"]["backends"] = [{**backend, "basicAuth": {"users": users}}]
    said = [sentence for sentence in advice(data) if "basicAuth" in sentence]
    assert [sentence.split(":")[0] for sentence in said] == ["pool.haproxy.backends[0].basicAuth"] * told


@pytest.mark.parametrize(
    ("selector", "told"),
    [
        ({"taskID": "dcos-edgelb.pools.web__edgelb-pool-0-server__x"}, "names a load balancer of this pool"),
        ({"taskID": "dcos-edgelb.pools.other__edgelb-pool-0-server__x"}, ""),
        ({"taskName": "edgelb-pool-0-server"}, "only where mesos.frameworkName names their framework"),
        ({"taskName": "edgelb-pool-0-server", "frameworkName": "edgelb"}, "those of this pool are never its servers"),
        ({"taskName": "edgelb-pool-x-server"}, ""),
        ({"taskNamePattern": "^edgelb-pool-"}, "taskNamePattern fits load balancers"),
        ({"taskNamePattern": "^edgelb-pool-", "frameworkName": "edgelb"}, "those of this pool are never its servers"),
        ({"taskNamePattern": ".*"}, ""),
        ({"taskNamePattern": "^app"}, ""),
        ({"taskIDPattern": "^dcos-edgelb.pools.web"}, "taskIDPattern fits load balancers"),
        ({"taskIDPattern": "^dcos-edgelb.pools.other_"}, ""),
        ({"frameworkName": "edgelb"}, "frameworkName is that of the load balancers"),
        ({"frameworkName": "marathon"}, ""),
        ({"frameworkNamePattern": "^edge"}, "which no pattern selects; those of other pools"),
        ({"frameworkNamePattern": "(?i)."}, ""),
    ],
)
def test_a_service_that_selects_load_balancers_is_told_which_it_gets(selector: dict[str, str], told: str) -> None:
    """Never those of the pool itself: requests would go in circles."""
    found = advice(pool(backends=[{"name": "app", "protocol": "HTTP", "services": [{"mesos": selector}]}]))
    assert [told in sentence for sentence in found] == [True] * bool(told)


def test_the_framework_of_load_balancers_has_the_name_that_it_was_given() -> None:
    """Where it is another one, that of others is nothing special."""
    services = [{"mesos": {"frameworkName": "edgelb"}}, {"mesos": {"frameworkName": "balancers"}}]
    data = pool(backends=[{"name": "app", "protocol": "HTTP", "services": services}])
    [told] = pool_warnings(load_pool(data), "balancers")
    assert told.startswith("pool.haproxy.backends[0].services[1].mesos.frameworkName is that of the load balancers")


def test_a_pattern_that_is_none_is_nothing_to_warn_of() -> None:
    """A pool that an earlier release stored is still shown."""
    stored = load_pool(minimal())
    [backend] = stored.haproxy.backends
    service = replace(backend.services[0], mesos=MesosSelector(task_name_pattern="("))
    haproxy = replace(stored.haproxy, backends=(replace(backend, services=(service,)),))
    assert pool_warnings(replace(stored, haproxy=haproxy)) == ()
