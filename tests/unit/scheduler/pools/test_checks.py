"""Rules across the objects of a pool."""

from typing import Any

import pytest

from scheduler.pools.problems import InvalidPool
from scheduler.pools.schema import load_pool
from tests.support.pools import minimal


def pool(**haproxy: object) -> dict[str, Any]:
    """A minimal pool with parts of `haproxy` replaced."""
    base = minimal()
    base["haproxy"] |= haproxy
    return base


def problems(data: object) -> dict[str, str]:
    """Broken rule by field path."""
    with pytest.raises(InvalidPool) as caught:
        load_pool(data)
    return {problem.path: problem.rule for problem in caught.value.problems}


def frontend(**fields: object) -> dict[str, object]:
    """A frontend on port 80."""
    return {"bindPort": 80, "protocol": "HTTP", **fields}


def test_a_backend_name_that_does_not_exist_is_named_with_those_that_do() -> None:
    """The message helps to see the misspelling."""
    found = problems(pool(frontends=[frontend(linkBackend={"defaultBackend": "ap"})]))

    assert found == {
        "pool.haproxy.frontends[0].linkBackend.defaultBackend": "is not the name of a backend; known backends: app"
    }


def test_a_rule_of_a_map_needs_an_existing_backend_and_a_condition() -> None:
    """A rule without a condition would hide all rules after it."""
    rules = [{"backend": "app", "pathEnd": "/"}, {"backend": "app"}, {"backend": "x", "hostEq": "a"}]
    found = problems(pool(frontends=[frontend(linkBackend={"map": rules})]))

    assert set(found) == {
        "pool.haproxy.frontends[0].linkBackend.map[1]",
        "pool.haproxy.frontends[0].linkBackend.map[2].backend",
    }


def test_a_rule_gives_its_hosts_in_one_field() -> None:
    """Two would look as if both had to hold, as of all other fields."""
    rules = [{"backend": "app", "hostEq": "a.test", "hostsEq": ["b.test"]}, {"backend": "app", "hostsEq": []}]
    found = problems(pool(frontends=[frontend(linkBackend={"map": rules})]))

    assert set(found) == {f"pool.haproxy.frontends[0].linkBackend.{at}" for at in ("map[0].hostsEq", "map[1]")}


def test_a_tcp_frontend_cannot_look_at_hosts_and_paths() -> None:
    """There is no request to look at."""
    rules = [{"backend": "app", "pathBeg": "/"}]
    found = problems(pool(frontends=[frontend(protocol="TCP", linkBackend={"map": rules})]))

    assert "use defaultBackend" in found["pool.haproxy.frontends[0].linkBackend.map[0]"]


def test_frontend_and_backend_must_have_the_same_mode() -> None:
    """HAProxy refuses an HTTP frontend with a TCP backend."""
    found = problems(pool(frontends=[frontend(protocol="TCP", linkBackend={"defaultBackend": "app"})]))

    assert "cannot use" in found["pool.haproxy.frontends[0].linkBackend.defaultBackend"]


@pytest.mark.parametrize(
    ("first", "second", "clash"),
    [
        (("0.0.0.0", 80), ("0.0.0.0", 80), True),
        (("0.0.0.0", 80), ("127.0.0.1", 80), True),
        (("127.0.0.1", 80), ("127.0.0.1", 80), True),
        (("127.0.0.1", 80), ("localhost", 80), True),
        (("LOCALHOST", 80), ("localhost.", 80), True),
        (("lb.example.com", 80), ("LB.example.com.", 80), True),
        (("0.0.0.0", 80), ("0.0.0.0", 81), False),
        (("0.0.0.0", 0), ("0.0.0.0", 0), False),
    ],
)
def test_two_frontends_cannot_bind_the_same_address_and_port(
    first: tuple[str, int], second: tuple[str, int], clash: bool
) -> None:
    """Port 0 is a new port each time; other addresses do not meet."""
    one, two = ({"name": name, "bindAddress": address, "bindPort": port, "protocol": "HTTP"}
                for name, (address, port) in (("a", first), ("b", second)))  # fmt: skip
    data = pool(frontends=[one, two])

    if clash:
        assert "already bound by pool.haproxy.frontends[0]" in problems(data)["pool.haproxy.frontends[1].bindPort"]
    else:
        load_pool(data)


def test_one_port_on_two_addresses_has_to_be_allocated_once() -> None:
    """Mesos gives a number to one task port only; `ports` names it once for both."""
    listeners = [
        {"name": name, "bindAddress": address, "bindPort": 80, "protocol": "HTTP"}
        for name, address in (("a", "127.0.0.1"), ("b", "127.0.0.2"))
    ]
    assert "pool.ports" in problems(pool(frontends=listeners))["pool.haproxy.frontends[1].bindPort"]
    load_pool(pool(frontends=listeners) | {"ports": [80, 9090]})


def test_a_frontend_cannot_take_the_port_of_stats() -> None:
    """Two listeners of one HAProxy would share it silently."""
    assert "pool.haproxy.stats.bindPort" in problems(pool(frontends=[frontend(bindPort=9090)]))


def test_nothing_can_be_called_like_a_part_of_every_load_balancer() -> None:
    """lbmgr adds a backend of its own to every configuration."""
    found = problems(pool(frontends=[frontend(name="_lbmgr")], backends=[{"name": "_lbmgr", "protocol": "HTTP"}]))

    assert found.keys() == {"pool.haproxy.frontends[0].name", "pool.haproxy.backends[0].name"}
    assert "part of every load balancer" in found["pool.haproxy.backends[0].name"]


def test_a_default_name_that_is_too_long_is_refused() -> None:
    """It holds the bind address, and a pool that was accepted must be one that can be read again."""
    address = ".".join(["a" * 40] * 4)
    found = problems(pool(frontends=[frontend(bindAddress=address)]))

    assert found == {"pool.haproxy.frontends[0].name": "must not be longer than 96 characters"}


def test_two_frontends_without_names_and_with_dynamic_ports_need_names() -> None:
    """Both would be called frontend_0.0.0.0_0, and the port of one could not be told from the other's."""
    found = problems(pool(frontends=[frontend(bindPort=0), frontend(bindPort=0)]))

    assert "pool.haproxy.frontends[1].name" in found


def test_backends_of_the_same_name_must_be_equal() -> None:
    """Which of two different ones would be meant cannot be known."""
    data = minimal()
    data["haproxy"]["backends"].append({"name": "app", "protocol": "HTTP", "balance": "leastconn"})

    assert "other content" in problems(data)["pool.haproxy.backends[1].name"]


def test_ports_when_given_hold_every_listener() -> None:
    """Exactly those ports are allocated, so a listener outside could bind a port of somebody else."""
    load_pool(minimal(ports=[80, 443, 9090]))

    assert set(problems(minimal(ports=[443, 9090]))) == {"pool.haproxy.frontends[0].bindPort"}
    assert set(problems(minimal(ports=[80]))) == {"pool.haproxy.stats.bindPort"}


def service(**fields: object) -> dict[str, Any]:
    """A pool whose one backend has this service."""
    return pool(backends=[{"name": "app", "protocol": "HTTP", "services": [fields]}])


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({}, ""),
        ({"endpoint": {"portName": "web"}}, ""),
        ({"endpoint": {"type": "ADDRESS", "port": 80}}, ".endpoint.address"),
        ({"endpoint": {"type": "ADDRESS", "address": "a.b"}}, ".endpoint.port"),
        ({"endpoint": {"type": "ADDRESS", "address": "a.b", "port": 80, "portName": "x"}}, ".endpoint"),
        ({"mesos": {"taskName": "x"}, "endpoint": {"type": "ADDRESS", "address": "a.b", "port": 80}}, ""),
        ({"mesos": {"taskName": "x"}, "endpoint": {"address": "a.b", "port": 80}}, ".endpoint.address"),
        ({"mesos": {"taskName": "x"}, "endpoint": {"port": 80, "portName": "x"}}, ".endpoint"),
        ({"mesos": {"taskName": "x"}, "endpoint": {"allPorts": True, "portName": "x"}}, ".endpoint"),
    ],
)
def test_a_service_that_contradicts_itself_is_refused(fields: dict[str, object], path: str) -> None:
    """Nothing that is written may be without effect."""
    assert set(problems(service(**fields))) == {f"pool.haproxy.backends[0].services[0]{path}"}


@pytest.mark.parametrize(
    "fields",
    [
        {"mesos": {"taskName": "x"}},
        {"mesos": {"taskName": "x"}, "marathon": {"serviceID": "/x"}, "endpoint": {"allPorts": True}},
        {"endpoint": {"type": "ADDRESS", "address": "10.0.0.1", "port": 80}},
        {"marathon": {}, "mesos": {}, "endpoint": {"type": "ADDRESS", "address": "x.y", "port": 80}},
    ],
)
def test_a_service_that_selects_tasks_or_names_an_address_is_accepted(fields: dict[str, object]) -> None:
    """Empty objects are the documented default and select nothing."""
    load_pool(service(**fields))


def test_balance_by_request_needs_http() -> None:
    """HAProxy would silently fall back to roundrobin."""
    data = minimal()
    data["haproxy"]["backends"].append({"name": "tcp", "protocol": "TCP", "balance": "uri"})

    assert "pool.haproxy.backends[1].balance" in problems(data)


def test_a_missing_backend_of_very_many_is_told_with_some_of_them() -> None:
    """Each of 3,000 rules that name none would list 3,000 names: a body of 200 kB became a message of 60 MB."""
    backends = [{"name": f"b{index}", "protocol": "HTTP"} for index in range(3000)]
    rules = [{"pathBeg": "/x", "backend": "none"}] * 3000
    with pytest.raises(InvalidPool) as caught:
        load_pool(pool(frontends=[frontend(linkBackend={"map": rules})], backends=backends))
    assert "and 2990 more" in caught.value.problems[0].rule
    assert (len(caught.value.problems), caught.value.more) == (20, 2980)
    assert len(str(caught.value)) < 10_000


@pytest.mark.parametrize(
    ("check", "where", "why"),
    [
        ({"miscStr": "http-check expect status 200"}, ".miscStr", "refines an HTTP check; set httpchk to true"),
        ({"httpchk": True, "sslHelloChk": True}, "", "httpchk and sslHelloChk are each a check of their own"),
        ({"httpchk": True, "miscStr": "option redis-check"}, "", "httpchk and miscStr are each a check of their own"),
    ],
)
def test_one_backend_has_one_check(check: dict[str, object], where: str, why: str) -> None:
    """HAProxy would take the last one."""
    found = problems(pool(backends=[{"name": "app", "protocol": "HTTP", "customCheck": check}]))
    assert found[f"pool.haproxy.backends[0].customCheck{where}"].startswith(why)


@pytest.mark.parametrize("words", ["proto h2", "weight 2 alpn h2"])
def test_servers_of_tcp_speak_no_version_of_http(words: str) -> None:
    """HAProxy refuses the whole configuration."""
    service = {"mesos": {"taskName": "a"}, "endpoint": {"miscStr": words}}
    backends = [{"name": "app", "protocol": "HTTP"}, {"name": "tcp", "protocol": "TCP", "services": [service]}]
    found = problems(pool(backends=backends))
    assert "names a protocol of HTTP" in found["pool.haproxy.backends[1].services[0].endpoint.miscStr"]


def test_only_requests_ask_for_a_password_and_each_user_stands_once() -> None:
    """A backend of TCP sees none; networks it may have."""
    user = {"name": "ann", "passwordHash": "$5$a$" + "a" * 43}
    backends = [
        {"name": "app", "basicAuth": {"users": [user, user]}, "clients": {"allow": ["10.0.0.0/8"]}},
        {"name": "tcp", "protocol": "TCP", "basicAuth": {"users": [user]}, "clients": {"deny": ["10.0.0.1"]}},
    ]
    found = problems(pool(backends=backends))

    assert set(found) == {
        "pool.haproxy.backends[0].basicAuth.users[1].name",
        "pool.haproxy.backends[1].basicAuth",
    }
