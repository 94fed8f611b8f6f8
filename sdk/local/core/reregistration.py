"""Agents that come back with tasks, executors and operations: what of these holds, and what the agent is told.

Knows nothing of who may come back; `registration` let the agent in.
"""

from sdk.local.core import feedback
from sdk.local.core.accounts import recount, take_executors
from sdk.local.core.allocation import offers_of, rescind
from sdk.local.core.connections import connect
from sdk.local.core.emit import persist, status, to_agent, to_operators, update
from sdk.local.core.model import Agent, Framework, State, Task
from sdk.local.core.outputs import CloseAgent
from sdk.local.core.resources import Resources
from sdk.local.core.tasks import complete, release
from sdk.local.core.views import agent_message, master_info, task_message
from sdk.local.core.wire import Json

_TASK_FIELDS = frozenset({"state", "statuses", "status_update_state", "status_update_uuid"})


def resume(state: State, agent: Agent, connection: str, message: Json, now: float) -> None:
    """The agent was away shorter than the ping timeout: schedulers see at most a rescinded and a new offer."""
    if agent.connection is not None and agent.connection != connection:
        state.out.append(CloseAgent(connection=agent.connection))
    rescind(state, offers_of(agent), now)
    changed = agent.info != message["agent_info"]
    connect(state, agent, connection, message["agent_info"], now)
    if changed:
        # Attributes or an address: a later master shows and finds it by these.
        persist(state)
    reported = {(item["framework_id"]["value"], item["task_id"]["value"]) for item in message.get("tasks", ())}
    missing = [
        task
        for task in state.tasks_on(agent.agent_id)
        if (task.framework_id, task.task_id) not in reported and not task.terminal
    ]
    _settle_operations(state, agent, message)
    take_executors(state, agent, message)
    recount(state, agent, message)
    _answer(state, agent, message, missing)


def readmit(state: State, connection: str, message: Json, now: float) -> None:
    """The agent was unreachable, or this master is new: its tasks are learned from it."""
    info: Json = message["agent_info"]
    agent_id = info["id"]["value"]
    was_unreachable = state.unreachable_agents.pop(agent_id, None) is not None
    kept = state.recovered_agents.pop(agent_id, None)
    agent = Agent(
        agent_id=agent_id,
        info=info,
        total=Resources(),
        free=Resources(),
        registered=message.get("registered", now),
        reregistered=now,
    )
    if agent_id in state.deactivated:
        agent.deactivated, agent.drain = True, state.deactivated[agent_id]
    state.agents[agent_id] = agent
    connect(state, agent, connection, info, now)
    if kept != info:
        # Of an agent that is back as it was the registry says the same as before; and it is written as a whole, which a
        # thousand agents that come back to a new master would wait for in turn.
        persist(state)
    for framework_info in message.get("frameworks", ()):
        framework_id = framework_info["id"]["value"]
        if framework_id not in state.frameworks and framework_id not in state.removed_frameworks:
            state.frameworks[framework_id] = Framework(
                framework_id=framework_id,
                info=framework_info,
                registered=0.0,
                reregistered=0.0,
                recovered=True,
                remove_at=now + max(0.0, framework_info.get("failover_timeout", 0.0)),
            )
    take_executors(state, agent, message)
    for item in message.get("tasks", ()):
        framework = state.frameworks.get(item["framework_id"]["value"])
        if framework is None:
            continue
        framework.unreachable.pop(item["task_id"]["value"], None)
        task = _task(agent, item)
        if task.task_id in framework.tasks:
            # The framework used the id again while this agent was away; what is replaced stands in the books.
            release(state, framework.tasks[task.task_id], now)
        task.learned = was_unreachable
        framework.tasks[task.task_id] = task
        to_operators(state, "TASK_ADDED", {"task": task_message(task)})
        if was_unreachable:
            _back(state, framework, task, now)
    recount(state, agent, message)
    to_operators(state, "AGENT_ADDED", {"agent": agent_message(state, agent, full=False)})
    # Tasks that were on this agent when it was lost and are not among those it reports are known to have ended.
    for framework in state.frameworks.values():
        for lost in framework.unreachable.on(agent_id):
            del framework.unreachable[lost.task_id]
            complete(state, framework, lost)
    _answer(state, agent, message, [])


def _task(agent: Agent, item: Json) -> Task:
    return Task(
        framework_id=item["framework_id"]["value"],
        task_id=item["task_id"]["value"],
        agent_id=agent.agent_id,
        info={name: part for name, part in item.items() if name not in _TASK_FIELDS},
        resources=Resources.of(item["resources"]),
        executor_id=item.get("executor_id", {}).get("value"),
        state=item["state"],
        sent_state=item.get("status_update_state"),
        sent_uuid=item.get("status_update_uuid"),
        statuses=list(item.get("statuses", ())),
        charged=False,
    )


def _back(state: State, framework: Framework, task: Task, now: float) -> None:
    # Where it runs was said by its executor; its agent's last words may not repeat it.
    last = {name: part for item in task.statuses for name, part in item.items() if name == "container_status"}
    last |= task.statuses[-1] if task.statuses else {}
    content = status(
        now,
        task.task_id,
        task.state,
        # The spelling is that of Mesos.
        "Unreachable agent re-reregistered",
        "REASON_AGENT_REREGISTERED",
        agent_id=task.agent_id,
        executor_id=task.executor_id,
        known=last,
    )
    update(state, framework, content)


def _settle_operations(state: State, agent: Agent, message: Json) -> None:
    known = {item["operation_uuid"] for item in message.get("operations", ())}
    for operation in list(agent.operations.values()):
        if operation.state != "OPERATION_PENDING":
            continue
        if operation.uuid not in known:
            feedback.dropped(state, operation)
        elif operation.operation_id is None or operation.framework_id not in state.frameworks:
            # Its status may be lost, and is not sent again: what came of it shows in the resources.
            feedback.forget(state, operation)


def _answer(state: State, agent: Agent, message: Json, missing: list[Task]) -> None:
    content: Json = {
        "type": "REREGISTERED",
        "agent_id": {"value": agent.agent_id},
        "master_info": master_info(state),
        # The agent answers for tasks of which it does not know: their RUN_TASK was lost.
        "reconcile": [
            {
                "framework_id": {"value": task.framework_id},
                "task_id": {"value": task.task_id},
                "partition_aware": state.frameworks[task.framework_id].has("PARTITION_AWARE"),
            }
            for task in missing
        ],
    }
    to_agent(state, agent, content)
    if agent.drain is not None:
        to_agent(state, agent, {"type": "DRAIN", "config": agent.drain["config"]})
    elif agent.agent_id in state.reactivated:
        state.reactivated.remove(agent.agent_id)
        to_agent(state, agent, {"type": "REACTIVATE"})
    named = {item["id"]["value"] for item in message.get("frameworks", ())}
    for framework_id in named:
        framework = state.frameworks.get(framework_id)
        if framework is None:
            to_agent(state, agent, {"type": "SHUTDOWN_FRAMEWORK", "framework_id": {"value": framework_id}})
        elif framework.connected:
            to_agent(state, agent, {"type": "UPDATE_FRAMEWORK", "framework_info": framework.info})
    for (framework_id, task_id), kill in list(agent.killed.items()):
        framework = state.frameworks.get(framework_id)
        task = framework.tasks.get(task_id) if framework else None
        if task is not None and not task.terminal:
            to_agent(state, agent, kill)
