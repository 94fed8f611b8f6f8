"""Agents coming, failing and returning: registration, pings, loss, return, and what each means for tasks and offers."""

import contextlib

from sdk.local.core import feedback, inverse, operations
from sdk.local.core.allocation import allocate, mark_dirty, offers_of, rescind, set_total
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
from sdk.local.core.machines import machine_key
from sdk.local.core.model import Agent, Executor, Framework, State, Task
from sdk.local.core.outputs import CloseAgent, ToAgent
from sdk.local.core.resources import Resources
from sdk.local.core.tasks import complete, release
from sdk.local.core.views import agent_message, master_info, task_message
from sdk.local.core.wire import Json

_TASK_FIELDS = frozenset({"state", "statuses", "status_update_state", "status_update_uuid"})


def register(state: State, connection: str, message: Json, now: float) -> None:
    """A new agent: it gets an id, which the registry keeps before the agent hears of it."""
    info: Json = message["agent_info"]
    state.count("messages_register_slave")
    if _refused(state, connection, info):
        return
    state.count("slave_registrations")
    # What a real agent says of itself in a second message is part of the first here.
    state.count("messages_update_slave")
    for other in list(state.agents.values()):
        if (other.info.get("ip"), other.info["port"]) == (info.get("ip"), info["port"]):
            # The agent at that address lost its work directory: what ran there under the old id is gone.
            state.count("slave_removals/reason_registered")
            _remove(state, other, f"Agent {other.hostname} removed: a new agent registered at the same address", now)
    agent_id = f"{state.config.master_id}-S{state.next_agent}"
    state.next_agent += 1
    agent = Agent(
        agent_id=agent_id,
        info=info | {"id": {"value": agent_id}},
        total=Resources(),
        free=Resources.of(info["resources"]),
        registered=now,
    )
    state.agents[agent_id] = agent
    _listen(state, agent, connection, now)
    set_total(state, agent, agent.free)
    persist(state)
    content = {"type": "REGISTERED", "agent_id": {"value": agent_id}, "master_info": master_info(state)}
    to_agent(state, agent, content)
    to_operators(state, "AGENT_ADDED", {"agent": agent_message(state, agent, full=False)})
    note(state, f"agent {agent_id} at {agent.pid} ({agent.hostname}) registered")
    allocate(state, now, [agent])


def reregister(state: State, connection: str, message: Json, now: float) -> None:
    """An agent with an id: after its own restart, a cut connection, a restart of the master, or being unreachable."""
    info: Json = message["agent_info"]
    agent_id = info["id"]["value"]
    state.count("messages_reregister_slave")
    if agent_id in state.gone_agents:
        state.out.append(
            ToAgent(connection=connection, message={"type": "SHUTDOWN", "text": "Agent has been marked gone"})
        )
        state.out.append(CloseAgent(connection=connection))
        return
    if _refused(state, connection, info):
        return
    note(state, f"agent {agent_id} at {info.get('ip', '127.0.0.1')}:{info['port']} ({info['hostname']}) came back")
    state.count("slave_reregistrations")
    state.count("messages_update_slave")
    agent = state.agents.get(agent_id)
    if agent is None:
        _readmit(state, connection, message, now)
    else:
        _resume(state, agent, connection, message, now)
    allocate(state, now, [state.agents[agent_id]])


def _refused(state: State, connection: str, info: Json) -> bool:
    """Whether the machine is down for maintenance: its agents are told to stop."""
    if not state.maintenance.is_down(machine_key(info)):
        return False
    state.out.append(ToAgent(connection=connection, message={"type": "SHUTDOWN", "text": "Machine is `DOWN`"}))
    state.out.append(CloseAgent(connection=connection))
    return True


def _resume(state: State, agent: Agent, connection: str, message: Json, now: float) -> None:
    """The agent was away shorter than the ping timeout: schedulers see at most a rescinded and a new offer."""
    if agent.connection is not None and agent.connection != connection:
        state.out.append(CloseAgent(connection=agent.connection))
    rescind(state, offers_of(agent), now)
    changed = agent.info != message["agent_info"]
    _connect(state, agent, connection, message["agent_info"], now)
    if changed:
        # Attributes or an address: a later master shows and finds it by these.
        persist(state)
    reported = {(item["framework_id"]["value"], item["task_id"]["value"]) for item in message.get("tasks", ())}
    missing = [
        task
        for framework in state.frameworks.values()
        for task in framework.tasks.values()
        if task.agent_id == agent.agent_id and (task.framework_id, task.task_id) not in reported and not task.terminal
    ]
    _settle_operations(state, agent, message)
    _take_executors(agent, message)
    _recount(state, agent, message)
    _answer(state, agent, message, missing)


def _readmit(state: State, connection: str, message: Json, now: float) -> None:
    """The agent was unreachable, or this master is new: its tasks are learned from it."""
    info: Json = message["agent_info"]
    agent_id = info["id"]["value"]
    was_unreachable = state.unreachable_agents.pop(agent_id, None) is not None
    state.recovered_agents.pop(agent_id, None)
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
    _connect(state, agent, connection, info, now)
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
    _take_executors(agent, message)
    for item in message.get("tasks", ()):
        framework = state.frameworks.get(item["framework_id"]["value"])
        if framework is None:
            continue
        framework.unreachable.pop(item["task_id"]["value"], None)
        task = _task(agent, item)
        task.learned = was_unreachable
        framework.tasks[task.task_id] = task
        to_operators(state, "TASK_ADDED", {"task": task_message(task)})
        if was_unreachable:
            _back(state, framework, task, now)
    _recount(state, agent, message)
    to_operators(state, "AGENT_ADDED", {"agent": agent_message(state, agent, full=False)})
    # Tasks that were on this agent when it was lost and are not among those it reports are known to have ended.
    for framework in state.frameworks.values():
        for lost in [task for task in framework.unreachable.values() if task.agent_id == agent_id]:
            del framework.unreachable[lost.task_id]
            complete(state, framework, lost)
    _answer(state, agent, message, [])


def _connect(state: State, agent: Agent, connection: str, info: Json, now: float) -> None:
    _leave(state, agent)
    agent.info = info
    agent.reregistered = now
    _listen(state, agent, connection, now)


def _listen(state: State, agent: Agent, connection: str, now: float) -> None:
    agent.connection = connection
    state.connections[connection] = agent.agent_id
    agent.pings_missed = 0
    agent.ping_open = False
    agent.ping_at = now + state.config.agent_ping_timeout
    if state.ping_at is None or agent.ping_at < state.ping_at:
        state.ping_at = agent.ping_at


def _leave(state: State, agent: Agent) -> None:
    if agent.connection is not None:
        state.connections.pop(agent.connection, None)
    agent.connection = None


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


def _take_executors(agent: Agent, message: Json) -> None:
    agent.executors = {
        (item["framework_id"]["value"], item["executor_info"]["executor_id"]["value"]): Executor(
            framework_id=item["framework_id"]["value"],
            executor_id=item["executor_info"]["executor_id"]["value"],
            info=item["executor_info"],
            resources=Resources.of(item["executor_info"].get("resources")),
        )
        for item in message.get("executors", ())
    }


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


def _recount(state: State, agent: Agent, message: Json) -> None:
    """The agent's own account of its resources is the truth; what is free follows from it."""
    set_total(state, agent, Resources.of(message.get("resources", agent.info["resources"])))
    free = agent.total
    for framework in state.frameworks.values():
        # Executors may have come or gone: what each framework holds is counted anew, over all agents.
        framework.held, framework.unreserved = {}, {}
        for task in framework.tasks.values():
            if task.agent_id == agent.agent_id:
                # A launch that never reached the agent may stand on a reservation that did not reach it either:
                # charging it would give back, at its end, what the agent does not have.
                task.charged = not task.terminal and free.contains(task.resources.unallocated())
                if task.charged:
                    free = free - task.resources.unallocated()
            if task.charged:
                charge(framework, task.resources)
    for executor in agent.executors.values():
        if not free.contains(executor.resources.unallocated()):
            # The same holds for an executor, which never started then.
            executor.resources = Resources()
        free = free - executor.resources.unallocated()
    for place in state.agents.values():
        for executor in place.executors.values():
            charge(state.frameworks.get(executor.framework_id), executor.resources)
    for offer in state.offers.values():
        charge(state.frameworks.get(offer.framework_id), offer.resources)
    agent.free = free


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


def disconnected(state: State, connection: str, now: float) -> None:
    """The connection of an agent ended: its offers are rescinded; it has the ping timeouts to come back."""
    agent = by_connection(state, connection)
    if agent is not None:
        _leave(state, agent)
        rescind(state, offers_of(agent), now)
        inverse.pause(state, agent)


def by_connection(state: State, connection: str) -> Agent | None:
    """The agent behind a connection."""
    return state.agents.get(state.connections.get(connection, ""))


def pong(agent: Agent, now: float) -> None:
    """The agent answered a ping."""
    agent.ping_open = False
    agent.pings_missed = 0
    agent.ping_at = max(agent.ping_at, now)


def correct(state: State, agent: Agent, message: Json, now: float) -> None:
    """An operation failed that was counted on since it was sent: what the agent says that it has holds, and what is
    still under way. Offers made meanwhile are rescinded.
    """
    operation = agent.operations.get(message["operation_uuid"])
    failed = message["status"]["state"] == "OPERATION_FAILED" and "resources" in message
    if operation is None or operation.state != "OPERATION_PENDING" or not failed:
        return
    rescind(state, offers_of(agent), now)
    total = Resources.of(message["resources"])
    for other in agent.operations.values():
        if other is not operation and other.state == "OPERATION_PENDING":
            # One that was built on the failed one fails as well, and is corrected then.
            with contextlib.suppress(operations.NotContained):
                total = operations.apply(total, operations.unallocated(other.info))
    _recount(state, agent, {"resources": total.json()})
    mark_dirty(state, now)


def shut_down(state: State, agent: Agent, text: str, now: float) -> None:
    """Tell an agent to stop, and do not wait for it: its tasks are lost."""
    to_agent(state, agent, {"type": "SHUTDOWN", "text": text})
    _remove(state, agent, text, now)


def unregister(state: State, agent: Agent, now: float) -> None:
    """The agent says goodbye: its tasks are lost, its id is never used again."""
    state.count("messages_unregister_slave")
    state.count("slave_removals/reason_unregistered")
    _remove(state, agent, f"Agent {agent.hostname} removed: the agent unregistered", now)


def _failure(state: State, agent: Agent) -> None:
    for framework in state.frameworks.values():
        content = {"type": "FAILURE", "failure": {"agent_id": {"value": agent.agent_id}}}
        to_scheduler(state, framework, content)


def _remove(state: State, agent: Agent, message: str, now: float) -> None:
    note(state, f"agent {agent.agent_id} at {agent.pid}: {message}")
    for framework in state.frameworks.values():
        for task in [task for task in framework.tasks.values() if task.agent_id == agent.agent_id]:
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
    _leave(state, agent)
    del state.agents[agent.agent_id]
    state.capacity.change(agent.total, Resources())
    state.filters.drop_agent(agent.agent_id)
    inverse.withdraw(state, [agent])


def _unreachable(state: State, agent: Agent, now: float) -> None:
    since = nanoseconds(now)
    # Nothing limits the rate here: what is scheduled is done.
    for name in ("slave_unreachable_scheduled", "slave_unreachable_completed", "slave_removals/reason_unhealthy"):
        state.count(name)
    state.unreachable_agents[agent.agent_id] = {"info": agent.info, "since": since}
    note(state, f"agent {agent.agent_id} at {agent.pid} ({agent.hostname}) is unreachable: it answered no ping")
    for framework in state.frameworks.values():
        aware = framework.has("PARTITION_AWARE")
        for task in [task for task in framework.tasks.values() if task.agent_id == agent.agent_id]:
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
        for task in [*framework.tasks.values(), *framework.unreachable.values()]:
            if task.agent_id != agent_id:
                continue
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


def deactivate(state: State, agent_id: str, drain: Json | None, now: float) -> None:
    """No more offers of an agent; with `drain` the agent kills its tasks."""
    state.deactivated[agent_id] = drain
    agent = state.agents.get(agent_id)
    if agent is None:
        return
    agent.deactivated, agent.drain, agent.drained = True, drain, False
    rescind(state, offers_of(agent), now)
    inverse.pause(state, agent)
    if drain is None:
        return
    to_agent(state, agent, {"type": "DRAIN", "config": drain["config"]})


def reactivate(state: State, agent_id: str) -> None:
    """Offers of an agent again."""
    drain = state.deactivated.pop(agent_id)
    agent = state.agents.get(agent_id)
    if agent is not None:
        agent.deactivated, agent.drain, agent.drained = False, None, False
    if drain is None:
        return
    if agent is not None and agent.connection is not None:
        to_agent(state, agent, {"type": "REACTIVATE"})
    else:
        state.reactivated.add(agent_id)


def settle_drains(state: State, now: float) -> None:
    """Agents whose drain has nothing more to wait for are drained, and gone if that was asked."""
    # After every input: only agents that an operator deactivated are looked at, and their tasks when one has gone.
    for agent_id in list(state.deactivated):
        agent = state.agents.get(agent_id)
        if agent is None or agent.drain is None or agent.drained or agent.executors or agent.operations:
            continue
        if agent.blocker is not None and _has(state, agent, *agent.blocker):
            continue
        agent.blocker = next(
            (
                (task.framework_id, task.task_id)
                for item in state.frameworks.values()
                for task in item.tasks.values()
                if task.agent_id == agent.agent_id
            ),
            None,
        )
        if agent.blocker is not None:
            continue
        agent.drained = True
        if agent.drain["config"]["mark_gone"]:
            mark_gone(state, agent.agent_id, now)


def _has(state: State, agent: Agent, framework_id: str, task_id: str) -> bool:
    framework = state.frameworks.get(framework_id)
    task = framework.tasks.get(task_id) if framework is not None else None
    return task is not None and task.agent_id == agent.agent_id


def tick(state: State, now: float) -> None:
    """Pings that are due, agents that missed too many, and recovered agents that never came back."""
    if state.ping_at is not None and now >= state.ping_at:
        _ping(state, now)
    if state.recover_until is not None and now >= state.recover_until:
        state.recover_until = None
        for agent_id, info in state.recovered_agents.items():
            state.unreachable_agents[agent_id] = {"info": info, "since": nanoseconds(now)}
            state.count("recovery_slave_removals")
        if state.recovered_agents:
            state.recovered_agents.clear()
            persist(state)


def _ping(state: State, now: float) -> None:
    for agent in list(state.agents.values()):
        if now < agent.ping_at:
            continue
        if agent.ping_open or agent.connection is None:
            agent.pings_missed += 1
            if agent.pings_missed >= state.config.max_agent_ping_timeouts:
                _unreachable(state, agent, now)
                continue
        agent.ping_open = True
        agent.ping_at = now + state.config.agent_ping_timeout
        to_agent(state, agent, {"type": "PING"})
    state.ping_at = min((agent.ping_at for agent in state.agents.values()), default=None)
