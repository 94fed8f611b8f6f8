"""Simulated frameworks: schedulers that keep a number of tasks running."""

import itertools

from sdk.local.core.wire import Json
from sdk.local.simulated.contents import PROFILES, ROLE, Contents, Profile, agent_info, group_size, shares
from sdk.local.simulated.framework import SimulatedFramework

COMMAND, CUSTOM, GROUP = PROFILES
_numbers = itertools.count(1)


def framework(profile: Profile = COMMAND, count: int = 10, per_agent: int = 4) -> SimulatedFramework:
    """A subscribed framework."""
    made = SimulatedFramework(Contents(profile, 0), count, per_agent, 0)
    made.event({"type": "SUBSCRIBED", "subscribed": {"framework_id": {"value": "F"}}})
    return made


def offer(agent: str = "S0") -> Json:
    """All of an agent."""
    resources = [
        item | {"allocation_info": {"role": ROLE}} for item in agent_info(0, 20)["resources"] if "reservations" in item
    ]
    return {"id": {"value": f"O{next(_numbers)}"}, "agent_id": {"value": agent}, "resources": resources}


def offered(to: SimulatedFramework, *offers: Json) -> Json:
    """The call that answers the first of the offers."""
    to.event({"type": "OFFERS", "offers": {"offers": list(offers)}})
    call = to.answer()
    assert call is not None
    return call


def launched(call: Json) -> list[Json]:
    """The tasks of an ACCEPT."""
    found: list[Json] = []
    for operation in call["accept"]["operations"]:
        launch = operation.get("launch") or operation["launch_group"]["task_group"]
        found += launch.get("task_infos") or launch["tasks"]
    return found


def update(to: SimulatedFramework, task: Json, state: str) -> list[Json]:
    """What the framework does about a status."""
    status = {"task_id": task["task_id"], "agent_id": task["agent_id"], "state": state, "uuid": "u"}
    return to.event({"type": "UPDATE", "update": {"status": status}})


def test_tasks_are_spread_over_agents_until_there_are_enough() -> None:
    """No more than its share per offer, and no more than are wanted."""
    one = framework(count=10, per_agent=4)
    sizes = [len(launched(offered(one, offer(f"S{number}")))) for number in range(3)]
    assert sizes == [4, 4, 2]
    assert one.wanted == 0
    assert offered(one, offer("S3"))["type"] == "DECLINE"


def test_every_update_with_a_uuid_is_acknowledged() -> None:
    """As Mesos asks for; the master's own statuses have no uuid."""
    one = framework()
    [task, *_] = launched(offered(one, offer()))
    [call] = update(one, task, "TASK_RUNNING")
    assert call["type"] == "ACKNOWLEDGE"
    assert call["acknowledge"] == {"agent_id": task["agent_id"], "task_id": task["task_id"], "uuid": "u"}
    made_up = {"task_id": task["task_id"], "agent_id": task["agent_id"], "state": "TASK_LOST"}
    assert one.event({"type": "UPDATE", "update": {"status": made_up}}) == []


def test_a_task_that_ended_is_replaced_by_another() -> None:
    """With another id, as soon as there is an offer."""
    one = framework(count=1)
    [first] = launched(offered(one, offer()))
    update(one, first, "TASK_RUNNING")
    assert one.draw() == (first["task_id"]["value"], "S0")
    update(one, first, "TASK_FINISHED")
    assert one.draw() is None
    [second] = launched(offered(one, offer()))
    assert second["task_id"] != first["task_id"]


def test_a_rescinded_offer_is_not_answered() -> None:
    """It is not valid any more."""
    one = framework()
    gone = offer()
    one.event({"type": "OFFERS", "offers": {"offers": [gone]}})
    one.event({"type": "RESCIND", "rescind": {"offer_id": gone["id"]}})
    assert one.answer() is None


def test_a_refused_task_is_a_problem() -> None:
    """What the simulation launches is right: TASK_ERROR says that something is wrong with it."""
    one = framework()
    [task, *_] = launched(offered(one, offer()))
    status = {"task_id": task["task_id"], "state": "TASK_ERROR", "message": "no disk"}
    one.event({"type": "UPDATE", "update": {"status": status}})
    assert one.problem == "no disk"


def test_each_kind_of_framework_launches_its_kind_of_task() -> None:
    """Command tasks, tasks of a custom executor, and groups of a default executor, each with a port of its own."""
    for profile, executor in ((COMMAND, False), (CUSTOM, True), (GROUP, False)):
        call = offered(framework(profile), offer())
        tasks = launched(call)
        assert all(("executor" in task) == executor for task in tasks)
        kinds = {operation["type"] for operation in call["accept"]["operations"]}
        assert kinds == {"LAUNCH_GROUP" if profile is GROUP else "LAUNCH"}
        ports = [task["resources"][-1]["ranges"]["range"][0]["begin"] for task in tasks]
        assert len(set(ports)) == len(ports) == 4
        assert [task["discovery"]["ports"]["ports"][0]["number"] for task in tasks] == ports


def test_the_same_seed_makes_the_same_tasks_and_another_one_others() -> None:
    """So that a load test can be repeated."""

    def made(seed: int) -> Json:
        return Contents(COMMAND, seed).operation("S0", [1, 2])

    assert made(1) == made(1)
    assert made(1) != made(2)


def test_no_simulated_task_looks_like_one_of_edge_lb() -> None:
    """Pools find their backends by labels: those of simulated tasks are others."""
    for profile in PROFILES:
        [task] = launched({"accept": {"operations": [Contents(profile, 0).operation("S0", [1])]}})
        assert not any(label["key"].startswith("EDGELB") for label in task["labels"]["labels"])


def test_every_number_of_tasks_is_shared_among_the_frameworks_in_whole_groups() -> None:
    """No task is left over, and no group is incomplete."""
    for tasks in (1, 2, 7, 19, 100, 50_000):
        found = shares(tasks)
        assert sum(count for _, count in found) == tasks
        assert all(count % group_size(profile) == 0 for profile, count in found)
