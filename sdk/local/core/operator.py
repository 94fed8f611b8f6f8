"""The calls of the operator API that change something, and those whose answer is not a plain view of the state.

Knows the checks, statuses and texts of the real master. Listing and reading files is the shell's business.
"""

from collections.abc import Callable, Mapping

from sdk.local.core import drains, frameworks, maintenance, operations, quota, removal, views, weights
from sdk.local.core.allocation import mark_dirty, offers_of, rescind, set_total
from sdk.local.core.authorization import operation_problem, teardown_allowed
from sdk.local.core.emit import count_operation, persist, to_agent
from sdk.local.core.master_flags import flags
from sdk.local.core.metrics import get_metrics, metrics
from sdk.local.core.model import Agent, Operation, State
from sdk.local.core.outputs import Answer
from sdk.local.core.resources import Resources, modern, text
from sdk.local.core.wire import BadMessage, Json, convert

_CONTENT = {
    "GET_METRICS": "get_metrics", "SET_LOGGING_LEVEL": "set_logging_level", "LIST_FILES": "list_files",
    "READ_FILE": "read_file", "UPDATE_WEIGHTS": "update_weights", "UPDATE_QUOTA": "update_quota",
    "UPDATE_MAINTENANCE_SCHEDULE": "update_maintenance_schedule", "START_MAINTENANCE": "start_maintenance",
    "STOP_MAINTENANCE": "stop_maintenance", "SET_QUOTA": "set_quota", "REMOVE_QUOTA": "remove_quota",
    "RESERVE_RESOURCES": "reserve_resources", "UNRESERVE_RESOURCES": "unreserve_resources",
    "CREATE_VOLUMES": "create_volumes", "DESTROY_VOLUMES": "destroy_volumes", "TEARDOWN": "teardown",
    "MARK_AGENT_GONE": "mark_agent_gone", "DRAIN_AGENT": "drain_agent", "DEACTIVATE_AGENT": "deactivate_agent",
    "REACTIVATE_AGENT": "reactivate_agent", "GROW_VOLUME": "grow_volume", "SHRINK_VOLUME": "shrink_volume",
}  # fmt: skip
_VIEWS = frozenset(
    {"GET_STATE", "GET_TASKS", "GET_AGENTS", "GET_FRAMEWORKS", "GET_EXECUTORS", "GET_OPERATIONS", "GET_ROLES",
     "GET_HEALTH", "GET_VERSION", "GET_MASTER", "GET_FLAGS", "GET_LOGGING_LEVEL", "GET_WEIGHTS", "GET_QUOTA",
     "GET_MAINTENANCE_STATUS", "GET_MAINTENANCE_SCHEDULE"}
)  # fmt: skip
_OTHERS = frozenset({"SUBSCRIBE"})
CHANGES = {
    "RESERVE_RESOURCES": ("RESERVE", "reserve", "resources"),
    "UNRESERVE_RESOURCES": ("UNRESERVE", "unreserve", "resources"),
    "CREATE_VOLUMES": ("CREATE", "create", "volumes"),
    "DESTROY_VOLUMES": ("DESTROY", "destroy", "volumes"),
}
"""Calls that are an operation on an agent's resources: its type, its field, and what the list in it is called."""
_HEAD = "Failed to validate master::Call: "
_FORBIDDEN = Answer(status=403, text="403 Forbidden.")


def parse(call: object) -> Json | Answer:
    """The call in the shape of its message, or the answer to what is none."""
    try:
        message = convert("OperatorCall", call)
    except BadMessage as error:
        return Answer(status=400, text=f"Failed to convert JSON into Call protobuf: {error}")
    kind = message.get("type")
    if kind not in _VIEWS and kind not in _CONTENT and kind not in _OTHERS:
        return Answer(status=400, text=f"{_HEAD}Expecting 'type' to be present")
    wanted = _CONTENT.get(kind)
    if wanted is not None and wanted not in message:
        return Answer(status=400, text=f"{_HEAD}Expecting '{wanted}' to be present")
    return message


def answer(
    state: State,
    call: Json,
    now: float,
    principal: str | None,
    figures: Callable[[], Mapping[str, float]] | None = None,
) -> Answer:
    """Carry out a parsed call; what it causes is in `state.out`. `figures` are the metrics of a master with a process
    around it, which measures more than the state tells.
    """
    kind = call["type"]
    if kind in _VIEWS:
        return _view(state, kind)
    match kind:
        case "GET_METRICS":
            found = metrics(state, now) if figures is None else figures()
            return Answer(status=200, body={"type": kind, "get_metrics": get_metrics(found)})
        case "TEARDOWN":
            return teardown(state, call["teardown"]["framework_id"]["value"], now, principal)
        case "SET_LOGGING_LEVEL":
            return Answer(status=200)
        case "UPDATE_WEIGHTS":
            return weights.update(state, call["update_weights"].get("weight_infos", []), now)
        case "UPDATE_QUOTA":
            return quota.update(state, call["update_quota"], now)
        case "SET_QUOTA":
            return quota.set_old(state, call["set_quota"]["quota_request"], now)
        case "UPDATE_MAINTENANCE_SCHEDULE":
            return maintenance.update(state, call["update_maintenance_schedule"]["schedule"], now)
        case "START_MAINTENANCE":
            return maintenance.start(state, call["start_maintenance"].get("machines", []), now)
        case "STOP_MAINTENANCE":
            return maintenance.stop(state, call["stop_maintenance"].get("machines", []))
        case "REMOVE_QUOTA":
            return quota.remove_old(state, call["remove_quota"]["role"], now)
        case "MARK_AGENT_GONE":
            return _mark_gone(state, call["mark_agent_gone"]["agent_id"]["value"], now)
        case "DRAIN_AGENT" | "DEACTIVATE_AGENT" | "REACTIVATE_AGENT":
            return _activity(state, kind, call[kind.lower()], now)
        case "GROW_VOLUME" | "SHRINK_VOLUME":
            content = dict(call[kind.lower()])
            agent_id = content.pop("agent_id", {}).get("value", "")
            return change(state, {"type": kind, kind.lower(): content}, agent_id, now, principal)
        case _ if kind in CHANGES:
            content = call[kind.lower()]
            resources = content.get(CHANGES[kind][2], [])
            return change_resources(state, kind, content["agent_id"]["value"], resources, now, principal)
        case _:
            # SUBSCRIBE, LIST_FILES and READ_FILE are answered by the shell around this.
            return Answer(status=501, text=f"{kind} is not answered here")


def _view(state: State, kind: str) -> Answer:
    content: Json | None
    match kind:
        case "GET_STATE":
            content = views.get_state(state)
        case "GET_TASKS":
            content = views.get_tasks(state)
        case "GET_AGENTS":
            content = views.get_agents(state)
        case "GET_FRAMEWORKS":
            content = views.get_frameworks(state)
        case "GET_EXECUTORS":
            content = views.get_executors(state)
        case "GET_OPERATIONS":
            content = views.get_operations(state)
        case "GET_ROLES":
            content = views.get_roles(state)
        case "GET_HEALTH":
            content = {"healthy": True}
        case "GET_VERSION":
            content = views.get_version()
        case "GET_MASTER":
            times = {"start_time": state.started, "elected_time": state.started}
            content = {"master_info": views.master_info(state), **times}
        case "GET_FLAGS":
            content = {"flags": [{"name": name, "value": value} for name, value in flags(state.config).items()]}
        case "GET_LOGGING_LEVEL":
            content = {"level": 0}
        case "GET_WEIGHTS":
            found = weights.shown(state)
            content = {"weight_infos": found} if found else None
        case "GET_QUOTA":
            content = {"status": quota.shown(state)}
        case "GET_MAINTENANCE_STATUS":
            content = {"status": maintenance.status(state)}
        case _:
            content = {"schedule": maintenance.schedule(state)}
    body: Json = {"type": kind}
    return Answer(status=200, body=body if content is None else body | {kind.lower(): content})


def teardown(state: State, framework_id: str, now: float, principal: str | None) -> Answer:
    """An operator tears a framework down."""
    framework = state.frameworks.get(framework_id)
    if framework is None:
        return Answer(status=400, text="No framework found with specified ID")
    if not teardown_allowed(state.config.acls, framework.info, principal):
        return _FORBIDDEN
    frameworks.remove(state, framework, now)
    return Answer(status=200)


def _mark_gone(state: State, agent_id: str, now: float) -> Answer:
    if agent_id in state.gone_agents:
        return Answer(status=200)
    if not removal.mark_gone(state, agent_id, now):
        return Answer(status=404, text=f"Agent '{agent_id}' not found")
    return Answer(status=200)


def _activity(state: State, kind: str, content: Json, now: float) -> Answer:
    agent_id = content["agent_id"]["value"]
    agent = state.agents.get(agent_id)
    if agent is None and agent_id not in state.recovered_agents and agent_id not in state.unreachable_agents:
        return Answer(status=404, text=f"Agent '{agent_id}' not found")
    match kind:
        case "REACTIVATE_AGENT":
            if agent_id not in state.deactivated:
                return Answer(status=400, text=f"Agent '{agent_id}' is already active")
            drains.reactivate(state, agent_id)
        case "DEACTIVATE_AGENT":
            # A draining agent stays what it is.
            if agent_id not in state.deactivated:
                drains.deactivate(state, agent_id, None, now)
        case _:
            grace = content.get("max_grace_period")
            config: Json = {} if grace is None else {"max_grace_period": {"nanoseconds": _nanoseconds(grace)}}
            config["mark_gone"] = content.get("mark_gone", False)
            drains.deactivate(state, agent_id, {"config": config, "since": now}, now)
    persist(state)
    if kind == "REACTIVATE_AGENT":
        mark_dirty(state, now)
    return Answer(status=200)


def _nanoseconds(duration: Json) -> int:
    return int(duration.get("seconds", 0)) * 10**9 + int(duration.get("nanos", 0))


def change_resources(
    state: State, kind: str, agent_id: str, resources: list[Json], now: float, principal: str | None
) -> Answer:
    """One of CHANGES on these resources."""
    name, field, items = CHANGES[kind]
    return change(state, {"type": name, field: {items: resources}}, agent_id, now, principal)


def change(state: State, given: Json, agent_id: str, now: float, principal: str | None) -> Answer:
    """RESERVE or another operation of an operator on what nobody uses; offers are rescinded for it."""
    kind, operation = given["type"], operations.each(given, modern)
    resources = operations.mentioned(operation)
    for item in resources:
        problem = _reservation_problem(item)
        if problem is not None:
            return Answer(status=400, text=f"{_HEAD}{problem}")
    agent = state.agents.get(agent_id)
    if agent is None:
        return Answer(status=400, text="No agent found with specified ID")
    named = kind not in ("UNRESERVE", "DESTROY")
    where = f" on agent {agent.agent_id} at {agent.pid} ({agent.hostname})" if named else ""
    head = f"Invalid {kind} operation{where}: "
    try:
        operations.validate(operation, principal)
    except operations.Invalid as error:
        return Answer(status=400, text=f"{head}{error}")
    if any("allocation_info" in item for item in resources):
        if kind == "RESERVE":
            message = ("A reserve operation was attempted with an allocated resource, but the operator API only allows"
                       " reservations to be made to unallocated resources")  # fmt: skip
        else:
            message = "The operator API only allows operations on unallocated resources"
        return Answer(status=400, text=f"{head}{message}")
    if operation_problem(state.config.acls, operation, principal) is not None:
        return _FORBIDDEN
    offers = offers_of(agent)
    unused = agent.free
    for offer in offers:
        unused = unused + offer.resources.unallocated()
    try:
        operations.apply(unused.listed_as(agent.total), operation)
    except operations.NotContained as error:
        return Answer(status=409, text=str(error))
    _make_room(state, agent, operation, now)
    _apply(state, agent, operation)
    mark_dirty(state, now)
    return Answer(status=202)


def _reservation_problem(item: Json) -> str | None:
    for entry in item.get("reservations", ()):
        if entry.get("role", "*") == "*":
            return f"Resource '{text(item)}' is invalid: Invalid reservation: role \"*\" cannot be reserved"
    return None


def _make_room(state: State, agent: Agent, operation: Json, now: float) -> None:
    """Rescind offers that hold some of what is wanted until what is free suffices, as the real master does."""
    wanted = Resources.of(operations.conversion(operation)[0])
    recovered = Resources()
    for offer in offers_of(agent):
        held = offer.resources.unallocated()
        if not any(held.contains(Resources.of([item])) or _overlaps(held, item) for item in wanted):
            continue
        recovered = recovered + held
        rescind(state, [offer], now)
        if recovered.contains(wanted):
            break


def _overlaps(held: Resources, item: Json) -> bool:
    one = Resources.of([item])
    return bool(one) and (one - held) != one


def _apply(state: State, agent: Agent, operation: Json) -> None:
    agent.free = operations.apply(agent.free, operation)
    set_total(state, agent, operations.apply(agent.total, operation))
    record = Operation(
        uuid=state.operation_uuid(),
        framework_id="",
        agent_id=agent.agent_id,
        info=operation,
    )
    agent.operations[record.uuid] = record
    count_operation(state, operation, "total")
    message = {
        "type": "APPLY_OPERATION",
        "framework_id": {"value": ""},
        "operation_uuid": record.uuid,
        "operation": operation,
    }
    to_agent(state, agent, message)
