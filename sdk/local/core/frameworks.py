"""Frameworks coming, changing, failing over and going: SUBSCRIBE, UPDATE_FRAMEWORK, TEARDOWN, disconnect, failover
timeout.
"""

from sdk.local.core import inverse
from sdk.local.core.allocation import allocate, mark_dirty, offers_of, rescind, revive, take_back
from sdk.local.core.authorization import register_problem
from sdk.local.core.emit import (
    charge,
    error_and_close,
    note,
    persist,
    status,
    task_updated,
    to_agent,
    to_operators,
    to_scheduler,
)
from sdk.local.core.model import Framework, State, roles_of
from sdk.local.core.outputs import CloseScheduler
from sdk.local.core.tasks import complete, release
from sdk.local.core.validation import framework_change_problem, framework_problem, options_problem
from sdk.local.core.views import framework_message, master_info
from sdk.local.core.wire import Json, ordered

HEARTBEAT: Json = {"type": "HEARTBEAT"}


def subscribe(state: State, stream: str, call: Json, now: float, principal: str | None = None) -> None:
    """SUBSCRIBE: what Mesos refuses it refuses with an ERROR event on the stream."""
    content = call["subscribe"]
    info: Json = content["framework_info"]
    framework_id = info.get("id", {}).get("value", "")
    state.count("messages_reregister_framework" if framework_id else "messages_register_framework")
    problem = framework_problem(info)
    framework = state.frameworks.get(framework_id)
    if problem is None and (framework_id in state.completed_frameworks or framework_id in state.removed_frameworks):
        problem = "Framework has been removed"
    if problem is None and framework is not None and framework.info.get("principal") != info.get("principal"):
        problem = "Changing framework's principal is not allowed."
    if problem is None:
        problem = register_problem(state.config.acls, info, roles_of(info), principal)
    constraints, refused = options_problem(info, content)
    problem = problem or refused
    if problem is not None:
        error_and_close(state, stream, problem)
        return
    if framework is None:
        framework = _add(state, framework_id, info, now)
        fresh = True
    else:
        _fail_over(state, framework, info, now)
        fresh = False
    framework.count("calls/subscribe")
    framework.stream = stream
    framework.remove_at = None
    framework.unregistered = 0.0
    framework.heartbeat_at = now + state.config.heartbeat_interval
    framework.suppressed = set(content.get("suppressed_roles", ()))
    framework.offer_constraints, framework.constraints = content.get("offer_constraints", {}), constraints
    subscribed = {
        "framework_id": {"value": framework.framework_id},
        "heartbeat_interval_seconds": state.config.heartbeat_interval,
        "master_info": master_info(state),
    }
    to_scheduler(state, framework, {"type": "SUBSCRIBED", "subscribed": subscribed})
    to_scheduler(state, framework, HEARTBEAT)
    message = {"framework": framework_message(state, framework, full=False)}
    to_operators(state, "FRAMEWORK_ADDED" if fresh else "FRAMEWORK_UPDATED", message)
    note(state, f"framework {framework.framework_id} ({info['name']!r:.80}) subscribed{'' if fresh else ' again'}")
    # Agents send again at once what waits for an acknowledgement.
    _tell_agents(state, {"type": "UPDATE_FRAMEWORK", "framework_info": framework.info})
    allocate(state, now)


def _add(state: State, framework_id: str, info: Json, now: float) -> Framework:
    returned = bool(framework_id)
    if not framework_id:
        framework_id = f"{state.config.master_id}-{state.next_framework:04d}"
        state.next_framework += 1
    framework = Framework(
        framework_id=framework_id,
        info=ordered("FrameworkInfo", info | {"id": {"value": framework_id}}),
        registered=now,
        reregistered=now,
        returned=returned,
    )
    state.frameworks[framework_id] = framework
    return framework


def _fail_over(state: State, framework: Framework, info: Json, now: float) -> None:
    if framework.stream is not None:
        error_and_close(state, framework.stream, "Framework failed over")
        framework.count("events/error")
    # The new scheduler knows nothing of the old offers: they end without a word and are offered again at the next
    # cycle.
    for offer in offers_of(framework):
        take_back(state, offer, now)
    inverse.forget(state, framework, answers=False)
    # Another user or checkpoint is accepted and ignored, as Mesos does for SUBSCRIBE.
    kept = {name: framework.info[name] for name in ("user", "checkpoint", "id") if name in framework.info}
    framework.info = ordered("FrameworkInfo", info | kept)
    if framework.recovered:
        framework.recovered = False
        framework.registered = now
    framework.reregistered = now
    framework.returned = True
    framework.allocations = {role: count for role, count in framework.allocations.items() if role in framework.roles}
    revive(state, framework, framework.roles)


def _tell_agents(state: State, message: Json) -> None:
    for agent in state.agents.values():
        to_agent(state, agent, message)


def update(state: State, framework: Framework, call: Json, now: float) -> str | None:
    """UPDATE_FRAMEWORK; returns why it is refused, or None."""
    content = call["update_framework"]
    info = ordered("FrameworkInfo", content["framework_info"])
    problem = framework_problem(info)
    if problem is not None:
        return f"Supplied FrameworkInfo is not valid: {problem}"
    problem = framework_change_problem(framework.info, info)
    if problem is not None:
        return f"FrameworkInfo update is not valid: {problem}"
    constraints, problem = options_problem(info, content)
    if problem is not None:
        return f"'UpdateFramework' call is not valid: {problem}"
    framework.info = info
    roles = framework.roles
    framework.allocations = {role: count for role, count in framework.allocations.items() if role in roles}
    rescind(state, [offer for offer in offers_of(framework) if offer.role not in roles], now)
    framework.suppressed = set(content.get("suppressed_roles", ()))
    framework.offer_constraints, framework.constraints = content.get("offer_constraints", {}), constraints
    to_operators(state, "FRAMEWORK_UPDATED", {"framework": framework_message(state, framework, full=False)})
    _tell_agents(state, {"type": "UPDATE_FRAMEWORK", "framework_info": info})
    mark_dirty(state, now)
    return None


def suppress(framework: Framework, call: Json) -> None:
    """SUPPRESS: outstanding offers stay valid; roles that it does not have are ignored."""
    roles = call.get("suppress", {}).get("roles") or framework.roles
    framework.suppressed |= set(roles) & set(framework.roles)


def revive_call(state: State, framework: Framework, call: Json, now: float) -> None:
    """REVIVE: offers come at once."""
    roles = call.get("revive", {}).get("roles") or framework.roles
    revive(state, framework, set(roles) & set(framework.roles))
    allocate(state, now)


def disconnected(state: State, stream: str, now: float) -> None:
    """A scheduler's connection ended: the framework has its failover timeout to come back."""
    framework = next((item for item in state.frameworks.values() if item.stream == stream), None)
    if framework is None:
        return
    framework.stream = None
    framework.unregistered = now
    for offer in offers_of(framework):
        take_back(state, offer, now)
    inverse.forget(state, framework, answers=False)
    timeout = max(0.0, framework.info.get("failover_timeout", 0.0))
    if timeout == 0:
        remove(state, framework, now)
    else:
        framework.remove_at = now + timeout
        note(state, f"framework {framework.framework_id} disconnected; it has {timeout:g} s to come back")


def remove(state: State, framework: Framework, now: float) -> None:
    """TEARDOWN or failover timeout: all its tasks are killed, its id is never accepted again.

    Reservations stay: they are the role's.
    """
    _tell_agents(state, {"type": "SHUTDOWN_FRAMEWORK", "framework_id": {"value": framework.framework_id}})
    for offer in offers_of(framework):
        take_back(state, offer, now)
    for task in [*framework.tasks.values(), *framework.unreachable.values()]:
        if not task.terminal:
            task.state = "TASK_KILLED"
            task_updated(
                state,
                task,
                status(
                    now,
                    task.task_id,
                    "TASK_KILLED",
                    f"Framework {framework.framework_id} removed",
                    "REASON_FRAMEWORK_REMOVED",
                    agent_id=task.agent_id,
                    executor_id=task.executor_id,
                ),
            )
        release(state, task, now)
        complete(state, framework, task)
    framework.unreachable.clear()
    for agent in state.agents.values():
        for key in [key for key in agent.executors if key[0] == framework.framework_id]:
            executor = agent.executors.pop(key)
            charge(framework, executor.resources, -1)
            agent.free = agent.free + executor.resources.unallocated()
            mark_dirty(state, now)
        for key in [key for key in agent.killed if key[0] == framework.framework_id]:
            del agent.killed[key]
        for item in list(agent.operations.values()):
            # What is under way may still fail, and its agent's resources are then not what they are taken for.
            if item.framework_id == framework.framework_id and item.state != "OPERATION_PENDING":
                del agent.operations[item.uuid]
    if framework.stream is not None:
        state.out.append(CloseScheduler(stream=framework.stream))
        framework.stream = None
    framework.unregistered = now
    state.filters.drop_framework(framework.framework_id)
    inverse.forget(state, framework, answers=True)
    del state.frameworks[framework.framework_id]
    state.completed_frameworks[framework.framework_id] = framework
    while len(state.completed_frameworks) > state.config.max_completed_frameworks:
        del state.completed_frameworks[next(iter(state.completed_frameworks))]
    state.removed_frameworks.append(framework.framework_id)
    # The list only guards against reuse; ids of frameworks long gone need no place in the registry.
    del state.removed_frameworks[: -10 * state.config.max_completed_frameworks]
    persist(state)
    note(state, f"framework {framework.framework_id} was removed, its tasks are killed")
    to_operators(state, "FRAMEWORK_REMOVED", {"framework_info": framework.info})


def tick(state: State, now: float) -> None:
    """Heartbeats that are due, and frameworks whose failover timeout passed."""
    for framework in list(state.frameworks.values()):
        if framework.stream is not None and now >= framework.heartbeat_at:
            to_scheduler(state, framework, HEARTBEAT)
            framework.heartbeat_at = now + state.config.heartbeat_interval
        if framework.remove_at is not None and now >= framework.remove_at:
            remove(state, framework, now)
