"""Which tasks become servers of which backends."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.dcos_template.select import BackendKey, Kind, Selection, Touched, compile_service, selected, task_endpoints
from api.dcos_template.select import Endpoint as Chosen
from api.mesos_listener.task import NetworkMode, Port, Task, TaskKey
from scheduler.pools.model import Check, Endpoint, EndpointType, Pool, Service
from tests.unit.api.dcos_template.pools import address, backend, pool, service, task

WEB = BackendKey("web", "app")


def selection(*pools: Pool, tasks: tuple[Task, ...] = ()) -> Selection:
    made = Selection()
    for each in pools:
        made.set_pool(each)
    made.update(tasks, ())
    return made


def hosts(made: Selection, key: BackendKey = WEB) -> list[tuple[str, int]]:
    return [(endpoint.host, endpoint.port) for endpoint in made.endpoints_of(key)]


class TestSelectors:
    @pytest.mark.parametrize(
        ("selectors", "expected"),
        [
            ({"task_name": "web"}, True),
            ({"task_name": "we"}, False),
            ({"task_name_pattern": "e"}, True),
            ({"task_name_pattern": "^e"}, False),
            ({"task_id": "web.1"}, True),
            ({"task_id_pattern": r"\.1$"}, True),
            ({"framework_name": "marathon"}, True),
            ({"framework_name_pattern": "^mara"}, True),
            ({"framework_id": "f1"}, True),
            ({"framework_id_pattern": "2"}, False),
            ({"service_id": "/shop/web"}, True),
            ({"service_id": "shop/web"}, True),
            ({"service_id_pattern": "^/shop/"}, True),
            ({"container_name": "nginx"}, True),
            ({"container_name_pattern": "^x"}, False),
            ({"task_name": "web", "framework_name": "marathon"}, True),
            ({"task_name": "web", "framework_name": "cassandra"}, False),
            ({"service_id": "/shop/web", "task_name_pattern": "nothing"}, False),
        ],
    )
    def test_all_given_fields_must_match(self, selectors: dict[str, str], expected: bool) -> None:
        """Exact fields compare, patterns search anywhere, everything is ANDed."""
        chosen = task("web.1", name="web", marathon_id="/shop/web", marathon_container="nginx")
        assert selected(compile_service(service(None, **selectors)), chosen) is expected

    def test_a_pattern_does_not_match_what_a_task_does_not_have(self) -> None:
        """`.*` on a Marathon id selects Marathon's tasks, not everything."""
        assert not selected(compile_service(service(service_id_pattern=".*")), task("t1", marathon_id=""))

    def test_only_running_and_healthy_tasks_are_chosen(self) -> None:
        """A task with a health check takes traffic after its first success, and not after a failure."""
        made = selection(pool("web", backend("app", service(framework_name="marathon"))))
        made.update(
            [
                task("ok"),
                task("staging", state="TASK_STAGING", agent_address="10.0.0.2"),
                task("unchecked-yet", health_checked=True, agent_address="10.0.0.3"),
                task("sick", healthy=False, agent_address="10.0.0.4"),
                task("well", health_checked=True, healthy=True, agent_address="10.0.0.5"),
            ],
            [],
        )
        assert hosts(made) == [("10.0.0.1", 10001), ("10.0.0.5", 10001)]


CONTAINER: dict[str, Any] = {
    "network_mode": NetworkMode.CONTAINER,
    "addresses": ("10.9.0.7",),
    "ports": (Port(name="web", container_port=8080),),
}
BRIDGE: dict[str, Any] = {
    "network_mode": NetworkMode.BRIDGE,
    "addresses": ("172.17.0.2",),
    "ports": (Port(name="web", number=31000, container_port=80), Port(name="admin", number=31001, container_port=81)),
}


class TestEndpoints:
    @pytest.mark.parametrize(
        ("wish", "fields", "expected"),
        [
            (Endpoint(), {}, [(Kind.AGENT_IP, "10.0.0.1", 10001)]),
            (Endpoint(), CONTAINER, [(Kind.CONTAINER_IP, "10.9.0.7", 8080)]),
            (Endpoint(), BRIDGE, [(Kind.AGENT_IP, "10.0.0.1", 31000)]),
            (Endpoint(type=EndpointType.CONTAINER_IP), BRIDGE, [(Kind.CONTAINER_IP, "172.17.0.2", 80)]),
            (Endpoint(port_name="admin"), BRIDGE, [(Kind.AGENT_IP, "10.0.0.1", 31001)]),
            (Endpoint(port_name="nothing"), BRIDGE, []),
            (
                Endpoint(all_ports=True),
                BRIDGE,
                [(Kind.AGENT_IP, "10.0.0.1", 31000), (Kind.AGENT_IP, "10.0.0.1", 31001)],
            ),
            (Endpoint(port=9000), {"ports": ()}, [(Kind.AGENT_IP, "10.0.0.1", 9000)]),
            (Endpoint(type=EndpointType.CONTAINER_IP, port=9000), CONTAINER, [(Kind.CONTAINER_IP, "10.9.0.7", 9000)]),
            (Endpoint(), {"ports": ()}, []),
            (Endpoint(), {"agent_address": ""}, []),
            (Endpoint(), {"agent_address": "x\n    server evil 1.2.3.4:80"}, []),
            (Endpoint(type=EndpointType.AGENT_IP), CONTAINER, []),
        ],
    )
    def test_type_and_port_choose_address_and_port(
        self, wish: Endpoint, fields: dict[str, Any], expected: list[tuple[Kind, str, int]]
    ) -> None:
        """The documented endpoint types; what a task does not have gives no server instead of a wrong one."""
        assert [tuple(endpoint[:3]) for endpoint in task_endpoints(wish, task("t", **fields))] == expected

    def test_a_fixed_address_needs_no_task(self) -> None:
        """ADDRESS is a server of its own."""
        made = selection(pool("web", backend("app", address("db.example", 5432, check=False))))
        assert made.endpoints_of(WEB) == (Chosen(Kind.ADDRESS, "db.example", 5432, False),)

    def test_two_services_that_choose_the_same_port_give_one_server(self) -> None:
        """The first service decides about its check."""
        made = selection(
            pool(
                "web",
                backend(
                    "app",
                    service(Endpoint(check=Check(enabled=False)), task_name="t"),
                    service(framework_name="marathon"),
                ),
            ),
            tasks=(task("t"),),
        )
        assert made.endpoints_of(WEB) == (Chosen(Kind.AGENT_IP, "10.0.0.1", 10001, False),)


class TestTouched:
    def test_a_task_touches_only_the_backends_that_select_it(self) -> None:
        """Other pools are not looked at."""
        made = selection(
            pool("web", backend("app", service(task_name="web"))), pool("db", backend("sql", service(task_name="db")))
        )
        assert made.update([task("web")], []) == Touched(gained=frozenset({WEB}), lost=frozenset())
        assert made.update([], [task("web").key]) == Touched(gained=frozenset(), lost=frozenset({WEB}))

    def test_a_change_that_no_selector_sees_touches_nothing(self) -> None:
        """A new label is no new server."""
        made = selection(pool("web", backend("app", service(task_name="web"))), tasks=(task("web"),))
        assert not made.update([task("web", labels=(("a", "b"),))], []).backends

    def test_a_sick_task_is_lost_and_a_recovered_one_gained(self) -> None:
        """Health moves a server in and out."""
        made = selection(pool("web", backend("app", service(task_name="web"))), tasks=(task("web", healthy=True),))
        assert made.update([task("web", healthy=False)], []).lost == {WEB}
        assert made.update([task("web", healthy=True)], []).gained == {WEB}

    def test_a_removed_pool_leaves_nothing_behind(self) -> None:
        """Its services are in no index any more."""
        made = selection(pool("web", backend("app", service(task_name_pattern="."), service(task_name="web"))))
        made.update([task("web")], [])
        made.remove_pool("web")
        assert not made.update([task("web", ports=(Port(number=1),)), task("other")], []).backends
        assert made.endpoints("web") == {}


NAMES, FRAMEWORKS = ["a", "ab", "b", "bc"], ["marathon", "spark"]
SERVICES = st.builds(
    lambda exact, pattern, framework: service(task_name=exact, task_name_pattern=pattern, framework_name=framework),
    st.sampled_from(["", *NAMES]),
    st.sampled_from(["", "a", "^b", "c$"]),
    st.sampled_from(["", *FRAMEWORKS]),
).filter(lambda one: not one.mesos.is_empty)
TASKS = st.builds(
    lambda number, name, framework, state, port: task(
        f"t{number}", name=name, framework_name=framework, state=state, ports=(Port(number=port),)
    ),
    st.integers(0, 4),
    st.sampled_from(NAMES),
    st.sampled_from(FRAMEWORKS),
    st.sampled_from(["TASK_RUNNING", "TASK_RUNNING", "TASK_KILLING"]),
    st.integers(1, 3),
)
POOLS = st.builds(
    lambda name, first, second: pool(name, backend("app", *first), backend("api", *second)),
    st.sampled_from(["p", "q"]),
    st.lists(SERVICES, max_size=2),
    st.lists(SERVICES, max_size=2),
)
STEPS = st.lists(
    st.one_of(
        TASKS,
        POOLS,
        st.integers(0, 4).map(lambda number: TaskKey(framework_id="f1", id=f"t{number}")),
        st.sampled_from(["p", "q"]),
    ),
    max_size=25,
)


def expected(services: tuple[Service, ...], tasks: dict[TaskKey, Task]) -> set[tuple[str, int]]:
    """The plain definition, without any index."""
    return {
        (endpoint.host, endpoint.port)
        for one in services
        for each in tasks.values()
        if each.takes_traffic and selected(compile_service(one), each)
        for endpoint in task_endpoints(one.endpoint, each)
    }


@given(STEPS)
def test_after_any_changes_the_endpoints_are_those_of_a_plain_search(steps: list[Task | Pool | TaskKey | str]) -> None:
    """The inverted index forgets nothing and invents nothing, and names every backend that changed."""
    made, pools, tasks = Selection(), dict[str, Pool](), dict[TaskKey, Task]()
    for step in steps:
        before = {name: made.endpoints(name) for name in pools}
        touched: frozenset[BackendKey] | None = None
        match step:
            case Task():
                tasks[step.key] = step
                touched = made.update([step], []).backends
            case TaskKey():
                tasks.pop(step, None)
                touched = made.update([], [step]).backends
            case Pool():
                pools[step.name] = step
                made.set_pool(step)
            case str():
                pools.pop(step, None)
                made.remove_pool(step)
        for name, one in pools.items():
            for each in one.haproxy.backends:
                found = {(end.host, end.port) for end in made.endpoints_of(BackendKey(name, each.name))}
                assert found == expected(each.services, tasks)
                if touched is not None and BackendKey(name, each.name) not in touched:
                    assert made.endpoints(name).get(each.name) == before[name].get(each.name)
