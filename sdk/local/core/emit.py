"""Saying things: events to schedulers and operators, messages to agents, and the registry; plus the books of who holds
what.
"""

from sdk.local.core.model import TERMINAL, Agent, Framework, State, Task
from sdk.local.core.outputs import CloseScheduler, Note, Persist, ToAgent, ToOperator, ToScheduler
from sdk.local.core.resources import Resources, old_format
from sdk.local.core.wire import Json, ordered


def nanoseconds(now: float) -> Json:
    """A TimeInfo."""
    return {"nanoseconds": int(now * 1_000_000) * 1000}


def to_scheduler(state: State, framework: Framework, event: Json) -> None:
    """Write an event to the framework's stream, if it has one."""
    if framework.stream is not None:
        framework.count(f"events/{event['type'].lower()}")
        state.out.append(ToScheduler(stream=framework.stream, event=event))


def error_and_close(state: State, stream: str, message: str) -> None:
    """ERROR, then the end of that stream."""
    state.out.append(ToScheduler(stream=stream, event={"type": "ERROR", "error": {"message": message}}))
    state.out.append(CloseScheduler(stream=stream))


def note(state: State, text: str) -> None:
    """A sentence for the log."""
    state.out.append(Note(text=text))


def to_operators(state: State, kind: str, content: Json | None = None) -> None:
    """Write an event to every operator stream."""
    event: Json = {"type": kind} if content is None else {"type": kind, kind.lower(): content}
    for stream in state.operators:
        state.out.append(ToOperator(stream=stream, event=event))


def to_agent(state: State, agent: Agent | None, message: Json) -> None:
    """Send a message to an agent, if it is connected; what is lost on the way is settled when it registers again."""
    if agent is not None and agent.connection is not None:
        state.out.append(ToAgent(connection=agent.connection, message=message))


def persist(state: State) -> None:
    """Ask for the registry to be kept."""
    state.out.append(Persist(registry=registry(state)))


def registry(state: State) -> Json:
    """What must outlive this master: its agents and the ids that may not be used again."""
    return {
        "agents": state.recovered_agents | {agent.agent_id: agent.info for agent in state.agents.values()},
        "unreachable": dict(state.unreachable_agents),
        "gone": dict(state.gone_agents),
        "deactivated": dict(state.deactivated),
        "weights": dict(state.weights),
        "quotas": dict(state.quotas),
        "maintenance": state.maintenance.registry(),
        "removed_frameworks": list(state.removed_frameworks),
    }


def outgoing(framework: Framework, resources: Resources) -> list[Json]:
    """Resources in the format that this framework understands."""
    if framework.has("RESERVATION_REFINEMENT"):
        return resources.shown()
    return [old_format(item, allocation=framework.has("MULTI_ROLE")) for item in resources]


def charge(framework: Framework | None, resources: Resources, sign: int = 1) -> None:
    """Add to (or with -1 take from) what the framework holds, by role; fairness and quotas are computed from that."""
    if framework is None:
        return
    for kind, value in resources.parts():
        if not isinstance(value, int):
            continue
        for books in (framework.held, framework.unreserved) if kind.role == "*" else (framework.held,):
            held = books.setdefault(kind.lent_to, {})
            held[kind.name] = held.get(kind.name, 0) + sign * value
            if not held[kind.name]:
                # Roles come and go with UPDATE_FRAMEWORK: nothing stays of those that hold nothing.
                del held[kind.name]
                if not held:
                    del books[kind.lent_to]


def status(
    now: float,
    task_id: str,
    state: str,
    message: str,
    reason: str,
    *,
    agent_id: str | None = None,
    executor_id: str | None = None,
    unreachable: Json | None = None,
    known: Json | None = None,
) -> Json:
    """A status that the master makes up itself: no uuid, so nobody acknowledges it.

    `known` is the last real one of the task.
    """
    result: Json = {
        "task_id": {"value": task_id},
        "state": state,
        "message": message,
        "source": "SOURCE_MASTER",
        "reason": reason,
        "timestamp": now,
    }
    if agent_id:
        result["agent_id"] = {"value": agent_id}
    if executor_id:
        result["executor_id"] = {"value": executor_id}
    if unreachable is not None:
        result["unreachable_time"] = unreachable
    for name in ("healthy", "check_status", "container_status"):
        if known is not None and name in known:
            result[name] = known[name]
    return ordered("Status", result)


def update(state: State, framework: Framework, content: Json) -> None:
    """UPDATE to the scheduler."""
    to_scheduler(state, framework, {"type": "UPDATE", "update": {"status": content}})


def count_end(state: State, content: Json) -> None:
    """Count the terminal status of a task by what it says of the cause."""
    if "reason" in content and content["state"] in TERMINAL:
        # Metrics have the names of the API before v1, which calls agents slaves.
        cause = f"{content['source']}/{content['reason']}".replace("AGENT", "SLAVE")
        state.count(f"{content['state']}/{cause}".lower())


def count_operation(state: State, operation: Json, reached: str) -> None:
    """Count a state that an operation reached, among all and among those of its type."""
    name = reached.removeprefix("OPERATION_").lower()
    state.count(f"operations/{name}")
    state.count(f"operations/{operation['type'].lower()}/{name}")


def task_updated(state: State, task: Task, content: Json) -> None:
    """TASK_UPDATED to the operators, and the status kept with the task."""
    count_end(state, content)
    # Mesos keeps one status per state in a row: a newer one of the same state replaces the older.
    if task.statuses and task.statuses[-1]["state"] == content["state"]:
        task.statuses.pop()
    # The data of a status is for the scheduler alone.
    task.statuses.append(
        {name: part for name, part in content.items() if name != "data"} if "data" in content else content
    )
    to_operators(
        state,
        "TASK_UPDATED",
        {"framework_id": {"value": task.framework_id}, "status": content, "state": task.state},
    )
