"""Tasks on demand: what is asked for, what is launched where, and when a request is answered."""

import pytest

from sdk.local.core.wire import Json
from sdk.local.simulated.on_demand import (
    BadRequest,
    NewTask,
    OnDemandFramework,
    agent_info,
    new_states,
    new_tasks,
)
from sdk.local.simulated.requests import Requests

SHOP = {"name": "shop", "address": "127.9.0.1", "port": 8001}


def offer(address: str = "127.9.0.1", name: str = "O1", first: int = 1, last: int = 65_535) -> Json:
    """An offer of the agent at that address."""
    ports = {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": first, "end": last}]}}
    return {"id": {"value": name}, "agent_id": {"value": f"S-{address}"}, "hostname": address, "resources": [ports]}


def offers(*which: Json) -> Json:
    """The event."""
    return {"type": "OFFERS", "offers": {"offers": list(which)}}


def update(task_id: str, state: str) -> Json:
    """The event."""
    status = {"task_id": {"value": task_id}, "agent_id": {"value": "S"}, "state": state, "uuid": "u"}
    return {"type": "UPDATE", "update": {"status": status}}


def launched(call: Json) -> list[str]:
    """Ids of the tasks in an ACCEPT."""
    return [task["task_id"]["value"] for task in call["accept"]["operations"][0]["launch"]["task_infos"]]


def framework() -> OnDemandFramework:
    """A subscribed one."""
    made = OnDemandFramework(0)
    made.event({"type": "SUBSCRIBED", "subscribed": {"framework_id": {"value": "F"}}})
    return made


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ([], "tasks must be a list of 1 to 10,000 items"),
        ("shop", "tasks must be a list"),
        ([{"name": "shop"}], r"tasks\[0\] is .*: it needs a name, an address and a port"),
        ([SHOP, SHOP | {"name": ""}], r"tasks\[1\].name has 0 characters"),
        ([SHOP | {"address": "here"}], "'here', which is no IPv4 address"),
        ([SHOP | {"port": 0}], r"port is 0: choose 1 to 65535"),
        ([SHOP | {"port": True}], r"port is True"),
        ([SHOP | {"labels": {"a": 1}}], "labels must be an object of texts"),
    ],
)
def test_what_is_no_task_is_refused_with_its_path(content: object, sentence: str) -> None:
    """Nothing of such a request is carried out."""
    with pytest.raises(BadRequest, match=sentence):
        new_tasks(content)


@pytest.mark.parametrize("content", [[["a"]], [["a", "TASK_LOST"]], [[1, "TASK_RUNNING"]], {}])
def test_what_is_no_change_is_refused(content: object) -> None:
    """A task's id and a state that a task can get into by itself."""
    with pytest.raises(BadRequest):
        new_states(content)


def test_it_is_offered_its_own_agents_only() -> None:
    """By a constraint on an attribute that they have."""
    subscribe = framework().subscription()["subscribe"]
    [role] = subscribe["framework_info"]["roles"]
    [group] = subscribe["offer_constraints"]["role_constraints"][role]["groups"]
    [wanted] = group["attribute_constraints"]
    assert wanted["selector"]["attribute_name"] in {item["name"] for item in agent_info("127.9.0.1")["attributes"]}
    assert all(item["reservations"][0]["role"] == role for item in agent_info("127.9.0.1")["resources"])


def test_tasks_are_launched_at_their_address_with_all_its_offers() -> None:
    """One ACCEPT for each agent; others wait for theirs."""
    one = framework()
    here, there = (one.want(NewTask(name="shop", address=f"127.9.0.{n}", port=8001)) for n in (1, 2))
    [call] = one.event(offers(offer(name="O1", last=9000), offer(name="O2", first=9001)))
    assert launched(call) == [here]
    assert [item["value"] for item in call["accept"]["offer_ids"]] == ["O1", "O2"]
    assert not one.launches()
    [call] = one.event(offers(offer("127.9.0.2")))
    assert launched(call) == [there]


def test_a_port_of_another_task_is_waited_for() -> None:
    """It is not offered while that one has it."""
    one = framework()
    first, second = (one.want(NewTask(name="shop", address="127.9.0.1", port=8001)) for _ in range(2))
    [call] = one.event(offers(offer()))
    assert launched(call) == [first]
    assert one.event(offers(offer(first=8002))) == []
    [call] = one.event(offers(offer(first=8001, last=8001)))
    assert launched(call) == [second]


def test_a_rescinded_offer_is_not_used() -> None:
    """The next one is."""
    one = framework()
    one.event(offers(offer()))
    one.event({"type": "RESCIND", "rescind": {"offer_id": {"value": "O1"}}})
    one.want(NewTask(name="shop", address="127.9.0.1", port=8001))
    assert one.launches() == []


def test_a_request_is_answered_once_all_its_tasks_are_starting_and_then_once_all_have_changed() -> None:
    """The ids are in the first answer, in the order of the request."""
    one = framework()
    requests = Requests(one)
    todo = requests.ask("1", {"tasks": [SHOP, SHOP | {"port": 8002}]})
    assert (todo.addresses, todo.answer) == (("127.9.0.1",), None)
    [call] = one.event(offers(offer()))
    first, second = launched(call)

    def hear(task_id: str, state: str) -> list[tuple[str, Json]]:
        one.event(update(task_id, state))
        return requests.heard(update(task_id, state))

    assert hear(second, "TASK_STARTING") == []
    assert hear(first, "TASK_STARTING") == [("1", {"tasks": [first, second]})]
    todo = requests.ask("2", {"changes": [[second, "TASK_RUNNING"], [first, "TASK_FAILED"]]})
    assert [(change.task_id, change.state) for change in todo.changes] == [
        (second, "TASK_RUNNING"),
        (first, "TASK_FAILED"),
    ]
    assert hear(first, "TASK_FAILED") == []
    assert hear(second, "TASK_RUNNING") == [("2", {})]


def test_a_change_of_what_is_not_there_is_refused_as_a_whole() -> None:
    """So is one that is already under way."""
    one = framework()
    requests = Requests(one)
    requests.ask("1", {"tasks": [SHOP]})
    [call] = one.event(offers(offer()))
    [task] = launched(call)
    one.event(update(task, "TASK_STARTING"))
    refused = requests.ask("2", {"changes": [[task, "TASK_RUNNING"], ["other", "TASK_KILLED"]]})
    assert refused.changes == ()
    assert refused.answer is not None
    assert "there is no task other" in refused.answer["refused"]
    assert requests.ask("3", {"changes": [[task, "TASK_RUNNING"]]}).answer is None
    again = requests.ask("4", {"changes": [[task, "TASK_RUNNING"]]}).answer
    assert again is not None
    assert "is about to be TASK_RUNNING already" in again["refused"]
    requests.forget("3")
    assert requests.ask("5", {"changes": [[task, "TASK_RUNNING"]]}).answer is None
