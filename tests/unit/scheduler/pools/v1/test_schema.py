"""The V1 JSON form of pools: what it means in version 2, its defaults, and refusals with its own paths."""

import json
from typing import Any

import pytest

from scheduler.pools.model import ApiVersion, EndpointType, MesosSelector, Pool, Service
from scheduler.pools.output import output_pool, output_v1_pool
from scheduler.pools.problems import InvalidPool
from scheduler.pools.schema import load_pool
from scheduler.pools.stored.hidden import shown
from scheduler.pools.v1.schema import V1PoolSchema, dump_v1_pool, load_v1_config, load_v1_pool
from tests.support.v1_pools import SUPPORTED, config, minimal_v1, with_server

SERVER = "pool.haproxy.backends[0].servers[0]"


def problems(data: object) -> dict[str, str]:
    """Broken rule by field path."""
    with pytest.raises(InvalidPool) as caught:
        load_v1_pool(data)
    return {problem.path: problem.rule for problem in caught.value.problems}


def service_of(server: object) -> Service:
    """What the server becomes."""
    (backend,) = load_v1_pool(with_server(server)).haproxy.backends
    (service,) = backend.services
    return service


def test_a_pool_with_only_a_name_gets_the_documented_defaults_and_is_of_version_1() -> None:
    """They are those of version 2."""
    assert load_v1_pool({"name": "web"}) == Pool(name="web", api_version=ApiVersion.V1)
    assert load_v1_pool({"name": "web", "apiVersion": "V1"}) == load_v1_pool({"name": "web"})


@pytest.mark.parametrize("name", SUPPORTED)
def test_documented_files_are_loaded_and_shown_as_they_were(name: str) -> None:
    """What was written is in what is shown, defaults are added, and both versions show the same pool."""
    (written,) = config(name)["pools"]
    (pool,) = load_v1_config(config(name))

    secret = {key: written[key] for key in ("environmentVariables",) if key in written}
    assert includes(output_v1_pool(pool) | secret, written)
    assert load_v1_pool(dump_v1_pool(pool)) == pool
    assert load_v1_pool(output_v1_pool(pool)) == shown(pool)
    assert output_pool(load_pool(output_pool(pool))) == output_pool(pool)


def includes(there: Any, written: Any) -> bool:
    """Whether everything that was written is shown with the same value; false is not shown."""
    if isinstance(written, dict):
        return all(includes(there.get(key, False), value) for key, value in written.items())
    if isinstance(written, list):
        return len(there) == len(written) and all(map(includes, there, written))
    return bool(there == written)


def test_every_documented_file_is_supported() -> None:
    """There are eight."""
    assert len(SUPPORTED) == 8


@pytest.mark.parametrize(
    ("server", "selector"),
    [
        ({"task": {"value": "a"}}, MesosSelector(task_name="a")),
        (
            {"framework": {"value": "marathon"}, "task": {"value": "^a-.*", "match": "REGEX"}},
            MesosSelector(framework_name="marathon", task_name_pattern="^a-.*"),
        ),
        (
            {"framework": {"value": "kafka", "match": "REGEX"}, "task": {"value": "b", "match": "EXACT"}},
            MesosSelector(framework_name_pattern="kafka", task_name="b"),
        ),
    ],
)
def test_framework_and_task_become_selectors_of_mesos_tasks(server: object, selector: MesosSelector) -> None:
    """EXACT compares, REGEX is a pattern."""
    service = service_of(server)

    assert (service.mesos, service.endpoint.type) == (selector, EndpointType.AUTO_IP)
    assert service.marathon.is_empty


def test_ports_are_chosen_by_name_or_all_of_them_else_the_first() -> None:
    """The type says which address, as in version 2."""
    task = {"value": "a"}
    assert service_of({"task": task, "port": {"name": "web"}}).endpoint.port_name == "web"
    assert service_of({"task": task, "port": {"all": True}}).endpoint.all_ports
    plain = service_of({"task": task, "type": "CONTAINER_IP", "check": {"enabled": False}}).endpoint
    assert (plain.type, plain.port, plain.port_name, plain.all_ports, plain.check.enabled) == (
        EndpointType.CONTAINER_IP,
        None,
        "",
        False,
        False,
    )


@pytest.mark.parametrize(
    ("framework", "vip", "address", "port"),
    [
        ({}, "/myvip:1234", "myvip.marathon.l4lb.thisdcos.directory", 1234),
        ({"value": "kafka"}, "/broker:9092", "broker.kafka.l4lb.thisdcos.directory", 9092),
        ({"value": "path/to/kafka"}, "/broker:9092", "broker.pathtokafka.l4lb.thisdcos.directory", 9092),
        ({"value": "marathon"}, "/api.edgelb:80", "api.edgelb.marathon.l4lb.thisdcos.directory", 80),
        ({}, "11.1.2.3:5000", "11.1.2.3", 5000),
    ],
)
def test_a_vip_becomes_the_address_of_the_layer_4_load_balancer(
    framework: dict[str, str], vip: str, address: str, port: int
) -> None:
    """Names as DC/OS has them; and it is shown as the VIP again."""
    server = {"type": "VIP", "framework": framework, "port": {"vip": vip}}
    endpoint = service_of(server).endpoint

    assert (endpoint.type, endpoint.address, endpoint.port) == (EndpointType.ADDRESS, address, port)
    shown = output_v1_pool(load_v1_pool(with_server(server)))["haproxy"]["backends"][0]["servers"][0]
    assert (shown["type"], shown["port"]) == ("VIP", {"vip": vip})


@pytest.mark.parametrize(
    ("server", "path", "words"),
    [
        ({}, "", "selects nothing: give framework.value"),
        ({"framework": {"match": "REGEX"}}, "", "selects nothing"),
        ({"type": "VIP"}, ".port.vip", "is required when type is VIP"),
        ({"type": "VIP", "port": {"vip": "myvip:1"}}, ".port.vip", "must be /name:port"),
        ({"type": "VIP", "port": {"vip": "/1.2.3.4:1"}}, ".port.vip", "must be /name:port"),
        ({"type": "VIP", "port": {"vip": "/a:0"}}, ".port.vip", "between 1 and 65535"),
        ({"type": "VIP", "port": {"vip": "/a:99999"}}, ".port.vip", "between 1 and 65535"),
        ({"type": "VIP", "port": {"vip": "/a b:1"}}, ".port.vip", "stands for the address a b.marathon"),
        ({"type": "VIP", "port": {"vip": "0.0.0.0:1"}}, ".port.vip", "is the address of no server"),
        ({"type": "VIP", "port": {"vip": "/a:1", "name": "b"}}, ".port", "type VIP takes only vip"),
        ({"type": "VIP", "port": {"vip": "/a:1"}, "task": {"value": "t"}}, ".task.value", "has no effect"),
        (
            {"type": "VIP", "port": {"vip": "1.2.3.4:1"}, "framework": {"value": "f"}},
            ".framework.value",
            "has no effect",
        ),
        (
            {"type": "VIP", "port": {"vip": "/a:1"}, "framework": {"value": "f", "match": "REGEX"}},
            ".framework.value",
            "EXACT name",
        ),
        ({"type": "VIP", "port": {"vip": "/a:1"}, "framework": {"value": "a.b"}}, ".framework.value", "EXACT name"),
        ({"task": {"value": "a"}, "port": {"vip": "/a:1"}}, ".port.vip", "only allowed when type is VIP"),
        ({"task": {"value": "a"}, "port": {"name": "b", "all": True}}, ".port", "exclude each other"),
        ({"task": {"value": "(", "match": "REGEX"}}, ".task.value", "RE2"),
        ({"task": {"value": "a", "match": "regex"}}, ".task.match", "must be one of EXACT, REGEX"),
        ({"task": {"value": "a"}, "type": "ADDRESS"}, ".type", "AUTO_IP, AGENT_IP, CONTAINER_IP, VIP"),
        ({"task": {"value": "a"}, "endpoint": {}}, ".endpoint", "unknown field"),
        ({"task": {"valeu": "a"}}, ".task.valeu", "did you mean value?"),
        ({"task": "a"}, ".task", "must be an object"),
        ("a", "", "must be an object"),
        ({"task": {"value": "a"}, "check": {"enabled": "yes"}}, ".check.enabled", "must be true or false"),
    ],
)
def test_a_server_is_refused_by_the_path_of_version_1(server: object, path: str, words: str) -> None:
    """Whoever wrote version 1 is never told of fields that only version 2 has."""
    assert words in problems(with_server(server))[SERVER + path]


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        ({"apiVersion": "V2"}, "pool.apiVersion", "must be V1 here"),
        ({"principal": "me"}, "pool.principal", "unknown field"),
        ({"secretName": "s"}, "pool.secretName", "unknown field"),
        ({"cloudProvider": {}}, "pool.cloudProvider", "unknown field"),
        ({"haproxy": {"backends": [{"name": "b", "services": []}]}}, "pool.haproxy.backends[0].services", "servers?"),
        ({"haproxy": {"frontends": [{"bindPort": -2}]}}, "pool.haproxy.frontends[0].bindPort", "between"),
        (
            {"haproxy": {"frontends": [{"linkBackend": {"defaultBackend": "x"}}]}},
            "pool.haproxy.frontends[0].linkBackend.defaultBackend",
            "is not the name of a backend",
        ),
    ],
)
def test_what_is_not_of_version_1_or_breaks_a_rule_of_pools_is_refused(
    change: dict[str, object], path: str, words: str
) -> None:
    """The rules across objects are those of version 2."""
    assert words in problems(minimal_v1(**change))[path]


def test_a_frontend_without_a_port_gets_any_free_one() -> None:
    """-1 is how version 1 writes that none is given."""
    for port in ({}, {"bindPort": -1}, {"bindPort": 0}, {"bindPort": None}):
        (frontend,) = load_v1_pool({"name": "web", "haproxy": {"frontends": [port]}}).haproxy.frontends
        assert (frontend.bind_port, frontend.name) == (0, "frontend_0.0.0.0_0")


def test_zero_values_are_dropped_unless_they_are_nullable() -> None:
    """As the product printed version 1."""
    written = minimal_v1(count=0, constraints="", namespace="", ports=[], autoCertificate=False)
    written["haproxy"]["frontends"][0]["bindPort"] = 0
    written["haproxy"]["backends"][0]["servers"][0]["check"] = {"enabled": False}
    shown = output_v1_pool(load_v1_pool(written))

    assert (shown["apiVersion"], shown["count"], shown["constraints"], shown["namespace"]) == ("V1", 0, "", "")
    assert {"ports", "autoCertificate", "packageVersion"} & set(shown) == set()
    assert shown["haproxy"]["frontends"][0]["bindPort"] == 0
    server = shown["haproxy"]["backends"][0]["servers"][0]
    assert server["check"] == {"enabled": False}
    assert server["port"] == {"name": "web"}


@pytest.mark.parametrize("data", [None, [], "pools", {}, {"pools": {}}, {"pools": None}])
def test_what_is_no_list_of_pools_is_no_configuration(data: object) -> None:
    """Any JSON may arrive."""
    with pytest.raises(InvalidPool, match=r"^config: must be an object of the form"):
        load_v1_config(data)


def test_problems_of_a_configuration_name_the_pool() -> None:
    """Each with its place in the list; twice the same name is one, too."""
    data = {"pools": [minimal_v1(), minimal_v1(), minimal_v1(name="b", cout=1), 5], "pool": 1}
    with pytest.raises(InvalidPool) as caught:
        load_v1_config(data)

    assert {problem.path: problem.pointer for problem in caught.value.problems} == {
        "config.pool": "#/pool",
        "config.pools[1].name": "#/pools/1/name",
        "config.pools[2].cout": "#/pools/2/cout",
        "config.pools[3]": "#/pools/3",
    }


def test_problems_beyond_the_first_twenty_are_counted() -> None:
    """Also those that one pool alone has."""
    data = {"pools": [minimal_v1(**{f"x{index}": 1 for index in range(25)}), 5]}
    with pytest.raises(InvalidPool) as caught:
        load_v1_config(data)

    assert (len(caught.value.problems), caught.value.more) == (20, 6)


def test_the_shape_is_json() -> None:
    """Enumerations come out as their words."""
    assert json.loads(json.dumps(dump_v1_pool(load_v1_pool(minimal_v1())))) == dump_v1_pool(load_v1_pool(minimal_v1()))
    assert "services" not in V1PoolSchema().fields["haproxy"].schema.fields["backends"].inner.schema.fields
