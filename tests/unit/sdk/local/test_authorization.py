"""Access control lists: how rules are read, and what each action gets that they refuse."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.local.core.authorization import parse
from tests.unit.sdk.local.model import World, framework_info, launch, task

Json = dict[str, Any]
ANY = {"type": "ANY"}
NONE = {"type": "NONE"}


def some(*values: str) -> Json:
    """An entity of these values."""
    return {"values": list(values)}


def register(*rules: tuple[Json, Json], permissive: bool = False) -> Json:
    """A document of rules for register_frameworks."""
    items = [{"principals": who, "roles": roles} for who, roles in rules]
    return {"permissive": permissive, "register_frameworks": items}


@pytest.mark.parametrize(
    ("document", "who", "role", "allowed"),
    [
        ({}, "fw", "r", True),
        ({"permissive": False}, "fw", "r", False),
        (register((some("fw"), some("r"))), "fw", "r", True),
        (register((some("fw"), some("r"))), "fw", "s", False),
        (register((some("fw"), some("r")), permissive=True), "fw", "s", True),
        (register((some("fw"), NONE), (ANY, ANY)), "fw", "r", False),
        (register((some("fw"), NONE), (ANY, ANY)), "ops", "r", True),
        (register((NONE, some("r")), (ANY, ANY)), "fw", "r", False),
        (register((some("fw"), ANY)), None, "r", False),
        (register((ANY, some("r"))), None, "r", True),
        (register((ANY, some("a/%"))), "fw", "a/b/c", True),
        (register((ANY, some("a/%"))), "fw", "a", False),
        (register((ANY, some("a"))), "fw", "a/b", False),
    ],
)  # fmt: skip
def test_first_matching_rule_decides(document: Json, who: str | None, role: str, allowed: bool) -> None:
    """SOME is about its values, `a/%` about all below a, ANY and NONE about everybody; else `permissive` decides."""
    assert parse(document).allow("register_frameworks", who, role) is allowed


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "must be a JSON object"),
        ({"permissive": "no"}, "permissive must be true or false"),
        ({"view_frameworks": []}, "'view_frameworks' is no action that this master checks; it checks register_framew"),
        ({"run_tasks": {}}, "run_tasks must be a list of rules"),
        ({"run_tasks": [{"principals": ANY}]}, "run_tasks[0] must be an object with principals and users"),
        ({"run_tasks": [{"principals": ANY, "users": []}]}, "run_tasks[0].users must be an object with type or values"),
        ({"run_tasks": [{"principals": {"type": "ALL"}, "users": ANY}]}, "principals.type must be SOME, ANY or NONE"),
        ({"run_tasks": [{"principals": some("a"), "users": {"values": [1]}}]}, "users.values must be a list of str"),
    ],
)  # fmt: skip
def test_wrong_rules_are_refused(document: object, words: str) -> None:
    """The message names the place and what is wanted there."""
    with pytest.raises(ValueError) as caught:
        parse(document)
    assert words in str(caught.value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(("permissive", "run_tasks", "principals", "users", "type", "values")), inner
            )
        ),
    )
)
def test_any_document_is_read_or_refused(document: object) -> None:
    """Whatever is in the file, it is taken or refused; nothing else is raised."""
    with contextlib.suppress(ValueError):
        assert parse(document).allow("run_tasks", "fw", "root") in (True, False)


def world(document: Json, **fields: Any) -> World:
    """A master with these rules, a framework of principal fw in role r, and an agent."""
    found = World(acls=parse(document))
    found.agent("a1", "cpus:4;mem:1024;disk:100")
    found.subscribe("s", principal="fw", **fields)
    return found


def test_registering_is_refused_with_an_error_event() -> None:
    """All roles must be allowed; a framework that does not name its principal is taken for who asks."""
    found = World(acls=parse(register((some("fw"), some("r")))))
    found.subscribe("s1", "r", "q", principal="fw")
    text = "Not authorized to register framework  with roles { q, r }"
    assert found.events["s1"] == [{"type": "ERROR", "error": {"message": text}}]
    assert "s1" in found.closed
    call = {"type": "SUBSCRIBE", "subscribe": {"framework_info": framework_info("r")}}
    answer = found.master.call(call, stream=None, now=0.0, new_stream="s2", principal="fw")
    found.take(answer.outputs)
    assert found.events["s2"][0]["type"] == "SUBSCRIBED"
    update = {"framework_info": framework_info("r", "q", id={"value": "M-0000"})}
    refused = found.call("s2", "UPDATE_FRAMEWORK", update)
    assert (refused.status, refused.text) == (403, "Not authorized to register framework M-0000 with roles { q, r }")
    assert found.master.state.frameworks["M-0000"].roles == ["r"]


def test_tasks_are_refused_by_user() -> None:
    """A task may only run as an allowed user: that of the command, else that of the framework."""
    found = world({"run_tasks": [{"principals": some("fw"), "users": some("nobody")},
                                 {"principals": ANY, "users": NONE}]}, user="root")  # fmt: skip
    offer = found.offers("s")[0]
    good = task(offer, "good", command={"value": "true", "user": "nobody"})
    found.accept("s", offer, launch(task(offer, "bad"), good))
    (status,) = found.updates("s")
    assert (status["state"], status["reason"], status["message"]) == (
        "TASK_ERROR", "REASON_TASK_UNAUTHORIZED", "Not authorized to launch as user 'root'",
    )  # fmt: skip
    assert list(found.master.state.frameworks["M-0000"].tasks) == ["good"]


def test_a_group_is_refused_as_a_whole() -> None:
    """One task that may not run as its user ends the group; the resources stay with the offer."""
    found = world({"run_tasks": [{"principals": ANY, "users": some("nobody")}, {"principals": ANY, "users": NONE}]})
    offer = found.offers("s")[0]
    tasks = [
        task(offer, "t1", command={"value": "true", "user": "nobody"}),
        task(offer, "t2", command={"value": "true", "user": "root"}),
    ]
    executor = {"type": "DEFAULT", "executor_id": {"value": "e"}}
    group = {"type": "LAUNCH_GROUP", "launch_group": {"executor": executor, "task_group": {"tasks": tasks}}}
    found.accept("s", offer, group)
    assert [status["reason"] for status in found.updates("s")] == ["REASON_TASK_GROUP_UNAUTHORIZED"] * 2
    found.at(2.0)
    assert found.offers("s")[0]["resources"] == offer["resources"]


def reserved(name: str, value: float, principal: str, **fields: Any) -> Json:
    """A resource reserved for r by that principal."""
    reservation = {"type": "DYNAMIC", "role": "r", "principal": principal}
    return {"name": name, "type": "SCALAR", "scalar": {"value": value}, "reservations": [reservation], **fields}


def test_operations_are_refused_by_role_and_owner() -> None:
    """RESERVE and CREATE by role, UNRESERVE and DESTROY by whose it is; later operations of the call go on without."""
    found = world({
        "reserve_resources": [{"principals": ANY, "roles": some("r")}],
        "create_volumes": [{"principals": ANY, "roles": NONE}],
        "unreserve_resources": [{"principals": some("fw"), "reserver_principals": some("fw")},
                                {"principals": ANY, "reserver_principals": NONE}],
    })  # fmt: skip
    offer = found.offers("s")[0]
    disk = {"persistence": {"id": "v", "principal": "fw"}, "volume": {"mode": "RW", "container_path": "v"}}
    found.accept(
        "s", offer,
        {"type": "RESERVE", "id": {"value": "o1"}, "reserve": {"resources": [reserved("disk", 10, "fw")]}},
        {"type": "CREATE", "id": {"value": "o2"}, "create": {"volumes": [reserved("disk", 10, "fw", disk=disk)]}},
        {"type": "UNRESERVE", "id": {"value": "o3"}, "unreserve": {"resources": [reserved("disk", 10, "other")]}},
        {"type": "UNRESERVE", "id": {"value": "o4"}, "unreserve": {"resources": [reserved("disk", 10, "fw")]}},
    )  # fmt: skip
    events = [event["update_operation_status"]["status"] for event in found.of("s", "UPDATE_OPERATION_STATUS")]
    assert [(item["operation_id"]["value"], item["state"]) for item in events] == [
        ("o2", "OPERATION_ERROR"), ("o3", "OPERATION_ERROR"),
    ]  # fmt: skip
    assert events[1]["message"].startswith(
        'Principal \'fw\' no authorized to perform action UNRESERVE_RESOURCES on object {"value":"other","resource"'
    )
    assert [message["operation"]["type"] for message in found.heard("a1", "APPLY_OPERATION")] == [
        "RESERVE", "UNRESERVE",
    ]  # fmt: skip


def test_operators_are_refused_with_403() -> None:
    """TEARDOWN, RESERVE_RESOURCES and their kin of who may not: nothing happens, offers stay."""
    found = world({"permissive": False, "register_frameworks": [{"principals": ANY, "roles": ANY}]})
    (offer,) = found.offers("s")
    agent_id = offer["agent_id"]
    calls: list[Json] = [
        {"type": "TEARDOWN", "teardown": {"framework_id": {"value": "M-0000"}}},
        {"type": "RESERVE_RESOURCES",
         "reserve_resources": {"agent_id": agent_id, "resources": [reserved("disk", 10, "ops")]}},
        {"type": "UNRESERVE_RESOURCES",
         "unreserve_resources": {"agent_id": agent_id, "resources": [reserved("disk", 10, "ops")]}},
    ]  # fmt: skip
    for call in calls:
        answer = found.master.operator_call(json.loads(json.dumps(call)), now=0.0, principal="ops")
        assert (answer.status, answer.text, answer.outputs) == (403, "403 Forbidden.", ())
    answer = found.master.teardown("M-0000", now=0.0, principal="ops")
    assert (answer.status, answer.text) == (403, "403 Forbidden.")
    assert list(found.master.state.offers) == [offer["id"]["value"]]
