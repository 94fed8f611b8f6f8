"""Whatever executors, operators and masters send, and whatever a crash left in files, the agent goes on."""

import copy
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdk.local.agent_api import AgentApi
from sdk.local.agent_metrics import Counts, metrics
from sdk.local.core.wire import BadMessage
from sdk.local.files import Files
from tests.conformance.agent.replay import Replay, lines

Json = dict[str, Any]
FRAMEWORK = {"id": {"value": "F"}, "name": "f", "user": "root"}
EXECUTOR = {"executor_id": {"value": "x"}, "type": "CUSTOM", "command": {"value": "x"}}
CALLS = [
    line["body"]
    for number in ("02", "08")
    for line in lines(number)
    if line["who"] == "executor" and line["kind"] == "call"
]
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(["\ud800", "\0", "../..", "Infinity", "1e999"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def agent() -> Replay:
    """An agent with one subscribed executor and one task."""
    replay = Replay(agent_id="A", containers=["c"])
    task = {"name": "t", "task_id": {"value": "t"}, "agent_id": {"value": "A"}, "executor": EXECUTOR}
    replay.master({"type": "RUN_TASK", "framework_info": FRAMEWORK, "task": task})
    replay.do(replay.agent.launched("c", 1, now=0.0))
    identity = {"framework_id": {"value": "F"}, "executor_id": {"value": "x"}}
    assert replay.executor({**identity, "type": "SUBSCRIBE", "subscribe": {}}, "s") == (200, "")
    return replay


def still_works(replay: Replay) -> None:
    """A proper update is taken, unless the executor itself ended its task or its stream before."""
    replay.at(replay.now + 30.0)
    task = replay.agent.state.tasks.get(("F", "t"))
    if task is None or task.terminal:
        return
    status = {"task_id": {"value": "t"}, "state": "TASK_RUNNING", "uuid": "//////////////////////8=="[:22] + "=="}
    identity = {"framework_id": {"value": "F"}, "executor_id": {"value": "x"}}
    assert replay.executor({**identity, "type": "UPDATE", "update": {"status": status}}) == (202, "")
    assert replay.events


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container in a JSON value with each of its keys."""
    found: list[tuple[Any, Any]] = []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        found.append((value, key))
        found += places(part)
    return found


@settings(max_examples=150, deadline=None)
@given(json_values)
def test_any_json(value: Any) -> None:
    """No JSON value is a call; the answer is 400."""
    replay = agent()
    status, text = replay.executor(value)
    assert status == 400
    assert text
    still_works(replay)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(CALLS), st.randoms(use_true_random=False), json_values, st.integers(1, 3))
def test_damaged_calls(call: Json, chance: random.Random, value: Any, times: int) -> None:
    """A recorded call with parts replaced or left out is answered with 200, 202, 400 or 403."""
    replay = agent()
    damaged = copy.deepcopy(call)
    damaged["framework_id"], damaged["executor_id"] = {"value": "F"}, {"value": "x"}
    if "update" in damaged:
        damaged["update"]["status"]["task_id"] = {"value": "t"}
        damaged["update"]["status"]["container_status"] = chance.choice([value, {"container_id": value}, {}])
    for _ in range(times):
        where, key = chance.choice(places(damaged))
        if chance.random() < 0.5:
            where[key] = copy.deepcopy(value)
        elif isinstance(where, dict):
            del where[key]
        if not places(damaged):
            break
    status, text = replay.executor(damaged, "again")
    assert status in (200, 202, 400, 403)
    assert bool(text) == (status >= 400)
    still_works(replay)


KINDS = [
    "GET_HEALTH", "GET_FLAGS", "GET_VERSION", "GET_METRICS", "GET_LOGGING_LEVEL", "GET_STATE", "GET_CONTAINERS",
    "GET_FRAMEWORKS", "GET_EXECUTORS", "GET_TASKS", "GET_AGENT", "GET_OPERATIONS", "GET_RESOURCE_PROVIDERS",
    "LIST_FILES", "READ_FILE", "SET_LOGGING_LEVEL", "LAUNCH_NESTED_CONTAINER",
]  # fmt: skip
UUID = "AQEBAQEBAQEBAQEBAQEBAQ=="
VOLUME = {
    "name": "disk",
    "type": "SCALAR",
    "scalar": {"value": 1.0},
    "reservations": [{"type": "DYNAMIC", "role": "r"}],
    "disk": {"persistence": {"id": "v"}, "volume": {"mode": "RW", "container_path": "data"}},
}
OTHER = {"name": "t2", "task_id": {"value": "t2"}, "agent_id": {"value": "A"}, "executor": EXECUTOR}
MESSAGES: list[Json] = [
    {"type": "REGISTERED", "agent_id": {"value": "A"}},
    {
        "type": "REREGISTERED",
        "agent_id": {"value": "A"},
        "reconcile": [{"framework_id": {"value": "F"}, "task_id": {"value": "lost"}, "partition_aware": True}],
    },
    {"type": "PING"},
    {"type": "RUN_TASK", "framework_info": FRAMEWORK, "task": OTHER},
    {"type": "RUN_TASK", "framework_info": FRAMEWORK, "task": {**OTHER, "executor": None, "command": {"value": "x"}}},
    {
        "type": "RUN_TASK_GROUP",
        "framework_info": FRAMEWORK,
        "executor": {"type": "DEFAULT", "executor_id": {"value": "d"}},
        "tasks": [{**OTHER, "executor": None}],
    },
    {
        "type": "KILL_TASK",
        "framework_id": {"value": "F"},
        "task_id": {"value": "t"},
        "kill_policy": {"grace_period": {"nanoseconds": 5}},
    },
    {"type": "ACKNOWLEDGE", "framework_id": {"value": "F"}, "task_id": {"value": "t"}, "uuid": UUID},
    {
        "type": "APPLY_OPERATION",
        "framework_id": {"value": "F"},
        "operation_uuid": "o",
        "operation": {"type": "CREATE", "id": {"value": "op"}, "create": {"volumes": [VOLUME]}},
    },
    {
        "type": "APPLY_OPERATION",
        "framework_id": {"value": "F"},
        "operation_uuid": "o2",
        "operation": {"type": "UNRESERVE", "unreserve": {"resources": [VOLUME]}},
    },
    {"type": "ACKNOWLEDGE_OPERATION", "framework_id": {"value": "F"}, "operation_id": {"value": "op"}, "uuid": UUID},
    {"type": "FRAMEWORK_MESSAGE", "framework_id": {"value": "F"}, "executor_id": {"value": "x"}, "data": "aGk="},
    {"type": "SHUTDOWN_EXECUTOR", "framework_id": {"value": "F"}, "executor_id": {"value": "x"}},
    {"type": "SHUTDOWN_FRAMEWORK", "framework_id": {"value": "F"}},
    {"type": "UPDATE_FRAMEWORK", "framework_info": FRAMEWORK},
    {"type": "DRAIN", "config": {"max_grace_period": {"seconds": 2}}},
    {"type": "DRAIN", "config": {"max_grace_period": "2s"}},
    {"type": "REACTIVATE"},
    {"type": "SHUTDOWN", "text": "go"},
]


def known(replay: Replay) -> str:
    """All that the agent knows, to compare it."""
    return repr(replay.agent.state)


@settings(max_examples=150, deadline=None)
@given(json_values)
def test_any_json_of_a_master(value: Any) -> None:
    """What is no message of a master is refused with a sentence, and changes nothing."""
    replay = agent()
    before = known(replay)
    for message in (value, {"type": value}, {"type": "RUN_EVERYTHING", "task": value}):
        with pytest.raises(BadMessage, match="the master sent"):
            replay.master(message)
    assert known(replay) == before
    still_works(replay)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: str(message["type"]))
def test_whole_messages_of_a_master(message: Json) -> None:
    """The messages that are damaged below are taken while they are whole, twice too."""
    replay = agent()
    replay.containers += ["c2", "c3"]
    replay.master(message)
    replay.master(message)


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(MESSAGES), st.randoms(use_true_random=False), json_values, st.integers(1, 3))
def test_damaged_messages_of_a_master(message: Json, chance: random.Random, value: Any, times: int) -> None:
    """A message with parts replaced or left out is used or refused with a sentence, never half of each."""
    replay = agent()
    replay.containers += ["c2", "c3"]
    damaged = copy.deepcopy(message)
    for _ in range(times):
        inner = [(where, key) for where, key in places(damaged) if where is not damaged or key != "type"]
        if not inner:
            break
        where, key = chance.choice(inner)
        if chance.random() < 0.5:
            where[key] = copy.deepcopy(value)
        elif isinstance(where, dict):
            del where[key]
    before = known(replay)
    try:
        replay.master(damaged)
    except BadMessage as error:
        assert str(error).startswith("the master sent")  # noqa: PT017 - most of them are refused, some are not
        assert known(replay) == before
    still_works(replay)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(KINDS)) | st.text(max_size=8), json_values, st.text(max_size=8))
def test_operator_calls_of_any_shape(kind: str, value: Any, field: str) -> None:
    """Every call is answered with a status and a body or a text."""
    replay = agent()
    state = replay.agent.state
    api = AgentApi(state, Path("/nowhere"), Files(dict), lambda: metrics(state, 1.0, Counts()), {})
    contents = (value, {field: value}, dict.fromkeys(("path", "offset", "length", "show_nested"), value))
    for call in (value, {"type": value}, *({"type": kind, kind.lower(): content} for content in contents)):
        answer = api.call(call, 1.0)
        assert answer.status in (200, 400, 404, 501)
        assert (answer.body is not None) == (answer.status == 200)
    still_works(replay)


def stored() -> tuple[Replay, dict[str, Json]]:
    """An agent with an executor, a task that it told about, a volume and what all that stores."""
    replay = agent()
    replay.master(MESSAGES[8] | {"operation": {**MESSAGES[8]["operation"], "create": {"volumes": []}}})
    status = {"task_id": {"value": "t"}, "state": "TASK_RUNNING", "uuid": UUID}
    identity = {"framework_id": {"value": "F"}, "executor_id": {"value": "x"}}
    assert replay.executor({**identity, "type": "UPDATE", "update": {"status": status}}) == (202, "")
    return replay, copy.deepcopy(replay.checkpoints)


def test_a_lost_identity_is_found_in_the_tasks() -> None:
    """Without its own checkpoint the agent still has its id, its executor and its task."""
    replay, files = stored()
    del files["agent"]
    replay.checkpoints = files
    replay.start()
    assert replay.agent.state.agent_id == "A"
    assert replay.agent.registration()["type"] == "REREGISTER"
    assert set(replay.agent.state.runs) == {("F", "x")}
    assert set(replay.agent.state.tasks) == {("F", "t")}


@pytest.mark.parametrize("name", sorted(stored()[1]))
@pytest.mark.parametrize("content", [None, [], {}, {"agent_id": 5}, {"id": {}}, {"info": 1}, "x"], ids=str)
def test_one_damaged_checkpoint_costs_only_itself(name: str, content: Any) -> None:
    """The damaged one is named, the others are used; a task whose executor was in it has failed."""
    replay, files = stored()
    replay.checkpoints = files | {name: content}
    replay.start()
    assert set(replay.agent.damaged) == {name}
    assert replay.agent.damaged[name]
    state = replay.agent.state
    assert state.agent_id == "A"
    kind = name.partition("/")[0]
    assert bool(state.frameworks) == (kind != "framework")
    assert bool(state.operations) == (kind != "resources")
    assert bool(state.tasks) == (kind != "task")
    assert bool(state.runs) == (kind != "executor")
    replay.do(replay.agent.tick(now=replay.now))
    if kind == "executor":
        assert state.tasks[("F", "t")].state == "TASK_FAILED"
    replay.master({"type": "REREGISTERED", "agent_id": {"value": "A"}})


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(stored()[1])), st.randoms(use_true_random=False), json_values)
def test_checkpoints_with_damaged_parts(name: str, chance: random.Random, value: Any) -> None:
    """Whatever stands in one file, the agent starts, registers and takes messages."""
    replay, files = stored()
    where, key = chance.choice(places(files[name]))
    where[key] = value
    replay.checkpoints = files
    replay.start()
    replay.at(replay.now + 100.0)
    replay.agent.registration()
    replay.master({"type": "REREGISTERED", "agent_id": {"value": "A"}})
    for message in MESSAGES[:3]:
        replay.master(message)
    replay.at(replay.now + 100.0)
