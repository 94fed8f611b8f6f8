"""The agent's status update manager: every update is stored, sent, and sent again until the scheduler acknowledges it.

One update per task is under way at a time; the next one waits for the acknowledgement.
"""

from urllib.parse import quote

from sdk.local.core.agent_model import AgentOperation, AgentState, AgentTask, ExecutorRun, ToMaster
from sdk.local.core.shared import shared
from sdk.local.core.wire import Json, ordered


def checkpoint_task(state: AgentState, task: AgentTask) -> None:
    """Store a task with its updates."""
    if not state.config.keeps:
        # It is done for every update.
        return
    content = {
        "framework_id": task.framework_id,
        "info": task.info,
        "executor_id": task.executor_id,
        "state": task.state,
        "statuses": task.statuses,
        "pending": task.pending,
        "delivered": task.delivered,
        "command": task.command,
        "group": task.group,
        "kill": task.kill,
    }
    state.keep(_name(task), content)


def _name(task: AgentTask) -> str:
    return f"task/{quote(task.framework_id, safe='')}/{quote(task.task_id, safe='')}"


def forget_task(state: AgentState, task: AgentTask) -> None:
    """A task ended and everybody knows."""
    state.tasks.pop((task.framework_id, task.task_id), None)
    state.keep(_name(task), None)
    state.completed_tasks.append(task)
    del state.completed_tasks[: -state.config.max_completed]


def to_master(state: AgentState, message: Json) -> None:
    """Send a message if a master listens; what must arrive is sent again after registration."""
    if state.registered:
        state.out.append(ToMaster(message=message))


def agent_status(
    state: AgentState, task: AgentTask, name: str, reason: str, message: str, now: float, *, executor: bool = True
) -> Json:
    """A status that the agent makes up for a task."""
    content: Json = {
        "task_id": task.info["task_id"],
        "state": name,
        "message": message,
        "source": "SOURCE_AGENT",
        "reason": reason,
        "agent_id": {"value": state.agent_id},
        "timestamp": now,
        "uuid": state.config.new_uuid(),
    }
    if executor and task.executor_id is not None:
        content["executor_id"] = {"value": task.executor_id}
    return ordered("Status", content)


def executor_status(state: AgentState, run: ExecutorRun, task: AgentTask, content: Json, now: float) -> Json:
    """A status from an executor, with what the agent adds to it."""
    # What the executor itself says about the container, such as other addresses, wins.
    added = {"task_id": task.info["task_id"], **_stamp(state, run)}
    if "container_status" in content:
        added["container_status"] = container_status(added["container_status"], content["container_status"])
    if state.draining is not None and content["state"] in ("TASK_KILLING", "TASK_KILLED"):
        added["reason"] = "REASON_AGENT_DRAINING"
    return ordered("Status", {"timestamp": now, "source": "SOURCE_EXECUTOR"} | content | added)


def _stamp(state: AgentState, run: ExecutorRun) -> Json:
    """Where a task runs: one object for all statuses of the run."""
    if run.stamp is not None:
        return run.stamp
    container: Json = {
        "container_id": {"value": run.container_id},
        "network_infos": run.networks
        or [shared({"ip_addresses": [{"protocol": "IPv4", "ip_address": state.config.info.get("ip", "127.0.0.1")}]})],
    }
    result = {
        "agent_id": shared({"value": state.agent_id}),
        "executor_id": shared({"value": run.executor_id}) if not run.command else {"value": run.executor_id},
        "container_status": container,
    }
    if run.pid is not None:
        container["executor_pid"] = run.pid
        run.stamp = result
    return result


def container_status(known: Json, said: Json) -> Json:
    """What the agent knows about the executor's container and what the executor says about the task's own.

    A nested container (its id has a parent) is not the one that the agent knows: of that only what was said holds.
    """
    if "parent" in said.get("container_id", {}):
        return said
    return known | said


def add(state: AgentState, task: AgentTask, content: Json, now: float) -> None:
    """Take a new update: store it, and send it if none is under way."""
    if task.terminal:
        return
    task.state = content["state"]
    if task.statuses and task.statuses[-1]["state"] == content["state"]:
        task.statuses.pop()
    task.statuses.append(content)
    task.pending.append(content)
    checkpoint_task(state, task)
    if len(task.pending) == 1:
        send(state, task, now, fresh=True)


def send(state: AgentState, task: AgentTask, now: float, *, fresh: bool) -> None:
    """Send the oldest unacknowledged update; each retry waits twice as long."""
    if not task.pending:
        task.retry_at = None
        return
    config = state.config
    task.retry_delay = config.update_retry_min if fresh else min(task.retry_delay * 2, config.update_retry_max)
    task.retry_at = now + task.retry_delay
    to_master(
        state,
        {
            "type": "UPDATE",
            "framework_id": {"value": task.framework_id},
            "status": task.pending[0],
            "latest_state": task.state,
        },
    )


def acknowledged(state: AgentState, message: Json, now: float) -> AgentTask | None:
    """The scheduler has one update; returns the task if that was the last word about it. Wrong ones are ignored."""
    task = state.tasks.get((message["framework_id"]["value"], message["task_id"]["value"]))
    if task is None or not task.pending or task.pending[0]["uuid"] != message["uuid"]:
        return None
    task.pending.pop(0)
    if task.terminal and not task.pending:
        return task
    checkpoint_task(state, task)
    send(state, task, now, fresh=True)
    return None


def flush(state: AgentState, now: float, framework_id: str | None = None) -> None:
    """Send again at once what waits: the master or the scheduler is new."""
    for task in state.tasks.values():
        if task.pending and framework_id in (None, task.framework_id):
            send(state, task, now, fresh=True)
    for operation in state.operations.values():
        if framework_id in (None, operation.framework_id):
            send_operation(state, operation, now, fresh=True)


def send_operation(state: AgentState, operation: AgentOperation, now: float, *, fresh: bool) -> None:
    """Send the status of an operation."""
    config = state.config
    operation.retry_delay = (
        config.update_retry_min if fresh else min(operation.retry_delay * 2, config.update_retry_max)
    )
    operation.retry_at = now + operation.retry_delay
    message: Json = {
        "type": "OPERATION_STATUS",
        "framework_id": {"value": operation.framework_id},
        "operation_uuid": operation.uuid,
        "status": operation.status,
    }
    if operation.status["state"] == "OPERATION_FAILED":
        # The master has counted on it since it sent the operation.
        message["resources"] = state.resources.json()
    to_master(state, message)


def tick(state: AgentState, now: float) -> None:
    """Retries that are due."""
    for task in state.tasks.values():
        if task.retry_at is not None and now >= task.retry_at:
            send(state, task, now, fresh=False)
    for operation in state.operations.values():
        if now >= operation.retry_at:
            send_operation(state, operation, now, fresh=False)
