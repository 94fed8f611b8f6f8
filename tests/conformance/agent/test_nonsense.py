"""Whatever executors and operators send, the agent answers with a status and goes on."""

import copy
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

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
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
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
