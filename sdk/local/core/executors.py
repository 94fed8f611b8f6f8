"""Executors on an agent: talking to them, and what their end means for their tasks.

Knows nothing of what starts one; that is `launches`.
"""

from urllib.parse import quote

from sdk.local.core import updates
from sdk.local.core.agent_model import (
    AgentState,
    AgentTask,
    CloseExecutor,
    Destroy,
    ExecutorRun,
    ToExecutor,
)
from sdk.local.core.model import TERMINAL
from sdk.local.core.views import public_agent_info
from sdk.local.core.wire import Json


def duration(seconds: float) -> str:
    """As Mesos prints it: `15mins`, `5secs`."""
    if seconds >= 60 and seconds % 60 == 0:
        return f"{seconds / 60:g}mins"
    return f"{seconds:g}secs"


def know_framework(state: AgentState, framework: Json) -> None:
    """Store a FrameworkInfo that is new or changed."""
    framework_id = framework["id"]["value"]
    if state.frameworks.get(framework_id) != framework:
        state.frameworks[framework_id] = framework
        state.keep(f"framework/{quote(framework_id, safe='')}", framework)


def forget_framework(state: AgentState, framework_id: str) -> None:
    """The framework is gone, or has nothing here any more."""
    info = state.frameworks.pop(framework_id, None)
    if info is not None:
        state.completed_frameworks[framework_id] = info
        while len(state.completed_frameworks) > state.config.max_completed:
            del state.completed_frameworks[next(iter(state.completed_frameworks))]
        state.keep(f"framework/{quote(framework_id, safe='')}", None)


def checkpoint(state: AgentState, run: ExecutorRun) -> None:
    """Store a run, so that a restarted agent finds its executor again."""
    content = {
        "framework_id": run.framework_id,
        "executor_id": run.executor_id,
        "container_id": run.container_id,
        "info": run.info,
        "command": run.command,
        "pid": run.pid,
        "networks": run.networks,
    }
    state.keep(f"executor/{run.container_id}", content)


def deliver(state: AgentState, run: ExecutorRun, tasks: list[AgentTask]) -> None:
    """LAUNCH of a task, or LAUNCH_GROUP of the tasks of one group, to a connected executor."""
    assert run.stream is not None
    for task in tasks:
        task.delivered = True
        updates.checkpoint_task(state, task)
    if tasks[0].group is None:
        event: Json = {"type": "LAUNCH", "launch": {"task": tasks[0].info}}
    else:
        event = {"type": "LAUNCH_GROUP", "launch_group": {"task_group": {"tasks": [task.info for task in tasks]}}}
    state.out.append(ToExecutor(stream=run.stream, event=event))


def _together(state: AgentState, task: AgentTask) -> list[AgentTask]:
    """The task and those of its group that have not ended, in the group's order."""
    members = [state.tasks.get((task.framework_id, name)) for name in task.group or [task.task_id]]
    return [member for member in members if member is not None and not member.terminal]


def subscribe(state: AgentState, run: ExecutorRun, call: Json, stream: str, now: float) -> None:
    """SUBSCRIBE of an executor, the first one or after the connection or the agent was gone."""
    if run.stream is not None:
        state.out.append(CloseExecutor(stream=run.stream))
    again = run.state == "RUNNING"
    run.stream = stream
    run.heartbeat_at = now + state.config.executor_heartbeat_interval
    if run.state != "TERMINATING":
        run.state = "RUNNING"
        run.deadline = None
    assert state.agent_id is not None
    info = public_agent_info(state.config.info | {"id": {"value": state.agent_id}}, checkpoint=False)
    content = {
        "executor_info": run.info,
        "framework_info": state.frameworks[run.framework_id],
        "agent_info": info,
        "container_id": {"value": run.container_id},
    }
    state.out.append(ToExecutor(stream=stream, event={"type": "SUBSCRIBED", "subscribed": content}))
    request = call.get("subscribe", {})
    for item in request.get("unacknowledged_updates", ()):
        on_update(state, run, item["status"], now)
    if run.state == "TERMINATING":
        state.out.append(ToExecutor(stream=stream, event={"type": "SHUTDOWN"}))
        return
    known = {item["task_id"]["value"] for item in request.get("unacknowledged_tasks", ())}
    for task in state.tasks_of(run):
        if task.terminal:
            continue
        if not task.delivered:
            deliver(state, run, _together(state, task))
        elif again and task.state == "TASK_STAGING" and task.task_id not in known:
            # The LAUNCH was on its way when the agent went down; nobody will ever run it.
            content = updates.agent_status(
                state, task, "TASK_DROPPED", "REASON_AGENT_RESTARTED", "Task launched during agent restart", now
            )
            updates.add(state, task, content, now)
        if task.kill is not None and not task.terminal:
            _kill(state, run, task)


def on_update(state: AgentState, run: ExecutorRun, content: Json, now: float) -> None:
    """UPDATE of an executor: stored, then acknowledged to it at once; the scheduler's word is not awaited."""
    task = state.tasks.get((run.framework_id, content["task_id"]["value"]))
    if task is not None and run.limitation is not None and content["state"] in TERMINAL:
        # It ended because of the limit, whatever the executor saw of it; the end of the container tells.
        task = None
    known = task is not None and any(content.get("uuid") == item["uuid"] for item in (*task.statuses, *task.pending))
    if task is not None and not known:
        updates.add(state, task, updates.executor_status(state, run, task, content, now), now)
    if run.stream is not None and "uuid" in content:
        acknowledged = {"task_id": content["task_id"], "uuid": content["uuid"]}
        state.out.append(ToExecutor(stream=run.stream, event={"type": "ACKNOWLEDGED", "acknowledged": acknowledged}))


def kill_task(state: AgentState, message: Json, now: float) -> None:
    """KILL_TASK: a task that its executor never got ends here, the others are the executor's to end."""
    task = state.tasks.get((message["framework_id"]["value"], message["task_id"]["value"]))
    if task is None or task.terminal:
        return
    run = state.runs.get((task.framework_id, task.executor_id or ""))
    if not task.delivered:
        text = "Killed before delivery to the executor"
        for member in _together(state, task):
            content = updates.agent_status(state, member, "TASK_KILLED", "REASON_TASK_KILLED_DURING_LAUNCH", text, now)
            updates.add(state, member, content, now)
        if run is not None and all(item.terminal for item in state.tasks_of(run)):
            destroy(state, run)
        return
    task.kill = {name: message[name] for name in ("task_id", "kill_policy") if name in message}
    if run is not None and run.stream is not None:
        _kill(state, run, task)
    else:
        updates.checkpoint_task(state, task)


def _kill(state: AgentState, run: ExecutorRun, task: AgentTask) -> None:
    assert run.stream is not None
    state.out.append(ToExecutor(stream=run.stream, event={"type": "KILL", "kill": task.kill}))
    task.kill = None


def shutdown(state: AgentState, run: ExecutorRun, now: float) -> None:
    """Ask an executor to end; it is destroyed after its grace period."""
    if run.state == "TERMINATING":
        return
    if run.stream is None:
        destroy(state, run)
        return
    run.state = "TERMINATING"
    grace = run.info.get("shutdown_grace_period", {}).get("nanoseconds")
    run.deadline = now + (state.config.executor_shutdown_grace_period if grace is None else grace / 1e9)
    state.out.append(ToExecutor(stream=run.stream, event={"type": "SHUTDOWN"}))


def destroy(state: AgentState, run: ExecutorRun, why: tuple[str, str] | None = None) -> None:
    """End an executor without asking it."""
    run.state = "TERMINATING"
    run.deadline = None
    run.why = run.why or why
    state.out.append(Destroy(container_id=run.container_id))


def tell_exited(state: AgentState, framework_id: str, executor_id: str, status: int) -> None:
    """EXITED_EXECUTOR: the master stops counting it as running."""
    content = {"framework_id": {"value": framework_id}, "executor_id": {"value": executor_id}, "status": status}
    updates.to_master(state, {"type": "EXITED_EXECUTOR", **content})


def exited(state: AgentState, run: ExecutorRun, status: int | None, now: float) -> None:
    """The container is gone: the tasks that had not ended have failed.

    `status` is the wait status, None when unknown.
    """
    del state.runs[run.key]
    state.keep(f"executor/{run.container_id}", None)
    if run.stream is not None:
        state.out.append(CloseExecutor(stream=run.stream))
        run.stream = None
    state.completed_runs.append(run)
    del state.completed_runs[: -state.config.max_completed]
    removed = run.framework_id not in state.frameworks
    if not run.command:
        # Of a removed framework as well: a master that heard of the executor when this agent registered counts it.
        tell_exited(state, run.framework_id, run.executor_id, 0 if status is None else status)
    reason, message = run.why or ("REASON_EXECUTOR_TERMINATED", "Executor terminated")
    for task in state.tasks_of(run):
        if removed:
            updates.forget_task(state, task)
        elif not task.terminal:
            name = "TASK_DROPPED" if run.dropped else "TASK_FAILED"
            content = updates.agent_status(state, task, name, reason, message, now)
            if run.limitation is not None:
                content["limitation"] = {"resources": run.limitation}
            updates.add(state, task, content, now)


def tick(state: AgentState, now: float) -> None:
    """Heartbeats, and executors that did not subscribe, come back or end in time."""
    for run in list(state.runs.values()):
        if run.stream is not None and run.heartbeat_at is not None and now >= run.heartbeat_at:
            run.heartbeat_at = now + state.config.executor_heartbeat_interval
            state.out.append(ToExecutor(stream=run.stream, event={"type": "HEARTBEAT"}))
        if run.deadline is None or now < run.deadline:
            continue
        if run.state == "STARTING":
            seconds = duration(state.config.executor_registration_timeout)
            why = ("REASON_EXECUTOR_REGISTRATION_TIMEOUT", f"Executor did not register within {seconds}")
        elif run.state == "RUNNING":
            seconds = duration(state.config.executor_reregistration_timeout)
            why = ("REASON_EXECUTOR_REREGISTRATION_TIMEOUT", f"Executor did not reregister within {seconds}")
        else:
            why = ("REASON_EXECUTOR_TERMINATED", "Executor terminated")
        destroy(state, run, why)
