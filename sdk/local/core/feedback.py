"""Operation feedback: statuses of RESERVE and its kin from agents to schedulers, their acknowledgement and
reconciliation.

Only operations with an id of the framework's own get feedback; the others are forgotten as soon as the agent applied
them.
"""

from sdk.local.core.emit import count_operation, to_agent, to_scheduler
from sdk.local.core.model import Agent, Framework, Operation, State
from sdk.local.core.wire import Json

TERMINAL = frozenset({"OPERATION_FINISHED", "OPERATION_FAILED", "OPERATION_ERROR", "OPERATION_DROPPED"})


def _send(state: State, framework: Framework, content: Json) -> None:
    to_scheduler(state, framework, {"type": "UPDATE_OPERATION_STATUS", "update_operation_status": {"status": content}})


def forget(state: State, operation: Operation) -> None:
    """Drop an operation from the books."""
    framework = state.frameworks.get(operation.framework_id)
    if framework is not None:
        framework.operations.pop(operation.uuid, None)
    agent = state.agents.get(operation.agent_id)
    if agent is not None:
        agent.operations.pop(operation.uuid, None)


def on_status(state: State, agent: Agent, message: Json) -> None:
    """An agent applied (or could not apply) an operation, and says so until it is acknowledged."""
    operation = agent.operations.get(message["operation_uuid"])
    content: Json = message["status"]
    state.count("messages_operation_status_update")
    state.count(f"{'invalid' if operation is None else 'valid'}_operation_status_updates")
    framework = state.frameworks.get(message["framework_id"]["value"])
    if operation is not None:
        if operation.state != content["state"]:
            count_operation(state, operation.info, content["state"])
        operation.state = content["state"]
        operation.status = content
        nobody_asks = operation.operation_id is None or framework is None
        if nobody_asks and content["state"] in TERMINAL:
            forget(state, operation)
    if framework is not None and "operation_id" in content:
        _send(state, framework, content | {"agent_id": {"value": agent.agent_id}})


def dropped(state: State, operation: Operation) -> None:
    """An agent came back without having heard of the operation."""
    framework = state.frameworks.get(operation.framework_id)
    forget(state, operation)
    count_operation(state, operation.info, "OPERATION_DROPPED")
    if framework is not None and operation.operation_id is not None:
        content = {
            "operation_id": {"value": operation.operation_id},
            "state": "OPERATION_DROPPED",
            "message": "Operation is unknown to the agent",
            "agent_id": {"value": operation.agent_id},
        }
        _send(state, framework, content)


def acknowledge(state: State, framework: Framework, call: Json) -> None:
    """ACKNOWLEDGE_OPERATION_STATUS: the operation is forgotten when its terminal status is acknowledged."""
    content = call["acknowledge_operation_status"]
    agent = state.agents.get(content.get("agent_id", {}).get("value", ""))
    if agent is None:
        state.count("invalid_operation_status_update_acknowledgements")
        return
    operation_id = content["operation_id"]["value"]
    known = any(operation.operation_id == operation_id for operation in framework.operations.values())
    state.count(f"{'valid' if known else 'invalid'}_operation_status_update_acknowledgements")
    for operation in list(framework.operations.values()):
        sent = (operation.status or {}).get("uuid", {}).get("value")
        if operation.operation_id == operation_id and sent == content["uuid"] and operation.state in TERMINAL:
            forget(state, operation)
    to_agent(
        state,
        agent,
        {
            "type": "ACKNOWLEDGE_OPERATION",
            "framework_id": {"value": framework.framework_id},
            "operation_id": content["operation_id"],
            "uuid": content["uuid"],
        },
    )


def reconcile(state: State, framework: Framework, call: Json) -> None:
    """RECONCILE_OPERATIONS: about the named operations, or all known ones with an id. Answers carry no uuid."""
    known = {item.operation_id: item for item in framework.operations.values() if item.operation_id is not None}
    asked = call["reconcile_operations"].get("operations", [])
    if not asked:
        asked = [
            {"operation_id": {"value": operation_id}, "agent_id": {"value": operation.agent_id}}
            for operation_id, operation in known.items()
        ]
    for item in asked:
        _send(state, framework, _answer(state, known, item))


def _answer(state: State, known: dict[str, Operation], item: Json) -> Json:
    agent_id = item.get("agent_id", {}).get("value")
    operation = known.get(item["operation_id"]["value"])
    content: Json = {"operation_id": item["operation_id"]}
    if operation is not None:
        content["state"] = operation.state
    elif agent_id is None:
        return content | {
            "state": "OPERATION_UNKNOWN",
            "message": "Reconciliation: Operation is unknown and no 'agent_id' was provided",
        }
    elif agent_id in state.agents:
        content |= {"state": "OPERATION_UNKNOWN", "message": "Reconciliation: Operation is unknown"}
    elif agent_id in state.recovered_agents:
        content |= {"state": "OPERATION_RECOVERING", "message": "Reconciliation: Agent is recovering"}
    elif agent_id in state.unreachable_agents:
        content |= {"state": "OPERATION_UNREACHABLE", "message": "Reconciliation: Agent is unreachable"}
    elif agent_id in state.gone_agents:
        content |= {"state": "OPERATION_GONE_BY_OPERATOR", "message": "Reconciliation: Agent marked gone by operator"}
    else:
        content |= {"state": "OPERATION_UNKNOWN", "message": "Reconciliation: Both operation and agent are unknown"}
    return content | {"agent_id": {"value": agent_id or (operation.agent_id if operation else "")}}
