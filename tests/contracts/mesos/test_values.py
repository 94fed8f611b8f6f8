"""Mesos' JSON and our values against the recordings of a real Mesos."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.core import events
from sdk.mesos import calls, parse
from sdk.mesos.calls import FrameworkInfo
from sdk.mesos.recordio import RecordDecoder, encode
from sdk.model.container import ContainerSpec, NetworkSpec
from sdk.model.ids import AgentId, ExecutorId, OperationId, TaskId
from sdk.model.operations import (
    Create,
    Destroy,
    GrowVolume,
    Launch,
    Reserve,
    ShrinkVolume,
    TaskLaunch,
    Unreserve,
)
from sdk.model.resources import Attribute, Reservation, Resource
from sdk.model.spec import CommandSpec, ExecutorSpec, HealthCheckSpec, PortSpec, UriSpec
from sdk.model.status import OperationState, TaskState
from tests.contracts.mesos import traces

SCHEDULER_TRACES = [name for name in traces.NAMES if traces.events(name)]
STREAM = b"".join(
    encode(json.dumps(event, separators=(",", ":")).encode()) for event in traces.events("01-subscribe-fresh")
)


@given(st.lists(st.integers(1, 700), min_size=1))
def test_a_recorded_stream_gives_the_same_records_in_any_pieces(sizes: list[int]) -> None:
    """Whatever TCP does to it."""
    decoder, records, at, turn = RecordDecoder(), list[bytes](), 0, 0
    while at < len(STREAM):
        records += decoder.feed(STREAM[at : (at := at + sizes[turn % len(sizes)])])
        turn += 1
    assert [json.loads(record) for record in records] == traces.events("01-subscribe-fresh")


def test_a_recorded_stream_may_be_cut_in_two_anywhere() -> None:
    """Every position once."""
    expected = RecordDecoder().feed(STREAM)
    for cut in range(len(STREAM)):
        decoder = RecordDecoder()
        assert decoder.feed(STREAM[:cut]) + decoder.feed(STREAM[cut:]) == expected


@pytest.mark.parametrize("name", SCHEDULER_TRACES)
def test_every_recorded_event_is_understood(name: str) -> None:
    """What is not for the scheduler is None, nothing is malformed, and no state is unknown to us."""
    for raw in traces.events(name):
        parsed = parse.scheduler_event(raw)
        if raw["type"] in ("HEARTBEAT", "INVERSE_OFFERS", "SUBSCRIBED"):
            assert parsed is None
        else:
            assert parsed is not None
        if isinstance(parsed, events.StatusReceived):
            assert parsed.status.state.value == raw["update"]["status"]["state"]
        if isinstance(parsed, events.OperationStatusReceived):
            assert parsed.status.state.value == raw["update_operation_status"]["status"]["state"]


def canonical(raw: dict[str, Any]) -> dict[str, Any]:
    """A resource of an offer with its scalar as the master counts it."""
    copy = json.loads(json.dumps(raw))
    if "scalar" in copy:
        copy["scalar"]["value"] = round(copy["scalar"]["value"], 3)
    return dict(copy)


@pytest.mark.parametrize("name", SCHEDULER_TRACES)
def test_resources_of_offers_come_back_as_they_were(name: str) -> None:
    """Reservation stacks, volumes and labels survive the way through our values: the master compares them exactly."""
    resources = [
        resource
        for raw in traces.events(name)
        for offer in raw.get("offers", {}).get("offers", [])
        for resource in offer["resources"]
        # Frameworks without RESERVATION_REFINEMENT get the older form with a role; ours always has it.
        if "role" not in resource
    ]
    assert resources
    for resource in resources:
        assert calls.resource(parse.resource(resource)) == canonical(resource)


def test_an_offer_has_everything_that_placement_asks_for() -> None:
    """Agent, role, address, domain, attributes of all types, static reservations, three decimals."""
    offers = [
        offer
        for raw in traces.events("01-subscribe-fresh")
        if isinstance(event := parse.scheduler_event(raw), events.OffersReceived)
        for offer in event.offers
    ]
    first = next(offer for offer in offers if offer.hostname == "agent1.mesos.test")
    assert first.role == "slave_public"
    assert first.address == "127.0.0.1"
    assert (first.region, first.zone) == ("region-1", "zone-1")
    assert first.agent_id.endswith("-S0")
    assert {attribute.name for attribute in first.attributes} >= {"public_ip"}
    assert any(
        resource.reservations == (Reservation(role="slave_public", dynamic=False),) for resource in first.resources
    )
    assert {resource.name for resource in first.resources} == {"cpus", "mem", "disk", "ports"}


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ({"name": "a", "type": "TEXT", "text": {"value": "rack-1"}}, "rack-1"),
        ({"name": "a", "type": "SCALAR", "scalar": {"value": 4.0}}, "4"),
        ({"name": "a", "type": "SCALAR", "scalar": {"value": 2.5}}, "2.5"),
        ({"name": "a", "type": "RANGES", "ranges": {"range": [{"begin": 1, "end": 3}]}}, "[1-3]"),
    ],
)
def test_attributes_have_the_text_that_constraints_compare(raw: dict[str, Any], text: str) -> None:
    """Scalars lose their trailing zeros."""
    assert parse.attribute(raw) == Attribute(name="a", text=text)


def test_ranges_are_sorted_and_joined() -> None:
    """Port arithmetic may rely on it."""
    raw = {
        "name": "ports",
        "type": "RANGES",
        "ranges": {"range": [{"begin": 30, "end": 40}, {"begin": 1, "end": 5}, {"begin": 6, "end": 9}]},
    }
    assert parse.resource(raw).ranges == ((1, 9), (30, 40))


def test_old_style_reservations_are_read() -> None:
    """A master without reservation refinement writes role and reservation."""
    raw = {"name": "cpus", "type": "SCALAR", "scalar": {"value": 1.0}, "role": "web", "reservation": {}}
    assert parse.resource(raw).reservations == (Reservation(role="web", dynamic=True),)
    assert parse.resource({**raw, "role": "*"}).reservations == ()


def test_statuses_keep_what_decides() -> None:
    """Health, reason, uuid and the container's addresses."""
    statuses = [
        event.status
        for raw in traces.events("02-accept-launch-custom-executor")
        if isinstance(event := parse.scheduler_event(raw), events.StatusReceived)
    ]
    running = next(status for status in statuses if status.state is TaskState.RUNNING and status.task_id == "web-1")
    assert (running.healthy, running.message, running.addresses) == (True, "ready", ("127.0.0.1",))
    assert running.executor_id == "ex-1"
    assert running.uuid == "wAOWaz/oTKmb693nY8wFhw=="
    error = next(status for status in statuses if status.state is TaskState.ERROR)
    assert (error.uuid, error.source) == (None, "SOURCE_MASTER")


def test_unreachable_tasks_say_since_when() -> None:
    """The replacement delay counts from then."""
    status = next(
        event.status
        for raw in traces.events("08-agent-failure")
        if isinstance(event := parse.scheduler_event(raw), events.StatusReceived)
        and event.status.state is TaskState.UNREACHABLE
    )
    assert status.unreachable_time is not None
    assert status.reason == "REASON_AGENT_REMOVED"


def test_failures_tell_agents_from_executors() -> None:
    """An executor's exit is not the loss of its agent."""
    found = [parse.scheduler_event(raw) for raw in traces.events("08-agent-failure") if raw["type"] == "FAILURE"]
    assert any(isinstance(event, events.AgentFailed) for event in found)
    assert any(isinstance(event, events.ExecutorFailed) and event.status == 9 for event in found)
    assert parse.scheduler_event({"type": "FAILURE", "failure": {}}) is None


def test_operation_uuids_are_plain_strings_inside() -> None:
    """The update has an object, the acknowledgement wants the string: as recorded."""
    name = "05-reserve-volume-operations"
    status = next(
        event.status
        for raw in traces.events(name)
        if isinstance(event := parse.scheduler_event(raw), events.OperationStatusReceived)
    )
    assert status.state is OperationState.FINISHED
    assert (
        calls.operation_acknowledgement(status)
        == traces.calls(name, "ACKNOWLEDGE_OPERATION_STATUS")[0]["acknowledge_operation_status"]
    )


def test_task_acknowledgements_are_those_of_the_recording() -> None:
    """Agent, task and uuid of the update."""
    name = "02-accept-launch-custom-executor"
    first = next(raw for raw in traces.events(name) if raw["type"] == "UPDATE")
    status = parse.task_status(first["update"]["status"])
    assert calls.task_acknowledgement(status) == traces.calls(name, "ACKNOWLEDGE")[0]["acknowledge"]


def test_a_refined_reservation_is_that_of_the_recording() -> None:
    """The whole stack, with the operation's id."""
    recorded = traces.calls("05-reserve-volume-operations", "ACCEPT")[0]["accept"]["operations"][0]
    resources = tuple(parse.resource(raw) for raw in recorded["reserve"]["resources"])
    assert resources[0].scalar == 500
    assert [entry.role for entry in resources[0].reservations] == ["slave_public", "slave_public/edgelb"]
    assert resources[0].reservations[1].label("pod") == "lb-0"
    assert calls.operation(Reserve(resources=resources, operation_id=OperationId("op-reserve-1")), "f") == recorded


def test_recorded_volumes_are_made_and_destroyed_in_the_same_words() -> None:
    """CREATE and DESTROY as a real master took them."""
    kinds: dict[str, type[Create] | type[Destroy]] = {"CREATE": Create, "DESTROY": Destroy}
    seen = []
    for call in traces.calls("05-reserve-volume-operations", "ACCEPT"):
        for recorded in call["accept"].get("operations", []):
            if (kind := kinds.get(recorded["type"])) is None:
                continue
            volumes = tuple(map(parse.resource, recorded[recorded["type"].lower()]["volumes"]))
            operation_id = recorded.get("id", {}).get("value")
            ours = kind(volumes=volumes, operation_id=None if operation_id is None else OperationId(operation_id))
            if any(volume.volume is None for volume in volumes):  # sent to be refused
                continue
            assert calls.operation(ours, "f") == recorded
            seen.append(recorded["type"])
            assert all(volume.volume is not None and volume.whole and not volume.plain for volume in volumes)
    assert {"CREATE", "DESTROY"} == set(seen)


@pytest.mark.parametrize(
    "disk",
    [
        {"source": {"type": "MOUNT", "mount": {"root": "/mnt/a"}}},
        {"source": {"type": "MOUNT", "mount": {}}},
        {"source": {"type": "PATH", "path": {"root": "/data"}, "profile": "fast", "id": "x", "vendor": "v"}},
        {"source": {"type": "RAW", "id": "csi", "metadata": {"labels": [{"key": "a", "value": "b"}]}}},
        {
            "persistence": {"id": "v", "principal": "p"},
            "volume": {"mode": "RO", "container_path": "data", "host_path": "/x"},
        },
    ],
)
def test_disks_are_handed_back_as_they_came(disk: dict[str, Any]) -> None:
    """Mesos compares all that it says of the source of a disk."""
    raw = {"name": "disk", "type": "SCALAR", "scalar": {"value": 10.0}, "disk": disk, "provider_id": {"value": "rp"}}
    read = parse.resource(raw)
    assert calls.resource(read) == raw
    assert read.provider_id == "rp"
    assert not read.plain


def test_growing_and_shrinking_name_the_volume() -> None:
    """As mesos.proto has it."""
    volume = {
        "name": "disk",
        "type": "SCALAR",
        "scalar": {"value": 10.0},
        "disk": {"persistence": {"id": "v"}, "volume": {"mode": "RW", "container_path": "data"}},
    }
    more = {"name": "disk", "type": "SCALAR", "scalar": {"value": 2.5}}
    grow = GrowVolume(volume=parse.resource(volume), addition=parse.resource(more))
    assert calls.operation(grow, "f") == {"type": "GROW_VOLUME", "grow_volume": {"volume": volume, "addition": more}}
    shrink = ShrinkVolume(volume=parse.resource(volume), subtract=2500, operation_id=OperationId("op"))
    assert calls.operation(shrink, "f") == {
        "type": "SHRINK_VOLUME",
        "shrink_volume": {"volume": volume, "subtract": {"value": 2.5}},
        "id": {"value": "op"},
    }


def test_unreserve_names_the_resources() -> None:
    """Without an operation id there is none on the wire."""
    cpus = Resource(name="cpus", scalar=1500, allocation_role="r")
    assert calls.operation(Unreserve(resources=(cpus,)), "f") == {
        "type": "UNRESERVE",
        "unreserve": {
            "resources": [
                {
                    "name": "cpus",
                    "type": "SCALAR",
                    "scalar": {"value": 1.5},
                    "allocation_info": {"role": "r"},
                }
            ]
        },
    }


def test_a_task_with_a_custom_executor_has_the_form_of_the_recording() -> None:
    """Every field that we send is one that a real Mesos took, with the same shape."""
    recorded = traces.calls("02-accept-launch-custom-executor", "ACCEPT")[0]["accept"]["operations"][0]
    theirs = recorded["launch"]["task_infos"][0]
    resource = parse.resource(theirs["resources"][0])
    launch = TaskLaunch(
        task_id=TaskId("web-1"),
        name="web-1",
        agent_id=AgentId(theirs["agent_id"]["value"]),
        resources=tuple(parse.resource(raw) for raw in theirs["resources"]),
        executor=ExecutorSpec(
            command=CommandSpec(
                value="exec python3 executor.py",
                environment={"EMPTY": ""},
                uris=(UriSpec(value="file:///opt/example/executor.py", extract=False),),
                user="root",
            ),
            name="example executor",
            shutdown_grace=5.0,
        ),
        executor_id=ExecutorId("ex-1"),
        executor_resources=tuple(parse.resource(raw) for raw in theirs["executor"]["resources"]),
        environment={"COLOR": "blue"},
        labels=(("HAPROXY_GROUP", "external"), ("dup", "1"), ("dup", "2")),
        discovery_name="web-1",
        ports=((PortSpec(name="http", labels=(("VIP_0", "/web:80"),)), 10000), (PortSpec(name="admin"), 10001)),
        data="task data",
        kill_grace=2.0,
    )
    ours = calls.operation(Launch(tasks=(launch,)), theirs["executor"]["framework_id"]["value"])["launch"][
        "task_infos"
    ][0]
    for key in ("name", "task_id", "agent_id", "resources", "data", "kill_policy"):
        assert ours[key] == theirs[key]
    for key in ("type", "executor_id", "framework_id", "name", "resources", "shutdown_grace_period"):
        assert ours["executor"][key] == theirs["executor"][key]
    assert ours["executor"]["command"]["environment"] == theirs["executor"]["command"]["environment"]
    assert ours["executor"]["command"]["uris"] == [{**theirs["executor"]["command"]["uris"][0], "executable": False}]
    assert set(ours) <= set(theirs)
    assert "command" not in ours
    discovery = ours["discovery"]
    assert (discovery["visibility"], discovery["name"]) == ("EXTERNAL", "web-1")
    assert discovery["ports"]["ports"][1] == theirs["discovery"]["ports"]["ports"][1]
    assert discovery["ports"]["ports"][0]["labels"] == theirs["discovery"]["ports"]["ports"][0]["labels"]
    assert resource.scalar == 500


def test_a_command_task_has_its_environment_and_check() -> None:
    """The task's environment wins over the command's."""
    launch = TaskLaunch(
        task_id=TaskId("t"),
        name="t",
        agent_id=AgentId("S0"),
        resources=(),
        command=CommandSpec(value="sleep 1", environment={"A": "1", "B": "1"}),
        environment={"B": "2"},
        ports=((PortSpec(name="web"), 80), (PortSpec(name="admin"), 81)),
        health_check=HealthCheckSpec(http_path="/ping", port="admin"),
    )
    info = calls.task_info(launch, "f")
    assert info["command"] == {
        "shell": True,
        "value": "sleep 1",
        "environment": {"variables": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
    }
    assert (info["health_check"]["type"], info["health_check"]["http"]["port"]) == ("HTTP", 81)
    assert "discovery" not in info
    tcp = calls.task_info(replace(launch, health_check=HealthCheckSpec(tcp=True)), "f")["health_check"]
    assert (tcp["type"], tcp["tcp"]) == ("TCP", {"port": 80})
    command = calls.task_info(replace(launch, health_check=HealthCheckSpec(command="true")), "f")["health_check"]
    assert (command["type"], command["command"]) == ("COMMAND", {"shell": True, "value": "true"})


def test_a_container_of_a_custom_executor_is_told_of_the_executor() -> None:
    """ContainerInfo as mesos.proto has it: Mesos makes the container for the executor, and the task is in it."""
    launch = TaskLaunch(
        task_id=TaskId("t"),
        name="t",
        agent_id=AgentId("S0"),
        resources=(),
        executor=ExecutorSpec(command=CommandSpec(value="run")),
        environment={},
        discovery_name="t",
        ports=((PortSpec(name="web", labels=(("a", "b"),)), 80), (PortSpec(name="admin"), 1025)),
        container=ContainerSpec(
            image="registry.example.com/edgelb:1",
            networks=(NetworkSpec(name="dcos", labels=(("tier", "front"),)), NetworkSpec(name="calico")),
        ),
    )
    info = calls.task_info(launch, "f")
    assert info["executor"]["container"] == {
        "type": "MESOS",
        "mesos": {"image": {"type": "DOCKER", "docker": {"name": "registry.example.com/edgelb:1"}}},
        "network_infos": [
            {"name": "dcos", "labels": {"labels": [{"key": "tier", "value": "front"}]}},
            {"name": "calico"},
        ],
    }
    assert "container" not in info
    scope = {"key": "network-scope", "value": "container"}
    assert [port["labels"] for port in info["discovery"]["ports"]["ports"]] == [
        {"labels": [{"key": "a", "value": "b"}, scope]},
        {"labels": [scope]},
    ]
    command = calls.task_info(replace(launch, executor=None, command=CommandSpec(value="run")), "f")
    assert command["container"] == info["executor"]["container"]
    image = calls.task_info(replace(launch, container=ContainerSpec(image="a")), "f")
    assert image["executor"]["container"] == {
        "type": "MESOS",
        "mesos": {"image": {"type": "DOCKER", "docker": {"name": "a"}}},
    }
    assert "labels" not in image["discovery"]["ports"]["ports"][1]
    plain = calls.task_info(replace(launch, container=ContainerSpec()), "f")
    assert "container" not in plain["executor"]


def test_framework_info_has_the_form_of_the_recording() -> None:
    """Capabilities, roles and timeout as a real Mesos took them."""
    recorded = traces.calls("01-subscribe-fresh", "SUBSCRIBE")[0]["subscribe"]["framework_info"]
    info = FrameworkInfo(
        name=recorded["name"],
        roles=tuple(recorded["roles"]),
        user="root",
        failover_timeout=recorded["failover_timeout"],
    )
    assert calls.framework_info(info) == recorded


@pytest.mark.parametrize(
    "raw",
    [
        {"type": "OFFERS"},
        {"type": "UPDATE", "update": {"status": {"state": "TASK_RUNNING"}}},
        {"type": "RESCIND", "rescind": None},
        {"type": "UPDATE_OPERATION_STATUS", "update_operation_status": {"status": {"state": "x"}}},
        {"type": "UPDATE", "update": {"status": {"task_id": {"value": ["t"]}, "state": "TASK_RUNNING"}}},
        {"type": "UPDATE", "update": {"status": {"task_id": {"value": "t"}, "state": ["TASK_RUNNING"]}}},
        {"type": "UPDATE", "update": {"status": {"task_id": {"value": "t"}, "state": "S", "healthy": "yes"}}},
        {"type": "UPDATE", "update": {"status": {"task_id": {"value": "t"}, "state": "S", "timestamp": math.nan}}},
        {"type": "RESCIND", "rescind": {"offer_id": {"value": {"value": "O"}}}},
        {"type": "RESCIND", "rescind": {"offer_id": {"value": ""}}},
        {"type": "FAILURE", "failure": {"agent_id": {"value": "S"}, "executor_id": {"value": "e"}, "status": "9"}},
    ],
)
def test_events_that_lack_what_makes_them_are_malformed(raw: dict[str, Any]) -> None:
    """The error names the type of the event."""
    with pytest.raises(parse.MalformedEvent, match=raw["type"]):
        parse.scheduler_event(raw)


@pytest.mark.parametrize("framework_id", ["", None, 1, ["f"], {}])
def test_a_subscription_has_an_id(framework_id: Any) -> None:
    """An empty one would be stored in place of the framework's own."""
    with pytest.raises(parse.MalformedEvent, match="SUBSCRIBED"):
        parse.subscribed({"type": "SUBSCRIBED", "subscribed": {"framework_id": {"value": framework_id}}}, "m:5050")


@pytest.mark.parametrize(
    "resource",
    [
        {"name": "cpus", "type": "SCALAR", "scalar": {"value": float("inf")}},
        {"name": "cpus", "type": "SCALAR", "scalar": {"value": float("nan")}},
        {"name": "cpus", "type": "SCALAR", "scalar": {"value": 10**400}},
        {"name": "cpus", "type": "SCALAR", "scalar": {"value": "1"}},
        {"name": "cpus", "type": "NEW"},
        {"name": "disk", "type": "SET", "set": {"item": [["x"]]}},
    ],
)
def test_an_offer_with_a_quantity_that_is_none_is_told_apart(resource: dict[str, Any]) -> None:
    """Nothing could be launched on it; the offers beside it are good, and it must be declined."""
    bad, good = offer_of("bad", resources=[resource]), offer_of("good")
    event = parse.scheduler_event({"type": "OFFERS", "offers": {"offers": [bad, good]}})
    assert isinstance(event, events.OffersReceived)
    assert [offer.id for offer in event.offers] == ["good"]
    assert list(event.unreadable) == ["bad"]


def offer_of(offer_id: str, **fields: Any) -> dict[str, Any]:
    """An offer as it comes over the wire."""
    one = {"value": "x"}
    return {"id": {"value": offer_id}, "framework_id": one, "agent_id": one, "hostname": "h", **fields}


@pytest.mark.parametrize(
    "attribute",
    [
        {"name": "rack"},
        {"name": "rack", "type": "NEW"},
        {"type": "TEXT", "text": {"value": "x"}},
        None,
        {"type": "SET"},
    ],
)
def test_an_attribute_that_cannot_be_read_is_left_out(attribute: Any) -> None:
    """The agent is as good as before; its other attributes are read."""
    text = {"name": "zone", "type": "TEXT", "text": {"value": "a"}}
    raw = offer_of("o", attributes=[attribute, text])
    event = parse.scheduler_event({"type": "OFFERS", "offers": {"offers": [raw]}})
    assert isinstance(event, events.OffersReceived)
    assert [(each.name, each.text) for each in event.offers[0].attributes] == [("zone", "a")]


def test_an_offer_that_has_no_id_is_left_out() -> None:
    """It can be neither used nor declined."""
    event = parse.scheduler_event({"type": "OFFERS", "offers": {"offers": [{"id": None}, 7, offer_of("good")]}})
    assert isinstance(event, events.OffersReceived)
    assert [offer.id for offer in event.offers] == ["good"]
    assert event.unreadable == {}


def test_states_of_a_newer_mesos_are_unknown() -> None:
    """They do not stop the scheduler."""
    assert parse.task_status({"task_id": {"value": "t"}, "state": "TASK_NEW"}).state is TaskState.UNKNOWN
    status = parse.operation_status({"operation_id": {"value": "o"}, "state": "OPERATION_NEW"})
    assert status.state is OperationState.UNKNOWN


def test_errors_tell_whether_the_framework_is_gone() -> None:
    """Only that one needs an operator's decision."""
    gone = parse.scheduler_event({"type": "ERROR", "error": {"message": "Framework has been removed"}})
    other = parse.scheduler_event({"type": "ERROR", "error": {"message": "Not authorized"}})
    assert gone == events.Failed(message="Framework has been removed", removed=True)
    assert other == events.Failed(message="Not authorized", removed=False)
