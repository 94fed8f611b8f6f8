"""Operations on the resources of an agent: carried out, told until they are acknowledged, and remembered.

What an operation makes of resources is in `operations`; when it is told again, in `updates`.
"""

from sdk.local.core import operations, updates
from sdk.local.core.agent_model import AgentOperation, AgentState, Volumes
from sdk.local.core.wire import Json


def apply(state: AgentState, message: Json, now: float) -> None:
    """APPLY_OPERATION of the master: change the resources, and tell how that went."""
    operation: Json = message["operation"]
    uuid = message["operation_uuid"]
    content: Json = {}
    if "id" in operation:
        content["operation_id"] = operation["id"]
    try:
        # Only a fault on demand has this: see `sdk.local.fault_values`.
        if "failure" in message:
            raise operations.NotContained(message["failure"])
        state.resources = operations.apply(state.resources, operation)
        content["state"] = "OPERATION_FINISHED"
        if operation["type"] in ("CREATE", "DESTROY"):
            volumes = operation[operation["type"].lower()].get("volumes", [])
            state.out.append(Volumes(kind=operation["type"], volumes=volumes))
    except operations.NotContained as error:
        content |= {"state": "OPERATION_FAILED", "message": str(error)}
    content["uuid"] = {"value": state.config.new_uuid()}
    record = AgentOperation(
        uuid=uuid, framework_id=message["framework_id"]["value"], status=content, retry_at=now, retry_delay=0.0
    )
    state.applied[uuid] = None
    # A short memory is enough: the master asks only about operations that were under way when it lost the agent.
    while len(state.applied) > 1000:
        del state.applied[next(iter(state.applied))]
    if "id" in operation:
        state.operations[uuid] = record
    _checkpoint(state)
    updates.send_operation(state, record, now, fresh=True)


def acknowledged(state: AgentState, message: Json) -> None:
    """ACKNOWLEDGE_OPERATION of the master: its framework knows how it went."""
    for operation in list(state.operations.values()):
        if operation.status["uuid"]["value"] == message["uuid"]:
            del state.operations[operation.uuid]
            _checkpoint(state)


def forget_framework(state: AgentState, framework_id: str) -> None:
    """Nobody will acknowledge its operations any more."""
    for uuid in [item.uuid for item in state.operations.values() if item.framework_id == framework_id]:
        del state.operations[uuid]
        _checkpoint(state)


def left_behind(state: AgentState) -> dict[str, Json]:
    """What an agent that ends for good leaves to the next one in its directory: Mesos keeps reservations and volumes
    apart from the identity of the agent.
    """
    return {"resources": {"resources": state.resources.json(), "applied": [], "operations": []}}


def _checkpoint(state: AgentState) -> None:
    content = {
        "resources": state.resources.json(),
        "applied": list(state.applied),
        "operations": [
            {"uuid": item.uuid, "framework_id": item.framework_id, "status": item.status}
            for item in state.operations.values()
        ],
    }
    state.keep("resources", content)
