"""An agent that is drained: it kills what runs on it, by itself.

Knows how long each task has for its end. That the agent gets no more work is its master's to see to.
"""

from sdk.local.core.agent_model import AgentState
from sdk.local.core.agent_registration import checkpoint
from sdk.local.core.executors import kill_task
from sdk.local.core.wire import Json


def drain(state: AgentState, config: Json, now: float) -> None:
    """Kill everything, each task with at most the given grace; what ends of it says why."""
    state.draining = config
    checkpoint(state)
    limit = _nanoseconds(config.get("max_grace_period"))
    for task in list(state.tasks.values()):
        if task.terminal:
            continue
        message: Json = {"framework_id": {"value": task.framework_id}, "task_id": task.info["task_id"]}
        own = task.info.get("kill_policy", {}).get("grace_period")
        if limit is not None:
            grace = limit if own is None else min(limit, own["nanoseconds"])
            message["kill_policy"] = {"grace_period": {"nanoseconds": grace}}
        kill_task(state, message, now)


def _nanoseconds(duration: str | dict[str, int] | None) -> int | None:
    """A duration of the operator API: `{"seconds": 2}` as recorded, or `"2s"` as protobuf's JSON has it."""
    if isinstance(duration, str):
        return int(float(duration.rstrip("s")) * 1e9)
    if isinstance(duration, dict):
        return int(duration.get("seconds", 0) * 1e9) + int(duration.get("nanoseconds", duration.get("nanos", 0)))
    return None
