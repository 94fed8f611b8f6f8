"""Which tasks become servers of which backends."""

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.dcos_template.selecting.backends import LeftOut
from api.dcos_template.selecting.endpoint import Endpoint as Chosen
from api.dcos_template.selecting.endpoint import Kind, standing, task_endpoints
from api.dcos_template.selecting.selection import Rules, Selection
from api.dcos_template.selecting.selector import compile_service, selected
from api.dcos_template.selecting.touched import BackendKey, Moves, Spot, Touched
from api.mesos_listener.task import NetworkMode, Port, Task, TaskKey
from pool_executor.contract import State
from scheduler.pools.model import Check, Endpoint, EndpointType, Pool, Service
from tests.unit.api.dcos_template.pools import address, backend, pool, service, task

WEB = BackendKey("web", "app")


def selection(*pools: Pool, tasks: tuple[Task, ...] = ()) -> Selection:
    made = Selection()
    for each in pools:
        made.set_pool(each)
    made.update(tasks, ())
    return made


def spot(host: str = "10.0.0.1") -> Spot:
    return Spot("app", f"agentip_{host}_10001")


def hosts(made: Selection, key: BackendKey = WEB) -> list[tuple[str, int]]:
    return [(endpoint.host, endpoint.port) for endpoint in made.backends.endpoints_of(key)]


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
        assert selected(compile_service("web", service(None, **selectors)), chosen, "edgelb") is expected

    def test_a_pattern_does_not_match_what_a_task_does_not_have(self) -> None:
        """`.*` on a Marathon id selects Marathon's tasks, not everything."""
        assert not selected(
            compile_service("web", service(service_id_pattern=".*")), task("t1", marathon_id=""), "edgelb"
        )

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
        assert [tuple(endpoint[:3]) for endpoint in task_endpoints(wish, task("t", **fields)).endpoints] == expected

    @pytest.mark.parametrize(
        ("wish", "fields", "why"),
        [
            (Endpoint(), {"agent_address": ""}, "its agent a1.example is known without an IP address"),
            (Endpoint(), {"agent_address": "0.0.0.0"}, "is an unspecified address"),
            (Endpoint(), CONTAINER | {"addresses": ()}, "tells no IP address of its container"),
            (Endpoint(), CONTAINER | {"addresses": (), "notes": ("it tells x",)}, "container; it tells x"),
            (
                Endpoint(),
                CONTAINER | {"addresses": ("127.0.0.1",)},
                "127.0.0.1 as its container's address, which is a loopback",
            ),
            (Endpoint(), CONTAINER | {"addresses": ("0.0.0.0",)}, "unspecified"),
            (Endpoint(), CONTAINER | {"addresses": ("169.254.169.254",)}, "link-local"),
            (Endpoint(), CONTAINER | {"addresses": ("224.0.0.1",)}, "multicast"),
            (
                Endpoint(),
                {"ports": (Port(number=2181, unallocated=True),)},
                "port 2181, which Mesos did not give to it",
            ),
            (Endpoint(port_name="zk"), {"ports": (Port(name="zk", number=22, unallocated=True),)}, "port 22, which"),
            (
                Endpoint(type=EndpointType.CONTAINER_IP),
                {"addresses": ("10.0.0.1",), "ports": (Port(number=22, unallocated=True),)},
                "port 22, which",
            ),
            (
                Endpoint(all_ports=True),
                {"ports": tuple(Port(number=n, unallocated=True) for n in range(20, 25))},
                "port 20, 21, 22 and 2 more, which",
            ),
        ],
    )
    def test_what_a_task_claims_is_no_server_and_told(self, wish: Endpoint, fields: dict[str, Any], why: str) -> None:
        """Addresses of the balancer's own machine, and ports of the agent that belong to others."""
        chosen = task_endpoints(wish, task("t", **fields))
        assert chosen.endpoints == ()
        assert why in chosen.left_out

    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            (CONTAINER | {"addresses": ("127.0.0.1",)}, ("127.0.0.1", 8080)),
            ({"ports": (Port(number=2181, unallocated=True),)}, ("10.0.0.1", 2181)),
        ],
    )
    def test_a_pool_may_trust_what_is_announced(self, fields: dict[str, Any], expected: tuple[str, int]) -> None:
        """Its operator answers for it."""
        chosen = task_endpoints(Endpoint(trust_announced=True), task("t", **fields))
        assert [(one.host, one.port) for one in chosen.endpoints] == [expected]
        assert chosen.left_out == ""

    def test_the_port_that_the_pool_names_needs_no_allocation(self) -> None:
        """The operator says it, not the task."""
        chosen = task_endpoints(Endpoint(port=9000), task("t", ports=(Port(number=22, unallocated=True),)))
        assert [(one.host, one.port) for one in chosen.endpoints] == [("10.0.0.1", 9000)]

    def test_the_agents_own_address_may_be_loopback(self) -> None:
        """Mesos says it: agents of one machine may be told apart so."""
        on = {"agent_address": "127.0.0.3", "addresses": ("127.0.0.3",)}
        for kind in (EndpointType.AUTO_IP, EndpointType.CONTAINER_IP):
            chosen = task_endpoints(Endpoint(type=kind), task("t", **on))
            assert [(one.host, one.port) for one in chosen.endpoints] == [("127.0.0.3", 10001)]

    def test_the_first_address_that_can_be_used_counts(self) -> None:
        """A link-local one beside it does no harm."""
        chosen = task_endpoints(Endpoint(), task("t", **CONTAINER | {"addresses": ("169.254.1.1", "2001:db8::7")}))
        assert [(one.host, one.port) for one in chosen.endpoints] == [("2001:db8::7", 8080)]

    def test_a_task_becomes_at_most_so_many_servers(self) -> None:
        """The first ones, and it is told."""
        many = tuple(Port(number=number) for number in range(1, 501))
        chosen = task_endpoints(Endpoint(all_ports=True), task("t", ports=many), most=100)
        assert [one.port for one in chosen.endpoints] == list(range(1, 101))
        assert chosen.left_out == "offers 500 ports; the first 100 of them are servers"

    @pytest.mark.parametrize(
        ("wish", "ports", "expected"),
        [
            (Endpoint(), [(31001, "dns", "udp"), (31002, "web", "tcp")], [31002]),
            (Endpoint(all_ports=True), [(31001, "dns", "udp"), (31002, "web", "tcp")], [31002]),
            (Endpoint(), [(31003, "dns", "udp")], []),
            (Endpoint(port_name="dns"), [(31003, "dns", "UDP")], []),
            (Endpoint(), [(31004, "dns", "udp,tcp")], [31004]),
            (Endpoint(port_name="dns"), [(31005, "dns", "udp"), (31005, "dns", "tcp")], [31005]),
            (Endpoint(), [(31006, "web", "")], [31006]),
        ],
    )
    def test_udp_ports_are_no_servers(
        self, wish: Endpoint, ports: list[tuple[int, str, str]], expected: list[int]
    ) -> None:
        """HAProxy cannot forward UDP; what is announced as both, or as nothing, is TCP."""
        announced = tuple(Port(number=number, name=name, protocol=protocol) for number, name, protocol in ports)
        assert [one.port for one in task_endpoints(wish, task("t", ports=announced)).endpoints] == expected

    def test_a_fixed_address_needs_no_task(self) -> None:
        """ADDRESS is a server of its own."""
        made = selection(pool("web", backend("app", address("db.example", 5432, check=False))))
        assert made.backends.endpoints_of(WEB) == (Chosen(Kind.ADDRESS, "db.example", 5432, False),)

    def test_two_services_that_choose_the_same_port_give_one_server(self) -> None:
        """Whoever wants it unchecked has it so, whatever the order of the services."""
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
        assert made.backends.endpoints_of(WEB) == (Chosen(Kind.AGENT_IP, "10.0.0.1", 10001, False, "t"),)


class TestMarathon:
    """Marathon's names count for frameworks that are Marathons, and where the pool names the framework itself."""

    TEAM = task(
        "shop_web.0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f",
        name="web.shop",
        framework_name="mom-team-a",
        marathon=False,
        marathon_id="/shop/web",
    )

    @pytest.mark.parametrize(
        ("selectors", "expected"),
        [
            ({"service_id": "/shop/web"}, 0),
            ({"service_id_pattern": "."}, 0),
            ({"service_id": "/shop/web", "framework_name": "mom-team-a"}, 1),
            ({"service_id_pattern": "^/shop/", "framework_name": "mom-team-a"}, 1),
            ({"service_id": "/shop/web", "framework_id": "f1"}, 1),
            ({"service_id": "/shop/web", "framework_name_pattern": "mom"}, 0),
            ({"framework_name": "mom-team-a", "task_name": "web.shop"}, 1),
        ],
    )
    def test_a_marathon_by_another_name(self, selectors: dict[str, str], expected: int) -> None:
        """A framework cannot make itself the owner of /shop/web by naming its tasks so."""
        made = selection(pool("web", backend("app", service(None, **selectors))), tasks=(self.TEAM,))
        assert len(hosts(made)) == expected


class TestOwnLoadBalancers:
    """A pattern that is too wide must not make a pool a server of itself."""

    OWN = task(
        "dcos-edgelb.pools.web__x",
        name="edgelb-pool-0-server",
        framework_name="edgelb",
        labels=(("EDGELB_POOL", "web"),),
    )
    OTHER = task(
        "dcos-edgelb.pools.lan__x",
        name="edgelb-pool-0-server",
        framework_name="edgelb",
        labels=(("EDGELB_POOL", "lan"),),
        agent_address="10.0.0.2",
    )

    @pytest.mark.parametrize(
        ("selectors", "expected"),
        [
            ({"task_name_pattern": "server$"}, []),
            ({"task_name": "edgelb-pool-0-server"}, []),
            ({"framework_name_pattern": "edgelb"}, []),
            ({"framework_name": "edgelb"}, ["10.0.0.2"]),
            ({"framework_name": "edgelb", "task_name_pattern": "server$"}, ["10.0.0.2"]),
            ({"task_id": "dcos-edgelb.pools.lan__x"}, ["10.0.0.2"]),
            ({"task_id": "dcos-edgelb.pools.web__x"}, []),
        ],
    )
    def test_only_those_of_other_pools_that_are_named(self, selectors: dict[str, str], expected: list[str]) -> None:
        """frameworkName or taskID; never those of the pool itself."""
        made = selection(pool("web", backend("app", service(None, **selectors))), tasks=(self.OWN, self.OTHER))
        assert [host for host, _ in hosts(made)] == expected

    def test_our_framework_may_have_another_name(self) -> None:
        """It is a setting."""
        made = Selection(Rules(own_framework="balancers"))
        made.set_pool(pool("web", backend("app", service(task_name_pattern="."))))
        made.update([task("t", framework_name="balancers"), task("u", agent_address="10.0.0.9")], [])
        assert [host for host, _ in hosts(made)] == ["10.0.0.9"]


class TestLeftOut:
    def test_a_task_that_is_no_server_is_told_with_its_reason(self) -> None:
        """And the pools in which that changed are named, once."""
        made = selection(pool("web", backend("app", service(task_name="odd"))))
        odd = task("odd", ports=(Port(number=22, unallocated=True),))
        assert made.update([odd], []) == {"web": Moves(told=True)}
        assert list(made.left_out("web")) == [
            LeftOut("app", "odd", "announces port 22, which Mesos did not give to it")
        ]
        assert made.update([odd], []) == {}
        assert made.update([], [odd.key]) == {"web": Moves(told=True)}
        assert list(made.left_out("web")) == []

    def test_a_backend_has_at_most_so_many_servers(self) -> None:
        """The first ones to come, and it is told; when one goes, the next has its place."""
        made = Selection(Rules(servers_per_backend=3))
        made.set_pool(pool("web", backend("app", service(task_name_pattern="."))))
        made.update([task(f"t{n}", agent_address=f"10.0.0.{n}") for n in range(1, 6)], [])
        assert [host for host, _ in hosts(made)] == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
        told = "has 5 servers; 3 of them are used"
        assert list(made.left_out("web")) == [LeftOut("app", "", told)]
        moves = made.update([], [task("t1").key])["web"]
        assert (moves.gained, moves.lost) == ({spot("10.0.0.4")}, {spot("10.0.0.1")})
        made.update([], [task("t2").key])
        assert [host for host, _ in hosts(made)] == ["10.0.0.3", "10.0.0.4", "10.0.0.5"]
        assert list(made.left_out("web")) == []

    def test_a_task_that_cannot_be_taken_costs_a_new_service_no_other(self) -> None:
        """It is known when the pool comes, and told as one that comes later."""
        made = selection()
        made.update([task("t"), task("odd", agent_address=cast(str, 7))], [])
        moves = made.set_pool(pool("web", backend("app", service(task_name_pattern="."))))
        assert (moves["web"].gained, [key.id for key in made.odd]) == ({spot()}, ["odd"])

    def test_a_task_that_only_a_later_service_cannot_take_goes_whole(self) -> None:
        """What the others made of it is found without asking that service."""
        made = selection(pool("web", backend("app", service(task_name="odd"))))
        odd = task("odd", addresses=cast(tuple[str, ...], 7))
        made.update([odd], [])
        container = service(Endpoint(type=EndpointType.CONTAINER_IP), task_name="odd")
        made.set_pool(pool("web", backend("app", service(task_name="odd")), backend("api", container)))
        assert list(made.odd) == [odd.key]
        moves = made.update([], [odd.key], {odd.key})["web"]
        assert (moves.lost, list(moves.missing)) == ({spot()}, [spot()])
        assert hosts(made) == []

    def test_a_service_that_cannot_be_taken_leaves_nothing_half_done(self) -> None:
        """The same pool can be tried again."""
        made = selection(tasks=(task("t"),))
        good, bad = service(task_name="t"), service(task_name="t", task_id_pattern=cast(str, 7))
        with pytest.raises(TypeError):
            made.set_pool(pool("web", backend("app", good, bad)))
        assert hosts(made) == []
        made.set_pool(pool("web", backend("app", good)))
        assert hosts(made) == [("10.0.0.1", 10001)]

    def test_a_pattern_that_is_none_selects_nothing_and_stops_nobody(self) -> None:
        """A pool that was stored by an earlier release may hold one."""
        made = selection(
            pool("web", backend("app", service(task_name_pattern="(?=a)"), service(task_name="t"))), tasks=(task("t"),)
        )
        assert hosts(made) == [("10.0.0.1", 10001)]
        (told,) = made.left_out("web")
        assert told.backend == "app"
        assert "services[0] selects nothing: mesos.taskNamePattern: '(?=a)' is not a regular expression" in told.reason


class TestTouched:
    def test_a_task_touches_only_the_backends_that_select_it(self) -> None:
        """Other pools are not looked at."""
        made = selection(
            pool("web", backend("app", service(task_name="web"))), pool("db", backend("sql", service(task_name="db")))
        )
        assert made.update([task("web")], []) == {"web": Moves(gained={spot()})}
        assert made.update([], [task("web").key]) == {"web": Moves(lost={spot()})}

    def test_what_nobody_said_had_ended_is_told_apart(self) -> None:
        """With the endpoint that it was."""
        made = selection(pool("web", backend("app", service(task_name="web"))), tasks=(task("web"),))
        (endpoint,) = made.backends.endpoints_of(WEB)
        moves = made.update([], [task("web").key], {task("web").key})
        assert moves == {"web": Moves(lost={spot()}, missing={spot(): endpoint})}

    def test_a_task_that_is_told_to_end_drains_and_goes_when_it_has_ended(self) -> None:
        """What is bound to it finishes; a successor at its place takes everything at once."""
        made = selection(pool("web", backend("app", service(framework_name="marathon"))), tasks=(task("a"),))
        assert made.update([task("a", state="TASK_KILLING")], []) == {"web": Moves(lost={spot()})}
        assert [(one.task, one.state) for one in made.backends.endpoints_of(WEB)] == [("a", State.DRAIN)]
        assert made.update([task("b")], []) == {"web": Moves(lost={spot()})}
        assert [(one.task, one.state) for one in made.backends.endpoints_of(WEB)] == [("b", State.READY)]
        assert made.update([], [task("a").key]) == {}
        sick = task("c", agent_address="10.0.0.3", state="TASK_KILLING", healthy=False)
        assert made.update([sick], []) == {}

    def test_a_port_that_a_successor_has_already_stays(self) -> None:
        """The end of the first task of two at one place takes no server away."""
        made = selection(pool("web", backend("app", service(framework_name="marathon"))), tasks=(task("a"), task("b")))
        assert [one.task for one in made.backends.endpoints_of(WEB)] == ["a"]
        assert made.update([], [task("a").key]) == {"web": Moves(lost={spot()})}
        assert [one.task for one in made.backends.endpoints_of(WEB)] == ["b"]
        assert made.update([task("c")], []) == {}

    def test_a_change_that_no_selector_sees_touches_nothing(self) -> None:
        """A new label is no new server."""
        made = selection(pool("web", backend("app", service(task_name="web"))), tasks=(task("web"),))
        assert made.update([task("web", labels=(("a", "b"),))], []) == {}

    def test_a_sick_task_is_lost_and_a_recovered_one_gained(self) -> None:
        """Health moves a server in and out."""
        made = selection(pool("web", backend("app", service(task_name="web"))), tasks=(task("web", healthy=True),))
        assert made.update([task("web", healthy=False)], []) == {"web": Moves(lost={spot()})}
        assert made.update([task("web", healthy=True)], []) == {"web": Moves(gained={spot()})}

    def test_a_removed_pool_leaves_nothing_behind(self) -> None:
        """Its services are in no index any more."""
        made = selection(pool("web", backend("app", service(task_name_pattern="."), service(task_name="web"))))
        made.update([task("web")], [])
        made.remove_pool("web")
        assert made.update([task("web", ports=(Port(number=1),)), task("other")], []) == {}
        assert list(made.backends.endpoints("web")) == []

    def test_another_version_of_a_pool_touches_what_selects_something_else(self) -> None:
        """A service that is added or taken away costs its own tasks, and others nothing."""
        first, second = service(task_name="a"), service(task_name="b")
        made = selection(pool("web", backend("app", first)), tasks=(task("a"), task("b", agent_address="10.0.0.2")))
        assert made.set_pool(pool("web", backend("app", first), count=3)) == {}
        assert made.set_pool(pool("web", backend("app", second, first))) == {"web": Moves(gained={spot("10.0.0.2")})}
        assert made.set_pool(pool("web", backend("app", second))) == {"web": Moves(lost={spot()})}
        assert made.set_pool(pool("web", backend("other", second))) == {
            "web": Moves(gained={Spot("other", "agentip_10.0.0.2_10001")}, lost={spot("10.0.0.2")})
        }


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
        if standing(each) is not None and selected(compile_service("p", one), each, "edgelb")
        for endpoint in task_endpoints(one.endpoint, each).endpoints
    }


@given(STEPS)
def test_after_any_changes_the_endpoints_are_those_of_a_plain_search(steps: list[Task | Pool | TaskKey | str]) -> None:
    """The inverted index forgets nothing and invents nothing, and its differences add up to what there is."""
    made, pools, tasks = Selection(), dict[str, Pool](), dict[TaskKey, Task]()
    followed: dict[str, dict[Spot, Chosen]] = {}
    for step in steps:
        touched: Touched = {}
        match step:
            case Task():
                tasks[step.key] = step
                touched = made.update([step], [])
            case TaskKey():
                tasks.pop(step, None)
                touched = made.update([], [step])
            case Pool():
                pools[step.name] = step
                touched = made.set_pool(step)
            case str():
                pools.pop(step, None)
                followed.pop(step, None)
                made.remove_pool(step)
        for name, moves in touched.items():
            follow(made, name, moves, followed.setdefault(name, {}))
        for name, one in pools.items():
            there = {Spot(group, server): endpoint for group, server, endpoint in made.backends.endpoints(name)}
            assert followed.get(name, {}) == there
            assert made.backends.count(name) == len(there)
            for each in one.haproxy.backends:
                found = {(end.host, end.port) for end in made.backends.endpoints_of(BackendKey(name, each.name))}
                assert found == expected(each.services, tasks)


def follow(made: Selection, name: str, moves: Moves, known: dict[Spot, Chosen]) -> None:
    """Take only what is said to have changed."""
    assert moves.gained.isdisjoint(known)
    assert moves.lost <= known.keys()
    for where in moves.gained | moves.lost:
        endpoint = made.endpoint(BackendKey(name, where.backend), where.name)
        if endpoint is None:
            del known[where]
        else:
            known[where] = endpoint


def test_a_task_that_cannot_be_taken_hides_nothing_of_the_others() -> None:
    """What went missing beside it is still told as missing, and its own servers go."""
    made = selection(pool("web", backend("app", service(task_name="app"))), tasks=(app("t1", 1), app("t2", 2)))
    impossible: Any = None
    odd = task("t2", name="app", ports=impossible)
    moves = made.update([odd, app("t3", 3)], [app("t1", 1).key], {app("t1", 1).key})["web"]
    assert {spot.name for spot in moves.missing} == {"agentip_10.0.0.1_10001"}
    assert {spot.name for spot in moves.lost} == {"agentip_10.0.0.1_10001", "agentip_10.0.0.2_10001"}
    assert hosts(made) == [("10.0.0.3", 10001)]
    assert list(made.odd) == [odd.key]


def app(task_id: str, number: int) -> Task:
    return task(task_id, name="app", agent_address=f"10.0.0.{number}")
