"""Launching, updates, acknowledgement, kill and reconciliation."""

from typing import Any

import pytest

from tests.unit.sdk.local.model import Pair, World, amounts, launch, task, uuid


@pytest.fixture
def world() -> World:
    """A master with an agent and a framework."""
    result = World(agent_ping_timeout=1.0, max_agent_ping_timeouts=3)
    result.agent("a1")
    result.subscribe("s")
    return result


def run(world: World, *names: str) -> None:
    """Launch tasks of one cpu and let them run, acknowledged."""
    offer = world.offers("s")[0]
    world.accept("s", offer, launch(*(task(offer, name) for name in names)))
    for name in names:
        world.acknowledge("s", world.report("a1", name, "TASK_RUNNING"))


def test_update_reaches_the_scheduler_and_acknowledgement_the_agent(world: World) -> None:
    """The status arrives as the agent sent it; the acknowledgement carries its uuid."""
    run(world, "t1")
    (status,) = world.updates("s")
    (message,) = world.heard("a1", "ACKNOWLEDGE")
    assert message["uuid"] == status["uuid"]
    assert world.heard("a1", "RUN_TASK")[0]["task"]["task_id"] == {"value": "t1"}


def test_unacknowledged_terminal_task_stays_known_but_frees_its_resources(world: World) -> None:
    """As recorded: still in `tasks`, its resources already offered; completed after the acknowledgement."""
    run(world, "t1")
    world.at(1.0)
    world.offers("s")
    status = world.report("a1", "t1", "TASK_FAILED")
    world.at(2.0)
    assert world.offers("s")
    found = world.master.operator_call({"type": "GET_TASKS"}, now=world.now).body
    assert found is not None
    assert [item["state"] for item in found["get_tasks"]["tasks"]] == ["TASK_FAILED"]
    world.acknowledge("s", status)
    found = world.master.operator_call({"type": "GET_TASKS"}, now=world.now).body
    assert found is not None
    assert not found["get_tasks"]["tasks"]
    assert [item["task_id"]["value"] for item in found["get_tasks"]["completed_tasks"]] == ["t1"]


def test_what_statuses_repeat_is_kept_once(world: World) -> None:
    """Ids and the container of a task are one object in all its statuses, and what differs is not mixed up."""
    run(world, "t1")
    world.acknowledge("s", world.report("a1", "t1", "TASK_KILLING"))
    world.report("a1", "t1", "TASK_KILLED")
    found = world.master.state.frameworks["M-0000"].tasks["t1"]
    first, second, third = found.statuses
    assert first["task_id"] is second["task_id"] is third["task_id"] is found.info["task_id"]
    assert first["agent_id"] is third["agent_id"]
    assert [item["state"] for item in found.statuses] == ["TASK_RUNNING", "TASK_KILLING", "TASK_KILLED"]
    assert len({item["uuid"] for item in found.statuses}) == 3


def test_wrong_acknowledgements_are_ignored(world: World) -> None:
    """202 for a uuid that is not the last one; the task stays."""
    run(world, "t1")
    status = world.report("a1", "t1", "TASK_FINISHED")
    world.acknowledge("s", status | {"uuid": uuid()})
    assert "t1" in world.master.state.frameworks["M-0000"].tasks
    answer = world.call("s", "ACKNOWLEDGE", {
        "agent_id": {"value": "M-S0"}, "task_id": {"value": "t1"}, "uuid": "c2hvcnQ="})  # fmt: skip
    assert (answer.status, answer.text) == (400, "Failed to validate scheduler::Call: Not a valid UUID")


def test_operators_hear_an_update_once(world: World) -> None:
    """A retransmission goes to the scheduler again, not to operators."""
    world.take(world.master.operator_subscribe("o", now=0.0))
    offer = world.offers("s")[0]
    world.accept("s", offer, launch(task(offer, "t1")))
    same = uuid()
    for _ in range(3):
        world.report("a1", "t1", "TASK_RUNNING", uuid=same)
    assert len(world.updates("s")) == 3
    assert len(world.of("o", "TASK_UPDATED")) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task_id": {"value": "bad/id"}}, "'bad/id' contains invalid characters"),
        ({"agent_id": {"value": "nosuch"}}, "Task uses invalid agent nosuch while agent M-S0 is expected"),
        ({"command": None}, "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present"),
        ({"resources": None}, "Task uses no resources"),
        ({"health_check": {"type": "HTTP"}},
         "Task uses invalid health check: Expecting 'http' to be set for HTTP health check"),
        ({"executor": {"executor_id": {"value": "e"}, "framework_id": {"value": "other"}, "command": {"value": "x"}},
          "command": None}, "ExecutorInfo has an invalid FrameworkID (Actual: other vs Expected: M-0000)"),
        ({"executor": {"executor_id": {"value": "e"}, "type": "CUSTOM"}, "command": None},
         "'ExecutorInfo.command' must be set for 'CUSTOM' executor"),
    ],
)  # fmt: skip
def test_invalid_tasks_are_task_error(world: World, change: dict[str, Any], message: str) -> None:
    """Each with Mesos' own words, without uuid, and the resources come back."""
    offer = world.offers("s")[0]
    wanted = {name: part for name, part in (task(offer, "t1") | change).items() if part is not None}
    world.accept("s", offer, launch(wanted))
    (status,) = world.updates("s")
    assert (status["state"], status["reason"], status["source"], status["message"]) == (
        "TASK_ERROR", "REASON_TASK_INVALID", "SOURCE_MASTER", message
    )  # fmt: skip
    assert "uuid" not in status
    world.at(1.0)
    assert world.offers("s")[0]["resources"] == offer["resources"]


def test_too_much_and_twice(world: World) -> None:
    """The second task of an ACCEPT sees what the first left, and may not have its id."""
    offer = world.offers("s")[0]
    world.accept("s", offer, launch(task(offer, "t1", cpus=3.0), task(offer, "t2", cpus=2.0), task(offer, "t1")))
    assert [(item["task_id"]["value"], item["state"]) for item in world.updates("s")] == [
        ("t2", "TASK_ERROR"), ("t1", "TASK_ERROR")
    ]  # fmt: skip
    assert world.updates("s")[1]["message"] == "Task has duplicate ID: t1"
    assert len(world.heard("a1", "RUN_TASK")) == 1


def test_invalid_offers_drop_the_tasks(world: World) -> None:
    """Unknown, used, duplicate, none, two agents: TASK_DROPPED, and valid offers are lost but come back."""
    world.agent("a2")
    first, second = world.offers("s")
    cases: list[tuple[list[Any], str]] = [
        ([], "No offers specified"),
        ([{"value": "nosuch"}], "Offer nosuch is no longer valid"),
        ([first["id"], second["id"]], "Aggregated offers must belong to one single agent."),
        ([first["id"]], f"Offer {first['id']['value']} is no longer valid"),
    ]
    for ids, message in cases:
        content = {"offer_ids": ids, "operations": [launch(task(first, "t"))]}
        assert world.call("s", "ACCEPT", content).status == 202
        status = world.updates("s")[-1]
        assert (status["state"], status["reason"]) == ("TASK_DROPPED", "REASON_INVALID_OFFERS")
        assert status["message"].startswith(f"Task launched with invalid offers: {message}")
    world.at(1.0)
    again = world.offers("s")
    assert len(again) == 2
    world.call("s", "ACCEPT", {"offer_ids": [again[0]["id"]] * 2, "operations": [launch(task(again[0], "t"))]})
    assert "Duplicate offer" in world.updates("s")[-1]["message"]


def test_defaults_are_injected(world: World) -> None:
    """allocation_info, framework id, variable types and extract, as the executor of the recordings saw them."""
    offer = world.offers("s")[0]
    bare = [{name: part for name, part in item.items() if name != "allocation_info"} for item in
            amounts(offer, cpus=1, mem=32)]  # fmt: skip
    command = {"value": "x", "uris": [{"value": "u"}], "environment": {"variables": [{"name": "A", "value": "1"}]}}
    executor = {"executor_id": {"value": "e"}, "command": command, "resources": bare}
    world.accept("s", offer, launch(task(offer, "t1", executor=executor) | {"resources": bare}))
    sent = world.heard("a1", "RUN_TASK")[0]["task"]
    assert sent["resources"][0]["allocation_info"] == {"role": "r"}
    assert sent["executor"]["framework_id"] == {"value": "M-0000"}
    assert sent["executor"]["command"] == {
        "uris": [{"value": "u", "extract": True}],
        "environment": {"variables": [{"name": "A", "type": "VALUE", "value": "1"}]},
        "shell": True,
        "value": "x",
    }


def test_kill(world: World) -> None:
    """A known task's KILL goes to the agent; an unknown one is answered as by reconciliation."""
    run(world, "t1")
    world.call("s", "KILL", {"task_id": {"value": "t1"}, "kill_policy": {"grace_period": {"nanoseconds": 5}}})
    (message,) = world.heard("a1", "KILL_TASK")
    assert message["kill_policy"] == {"grace_period": {"nanoseconds": 5}}
    world.call("s", "KILL", {"task_id": {"value": "t9"}})
    world.call("s", "KILL", {"task_id": {"value": "t9"}, "agent_id": {"value": "M-S0"}})
    assert [item["state"] for item in world.updates("s")[-2:]] == ["TASK_UNKNOWN", "TASK_GONE"]


def test_reconcile_says_what_was_said_last(world: World) -> None:
    """While TASK_STARTING is not acknowledged the answer is TASK_STARTING, though the agent knows more."""
    offer = world.offers("s")[0]
    world.accept("s", offer, launch(task(offer, "t1")))
    world.report("a1", "t1", "TASK_STARTING", latest="TASK_RUNNING")
    world.call("s", "RECONCILE", {"tasks": [{"task_id": {"value": "t1"}}]})
    answer = world.updates("s")[-1]
    assert (answer["state"], answer["reason"]) == ("TASK_STARTING", "REASON_RECONCILIATION")
    assert answer["message"] == "Reconciliation: Latest task state"
    assert "uuid" not in answer


def test_implicit_reconciliation_names_live_tasks_only(world: World) -> None:
    """Running ones, neither terminal nor unreachable ones."""
    run(world, "t1", "t2")
    world.report("a1", "t2", "TASK_FINISHED")
    before = len(world.updates("s"))
    world.call("s", "RECONCILE", {})
    assert [item["task_id"]["value"] for item in world.updates("s")[before:]] == ["t1"]


def test_lost_agent_and_its_return(world: World) -> None:
    """UNREACHABLE, RESCIND, FAILURE; back with the same id: TASK_RUNNING for each task, then offers."""
    world.take(world.master.operator_subscribe("o", now=0.0))
    run(world, "t1")
    world.at(1.0)
    world.offers("s")
    world.at(4.5)
    kinds = [event["type"] for event in world.events["s"] if event["type"] in ("UPDATE", "RESCIND", "FAILURE")]
    assert kinds == ["UPDATE", "UPDATE", "RESCIND", "FAILURE"]
    lost = world.updates("s")[-1]
    assert (lost["state"], lost["reason"]) == ("TASK_UNREACHABLE", "REASON_AGENT_REMOVED")
    assert lost["unreachable_time"] == {"nanoseconds": 4_000_000_000}
    assert not world.of("o", "AGENT_REMOVED")
    world.call("s", "KILL", {"task_id": {"value": "t1"}, "agent_id": {"value": "M-S0"}})
    assert world.updates("s")[-1]["message"] == "Reconciliation: Task is unreachable"
    known = world.master.state.unreachable_agents["M-S0"]["info"]
    running = {
        "name": "t1", "task_id": {"value": "t1"}, "framework_id": {"value": "M-0000"}, "agent_id": {"value": "M-S0"},
        "state": "TASK_RUNNING", "resources": world.heard("a1", "RUN_TASK")[0]["task"]["resources"],
    }  # fmt: skip
    info = world.master.state.frameworks["M-0000"].info
    message = {"type": "REREGISTER", "agent_info": known, "resources": known["resources"], "frameworks": [info]}
    world.say("a1b", message | {"executors": [], "tasks": [running], "operations": []})
    back = world.updates("s")[-1]
    assert (back["state"], back["reason"]) == ("TASK_RUNNING", "REASON_AGENT_REREGISTERED")
    assert [event["type"] for event in world.events["o"][-2:]] == ["TASK_ADDED", "AGENT_ADDED"]
    offer = world.offers("s")[-1]
    assert offer["agent_id"] == {"value": "M-S0"}
    assert offer["resources"][0]["scalar"] == {"value": 3.0}


def test_pings_keep_an_agent(world: World) -> None:
    """Each PING that is answered starts the count anew."""
    for second in range(1, 20):
        world.at(float(second))
        world.say("a1", {"type": "PONG"})
    assert len(world.heard("a1", "PING")) == 19
    assert "M-S0" in world.master.state.agents


def test_unregistered_agent_loses_its_tasks(world: World) -> None:
    """TASK_LOST, FAILURE and AGENT_REMOVED: the id is gone for good."""
    world.take(world.master.operator_subscribe("o", now=0.0))
    run(world, "t1")
    world.say("a1", {"type": "UNREGISTER"})
    assert world.updates("s")[-1]["message"] == "Agent a1 removed: the agent unregistered"
    assert world.of("o", "AGENT_REMOVED")
    assert not world.master.state.agents


@pytest.mark.parametrize("group", [{}, {"tasks": []}])
def test_a_group_without_tasks_is_nothing(group: dict[str, Any]) -> None:
    """Its agent hears nothing of it, its executor is not counted, and the offer's resources come back."""
    both = Pair("cpus:4;mem:1024;disk:100")
    both.connect()
    both.world.subscribe("s")
    both.pump()
    offer = both.world.offers("s")[0]
    executor = {"executor_id": {"value": "e"}, "type": "DEFAULT", "resources": amounts(offer, cpus=0.1, mem=32, disk=1)}
    launched = {"type": "LAUNCH_GROUP", "launch_group": {"executor": executor, "task_group": group}}
    assert both.world.accept("s", offer, launched).status == 202
    both.pump()
    agent = both.world.master.state.agents["M-S0"]
    assert not agent.executors
    assert agent.free == agent.total


def test_the_oldest_unreachable_tasks_are_forgotten() -> None:
    """As many as the flag says are known; of an agent that returns all are known again."""
    world = World(agent_ping_timeout=1.0, max_agent_ping_timeouts=2, max_unreachable_tasks=2)
    agent_id = world.agent("a1")
    world.subscribe("s", failover_timeout=1000.0)
    offer = world.offers("s")[0]
    world.accept("s", offer, launch(*(task(offer, f"t{number}") for number in range(3))))
    framework = world.master.state.frameworks["M-0000"]
    info, tasks = world.master.state.agents[agent_id].info, list(framework.tasks.values())
    world.at(10.0)
    assert list(framework.unreachable) == ["t1", "t2"]
    reported = [item.info | {"state": "TASK_RUNNING"} for item in tasks]
    message = {"type": "REREGISTER", "agent_info": info, "frameworks": [framework.info], "tasks": reported}
    world.say("again", message)
    assert (list(framework.unreachable), list(framework.tasks)) == ([], ["t0", "t1", "t2"])
