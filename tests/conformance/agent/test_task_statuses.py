"""Recorded statuses of command tasks and task groups: what the executor said goes through the core unchanged, and what
the agent itself says is what the real one said.

The executors of these recordings are the real agent's own, whose calls were not recorded; each is reduced to what it
must have said: its statuses without what the agent adds. Known differences: the text of a failed fetch names the URI
here, where the real one sends people to the sandbox's stderr.
"""

from typing import Any

import pytest

from sdk.local.core.wire import convert
from tests.conformance.agent.replay import Replay, lines, scheduler_statuses, shape

Json = dict[str, Any]


def framework_info(recorded: list[Json]) -> Json:
    """The FrameworkInfo of the recording's scheduler, as the master hands it out."""
    call = next(
        line["body"]
        for line in recorded
        if line["who"] == "scheduler" and line["kind"] == "call" and "subscribe" in line["body"]
    )
    framework_id = next(
        line["body"]["subscribed"]["framework_id"]
        for line in recorded
        if line["who"] == "scheduler" and line["kind"] == "event" and line["body"]["type"] == "SUBSCRIBED"
    )
    return convert("FrameworkInfo", call["subscribe"]["framework_info"] | {"id": framework_id})


def launched_tasks(recorded: list[Json]) -> dict[str, Json]:
    """TaskInfos of all accepted LAUNCH operations by task id."""
    found: dict[str, Json] = {}
    for line in recorded:
        if line["who"] == "scheduler" and line["kind"] == "call" and line["body"].get("type") == "ACCEPT":
            for operation in line["body"]["accept"].get("operations", ()):
                for task in operation.get("launch", {}).get("task_infos", ()):
                    found[task["task_id"]["value"]] = convert("Task", task)
    return found


def said(status: Json) -> Json:
    """A status as the executor must have sent it."""
    added = ("agent_id", "container_status")
    result = {name: value for name, value in status.items() if name not in added}
    container = status.get("container_status", {})
    if "parent" in container.get("container_id", {}):
        result["container_status"] = container
    return result


def acknowledge(replay: Replay, framework_id: Json, status: Json) -> None:
    """The scheduler has it."""
    replay.master(
        {"type": "ACKNOWLEDGE", "framework_id": framework_id, "task_id": status["task_id"], "uuid": status["uuid"]}
    )


COMMANDS = list(lines("03"))
TASKS = launched_tasks(COMMANDS)
STATUSES: dict[str, list[Json]] = {}
for _status in scheduler_statuses(COMMANDS):
    if "uuid" in _status:
        STATUSES.setdefault(_status["task_id"]["value"], []).append(_status)


@pytest.mark.parametrize("task_id", sorted(STATUSES))
def test_command_task(task_id: str) -> None:
    """Every status of the task, from the executor or about its end, with the recorded fields, order and words."""
    theirs = STATUSES[task_id]
    framework = framework_info(COMMANDS)
    container = next(
        (item["container_status"]["container_id"]["value"] for item in theirs if "container_status" in item), "c"
    )
    replay = Replay(agent_id=theirs[0]["agent_id"]["value"], containers=[container])
    replay.master({"type": "RUN_TASK", "framework_info": framework, "task": TASKS[task_id]})
    (launch,) = replay.launches
    assert launch.executor_id == task_id
    for number, status in enumerate(theirs):
        if status["source"] == "SOURCE_EXECUTOR":
            if number == 0:
                pid = status["container_status"]["executor_pid"]
                replay.do(replay.agent.launched(container, pid, now=0.0))
                identity = {"framework_id": framework["id"], "executor_id": status["executor_id"]}
                assert replay.executor({**identity, "type": "SUBSCRIBE", "subscribe": {}}, "x") == (200, "")
            call = {**identity, "type": "UPDATE", "update": {"status": said(status)}}
            assert replay.executor(call) == (202, "")
        elif status["reason"] == "REASON_CONTAINER_LIMITATION_DISK":
            resources = status["limitation"]["resources"]
            replay.do(replay.agent.limited(container, status["reason"], status["message"], resources))
            assert replay.destroyed == [container]
            replay.do(replay.agent.exited(container, 9, now=status["timestamp"]))
        elif number == 0:
            dropped = status["state"] == "TASK_DROPPED"
            replay.do(
                replay.agent.launch_failed(
                    container, status["message"], now=0.0, reason=status["reason"], dropped=dropped
                )
            )
        else:
            replay.do(replay.agent.exited(container, 9, now=status["timestamp"]))
        ours = replay.statuses()[-1]
        without = {"uuid", "timestamp"} if status["source"] == "SOURCE_AGENT" else set()
        assert {k: v for k, v in ours.items() if k not in without} == {
            k: v for k, v in status.items() if k not in without
        }
        assert shape(ours) == shape(status)
        acknowledge(replay, framework["id"], ours)
    # Nobody is told of the end of a command executor but by its task.
    assert not [message for message in replay.messages if message["type"] == "EXITED_EXECUTOR"]


def test_task_groups() -> None:
    """LAUNCH_GROUP to the default executor with the executor in every task, its statuses with nested containers, and
    FAILURE with status 0 at its end.
    """
    recorded = list(lines("04"))
    framework = framework_info(recorded)
    groups = [
        operation["launch_group"]
        for line in recorded
        if line["who"] == "scheduler" and line["kind"] == "call" and line["body"].get("type") == "ACCEPT"
        for operation in line["body"]["accept"]["operations"]
    ][:2]
    theirs = [status for status in scheduler_statuses(recorded) if "uuid" in status]
    parent = theirs[0]["container_status"]["container_id"]["parent"]["value"]
    replay = Replay(agent_id=theirs[0]["agent_id"]["value"], containers=[parent])
    identity = {"framework_id": framework["id"], "executor_id": groups[0]["executor"]["executor_id"]}
    for number, group in enumerate(groups):
        executor = convert("Executor", group["executor"])
        tasks = [convert("Task", task) for task in group["task_group"]["tasks"]]
        replay.master({"type": "RUN_TASK_GROUP", "framework_info": framework, "executor": executor, "tasks": tasks})
        if number == 0:
            replay.do(replay.agent.launched(parent, 28410, now=0.0))
            assert replay.executor({**identity, "type": "SUBSCRIBE", "subscribe": {}}, "x") == (200, "")
        event = replay.events["x"][-1]
        assert event["type"] == "LAUNCH_GROUP"
        given = event["launch_group"]["task_group"]["tasks"]
        assert [task["task_id"] for task in given] == [task["task_id"] for task in tasks]
        assert all(task["executor"] == executor for task in given)
    assert len(replay.launches) == 1
    for status in theirs:
        call = {**identity, "type": "UPDATE", "update": {"status": said(status)}}
        assert replay.executor(call) == (202, "")
        assert replay.statuses()[-1] == status
        acknowledge(replay, framework["id"], status)
    replay.do(replay.agent.exited(parent, 0, now=3.0))
    failure = next(
        line["body"]["failure"]
        for line in recorded
        if line["who"] == "scheduler" and line["kind"] == "event" and line["body"]["type"] == "FAILURE"
    )
    ours = next(message for message in replay.messages if message["type"] == "EXITED_EXECUTOR")
    assert (ours["executor_id"], ours["status"]) == (failure["executor_id"], failure["status"])


def test_a_group_is_killed_as_a_whole_before_it_is_delivered() -> None:
    """KILL of one member while the executor starts: the members all end, and the executor with them."""
    replay = Replay(agent_id="A", containers=["c"])
    executor = {"type": "DEFAULT", "executor_id": {"value": "d"}}
    tasks = [{"name": name, "task_id": {"value": name}, "agent_id": {"value": "A"}} for name in ("g1", "g2")]
    framework = {"id": {"value": "F"}, "name": "f", "user": "root"}
    replay.master({"type": "RUN_TASK_GROUP", "framework_info": framework, "executor": executor, "tasks": tasks})
    replay.master({"type": "KILL_TASK", "framework_id": {"value": "F"}, "task_id": {"value": "g2"}})
    assert [(item["task_id"]["value"], item["state"], item["reason"]) for item in replay.statuses()] == [
        ("g1", "TASK_KILLED", "REASON_TASK_KILLED_DURING_LAUNCH"),
        ("g2", "TASK_KILLED", "REASON_TASK_KILLED_DURING_LAUNCH"),
    ]
    assert replay.destroyed == ["c"]
