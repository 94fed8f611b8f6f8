"""Who an agent is, and what it tells a master of itself and of what runs on it when it registers.

Knows the messages of a registration, not when one is due. Why a task is gone of which only the master knows is told
here, too: the master asks about it in its answer.
"""

from sdk.local.core import updates
from sdk.local.core.agent_model import AgentState, AgentTask
from sdk.local.core.views import task_fields
from sdk.local.core.wire import Json

# In the order of the .proto file, as Mesos prints a Task.
_TASK_FIELDS = (
    "name", "task_id", "framework_id", "executor_id", "agent_id", "state", "resources", "statuses",
    "status_update_state", "status_update_uuid", "labels", "discovery", "container", "user", "health_check",
)  # fmt: skip


def message(state: AgentState) -> Json:
    """The first message on a new connection to a master."""
    state.registered = False
    if state.agent_id is None:
        return {"type": "REGISTER", "agent_info": state.config.info, "resources": state.resources.json()}
    # Tasks of which only the id is known were never run here; the master asks about them.
    alive = [task for task in state.tasks.values() if task.executor_id and (task.pending or not task.terminal)]
    named = {run.framework_id for run in state.runs.values()} | {task.framework_id for task in alive}
    return {
        "type": "REREGISTER",
        "agent_info": state.config.info | {"id": {"value": state.agent_id}},
        "resources": state.resources.json(),
        "frameworks": [state.frameworks[name] for name in sorted(named) if name in state.frameworks],
        "executors": [
            {"framework_id": {"value": run.framework_id}, "executor_info": run.info}
            for run in state.runs.values()
            if not run.command
        ],
        "tasks": [reported_task(task) for task in alive],
        "operations": [{"operation_uuid": uuid} for uuid in state.applied],
    }


def registered(state: AgentState, message: Json, now: float) -> None:
    """REGISTERED or REREGISTERED: the agent has an id, sends what waited, and answers for tasks that never came."""
    state.registered = True
    if state.agent_id is None:
        state.agent_id = message["agent_id"]["value"]
        checkpoint(state)
    updates.flush(state, now)
    for item in message.get("reconcile", ()):
        key = (item["framework_id"]["value"], item["task_id"]["value"])
        if key in state.tasks:
            continue
        task = AgentTask(framework_id=key[0], info={"task_id": item["task_id"]}, executor_id=None)
        state.tasks[key] = task
        name = "TASK_DROPPED" if item.get("partition_aware") else "TASK_LOST"
        text = "Reconciliation: task unknown to the agent"
        updates.add(state, task, updates.agent_status(state, task, name, "REASON_RECONCILIATION", text, now), now)


def checkpoint(state: AgentState) -> None:
    """Store who the agent is, and how it is drained if it is."""
    content: Json = {"agent_id": state.agent_id}
    if state.draining is not None:
        content["draining"] = state.draining
    state.keep("agent", content)


def reported_task(task: AgentTask) -> Json:
    """The Task message of an agent's task, for its registration and for operators."""
    content = task_fields(task.info, task.framework_id, task.info.get("executor")) | {"state": task.state}
    if task.statuses:
        content["statuses"] = list(task.statuses)
        # The one under way, or the newest when the scheduler has them all.
        told = task.pending[0] if task.pending else task.statuses[-1]
        content |= {"status_update_state": told["state"], "status_update_uuid": told["uuid"]}
    first = {name: content[name] for name in _TASK_FIELDS if name in content}
    return first | {name: part for name, part in content.items() if name not in first}
