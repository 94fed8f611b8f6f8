"""Dynamic reservations: refinement, labels, feedback, and the errors of a real master."""

from typing import Any

import pytest

from tests.unit.sdk.local.model import Pair, World, amounts, launch, task

ROLE = "slave_public/x"


def refined(resources: list[dict[str, Any]], label: str = "r1", **fields: Any) -> list[dict[str, Any]]:
    """The resources reserved for ROLE on top of what they are."""
    entry = {"type": "DYNAMIC", "role": ROLE, **fields, "labels": {"labels": [{"key": "resource_id", "value": label}]}}
    return [item | {"reservations": [*item.get("reservations", []), entry]} for item in resources]


def reserve(resources: list[dict[str, Any]], operation_id: str | None = "op") -> dict[str, Any]:
    """A RESERVE operation."""
    named = {"id": {"value": operation_id}} if operation_id else {}
    return {"type": "RESERVE", **named, "reserve": {"resources": resources}}


def unreserve(resources: list[dict[str, Any]], operation_id: str = "op") -> dict[str, Any]:
    """An UNRESERVE operation."""
    return {"type": "UNRESERVE", "id": {"value": operation_id}, "unreserve": {"resources": resources}}


def pair() -> tuple[Pair, dict[str, Any]]:
    """A public agent, a framework in ROLE, and its first offer."""
    both = Pair("cpus(slave_public):4;mem(slave_public):1024")
    both.connect()
    both.world.subscribe("s", ROLE)
    both.pump()
    return both, both.world.offers("s")[0]


def statuses(both: Pair) -> list[dict[str, Any]]:
    """The operation statuses sent so far."""
    events = both.world.of("s", "UPDATE_OPERATION_STATUS")
    return [event["update_operation_status"]["status"] for event in events]


def test_reserve_and_launch_in_one_accept() -> None:
    """The static reservation is refined, the task runs on it, feedback comes, the rest stays as it was."""
    both, offer = pair()
    mine = refined(amounts(offer, cpus=1.0, mem=64.0))
    run = task(offer, "t1") | {"resources": mine}
    both.world.accept("s", offer, reserve(mine), launch(run))
    both.pump()
    assert [item["state"] for item in statuses(both)] == ["OPERATION_FINISHED"]
    assert not both.world.updates("s")
    assert [item.task["task_id"]["value"] for item in both.launches if item.task] == ["t1"]
    both.at(1.0)
    rest = both.world.offers("s")[0]
    assert [len(item["reservations"]) for item in rest["resources"]] == [1, 1]
    assert both.agent.state.resources == both.world.master.state.agents["M-S0"].total


def test_reservation_is_offered_again_and_unreserved() -> None:
    """The re-offer carries reservation and labels; UNRESERVE turns it back into what it was."""
    both, offer = pair()
    mine = refined(amounts(offer, cpus=1.0))
    both.world.accept("s", offer, reserve(mine))
    both.pump()
    both.at(1.0)
    again = both.world.offers("s")[0]
    assert mine[0] in again["resources"]
    both.world.accept("s", again, unreserve(mine, "op2"))
    both.pump()
    both.at(2.0)
    assert both.world.offers("s")[0]["resources"] == offer["resources"]


def test_feedback_is_repeated_until_acknowledged() -> None:
    """The same uuid after 10 s; after the acknowledgement the operation is unknown."""
    both, offer = pair()
    both.world.accept("s", offer, reserve(refined(amounts(offer, cpus=1.0))))
    both.pump()
    both.at(10.5)
    first, second = statuses(both)
    assert first == second
    assert set(first) == {"operation_id", "state", "uuid", "agent_id"}
    content = {"operation_id": first["operation_id"], "agent_id": first["agent_id"], "uuid": first["uuid"]["value"]}
    both.scheduler("s", "ACKNOWLEDGE_OPERATION_STATUS", content)
    both.at(60.0)
    assert len(statuses(both)) == 2
    asked = [{"operation_id": first["operation_id"], "agent_id": first["agent_id"]}]
    both.scheduler("s", "RECONCILE_OPERATIONS", {"operations": asked})
    assert statuses(both)[-1]["state"] == "OPERATION_UNKNOWN"


def test_without_an_id_there_is_no_feedback() -> None:
    """Operations without id succeed in silence."""
    both, offer = pair()
    both.world.accept("s", offer, reserve(refined(amounts(offer, cpus=1.0)), None))
    both.pump()
    both.at(20.0)
    assert not statuses(both)
    assert not both.world.master.state.agents["M-S0"].operations


def test_errors_name_the_rule() -> None:
    """Wrong role, not enough, not reserved: OPERATION_ERROR without uuid, and the offer comes back."""
    for make, message in [
        (lambda offer: reserve([item | {"reservations": [{"type": "DYNAMIC", "role": "other"}]} for item in
                                amounts(offer, cpus=1.0)]),
         "A reserve operation was attempted for a resource with role 'other', but the resource was allocated to role"),
        (lambda offer: reserve(refined(amounts(offer, cpus=50.0))), " does not contain cpus"),
        (lambda offer: unreserve(amounts(offer, cpus=1.0)), "is not dynamically reserved"),
    ]:  # fmt: skip
        both, offer = pair()
        both.world.accept("s", offer, make(offer))
        both.pump()
        (status,) = statuses(both)
        assert status["state"] == "OPERATION_ERROR"
        assert message in status["message"]
        assert "uuid" not in status
        both.at(1.0)
        assert both.world.offers("s")[0]["resources"] == offer["resources"]


def test_principal_must_be_the_frameworks() -> None:
    """With a principal the reservation must carry it."""
    world = World()
    world.agent("a1", "cpus(slave_public):4;mem(slave_public):1024")
    world.subscribe("s", ROLE, principal="p")
    offer = world.offers("s")[0]
    world.accept("s", offer, reserve(refined(amounts(offer, cpus=1.0), principal="q")))
    (event,) = world.of("s", "UPDATE_OPERATION_STATUS")
    assert (
        "does not match a reserved resource in the request with principal 'q'"
        in (event["update_operation_status"]["status"]["message"])
    )


def test_a_task_may_not_use_another_reservation() -> None:
    """Labels are identity: a task with a foreign label is TASK_ERROR."""
    both, offer = pair()
    mine, other = (refined(amounts(offer, cpus=1.0, mem=64.0), label) for label in ("r1", "r2"))
    both.world.accept("s", offer, reserve(mine), launch(task(offer, "t1") | {"resources": other}))
    both.pump()
    (status,) = both.world.updates("s")
    assert status["state"] == "TASK_ERROR"
    assert "required by task and its executor is more than available" in status["message"]


def test_operation_lost_on_the_way_is_dropped() -> None:
    """An agent that comes back without having heard of the operation: OPERATION_DROPPED; its account counts."""
    both, offer = pair()
    both.linked = False
    both.world.accept("s", offer, reserve(refined(amounts(offer, cpus=1.0))))
    both.agent.master_disconnected()
    both.connect()
    assert [item["state"] for item in statuses(both)] == ["OPERATION_DROPPED"]
    assert both.world.offers("s")[-1]["resources"] == offer["resources"]


def test_reservations_survive_the_framework_and_the_agents_restart() -> None:
    """They belong to the role: TEARDOWN leaves them, and the agent's checkpoint keeps them."""
    both, offer = pair()
    mine = refined(amounts(offer, cpus=1.0))
    both.world.accept("s", offer, reserve(mine))
    both.pump()
    both.scheduler("s", "TEARDOWN")
    both.restart()
    both.connect()
    both.world.subscribe("s2", ROLE)
    assert mine[0] in both.world.offers("s2")[0]["resources"]


def test_a_failed_operation_leaves_the_resources_as_they_are() -> None:
    """OPERATION_FAILED with a message; offers made meanwhile are rescinded, and the old resources offered again."""
    both, offer = pair()
    both.faults.fail_operations = 1
    both.world.accept("s", offer, reserve(refined(amounts(offer, cpus=1.0))))
    both.pump()
    both.at(1.0)
    (status,) = statuses(both)
    assert status["state"] == "OPERATION_FAILED"
    assert "on demand" in status["message"]
    assert both.world.offers("s")[-1]["resources"] == offer["resources"]
    assert both.agent.state.resources == both.world.master.state.agents["M-S0"].total
    # Its repetition until it is acknowledged rescinds nothing any more.
    rescinds = len(both.world.of("s", "RESCIND"))
    both.at(10.5)
    assert [item["state"] for item in statuses(both)] == ["OPERATION_FAILED"] * 2
    assert len(both.world.of("s", "RESCIND")) == rescinds


def test_an_operation_without_id_fails_silently() -> None:
    """Nobody is told, but the resources are offered as they are."""
    both, offer = pair()
    both.faults.fail_operations = 1
    both.world.accept("s", offer, reserve(refined(amounts(offer, cpus=1.0)), operation_id=None))
    both.pump()
    both.at(1.0)
    assert statuses(both) == []
    assert both.world.offers("s")[-1]["resources"] == offer["resources"]


def test_a_task_on_a_failed_reservation_is_dropped() -> None:
    """The agent does not have what the task is to use; the reservation that did not fail stays."""
    both, offer = pair()
    both.faults.fail_operations = 1
    mine, other = refined(amounts(offer, cpus=1.0, mem=64.0)), refined(amounts(offer, cpus=0.5, mem=32.0), label="r2")
    run = task(offer, "t1") | {"resources": mine}
    both.world.accept("s", offer, reserve(mine), launch(run), reserve(other, "op2"))
    both.pump()
    assert [item["state"] for item in statuses(both)] == ["OPERATION_FAILED", "OPERATION_FINISHED"]
    (dropped,) = both.world.updates("s")
    assert (dropped["state"], dropped["reason"]) == ("TASK_DROPPED", "REASON_RESOURCES_UNKNOWN")
    both.at(1.0)
    agent = both.world.master.state.agents["M-S0"]
    assert both.agent.state.resources == agent.total
    assert other[0] in both.world.offers("s")[-1]["resources"]


# --- volumes that change their size --------------------------------------------------------------------------------

RESERVED: dict[str, Any] = {
    "name": "disk", "type": "SCALAR", "reservations": [{"type": "STATIC", "role": "r"}],
}  # fmt: skip


def disk(size: float, **more: Any) -> dict[str, Any]:
    """So much of the disk that is reserved for r."""
    return RESERVED | {"scalar": {"value": size}} | more


def volume(size: float, name: str = "v", **more: Any) -> dict[str, Any]:
    """A persistent volume of that size."""
    own = {"persistence": {"id": name}, "volume": {"mode": "RW", "container_path": "data"}} | more
    return disk(size, disk=own)


def operation(kind: str, **content: Any) -> dict[str, Any]:
    """An operation with an id."""
    return {"type": kind, "id": {"value": kind}, kind.lower(): content}


def with_volume(size: float = 40.0) -> tuple[Pair, dict[str, Any]]:
    """An agent with 100 of disk for r, of which a volume was made; and the offer that shows it."""
    both = Pair("cpus:4;mem:1024;disk(r):100")
    both.connect()
    both.world.subscribe("s", "r")
    both.pump()
    both.world.accept("s", both.world.offers("s")[0], operation("CREATE", volumes=[volume(size)]))
    both.pump()
    both.at(1.0)
    return both, both.world.offers("s")[0]


def disks(both: Pair) -> dict[str, float]:
    """The volume (`v`) and the rest of the disk, as the master knows the agent; the agent knows the same."""
    assert both.agent.state.resources == both.world.master.state.agents["M-S0"].total
    return {
        item.get("disk", {}).get("persistence", {}).get("id", ""): item["scalar"]["value"]
        for item in both.agent.state.resources
        if item["name"] == "disk"
    }


def test_a_volume_grows_and_shrinks() -> None:
    """GROW_VOLUME takes what it adds from the offer, SHRINK_VOLUME gives back; both give feedback."""
    both, offer = with_volume()
    grow = operation("GROW_VOLUME", volume=volume(40.0), addition=disk(20.0))
    both.world.accept("s", offer, grow)
    both.pump()
    assert disks(both) == {"v": 60.0, "": 40.0}
    both.at(2.0)
    shrink = operation("SHRINK_VOLUME", volume=volume(60.0), subtract={"value": 35.0})
    both.world.accept("s", both.world.offers("s")[0], shrink)
    both.pump()
    assert disks(both) == {"v": 25.0, "": 75.0}
    assert [item["state"] for item in statuses(both)] == ["OPERATION_FINISHED"] * 3


def test_a_grown_volume_can_be_used_in_the_same_accept() -> None:
    """Later operations see the new size, and only that."""
    both, offer = with_volume()
    grow = operation("GROW_VOLUME", volume=volume(40.0), addition=disk(60.0))
    for size, state in ((40.0, "TASK_ERROR"), (100.0, None)):
        run = task(offer, "t1")
        run["resources"] = [*run["resources"], volume(size)]
        if state is not None:
            both.world.accept("s", offer, grow, launch(run))
            assert both.world.updates("s")[-1]["state"] == state
            both.pump()
            both.at(2.0)
            offer = both.world.offers("s")[0]
        else:
            both.world.accept("s", offer, launch(run))
            both.pump()
            assert [item.task["task_id"]["value"] for item in both.launches if item.task] == ["t1"]


WRONG = [
    ("GROW_VOLUME", {"volume": volume(40.0), "addition": disk(0.0)}, "must be greater than zero"),
    ("GROW_VOLUME", {"volume": volume(40.0), "addition": disk(-1.0)}, "'GrowVolume.addition' field: Resource"),
    ("GROW_VOLUME", {"volume": disk(40.0), "addition": disk(1.0)}, "Invalid persistent volume"),
    ("GROW_VOLUME", {"volume": volume(40.0), "addition": disk(1.0) | {"reservations": []}}, "Incompatible resources"),
    ("GROW_VOLUME", {"volume": volume(40.0), "addition": volume(1.0)}, "Incompatible resources"),
    ("GROW_VOLUME", {"volume": volume(40.0) | {"shared": {}}, "addition": disk(1.0)}, "Growing a shared persistent"),
    ("GROW_VOLUME", {"volume": volume(40.0) | {"provider_id": {"value": "p"}}, "addition": disk(1.0)}, "provider"),
    ("SHRINK_VOLUME", {"volume": volume(40.0), "subtract": {"value": 0.0}}, "must be greater than zero"),
    ("SHRINK_VOLUME", {"volume": volume(40.0), "subtract": {"value": 40.0}}, "must be smaller than the size"),
    ("SHRINK_VOLUME", {"volume": disk(40.0), "subtract": {"value": 1.0}}, "Invalid persistent volume"),
    ("SHRINK_VOLUME", {"volume": volume(40.0, source={"type": "MOUNT"}), "subtract": {"value": 1.0}}, "MOUNT disk"),
]


@pytest.mark.parametrize(("kind", "content", "words"), WRONG)
def test_wrong_sizes_are_refused(kind: str, content: dict[str, Any], words: str) -> None:
    """OPERATION_ERROR to the framework, 400 to an operator, and nothing changes."""
    both, offer = with_volume()
    both.world.accept("s", offer, operation(kind, **content))
    both.pump()
    assert statuses(both)[-1]["state"] == "OPERATION_ERROR"
    assert words in statuses(both)[-1]["message"]
    answer = both.world.operator(kind, {"agent_id": {"value": "M-S0"}, **content})
    assert answer.status == 400
    assert words in answer.text
    assert disks(both) == {"v": 40.0, "": 60.0}


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("GROW_VOLUME", {"volume": volume(40.0), "addition": disk(61.0)}),
        ("GROW_VOLUME", {"volume": volume(39.0), "addition": disk(1.0)}),
        ("SHRINK_VOLUME", {"volume": volume(41.0), "subtract": {"value": 1.0}}),
        ("SHRINK_VOLUME", {"volume": volume(30.0), "subtract": {"value": 1.0}}),
        ("SHRINK_VOLUME", {"volume": volume(40.0, "other"), "subtract": {"value": 1.0}}),
    ],
)
def test_only_whole_volumes_that_are_there_change(kind: str, content: dict[str, Any]) -> None:
    """Another size, another volume or more than there is: an error, and 409 for an operator."""
    both, offer = with_volume()
    both.world.accept("s", offer, operation(kind, **content))
    both.pump()
    assert statuses(both)[-1]["state"] == "OPERATION_ERROR"
    assert both.world.operator(kind, {"agent_id": {"value": "M-S0"}, **content}).status == 409
    assert disks(both) == {"v": 40.0, "": 60.0}


def test_operators_resize_volumes_too() -> None:
    """GROW_VOLUME and SHRINK_VOLUME of the operator API take offers back for it; in use it is 409."""
    both, offer = with_volume()
    grow = {"agent_id": {"value": "M-S0"}, "volume": volume(40.0), "addition": disk(20.0)}
    assert both.world.operator("GROW_VOLUME", grow).status == 202
    both.pump()
    assert disks(both) == {"v": 60.0, "": 40.0}
    assert len(both.world.of("s", "RESCIND")) == 1
    shrink = {"agent_id": {"value": "M-S0"}, "volume": volume(60.0), "subtract": {"value": 10.0}}
    both.at(2.0)
    offer = both.world.offers("s")[0]
    run = task(offer, "t1")
    run["resources"] = [*run["resources"], volume(60.0)]
    both.world.accept("s", offer, launch(run))
    assert both.world.operator("SHRINK_VOLUME", shrink).status == 409
    assert both.world.operator("SHRINK_VOLUME", shrink | {"agent_id": {"value": "x"}}).status == 400


def executor(offer: dict[str, Any], resources: list[dict[str, Any]]) -> dict[str, Any]:
    """A task with a custom executor that has these resources."""
    own = {"executor_id": {"value": "e"}, "command": {"value": "true"}, "resources": resources}
    return task(offer, "t1", executor=own)


def test_an_executor_on_a_failed_reservation_holds_nothing() -> None:
    """It never started: the agent says so, and what is offered afterwards is what the agent has."""
    both, offer = pair()
    both.faults.fail_operations = 1
    mine = refined(amounts(offer, cpus=1.0))
    both.world.accept("s", offer, reserve(mine), launch(executor(offer, mine)))
    both.pump()
    agent = both.world.master.state.agents["M-S0"]
    assert not agent.executors
    assert agent.free == agent.total
    assert both.world.updates("s")[-1]["reason"] == "REASON_RESOURCES_UNKNOWN"
    failures = [event["failure"] for event in both.world.of("s", "FAILURE")]
    assert failures == [{"agent_id": {"value": "M-S0"}, "executor_id": {"value": "e"}, "status": -1}]


def test_an_operation_whose_framework_is_gone_may_fail() -> None:
    """The agent's account counts although nobody is there to be told."""
    both, offer = pair()
    both.faults.fail_operations = 1
    both.world.accept("s", offer, reserve(refined(amounts(offer, cpus=1.0))))
    both.world.call("s", "TEARDOWN")
    both.pump()
    agent = both.world.master.state.agents["M-S0"]
    assert agent.total == agent.free == both.agent.state.resources
    assert not agent.operations


def test_an_operation_whose_last_word_was_lost_does_not_stay_under_way() -> None:
    """Without an id its agent says only once what came of it; an agent that comes back has its resources."""
    both, offer = pair()
    both.world.accept("s", offer, reserve(refined(amounts(offer, cpus=1.0)), operation_id=None))
    both.agent.master_message(both.world.messages[both.name][-1], now=0.0)
    both.connect()
    agent = both.world.master.state.agents["M-S0"]
    assert not agent.operations
    assert agent.total == both.agent.state.resources


def test_an_executor_of_a_framework_that_went_meanwhile_is_given_back() -> None:
    """Its agent was away at the TEARDOWN: it registers with the executor, is told, and what it ends is free again."""
    both, offer = pair()
    both.world.accept("s", offer, launch(executor(offer, amounts(offer, cpus=1.0))))
    both.pump()
    both.disconnect()
    both.world.call("s", "TEARDOWN")
    both.connect()
    agent = both.world.master.state.agents["M-S0"]
    assert agent.executors
    both.do(both.agent.exited(both.destroyed[0], 0, now=0.0))
    assert not agent.executors
    assert agent.free == agent.total
