"""ACCEPT and DECLINE: operations on offered resources, in order, each seeing what the earlier ones left.

Knows the rules of offers and of launching; how agents run things is theirs.
"""

from sdk.local.core import operations
from sdk.local.core.allocation import mark_dirty, refuse, set_total, take_back
from sdk.local.core.authorization import launch_problem, operation_problem
from sdk.local.core.emit import (
    charge,
    count_end,
    count_operation,
    status,
    to_agent,
    to_operators,
    to_scheduler,
    update,
)
from sdk.local.core.model import Agent, Executor, Framework, Offer, Operation, State, Task
from sdk.local.core.resources import Resources, modern
from sdk.local.core.shared import shared_task
from sdk.local.core.task_validation import group_problem, task_problem
from sdk.local.core.views import task_fields, task_message
from sdk.local.core.wire import Json, ids, ordered


def decline(state: State, framework: Framework, call: Json, now: float) -> None:
    """DECLINE: unknown offers are passed over in silence."""
    content = call["decline"]
    for offer_id in ids(content.get("offer_ids")):
        offer = state.offers.get(offer_id)
        if offer is not None and offer.framework_id == framework.framework_id:
            take_back(state, offer, now)
            framework.count("offers/declined")
            refuse(state, offer, offer.resources, content.get("filters", {}).get("refuse_seconds"), now)


def accept(state: State, framework: Framework, call: Json, now: float) -> None:
    """ACCEPT: all offers must be valid and of one agent and role, else every task is dropped and the valid offers are
    lost.
    """
    content = call["accept"]
    todo: list[Json] = content.get("operations", [])
    offers: list[Offer] = []
    error = _offers_problem(state, framework, ids(content.get("offer_ids")), offers)
    for offer in offers:
        take_back(state, offer, now)
    for operation in todo:
        if operation.get("type") == "LAUNCH":
            tasks = operation.get("launch", {}).get("task_infos")
            # Mesos takes a launch of nothing for a refusal.
            state.count("messages_launch_tasks" if tasks else "messages_decline_offers")
    if error is not None:
        _drop_all(state, framework, todo, error, now)
        return
    agent = state.agents[offers[0].agent_id]
    role = offers[0].role
    lent = Resources()
    for offer in offers:
        lent = lent + offer.resources
        # take_back returned everything to the agent; what is used below is taken again, the rest stays free.
        agent.free = agent.free - offer.taken
    remaining = lent
    framework.count("offers/accepted", len(offers))
    for operation in todo:
        match operation.get("type"):
            case "LAUNCH":
                for task in operation.get("launch", {}).get("task_infos", []):
                    remaining = _launch(state, framework, agent, _with_role_task(framework, task, role), remaining, now)
            case "LAUNCH_GROUP":
                remaining = _launch_group(state, framework, agent, operation, role, remaining, now)
            case kind if kind in operations.KINDS:
                remaining = _apply(state, framework, agent, _with_role(operation, role), remaining)
            case kind:
                _operation_error(state, framework, operation, f"Operation of type {kind} is not supported")
    agent.free = agent.free + remaining.unallocated()
    mark_dirty(state, now)
    refuse(state, offers[0], remaining, content.get("filters", {}).get("refuse_seconds"), now)


def _offers_problem(state: State, framework: Framework, offer_ids: list[str], found: list[Offer]) -> str | None:
    """Why these offers cannot be used together, or None; the valid ones are put into `found` either way."""
    error: str | None = None if offer_ids else "No offers specified"
    for offer_id in offer_ids:
        offer = state.offers.get(offer_id)
        if offer is not None and offer in found:
            error = error or f"Duplicate offer {offer_id} in offer list"
        elif offer is None or offer.framework_id != framework.framework_id:
            error = error or f"Offer {offer_id} is no longer valid"
        else:
            if found and found[0].agent_id != offer.agent_id:
                error = error or (
                    f"Aggregated offers must belong to one single agent. Offer {offer_id} uses agent {offer.agent_id} "
                    f"and agent {found[0].agent_id}"
                )
            elif found and found[0].role != offer.role:
                error = error or (
                    f"Aggregated offers must be allocated to the same role. Offer {offer_id} uses role {offer.role} "
                    f"but another is using role {found[0].role}"
                )
            found.append(offer)
    if error is None and state.agents[found[0].agent_id].connection is None:
        error = f"Offer {found[0].offer_id} outlived agent {found[0].agent_id}"
    return error


def _drop_all(state: State, framework: Framework, todo: list[Json], error: str, now: float) -> None:
    for operation in todo:
        tasks = operation.get("launch", {}).get("task_infos", [])
        tasks = tasks or operation.get("launch_group", {}).get("task_group", {}).get("tasks", [])
        for task in tasks:
            content = status(
                now,
                task["task_id"]["value"],
                "TASK_DROPPED" if framework.has("PARTITION_AWARE") else "TASK_LOST",
                f"Task launched with invalid offers: {error}",
                "REASON_INVALID_OFFERS",
                agent_id=task["agent_id"]["value"],
            )
            state.count(f"tasks/{content['state'].removeprefix('TASK_').lower()}")
            count_end(state, content)
            update(state, framework, content)
        if not tasks:
            _operation_error(state, framework, operation, f"Operation attempted with invalid offers: {error}")


def _operation_error(state: State, framework: Framework, operation: Json, message: str) -> None:
    if operation.get("type") in operations.KINDS:
        count_operation(state, operation, "OPERATION_ERROR")
    if "id" not in operation:
        return
    content = {"operation_id": operation["id"], "state": "OPERATION_ERROR", "message": message}
    to_scheduler(state, framework, {"type": "UPDATE_OPERATION_STATUS", "update_operation_status": {"status": content}})


def _allocated(resources: list[Json], role: str) -> list[Json]:
    return [
        ordered(
            "Resource",
            modern(item) if "allocation_info" in item else modern(item) | {"allocation_info": {"role": role}},
        )
        for item in resources
    ]


def _with_role(operation: Json, role: str) -> Json:
    """The operation with `allocation_info` injected where the scheduler left it out, in post-refinement format."""
    if operation["type"].lower() not in operation:
        return operation
    return operations.each(operation, lambda item: _allocated([item], role)[0])


def _with_role_executor(framework: Framework, executor: Json, role: str) -> Json:
    result: Json = {"framework_id": {"value": framework.framework_id}} | executor
    if "resources" in executor:
        result["resources"] = _allocated(executor["resources"], role)
    return ordered("Executor", result)


def _with_role_task(framework: Framework, task: Json, role: str) -> Json:
    result = dict(task)
    if "resources" in task:
        result["resources"] = _allocated(task["resources"], role)
    if "executor" in task:
        result["executor"] = _with_role_executor(framework, task["executor"], role)
    return shared_task(result)


def _task_error(state: State, framework: Framework, task: Json, message: str, reason: str, now: float) -> None:
    state.count("tasks/error")
    content = status(now, task["task_id"]["value"], "TASK_ERROR", message, reason, agent_id=task["agent_id"]["value"])
    count_end(state, content)
    update(state, framework, content)


def _launch(
    state: State, framework: Framework, agent: Agent, task: Json, remaining: Resources, now: float
) -> Resources:
    refused = launch_problem(state.config.acls, framework.info, task, None)
    if refused is not None:
        _task_error(state, framework, task, refused, "REASON_TASK_UNAUTHORIZED", now)
        return remaining
    error = task_problem(framework, agent, task, remaining)
    if error is not None:
        _task_error(state, framework, task, error, "REASON_TASK_INVALID", now)
        return remaining
    framework.count("operations/launch")
    used = _add(state, framework, agent, task, task.get("executor"))
    to_agent(state, agent, {"type": "RUN_TASK", "framework_info": framework.info, "task": task})
    return remaining - used


def _add(state: State, framework: Framework, agent: Agent, task: Json, executor: Json | None) -> Resources:
    """Enter a task and, if it is new, its executor into the books; returns what they use."""
    resources = Resources.of(task["resources"])
    used = resources
    executor_id: str | None = None
    if executor is not None:
        executor_id = executor["executor_id"]["value"]
        key = (framework.framework_id, executor_id)
        if key not in agent.executors:
            own = Resources.of(executor.get("resources"))
            agent.executors[key] = Executor(
                framework_id=framework.framework_id, executor_id=executor_id, info=executor, resources=own
            )
            used = used + own
    record = Task(
        framework_id=framework.framework_id,
        task_id=task["task_id"]["value"],
        agent_id=agent.agent_id,
        info=task_fields(task, framework.framework_id, executor),
        resources=resources,
        executor_id=executor_id,
    )
    framework.tasks[record.task_id] = record
    charge(framework, used)
    to_operators(state, "TASK_ADDED", {"task": task_message(record)})
    return used


def _launch_group(
    state: State, framework: Framework, agent: Agent, operation: Json, role: str, remaining: Resources, now: float
) -> Resources:
    group = operation.get("launch_group")
    if group is None:
        return remaining
    executor = _with_role_executor(framework, group["executor"], role)
    tasks = [_with_role_task(framework, task, role) for task in group["task_group"].get("tasks", [])]
    if not tasks:
        # Nothing is to run, there is no status to tell it by, and no agent would take it.
        return remaining
    for task in tasks:
        refused = launch_problem(state.config.acls, framework.info, task, executor)
        if refused is not None:
            for member in tasks:
                _task_error(state, framework, member, refused, "REASON_TASK_GROUP_UNAUTHORIZED", now)
            return remaining
    error = group_problem(framework, agent, executor, tasks, remaining)
    if error is not None:
        for task in tasks:
            _task_error(state, framework, task, error, "REASON_TASK_GROUP_INVALID", now)
        return remaining
    framework.count("operations/launch_group")
    for task in tasks:
        remaining = remaining - _add(state, framework, agent, task, executor)
    to_agent(
        state,
        agent,
        {"type": "RUN_TASK_GROUP", "framework_info": framework.info, "executor": executor, "tasks": tasks},
    )
    return remaining


def _apply(state: State, framework: Framework, agent: Agent, operation: Json, remaining: Resources) -> Resources:
    where = f"; on agent {agent.agent_id} at {agent.pid} ({agent.hostname})"
    refused = operation_problem(state.config.acls, operation, framework.info.get("principal"))
    if refused is not None:
        _operation_error(state, framework, operation, refused)
        return remaining
    try:
        operations.validate(operation, framework.info.get("principal"))
    except operations.Invalid as error:
        _operation_error(state, framework, operation, f"{error}{where}")
        return remaining
    if operation["type"] == "DESTROY":
        wanted = Resources.of(operation["destroy"].get("volumes"))
        if not remaining.contains(wanted):
            held = agent.total.contains(wanted.unallocated())
            _operation_error(
                state, framework, operation, f"Persistent volumes {'in use' if held else 'not found'}{where}"
            )
            return remaining
    try:
        after = operations.apply(remaining, operation)
    except operations.NotContained as error:
        _operation_error(state, framework, operation, str(error))
        return remaining
    bare = operations.unallocated(operation)
    set_total(state, agent, operations.apply(agent.total, bare))
    record = Operation(
        uuid=state.operation_uuid(),
        framework_id=framework.framework_id,
        agent_id=agent.agent_id,
        info=operation,
    )
    agent.operations[record.uuid] = record
    framework.operations[record.uuid] = record
    framework.count(f"operations/{operation['type'].lower()}")
    count_operation(state, operation, "total")
    to_agent(
        state,
        agent,
        {
            "type": "APPLY_OPERATION",
            "framework_id": {"value": framework.framework_id},
            "operation_uuid": record.uuid,
            "operation": bare,
        },
    )
    return after
