"""Reading tasks from the JSON of the operator API."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.mesos_listener import messages
from api.mesos_listener import task as bounds
from api.mesos_listener.marathon import marathon_names
from api.mesos_listener.parse import after_status, on_agent
from api.mesos_listener.reading import Reader
from api.mesos_listener.service import PAGE_BYTES
from api.mesos_listener.task import NetworkMode, Port, Task
from api.mesos_listener.wire import to_message
from tests.unit.api.mesos_listener.messages import (
    agent_json,
    ports_json,
    read_agent,
    read_task,
    running,
    status_json,
    task_json,
)

TRACES = Path(__file__).parents[3] / "data" / "mesos-traces"
UUID = "0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f"


def parse(raw: dict[str, Any], framework_name: str = "marathon") -> Task:
    task = read_task(raw, framework_name, read_agent(agent_json("a1")))
    assert task is not None
    return task


def after(task: Task, ips: tuple[str, ...]) -> Task:
    """The task after a status with these addresses."""
    status = Reader(messages.TaskStatus).read(json.dumps(status_json("TASK_RUNNING", ips=ips)).encode())
    return after_status(task, "TASK_RUNNING", status)


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
        (f"shop.example_web.instance-{UUID}.$anon", "web.shop.example", ("/shop.example/web", "")),
        (f"shop.example_web.instance-{UUID}.$anon.2", "web.shop.example", ("/shop.example/web", "")),
        (f"shop.example_web.instance-{UUID}._app.1", "web.shop.example", ("/shop.example/web", "")),
        (f"shop.example_web.marathon-{UUID}", "web.shop.example", ("/shop.example/web", "")),
        (f"shop.example_web.marathon-{UUID}.$anon", "web.shop.example", ("/shop.example/web", "")),
        (f"shop_pod.marathon-{UUID}.nginx", "nginx", ("/shop/pod", "nginx")),
        ("something-else", "bar.foo", ("/foo/bar", "")),
        ("something-else", "", ("", "")),
    ],
)
def test_marathon_ids_come_from_the_task_id_and_else_from_the_reversed_name(
    task_id: str, name: str, expected: tuple[str, str]
) -> None:
    """The task id is unambiguous for ids with dots; the name is what older tools leave us."""
    assert marathon_names(name, task_id) == expected


def test_announced_ports_are_told_with_their_names_and_labels() -> None:
    """DiscoveryInfo is what a task says of its own ports."""
    raw = running("t1")
    raw["resources"].append(ports_json(10000, 10001))
    raw["discovery"] = {
        "name": "web-1",
        "ports": {
            "ports": [
                {
                    "number": 10000,
                    "name": "http",
                    "protocol": "tcp",
                    "labels": {
                        "labels": [{"key": "VIP_0", "value": "/web:80"}, {"key": "edgelb.path", "value": "/web"}]
                    },
                },
                {"number": 10001, "name": "admin", "protocol": "tcp"},
            ]
        },
    }
    task = parse(raw)
    assert task.ports == (
        Port(name="http", number=10000, protocol="tcp", labels=(("edgelb.path", "/web"),)),
        Port(name="admin", number=10001, protocol="tcp"),
    )
    assert task.discovery_name == "web-1"


def test_a_bridged_task_has_host_ports_and_container_ports() -> None:
    """The announced number is the agent's port, the mapping tells the port inside."""
    raw = running("t1")
    raw["container"] = {
        "docker": {"network": "BRIDGE", "port_mappings": [{"host_port": 31005, "container_port": 80}]},
    }
    raw["resources"].append(ports_json(31005, 31005))
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
    raw["resources"].append(ports_json(31000, 31002))
    assert [port.number for port in parse(raw).ports] == [31000, 31001, 31002]


class TestClaims:
    """What a task says of addresses and ports is checked against what Mesos says."""

    @pytest.mark.parametrize("told", ["fe80::1%eth0", "::1%a b", "::1%x\n    server evil 192.0.2.1:80", "x" * 5000])
    def test_an_address_that_is_none_is_left_out_and_noted(self, told: str) -> None:
        """The task is read all the same, with its other addresses."""
        task = parse(
            task_json("t1", state="TASK_RUNNING", statuses=[status_json("TASK_RUNNING", ips=(told, "10.1.2.3"))])
        )
        assert task.addresses == ("10.1.2.3",)
        assert [note.isprintable() and note.startswith("it tells the address") for note in task.notes] == [True]
        assert len(task.notes[0]) <= bounds.MAX_NOTE

    def test_a_later_status_tells_other_addresses_and_other_notes(self) -> None:
        """Whatever the first one said."""
        task = parse(task_json("t1", state="TASK_RUNNING", statuses=[status_json("TASK_RUNNING", ips=("10.1.2.3",))]))
        bad = after(task, ips=("fe80::1%x",))
        assert (bad.addresses, len(bad.notes)) == ((), 1)
        good = after(bad, ips=("10.1.2.4",))
        assert (good.addresses, good.notes) == (("10.1.2.4",), ())

    def test_one_address_has_one_form(self) -> None:
        """However its container writes it."""
        ips = ("2001:DB8:0::1", "::ffff:10.0.0.7", "10.0.0.7")
        task = parse(task_json("t1", state="TASK_RUNNING", statuses=[status_json("TASK_RUNNING", ips=ips)]))
        assert task.addresses == ("10.0.0.7", "2001:db8::1")

    def test_a_port_that_mesos_did_not_give_to_the_task_is_marked(self) -> None:
        """Announced or mapped; ports inside of a container are its own affair."""
        raw = running("t1", discovery={"ports": {"ports": [{"number": 2181}, {"number": 31005}]}})
        raw["resources"].append(ports_json(31005, 31009))
        assert [(port.number, port.unallocated) for port in parse(raw).ports] == [(2181, True), (31005, False)]
        mapped = running("t1", container={"docker": {"port_mappings": [{"host_port": 22, "container_port": 80}]}})
        assert [(port.number, port.unallocated) for port in parse(mapped).ports] == [(22, True)]
        scope = {"labels": [{"key": "network-scope", "value": "container"}]}
        inside = running("t1", discovery={"ports": {"ports": [{"number": 8080, "labels": scope}]}})
        assert [port.unallocated for port in parse(inside).ports] == [False]

    def test_a_task_of_an_executor_may_use_the_executors_ports(self) -> None:
        """Marathon gives a pod's ports to its executor; no event tells those, only which ports the agent offers."""
        raw = running(
            "t1", executor_id={"value": "pod"}, discovery={"ports": {"ports": [{"number": 31005}, {"number": 22}]}}
        )
        agent = read_agent(agent_json("a1") | {"total_resources": [ports_json(31000, 32000)]})
        task = read_task(raw, "marathon", agent)
        assert task is not None
        assert [port.unallocated for port in task.ports] == [False, True]
        unknown = read_task(raw, "marathon", None)
        assert unknown is not None
        assert [port.unallocated for port in unknown.ports] == [True, True]
        assert agent is not None
        assert [port.unallocated for port in on_agent(unknown, agent).ports] == [False, True]


def recorded_tasks() -> Iterator[dict[str, Any]]:
    """Every Task message that a real Mesos sent in the recordings."""

    def walk(value: Any) -> Iterator[dict[str, Any]]:
        if isinstance(value, dict):
            if {"task_id", "framework_id", "agent_id", "resources"} <= value.keys():
                yield value
            value = list(value.values())
        for inner in value if isinstance(value, list) else ():
            yield from walk(inner)

    for path in sorted(TRACES.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            yield from walk(json.loads(line).get("body"))


def test_nothing_of_a_real_task_is_left_out() -> None:
    """What real frameworks announce, Mesos gave to them."""
    found = [read_task(raw, "trace", None) for raw in recorded_tasks()]
    tasks = [task for task in found if task is not None]
    assert len(tasks) == len(found) > 0
    assert any(len(task.ports) == 2 and task.ports[0].name == "http" for task in tasks)
    assert {port.unallocated for task in tasks for port in task.ports} == {False}
    assert {task.notes for task in tasks} == {()}


class TestBounds:
    """However much a task says, what is kept of it fits into one message."""

    def test_the_largest_task_is_smaller_than_a_page(self) -> None:
        """Every text at its bound, of characters that take four bytes."""
        wide = "\U0001f600"
        tags = {"labels": [{"key": f"edgelb.{n:03}" + wide * 200, "value": wide * 4000} for n in range(40)]}
        port = {"number": 31000, "name": wide * 1000, "protocol": "tcp"}
        ports = [*({**port, "labels": tags} for _ in range(3)), *(port for _ in range(2000))]
        raw = running(
            wide * 200,
            name=wide * bounds.MAX_NAME,
            labels=tags,
            discovery={"name": wide * bounds.MAX_NAME, "ports": {"ports": ports}},
            executor_id={"value": wide * bounds.MAX_ID},
        )
        raw["statuses"] = [status_json("TASK_RUNNING", ips=tuple(f"2001:db8::{n:x}" for n in range(5000)))]
        task = read_task(raw, wide * bounds.MAX_NAME, read_agent(agent_json("a1")))
        assert task is not None
        assert to_message(task).ByteSize() < PAGE_BYTES
        assert len(task.addresses) == bounds.MAX_ADDRESSES
        assert any("ports are not used" in note for note in task.notes)
        assert any("its labels edgelb... are not used" in note for note in task.notes)

    @pytest.mark.parametrize("length", [3000, bounds.MAX_NAME])
    def test_a_long_name_is_kept_up_to_the_bound(self, length: int) -> None:
        """People have them."""
        assert parse(running("t1", name="n" * length)).name == "n" * length

    def test_a_name_beyond_the_bound_is_left_out_and_not_cut(self) -> None:
        """Half a name could be the whole name of another task."""
        task = parse(running("t1", name="n" * 34_000_000))
        assert (task.name, task.marathon_id) == ("", "")
        assert task.notes == ("its name of 34000000 characters is not used: the limit is 4096",)

    @pytest.mark.parametrize("field", ["task_id", "framework_id"])
    def test_a_task_with_an_id_that_mesos_would_refuse_is_left_out(self, field: str) -> None:
        """There is nothing else to call it by."""
        assert read_task(running("t1") | {field: {"value": "x" * 256}}, "marathon", None) is None

    def test_only_labels_for_load_balancers_are_kept(self) -> None:
        """Whatever else a task says in labels is of no use, and may be as much as it likes."""
        tags = [{"key": f"a{n}", "value": "x" * 1000} for n in range(500)]
        meant = {"EDGELB_POOL": "web", "HAPROXY_0_VHOST": "a.test", "edgelb.expose": "true"}
        tags += [{"key": key, "value": value} for key, value in meant.items()]
        task = parse(running("t1", labels={"labels": tags}))
        assert task.labels == tuple(meant.items())
        assert task.notes == ()

    @pytest.mark.parametrize(
        ("tags", "note"),
        [
            ({f"edgelb.{n:03}": "x" for n in range(500)}, "they are 500 of 5500 characters, which is too much"),
            ({f"edgelb.{n}": "x" * 4000 for n in range(10)}, "they are 10 of 40080 characters, which is too much"),
            ({"edgelb.expose": "true", "edgelb.a": "x" * 5000}, "edgelb.a is too long"),
        ],
    )
    def test_labels_for_load_balancers_are_bounded(self, tags: dict[str, str], note: str) -> None:
        """None of them are kept then: half of what a task asks for may be the wrong half."""
        labels = [{"key": key, "value": value} for key, value in tags.items()]
        task = parse(running("t1", labels={"labels": labels}))
        assert task.labels == ()
        assert task.notes == (f"its labels edgelb... are not used: {note}",)

    def test_labels_of_another_kind_are_bounded_by_themselves(self) -> None:
        """An application that moves from Marathon-LB may have snippets of any length."""
        tags = {"HAPROXY_0_BACKEND_HEAD": "x" * 5000, "HAPROXY_0_VHOST": "a.test", "edgelb.expose": "true"}
        labels = [{"key": key, "value": value} for key, value in tags.items()]
        task = parse(running("t1", labels={"labels": labels}))
        assert task.labels == (("edgelb.expose", "true"),)
        assert task.notes == ("its labels HAPROXY_... are not used: HAPROXY_0_BACKEND_HEAD is too long",)


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
    agent = read_agent(agent_json("a1", "192.0.2.7"))
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
    task = read_task(raw, "marathon", None)
    assert task is not None
    assert task.id == "t1"


def test_what_readers_cannot_be_told_is_left_out() -> None:
    """JSON can write half a surrogate pair and integers of any length; UTF-8 and doubles cannot."""
    raw = running("t1", name="a\ud800b", labels={"labels": [{"key": "edgelb.k", "value": "\udfff"}]})
    raw["statuses"][0]["timestamp"] = 10**400
    task = read_task(raw, "marathon", None)
    assert task is not None
    assert (task.name, task.labels, task.started) == ("a?b", (("edgelb.k", "?"),), 0.0)
    assert to_message(task).name == "a?b"
