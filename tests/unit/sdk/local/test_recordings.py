"""The core's messages next to those that a real Mesos 1.12 sent: same fields, same order, same types."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sdk.local.core import Answer
from sdk.local.core.wire import BadMessage, convert
from tests.unit.sdk.local.model import World, launch, task

Json = dict[str, Any]
TRACES = Path(__file__).parents[3] / "data" / "mesos-traces"
RESERVED = (
    "cpus(slave_public):2;mem(slave_public):1024.5;ports(slave_public):[1-21,23-5050];cpus:1.5;mem:512;disk:5000.123"
)
TAGS = "public_ip:true;rack:r1;zone:a;weight:1.5;range:[1-3,5-7]"


def lines(name: str) -> Iterator[Json]:
    """The lines of one recording."""
    with next(TRACES.glob(f"{name}-*.jsonl")).open() as file:
        yield from map(json.loads, file)


def events(name: str, kind: str, who: str = "scheduler") -> list[Json]:
    """The recorded events of one type."""
    return [
        line["body"]
        for line in lines(name)
        if line["who"] == who and line["kind"] == "event" and line["body"]["type"] == kind
    ]


def shape(value: Any, *without: str) -> Any:
    """Fields in order with the types of their values; of lists the shapes of their items."""
    if isinstance(value, dict):
        return [(name, shape(part, *without)) for name, part in value.items() if name not in without]
    if isinstance(value, list):
        return [shape(item, *without) for item in value]
    return type(value).__name__


def subscribe_as_recorded(world: World, name: str) -> Answer:
    """The SUBSCRIBE call of the recording."""
    call = next(
        line["body"]
        for line in lines(name)
        if line.get("path") == "/api/v1/scheduler" and line["body"]["type"] == "SUBSCRIBE"
    )
    answer = world.master.call(call, stream=None, now=world.now, new_stream="s")
    world.take(answer.outputs)
    return answer


@pytest.fixture
def world() -> World:
    """A master with the agent of the first recording, and its scheduler."""
    result = World()
    subscribe_as_recorded(result, "01")
    result.agent("agent1.mesos.test", RESERVED, tags=TAGS, port=15061)
    return result


def test_subscribed(world: World) -> None:
    """SUBSCRIBED, without the fault domain, which these masters do not have."""
    assert shape(world.events["s"][0]) == shape(events("01", "SUBSCRIBED")[0], "domain")
    assert [event["type"] for event in world.events["s"]] == ["SUBSCRIBED", "HEARTBEAT", "OFFERS"]


def test_offer(world: World) -> None:
    """An offer with static reservations and attributes of each type; the recorded ranges differ only in number."""
    ours = world.of("s", "OFFERS")[0]["offers"]["offers"][0]
    recorded = events("01", "OFFERS")[0]["offers"]["offers"][0]
    assert [item for item in shape(ours) if item[0] != "resources"] == [
        item for item in shape(recorded, "domain") if item[0] != "resources"
    ]
    assert [(item["name"], list(item)) for item in ours["resources"]] == [
        (item["name"], list(item)) for item in recorded["resources"]
    ]
    assert ours["attributes"] == recorded["attributes"]
    scalars = {tuple(item): item["scalar"] for item in recorded["resources"] if "scalar" in item}
    assert all(isinstance(value["value"], float) for value in scalars.values())


def test_agents(world: World) -> None:
    """GET_AGENTS: resources without role in agent_info, with it everywhere else."""
    recorded = next(line["body"] for line in lines("01") if line.get("for") == "POST /api/v1 GET_AGENTS")["get_agents"][
        "agents"
    ]
    theirs = next(item for item in recorded if item["agent_info"]["hostname"] == "agent1.mesos.test")
    answer = world.master.operator_call({"type": "GET_AGENTS"}, now=0.0).body
    assert answer is not None
    ours = answer["get_agents"]["agents"][0]
    assert list(ours) == list(theirs)
    assert list(ours["agent_info"]) == [name for name in theirs["agent_info"] if name != "domain"]
    for part in ("total_resources", "offered_resources"):
        assert [list(item) for item in ours[part]] == [list(item) for item in theirs[part]]


def test_launch_as_recorded() -> None:
    """The recorded ACCEPT with a custom executor, and what the executor got: defaults are injected, fields in order."""
    world = World()
    subscribe_as_recorded(world, "02")
    ports = "ports(slave_public):[10000-10999];ports:[11000-20000]"
    world.agent("agent1.mesos.test", f"cpus(slave_public):2;mem(slave_public):1024;{ports};cpus:2;mem:1024;disk:5000")
    offer = world.offers("s")[0]
    recorded = next(line["body"] for line in lines("02") if line.get("body", {}).get("type") == "ACCEPT")
    old = {
        recorded["framework_id"]["value"]: "M-0000",
        recorded["accept"]["offer_ids"][0]["value"]: offer["id"]["value"],
    }
    old[recorded["accept"]["operations"][0]["launch"]["task_infos"][0]["agent_id"]["value"]] = "M-S0"
    text = json.dumps(recorded)
    for name, new in old.items():
        text = text.replace(name, new)
    world.take(world.master.call(json.loads(text), stream="s", now=0.0).outputs)
    assert not world.updates("s")
    (message,) = world.heard("agent1.mesos.test", "RUN_TASK")
    got = events("02", "LAUNCH", "executor")[0]["launch"]["task"]
    assert shape(message["task"]) == shape(got)


def test_update_as_recorded() -> None:
    """Every recorded status keeps its fields and their order on the way through the master."""
    count = 0
    for event in events("02", "UPDATE") + events("08", "UPDATE"):
        status = event["update"]["status"]
        if "uuid" not in status:
            continue
        world = World()
        world.subscribe("s")
        world.agent("a1")
        shuffled = dict(reversed(status.items()))
        message = {"type": "UPDATE", "framework_id": {"value": "M-0000"}, "status": shuffled}
        world.say("a1", message | {"latest_state": status["state"]})
        (ours,) = world.updates("s")
        assert json.dumps(ours) == json.dumps(status)
        count += 1
    assert count > 30


def test_lost_agent_as_recorded() -> None:
    """TASK_UNREACHABLE, the return, and reconciliation answers have exactly the recorded fields."""
    world = World(agent_ping_timeout=1.0, max_agent_ping_timeouts=3)
    world.subscribe("s")
    world.agent("a1")
    offer = world.offers("s")[0]
    world.accept("s", offer, launch(task(offer, "c-1")))
    world.acknowledge("s", world.report("a1", "c-1", "TASK_RUNNING", container_status={"executor_pid": 1}))
    world.at(10.0)
    asked = {"tasks": [{"task_id": {"value": "c-1"}, "agent_id": {"value": "M-S0"}}]}
    world.call("s", "RECONCILE", asked)
    recorded = [event["update"]["status"] for event in events("08", "UPDATE")]
    for ours, reason in zip(world.updates("s")[-2:], ("REASON_AGENT_REMOVED", "REASON_RECONCILIATION"), strict=True):
        theirs = next(item for item in recorded if item["state"] == "TASK_UNREACHABLE" and item["reason"] == reason)
        assert shape(ours) == shape(theirs)
        assert ours["message"] == theirs["message"]


def test_operator_stream_as_recorded() -> None:
    """Snapshot of an empty master, FRAMEWORK_ADDED, AGENT_ADDED, TASK_ADDED and TASK_UPDATED."""
    world = World()
    world.take(world.master.operator_subscribe("o", now=0.0))
    assert world.events["o"][0] == events("08", "SUBSCRIBED", "operator")[0]
    subscribe_as_recorded(world, "08")
    assert shape(world.of("o", "FRAMEWORK_ADDED")[0]) == shape(events("08", "FRAMEWORK_ADDED", "operator")[0])
    world.agent("a1", "cpus:4;mem:4096;disk:5000;ports:[10000-20000]", tags="zone:a")
    assert shape(world.of("o", "AGENT_ADDED")[0]) == shape(events("08", "AGENT_ADDED", "operator")[0], "domain")
    offer = world.offers("s")[0]
    world.accept("s", offer, launch(task(offer, "c-1")))
    theirs = next(item for item in events("08", "TASK_ADDED", "operator")
                  if item["task_added"]["task"]["name"] == "c-1")  # fmt: skip
    assert shape(world.of("o", "TASK_ADDED")[0]) == shape(theirs)
    status = events("08", "TASK_UPDATED", "operator")[0]["task_updated"]["status"]
    world.report(
        "a1", "c-1", status["state"], executor_id={"value": "c-1"}, container_status=status["container_status"]
    )
    assert shape(world.of("o", "TASK_UPDATED")[0]) == shape(events("08", "TASK_UPDATED", "operator")[0])


def test_recorded_calls_convert_as_recorded() -> None:
    """Every call in these recordings converts, but for those that the real master refused, with its words."""
    seen: set[str] = set()
    ours, theirs = [], []
    head = "Failed to convert JSON into Call protobuf: "
    for name in ("01", "02", "05", "08", "10"):
        for line in lines(name):
            if line["kind"] == "call" and line["who"] == "scheduler" and isinstance(line.get("body"), dict):
                try:
                    seen.add(convert("Call", line["body"])["type"])
                except BadMessage as error:
                    ours.append(f"{head}{error}")
            elif line["kind"] == "response" and line["who"] == "scheduler" and line.get("text", "").startswith(head):
                theirs.append(line["text"])
    assert ours == theirs
    assert {"SUBSCRIBE", "ACCEPT", "ACKNOWLEDGE", "KILL", "RECONCILE", "SUPPRESS", "DECLINE"} <= seen
