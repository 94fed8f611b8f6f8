"""Reading tasks from the JSON of the operator API."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.mesos_listener.task import NetworkMode, Port, Task, marathon_names, parse_agent, parse_task
from api.mesos_listener.wire import to_message
from tests.unit.api.mesos_listener.messages import agent_json, running, status_json, task_json

UUID = "0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f"


def parse(raw: dict[str, Any], framework_name: str = "marathon") -> Task:
    task = parse_task(raw, framework_name, parse_agent(agent_json("a1")))
    assert task is not None
    return task


@pytest.mark.parametrize(
    ("task_id", "name", "expected"),
    [
        (f"foo_bar.{UUID}", "bar.foo", ("/foo/bar", "")),
        (f"foo_bar.{UUID}.3", "bar.foo", ("/foo/bar", "")),
        (f"foo_bar.instance-{UUID}._app.1", "bar.foo", ("/foo/bar", "")),
        (f"a_b.c.instance-{UUID}._app.12", "b.c.a", ("/a/b.c", "")),
        (f"shop_pod.instance-{UUID}.nginx", "nginx", ("/shop/pod", "nginx")),
        (f"shop_pod.instance-{UUID}.nginx.2", "nginx", ("/shop/pod", "nginx")),
        (f"web.instance-{UUID}", "web", ("/web", "")),
        ("something-else", "bar.foo", ("/foo/bar", "")),
        ("something-else", "", ("", "")),
    ],
)
def test_marathon_ids_come_from_the_task_id_and_else_from_the_reversed_name(
    task_id: str, name: str, expected: tuple[str, str]
) -> None:
    """The task id is unambiguous for ids with dots; the name is what older tools leave us."""
    assert marathon_names("marathon", name, task_id) == expected


def test_tasks_of_other_frameworks_have_no_marathon_id() -> None:
    """A framework that is no Marathon may use ids of any form."""
    assert marathon_names("cassandra", "bar.foo", f"foo_bar.{UUID}") == ("", "")


def test_announced_ports_are_told_with_their_names_and_labels() -> None:
    """DiscoveryInfo is what a task says of its own ports."""
    raw = running("t1")
    raw["discovery"] = {
        "name": "web-1",
        "ports": {
            "ports": [
                {
                    "number": 10000,
                    "name": "http",
                    "protocol": "tcp",
                    "labels": {"labels": [{"key": "VIP_0", "value": "/web:80"}]},
                },
                {"number": 10001, "name": "admin", "protocol": "tcp"},
            ]
        },
    }
    task = parse(raw)
    assert task.ports == (
        Port(name="http", number=10000, protocol="tcp", labels=(("VIP_0", "/web:80"),)),
        Port(name="admin", number=10001, protocol="tcp"),
    )
    assert task.discovery_name == "web-1"


def test_a_bridged_task_has_host_ports_and_container_ports() -> None:
    """The announced number is the agent's port, the mapping tells the port inside."""
    raw = running("t1")
    raw["container"] = {
        "docker": {"network": "BRIDGE", "port_mappings": [{"host_port": 31005, "container_port": 80}]},
    }
    raw["discovery"] = {"ports": {"ports": [{"number": 31005, "name": "web"}]}}
    task = parse(raw)
    assert task.network_mode is NetworkMode.BRIDGE
    assert task.ports == (Port(name="web", number=31005, container_port=80),)


def test_a_port_of_container_scope_is_the_containers_port() -> None:
    """Marathon announces the container's port on virtual networks and labels it so."""
    scope = {"labels": [{"key": "network-scope", "value": "container"}]}
    raw = running("t1")
    raw["container"] = {"network_infos": [{"name": "dcos"}]}
    raw["discovery"] = {"ports": {"ports": [{"number": 8080, "name": "web", "labels": scope}]}}
    task = parse(raw)
    assert task.network_mode is NetworkMode.CONTAINER
    assert (task.ports[0].number, task.ports[0].container_port) == (0, 8080)


def test_without_announcement_the_allocated_ports_count() -> None:
    """A task that announces nothing still has the ports that it was launched with."""
    raw = running("t1")
    raw["resources"].append({"name": "ports", "ranges": {"range": [{"begin": 31000, "end": 31002}]}})
    assert [port.number for port in parse(raw).ports] == [31000, 31001, 31002]


def test_health_is_the_last_result_that_any_status_tells() -> None:
    """A status of the master without health does not make a healthy task unknown."""
    raw = task_json("t1", state="TASK_RUNNING")
    raw["statuses"] = [status_json("TASK_RUNNING", healthy=True), status_json("TASK_RUNNING")]
    assert parse(raw).healthy is True


@pytest.mark.parametrize(
    ("healthy", "checked", "takes"),
    [(None, False, True), (None, True, False), (True, True, True), (False, True, False), (False, False, False)],
)
def test_a_checked_task_takes_traffic_only_after_a_success(healthy: bool | None, checked: bool, takes: bool) -> None:
    """Running is enough only for tasks without a health check."""
    task = Task(id="t", framework_id="f", state="TASK_RUNNING", healthy=healthy, health_checked=checked)
    assert task.takes_traffic is takes


def test_the_agents_address_comes_from_its_pid() -> None:
    """The hostname of an agent need not resolve; the address from which it talks to the master works."""
    agent = parse_agent(agent_json("a1", "192.0.2.7"))
    assert agent is not None
    assert (agent.id, agent.hostname, agent.address) == ("a1", "a1.example", "192.0.2.7")


def test_ipv4_addresses_stand_first() -> None:
    """Whoever takes the first address gets one that every balancer can use."""
    raw = task_json(
        "t1", state="TASK_RUNNING", statuses=[status_json("TASK_RUNNING", ips=("fd00::1", "10.1.2.3", "x"))]
    )
    assert parse(raw).addresses == ("10.1.2.3", "fd00::1")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=8,
)
FIELDS = [
    "name",
    "state",
    "labels",
    "discovery",
    "container",
    "statuses",
    "resources",
    "health_check",
    "executor_id",
    "agent_id",
]


@given(st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_no_field_of_any_type_hides_a_task(odd: dict[str, Any]) -> None:
    """Whatever stands in the fields, a task with its two ids is read."""
    raw = running("t1") | odd
    task = parse_task(raw, "marathon", None)
    assert task is not None
    assert task.id == "t1"


def test_what_readers_cannot_be_told_is_left_out() -> None:
    """JSON can write half a surrogate pair and integers of any length; UTF-8 and doubles cannot."""
    raw = running("t1", name="a\ud800b", labels={"labels": [{"key": "k", "value": "\udfff"}]})
    raw["statuses"][0]["timestamp"] = 10**400
    task = parse_task(raw, "marathon", None)
    assert task is not None
    assert (task.name, task.labels, task.started) == ("a?b", (("k", "?"),), 0.0)
    assert to_message(task).name == "a?b"
