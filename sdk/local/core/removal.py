"""Agents that go: unregistered, shut down, unreachable, marked gone; and what becomes of their tasks and offers.

Knows how an agent leaves the books, not why: `pings`, operators, maintenance and the agent itself decide that.
"""

from sdk.local.core import inverse
from sdk.local.core.allocation import mark_dirty, offers_of, rescind
from sdk.local.core.connections import leave
from sdk.local.core.emit import (
    charge,
    nanoseconds,
    note,
    persist,
    status,
    task_updated,
    to_agent,
    to_operators,
    to_scheduler,
    update,
)
from sdk.local.core.model import Agent, State
from sdk.local.core.outputs import CloseAgent
from sdk.local.core.resources import Resources
from sdk.local.core.tasks import complete, release


def unregister(state: State, agent: Agent, now: float) -> None:
    """The agent says goodbye: its tasks are lost, its id is never used again."""
    state.count("messages_unregister_slave")
    state.count("slave_removals/reason_unregistered")
    remove(state, agent, f"Agent {agent.hostname} removed: the agent unregistered", now)


def shut_down(state: State, agent: Agent, text: str, now: float) -> None:
    """Tell an agent to stop, and do not wait for it: its tasks are lost."""
    to_agent(state, agent, {"type": "SHUTDOWN", "text": text})
    remove(state, agent, text, now)


def remove(state: State, agent: Agent, message: str, now: float) -> None:
    """The agent is no more, for the reason that `message` gives: what ran on it is lost."""
    note(state, f"agent {agent.agent_id} at {agent.pid}: {message}")
    for framework in state.frameworks.values():
        for task in framework.tasks.on(agent.agent_id):
            if not task.terminal:
                task.state = "TASK_LOST"
                content = status(
                    now,
                    task.task_id,
                    "TASK_LOST",
                    message,
                    "REASON_AGENT_REMOVED",
                    agent_id=agent.agent_id,
                    executor_id=task.executor_id,
                )
                task_updated(state, task, content)
                update(state, framework, content)
            release(state, task, now)
            complete(state, framework, task)
    rescind(state, offers_of(agent), now)
    _forget(state, agent)
    state.deactivated.pop(agent.agent_id, None)
    state.reactivated.discard(agent.agent_id)
    to_operators(state, "AGENT_REMOVED", {"agent_id": {"value": agent.agent_id}})
    _failure(state, agent)
    persist(state)


def unreachable(state: State, agent: Agent, now: float) -> None:
    """The agent answers no more, and may come back: its tasks are unreachable until then."""
    since = nanoseconds(now)
    # Nothing limits the rate here: what is scheduled is done.
    for name in ("slave_unreachable_scheduled", "slave_unreachable_completed", "slave_removals/reason_unhealthy"):
        state.count(name)
    state.unreachable_agents[agent.agent_id] = {"info": agent.info, "since": since}
    note(state, f"agent {agent.agent_id} at {agent.pid} ({agent.hostname}) is unreachable: it answered no ping")
    for framework in state.frameworks.values():
        aware = framework.has("PARTITION_AWARE")
        for task in framework.tasks.on(agent.agent_id):
            if task.terminal:
                release(state, task, now)
                complete(state, framework, task)
                continue
            content = status(
                now,
                task.task_id,
                "TASK_UNREACHABLE" if aware else "TASK_LOST",
                "health check timed out",
                "REASON_AGENT_REMOVED",
                agent_id=agent.agent_id,
                executor_id=task.executor_id,
                unreachable=since,
            )
            release(state, task, now)
            task.state = content["state"]
            # Operators are not told the executor, as recorded.
            told = {name: part for name, part in content.items() if name != "executor_id"}
            task_updated(state, task, told)
            update(state, framework, content)
            del framework.tasks[task.task_id]
            framework.unreachable[task.task_id] = task
        for task_id in list(framework.unreachable)[: -state.config.max_unreachable_tasks]:
            # Agents may be lost for good again and again: the oldest are forgotten, as in Mesos.
            del framework.unreachable[task_id]
    rescind(state, offers_of(agent), now)
    _forget(state, agent)
    _failure(state, agent)
    persist(state)
    mark_dirty(state, now)


def mark_gone(state: State, agent_id: str, now: float) -> bool:
    """An operator says that an agent never comes back: its tasks are gone. False for an agent that is not known."""
    agent = state.agents.get(agent_id)
    known = agent is not None or agent_id in state.recovered_agents or agent_id in state.unreachable_agents
    if not known:
        return False
    state.recovered_agents.pop(agent_id, None)
    state.unreachable_agents.pop(agent_id, None)
    state.deactivated.pop(agent_id, None)
    state.reactivated.discard(agent_id)
    state.gone_agents[agent_id] = now
    note(state, f"agent {agent_id} was marked gone")
    for framework in state.frameworks.values():
        for task in [*framework.tasks.on(agent_id), *framework.unreachable.on(agent_id)]:
            if not task.terminal:
                aware = framework.has("PARTITION_AWARE")
                task.state = "TASK_GONE_BY_OPERATOR" if aware else "TASK_LOST"
                content = status(
                    now,
                    task.task_id,
                    task.state,
                    "Agent has been marked gone",
                    "REASON_AGENT_REMOVED_BY_OPERATOR",
                    agent_id=agent_id,
                    executor_id=task.executor_id,
                )
                task_updated(state, task, content)
                update(state, framework, content)
            release(state, task, now)
            framework.unreachable.pop(task.task_id, None)
            complete(state, framework, task)
    if agent is not None:
        rescind(state, offers_of(agent), now)
        to_agent(state, agent, {"type": "SHUTDOWN", "text": "Agent has been marked gone"})
        _forget(state, agent)
        _failure(state, agent)
        mark_dirty(state, now)
    persist(state)
    return True


def _forget(state: State, agent: Agent) -> None:
    state.count("slave_removals")
    for executor in agent.executors.values():
        charge(state.frameworks.get(executor.framework_id), executor.resources, -1)
    for operation in list(agent.operations.values()):
        framework = state.frameworks.get(operation.framework_id)
        if framework is not None:
            framework.operations.pop(operation.uuid, None)
    if agent.connection is not None:
        state.out.append(CloseAgent(connection=agent.connection))
    leave(state, agent)
    del state.agents[agent.agent_id]
    state.capacity.change(agent.total, Resources())
    state.filters.drop_agent(agent.agent_id)
    inverse.withdraw(state, [agent])


def _failure(state: State, agent: Agent) -> None:
    for framework in state.frameworks.values():
        content = {"type": "FAILURE", "failure": {"agent_id": {"value": agent.agent_id}}}
        to_scheduler(state, framework, content)
