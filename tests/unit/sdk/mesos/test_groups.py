"""Task groups on the wire, beside those that a real Mesos took."""

import json
from pathlib import Path
from typing import Any

from sdk.local.core.wire import convert
from sdk.mesos.calls import operation
from sdk.model.ids import AgentId, ExecutorId, TaskId
from sdk.model.operations import LaunchGroup, TaskLaunch
from sdk.model.resources import Resource
from sdk.model.spec import CommandSpec

TRACE = Path(__file__).parents[3] / "data" / "mesos-traces" / "04-launch-group-default-executor.jsonl"
RESOURCES = (
    Resource(name="cpus", scalar=100, allocation_role="slave_public"),
    Resource(name="mem", scalar=32_000, allocation_role="slave_public"),
    Resource(name="disk", scalar=32_000, allocation_role="slave_public"),
)


def recorded() -> dict[str, Any]:
    """The first group that was launched."""
    with TRACE.open(encoding="utf-8") as file:
        calls = [
            line["body"] for line in map(json.loads, file) if line["who"] == "scheduler" and line["kind"] == "call"
        ]
    found: dict[str, Any] = next(call for call in calls if call["type"] == "ACCEPT")["accept"]["operations"][0]
    return found


def test_a_group_is_told_as_the_recorded_one() -> None:
    """But for how long its ends may take, which that one left to Mesos."""
    theirs = recorded()
    [agent] = {task["agent_id"]["value"] for task in theirs["launch_group"]["task_group"]["tasks"]}
    tasks = tuple(
        TaskLaunch(
            task_id=TaskId(name),
            name=name,
            agent_id=AgentId(agent),
            resources=RESOURCES,
            command=CommandSpec(value="exec sleep 1000"),
            environment={},
        )
        for name in ("g1", "g2")
    )
    ours = operation(
        LaunchGroup(
            tasks=tasks, executor_id=ExecutorId("default-1"), executor_resources=RESOURCES, shutdown_grace=10.0
        ),
        theirs["launch_group"]["executor"]["framework_id"]["value"],
    )
    assert convert("LaunchGroup", ours["launch_group"])
    grace = ours["launch_group"]["executor"].pop("shutdown_grace_period")
    assert grace == {"nanoseconds": 10_000_000_000}
    for task in ours["launch_group"]["task_group"]["tasks"]:
        assert task.pop("kill_policy") == {"grace_period": {"nanoseconds": 5_000_000_000}}
        assert task["command"].pop("shell") is True
    assert ours == theirs
