"""Subscribing, failing over, leaving; and the errors of the call itself."""

from typing import Any

import pytest

from sdk.local.core import Master, MasterConfig
from tests.unit.sdk.local.model import World, framework_info, launch, task


def test_first_events() -> None:
    """SUBSCRIBED with the master's info, a HEARTBEAT at once, then one every interval."""
    world = World()
    assert world.subscribe("s").status == 200
    first, second = world.events["s"]
    assert first["subscribed"]["framework_id"] == {"value": "M-0000"}
    assert first["subscribed"]["master_info"]["ip"] == 16777343
    assert second == {"type": "HEARTBEAT"}
    world.at(31.0)
    assert len(world.of("s", "HEARTBEAT")) == 3


def test_failover() -> None:
    """The old stream gets ERROR and ends, its offers are void; updates wait for the new one."""
    world = World()
    world.agent("a1")
    world.subscribe("s1")
    offer = world.offers("s1")[0]
    world.subscribe("s2", framework_id="M-0000")
    assert world.events["s1"][-1] == {"type": "ERROR", "error": {"message": "Framework failed over"}}
    assert "s1" in world.closed
    assert not world.of("s1", "RESCIND")
    assert world.call("s1", "REVIVE").status == 400
    world.take(world.master.scheduler_disconnected("s1", now=world.now))
    assert world.master.state.frameworks["M-0000"].connected
    assert world.offers("s2")[0]["id"] != offer["id"]
    assert world.heard("a1", "UPDATE_FRAMEWORK")


def test_failover_timeout() -> None:
    """A framework that stays away is removed with its tasks; its id is refused."""
    world = World()
    world.agent("a1")
    world.subscribe("s1", failover_timeout=5.0)
    offer = world.offers("s1")[0]
    world.accept("s1", offer, launch(task(offer, "t1")))
    world.take(world.master.scheduler_disconnected("s1", now=0.0))
    world.at(4.9)
    assert "M-0000" in world.master.state.frameworks
    world.at(5.0)
    assert world.heard("a1", "SHUTDOWN_FRAMEWORK")
    world.subscribe("s2", framework_id="M-0000")
    assert world.events["s2"] == [{"type": "ERROR", "error": {"message": "Framework has been removed"}}]
    assert "s2" in world.closed


def test_no_failover_timeout_means_at_once() -> None:
    """failover_timeout 0: gone with the stream."""
    world = World()
    world.subscribe("s", failover_timeout=0.0)
    world.take(world.master.scheduler_disconnected("s", now=0.0))
    assert not world.master.state.frameworks


def test_teardown_frees_everything() -> None:
    """Tasks are killed for operators, the stream ends without an event, the agent's resources are free."""
    world = World()
    world.take(world.master.operator_subscribe("o", now=0.0))
    world.agent("a1")
    world.subscribe("s")
    offer = world.offers("s")[0]
    world.accept("s", offer, launch(task(offer, "t1")))
    assert world.call("s", "TEARDOWN").status == 202
    assert "s" in world.closed
    assert not world.of("s", "ERROR")
    killed = world.of("o", "TASK_UPDATED")[-1]["task_updated"]["status"]
    assert (killed["state"], killed["reason"]) == ("TASK_KILLED", "REASON_FRAMEWORK_REMOVED")
    assert world.of("o", "FRAMEWORK_REMOVED")
    agent = world.master.state.agents["M-S0"]
    assert agent.free == agent.total


@pytest.mark.parametrize(
    ("roles", "fields", "message"),
    [
        (["a b"], {}, "'FrameworkInfo.roles' contains invalid role: Role component 'a b' is invalid because it "
                      "contains backspace or whitespace"),
        (["/a"], {}, "'FrameworkInfo.roles' contains invalid role: Role '/a' cannot start with a slash"),
        (["a/../b"], {}, "'FrameworkInfo.roles' contains invalid role: Role 'a/../b' cannot include '..' as a "
                         "component"),
        (["-a"], {}, "'FrameworkInfo.roles' contains invalid role: Role component '-a' is invalid because it starts "
                     "with a dash"),
        (["a", "a"], {}, "'FrameworkInfo.roles' contains duplicate items: { a }"),
        (["a"], {"failover_timeout": 1e12}, "The framework failover_timeout (1e+12) is invalid"),
        (["a"], {"capabilities": []}, "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE "
                                     "capable"),
    ],
)  # fmt: skip
def test_bad_framework_infos(roles: list[str], fields: dict[str, Any], message: str) -> None:
    """HTTP 200, one ERROR event, the end of the stream."""
    world = World()
    assert world.subscribe("s", *roles, **fields).status == 200
    assert world.events["s"] == [{"type": "ERROR", "error": {"message": message}}]
    assert "s" in world.closed


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ([], "Failed to convert JSON into Call protobuf: Expecting a JSON object"),
        ({}, "Failed to validate scheduler::Call: Expecting 'type' to be present"),
        ({"type": "UNKNOWN"}, "Failed to validate scheduler::Call: Expecting 'type' to be present"),
        ({"type": "SUBSCRIBE"}, "Failed to validate scheduler::Call: Expecting 'subscribe' to be present"),
        ({"type": "SUBSCRIBE", "subscribe": {}},
         "Failed to convert JSON into Call protobuf: Missing required fields: subscribe.framework_info"),
        ({"type": "SUBSCRIBE", "subscribe": {"framework_info": {"name": "x"}}},
         "Failed to convert JSON into Call protobuf: Missing required fields: subscribe.framework_info.user"),
        ({"type": "SUBSCRIBE", "subscribe": {"framework_info": {"user": "u", "name": 5}}},
         "Failed to convert JSON into Call protobuf: Not expecting a JSON number for field 'name'"),
        ({"type": "REVIVE"}, "Failed to validate scheduler::Call: Expecting 'framework_id' to be present"),
        ({"type": "REVIVE", "framework_id": {"value": "nosuch"}}, "Framework cannot be found"),
        ({"type": "ACCEPT", "framework_id": {"value": "M-0000"}},
         "Failed to validate scheduler::Call: Expecting 'accept' to be present"),
        ({"type": "KILL", "framework_id": {"value": "M-0000"}, "kill": {}},
         "Failed to convert JSON into Call protobuf: Missing required fields: kill.task_id"),
        ({"type": "ACKNOWLEDGE", "framework_id": {"value": "M-0000"}, "acknowledge": {}},
         "Failed to convert JSON into Call protobuf: Missing required fields: acknowledge.agent_id, "
         "acknowledge.task_id, acknowledge.uuid"),
    ],
)  # fmt: skip
def test_malformed_calls(call: Any, text: str) -> None:
    """400 with the recorded words; nothing changes."""
    world = World()
    world.subscribe("s")
    subscribing = isinstance(call, dict) and call.get("type") == "SUBSCRIBE"
    answer = world.master.call(call, stream=None if subscribing else "s", now=0.0, new_stream="n")
    assert (answer.status, answer.text, answer.outputs) == (400, text, ())


def test_stream_ids() -> None:
    """Missing, wrong, superfluous; and 403 while nobody is subscribed."""
    world = World()
    world.subscribe("s")
    revive = {"type": "REVIVE", "framework_id": {"value": "M-0000"}}
    assert world.master.call(revive, stream=None, now=0.0).text == (
        "All non-subscribe calls should include the 'Mesos-Stream-Id' header"
    )
    assert "didn't match the stream ID" in world.master.call(revive, stream="x", now=0.0).text
    body = {"type": "SUBSCRIBE", "subscribe": {"framework_info": framework_info("r")}}
    assert world.master.call(body, stream="s", now=0.0, new_stream="n").status == 400
    world.take(world.master.scheduler_disconnected("s", now=0.0))
    answer = world.master.call(revive, stream="s", now=0.0)
    assert (answer.status, answer.text) == (403, "Framework is not subscribed")


def test_lenient_json() -> None:
    """Unknown fields, numbers and booleans in strings: accepted, as by the real parser."""
    world = World()
    assert world.subscribe("s", failover_timeout="60", checkpoint="true", nosuch=[1]).status == 200
    info = world.master.state.frameworks["M-0000"].info
    assert (info["failover_timeout"], info["checkpoint"]) == (60.0, True)
    assert "nosuch" not in info


def test_update_framework() -> None:
    """200; offers of a removed role are rescinded; what may not change is refused with words."""
    world = World()
    world.agent("a1")
    world.subscribe("s", "r1", "r2")
    offer = world.offers("s")[0]
    role = offer["allocation_info"]["role"]
    other = "r2" if role == "r1" else "r1"
    info = framework_info(other, id={"value": "M-0000"})
    assert world.call("s", "UPDATE_FRAMEWORK", {"framework_info": info}).status == 200
    assert world.of("s", "RESCIND")
    world.at(world.now + 1.0)
    assert world.offers("s")[0]["allocation_info"] == {"role": other}
    answer = world.call("s", "UPDATE_FRAMEWORK", {"framework_info": info | {"user": "x"}})
    assert answer.text == (
        "FrameworkInfo update is not valid: Updating 'FrameworkInfo.user' is unsupported; attempted to update from "
        "'root' to 'x'"
    )


def test_another_principal_is_refused() -> None:
    """A subscription with the same id and another principal: ERROR; the first one stays."""
    world = World()
    world.subscribe("s1", principal="p")
    world.subscribe("s2", principal="q", framework_id="M-0000")
    assert world.events["s2"][-1]["error"]["message"] == "Changing framework's principal is not allowed."
    assert world.master.state.frameworks["M-0000"].stream == "s1"


def test_new_master_waits_for_its_agents() -> None:
    """Agents of the registry are recovered; reconciliation is silent about them and certain about strangers."""
    world = World()
    world.agent("a1")
    registry = world.master.registry()
    world.master = Master(MasterConfig(master_id="N", agent_reregister_timeout=30.0), now=100.0, registry=registry)
    world.now = 100.0
    world.subscribe("s", framework_id="M-0000")
    for agent_id in ("M-S0", None, "nosuch"):
        asked: dict[str, Any] = {"task_id": {"value": f"t-{agent_id}"}}
        if agent_id:
            asked["agent_id"] = {"value": agent_id}
        world.call("s", "RECONCILE", {"tasks": [asked]})
    assert [item["task_id"]["value"] for item in world.updates("s")] == ["t-nosuch"]
    world.at(131.0)
    asked = {"task_id": {"value": "t"}, "agent_id": {"value": "M-S0"}}
    world.call("s", "RECONCILE", {"tasks": [asked]})
    assert world.updates("s")[-1]["state"] == "TASK_UNREACHABLE"


@pytest.mark.parametrize("timeout", [0.0, 7.0])
def test_a_drain_ends_with_the_last_framework(timeout: float) -> None:
    """Nothing else need happen: the agent is drained, and gone if that was asked, as soon as its last task is."""
    world = World()
    agent_id = world.agent("a1")
    world.subscribe("s", failover_timeout=timeout)
    offer = world.offers("s")[0]
    world.accept("s", offer, launch(task(offer, "t1")))
    world.operator("DRAIN_AGENT", {"agent_id": {"value": agent_id}, "mark_gone": True})
    world.take(world.master.scheduler_disconnected("s", now=0.0))
    world.at(timeout)
    assert world.master.state.gone_agents == {agent_id: timeout}


def test_an_operator_stream_too_many_ends_the_oldest() -> None:
    """As many as the flag says hear of everything, the newest among them."""
    world = World(max_operators=2)
    for name in ("o1", "o2", "o3"):
        world.take(world.master.operator_subscribe(name, now=0.0))
    assert world.closed == {"o1"}
    world.agent("a1")
    assert [len(world.of(name, "AGENT_ADDED")) for name in ("o1", "o2", "o3")] == [0, 1, 1]
