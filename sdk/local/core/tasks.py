"""Tasks after their launch: updates on their way to the scheduler, acknowledgements, kills, reconciliation, messages.

An update reaches the scheduler as often as the agent sends it; the agent sends the next one of a task only after the
acknowledgement.
"""

from sdk.local.core.allocation import mark_dirty
from sdk.local.core.emit import charge, status, task_updated, to_agent, to_scheduler, update
from sdk.local.core.model import TERMINAL, Agent, Framework, State, Task
from sdk.local.core.wire import Json, ordered


def release(state: State, task: Task, now: float) -> None:
    """A terminal task no longer uses its resources, acknowledged or not."""
    if not task.charged:
        return
    task.charged = False
    charge(state.frameworks.get(task.framework_id), task.resources, -1)
    agent = state.agents.get(task.agent_id)
    if agent is not None:
        agent.free = agent.free + task.resources.unallocated()
        mark_dirty(state, now)


def complete(state: State, framework: Framework, task: Task) -> None:
    """Move a task to the completed ones."""
    framework.tasks.pop(task.task_id, None)
    name = f"tasks/{task.state.removeprefix('TASK_').lower()}"
    state.count(name)
    framework.count(name)
    framework.completed.append(task)
    while len(framework.completed) > state.config.max_completed_tasks:
        framework.completed.popleft()
    agent = state.agents.get(task.agent_id)
    if agent is not None:
        agent.killed.pop((task.framework_id, task.task_id), None)


def on_update(state: State, agent: Agent, message: Json, now: float) -> None:
    """An agent sends (or sends again) a status; `latest_state` is the newest state it knows."""
    content = ordered("Status", message["status"])
    framework = state.frameworks.get(message["framework_id"]["value"])
    state.count("messages_status_update")
    if framework is None:
        state.count("invalid_status_updates")
        return
    task = framework.tasks.get(content["task_id"]["value"])
    known = task is not None and task.agent_id == agent.agent_id
    state.count("valid_status_updates" if known else "invalid_status_updates")
    if task is not None and known:
        if not task.terminal:
            task.state = str(message.get("latest_state", content["state"]))
        task.learned = False
        again = task.sent_uuid == content.get("uuid")
        _share(task, content)
        task.sent_state, task.sent_uuid = content["state"], content.get("uuid")
        if not again:
            task_updated(state, task, content)
        if task.terminal:
            release(state, task, now)
    update(state, framework, content)


def _share(task: Task, content: Json) -> None:
    """What a status repeats of the one before, or of the task, is one object: there are many tasks with statuses."""
    known = task.statuses[-1] if task.statuses else task.info
    for name in ("task_id", "agent_id", "executor_id", "container_status"):
        if name in known and name in content and known[name] == content[name]:
            content[name] = known[name]


def on_message(state: State, agent: Agent, message: Json) -> None:
    """Data from an executor to its scheduler."""
    framework = state.frameworks.get(message["framework_id"]["value"])
    state.count("messages_executor_to_framework")
    heard = framework is not None and framework.connected
    state.count(f"{'valid' if heard else 'invalid'}_executor_to_framework_messages")
    if framework is not None:
        content = {
            "agent_id": {"value": agent.agent_id},
            "executor_id": message["executor_id"],
            "data": message["data"],
        }
        to_scheduler(state, framework, {"type": "MESSAGE", "message": content})


def on_exited_executor(state: State, agent: Agent, message: Json, now: float) -> None:
    """A custom or default executor ended; its tasks' statuses come separately."""
    framework_id = message["framework_id"]["value"]
    executor_id = message["executor_id"]["value"]
    framework = state.frameworks.get(framework_id)
    state.count("messages_exited_executor")
    executor = agent.executors.pop((framework_id, executor_id), None)
    if executor is not None:
        charge(framework, executor.resources, -1)
        agent.free = agent.free + executor.resources.unallocated()
        mark_dirty(state, now)
    if framework is not None:
        content = {
            "agent_id": {"value": agent.agent_id},
            "executor_id": {"value": executor_id},
            "status": message.get("status", 0),
        }
        to_scheduler(state, framework, {"type": "FAILURE", "failure": content})


def acknowledge(state: State, framework: Framework, call: Json) -> None:
    """ACKNOWLEDGE: passed to the agent; a wrong or repeated one is ignored there."""
    content = call["acknowledge"]
    task = framework.tasks.get(content["task_id"]["value"])
    agent = state.agents.get(content["agent_id"]["value"])
    reachable = agent is not None and agent.connection is not None
    state.count(f"{'valid' if reachable else 'invalid'}_status_update_acknowledgements")
    if agent is None:
        return
    if task is not None and task.sent_uuid == content["uuid"] and task.sent_state in TERMINAL:
        complete(state, framework, task)
    to_agent(
        state,
        agent,
        {
            "type": "ACKNOWLEDGE",
            "framework_id": {"value": framework.framework_id},
            "task_id": content["task_id"],
            "uuid": content["uuid"],
        },
    )


def _reconciled(state: State, framework: Framework, task_id: str, agent_id: str | None, now: float) -> Json | None:
    """The answer about one task, None while the master must wait for agents to come back."""
    task = framework.tasks.get(task_id)
    if task is not None:
        known = task.statuses[-1] if task.statuses else None
        return status(
            now,
            task_id,
            # The scheduler is told what it was told last, even if the agent knows more that waits for an
            # acknowledgement.
            task.sent_state or task.state,
            "Reconciliation: Latest task state",
            "REASON_RECONCILIATION",
            agent_id=task.agent_id,
            executor_id=task.executor_id,
            known=known,
        )
    aware = framework.has("PARTITION_AWARE")
    lost = framework.unreachable.get(task_id)
    if lost is not None:
        agent_id = lost.agent_id
    name, message = "TASK_UNKNOWN", "Task is unknown"
    since: Json | None = None
    if agent_id is not None:
        if agent_id in state.agents:
            name, message = "TASK_GONE", "Task is unknown to the agent"
        elif agent_id in state.recovered_agents:
            return None
        elif agent_id in state.unreachable_agents:
            name, message = "TASK_UNREACHABLE", "Task is unreachable"
            since = state.unreachable_agents[agent_id]["since"]
        elif agent_id in state.gone_agents:
            name, message = "TASK_GONE_BY_OPERATOR", "Task is gone"
    elif state.recovered_agents:
        return None
    return status(
        now,
        task_id,
        name if aware else "TASK_LOST",
        f"Reconciliation: {message}",
        "REASON_RECONCILIATION",
        agent_id=agent_id,
        executor_id=lost.executor_id if lost is not None else None,
        unreachable=since,
    )


def reconcile(state: State, framework: Framework, call: Json, now: float) -> None:
    """RECONCILE: about the named tasks, or (with none named) about all known ones that are not terminal."""
    asked = call["reconcile"].get("tasks", [])
    pairs = [(item["task_id"]["value"], item.get("agent_id", {}).get("value")) for item in asked]
    if not asked:
        pairs = [(task.task_id, task.agent_id) for task in framework.tasks.values() if not task.terminal]
    for task_id, agent_id in pairs:
        content = _reconciled(state, framework, task_id, agent_id or None, now)
        if content is not None:
            update(state, framework, content)


def kill(state: State, framework: Framework, call: Json, now: float) -> None:
    """KILL: passed to the agent, and again when the agent comes back; for unknown tasks the answer of a
    reconciliation.
    """
    content = call["kill"]
    task_id = content["task_id"]["value"]
    task = framework.tasks.get(task_id)
    if task is None:
        answer = _reconciled(state, framework, task_id, content.get("agent_id", {}).get("value") or None, now)
        if answer is not None:
            update(state, framework, answer)
        return
    agent = state.agents.get(task.agent_id)
    if agent is None:
        return
    message: Json = {
        "type": "KILL_TASK",
        "framework_id": {"value": framework.framework_id},
        "task_id": content["task_id"],
    }
    if "kill_policy" in content:
        message["kill_policy"] = content["kill_policy"]
    agent.killed[(framework.framework_id, task_id)] = message
    to_agent(state, agent, message)


def shutdown_executor(state: State, framework: Framework, call: Json) -> None:
    """SHUTDOWN: passed to the agent."""
    content = call["shutdown"]
    to_agent(
        state,
        state.agents.get(content["agent_id"]["value"]),
        {
            "type": "SHUTDOWN_EXECUTOR",
            "framework_id": {"value": framework.framework_id},
            "executor_id": content["executor_id"],
        },
    )


def message_executor(state: State, framework: Framework, call: Json) -> None:
    """MESSAGE: passed to the agent; lost when there is no such executor."""
    content = call["message"]
    agent = state.agents.get(content["agent_id"]["value"])
    reachable = agent is not None and agent.connection is not None
    state.count(f"{'valid' if reachable else 'invalid'}_framework_to_executor_messages")
    to_agent(
        state,
        agent,
        {
            "type": "FRAMEWORK_MESSAGE",
            "framework_id": {"value": framework.framework_id},
            "executor_id": content["executor_id"],
            "data": content["data"],
        },
    )
