"""The shapes of what agents say to their master, and of what it keeps of them, and the refusal of everything else.

Agents are programs of this project, but their messages come off the network: one of another shape must not get as far
as the master's books. Unlike schedulers' calls nothing is converted: an agent says what it means. Knows fields and
types, not what a message does.
"""

import math
from collections.abc import Callable
from typing import Any

from sdk.local.core.wire import MESSAGES, BadMessage, Json, table

_SHAPES = MESSAGES | table(
    {
        "Text": "value!:string",
        "AgentRanges": "range!:Range*",
        "Attribute": "name!:string type!:enum scalar:Scalar ranges:AgentRanges set:Set text:Text",
        "AgentInfo": "hostname!:string port!:uint ip:string id:Id resources!:Resource* attributes:Attribute*"
        " domain:any checkpoint:bool",
        "AgentTask": "name!:string task_id!:Id framework_id!:Id executor_id:Id agent_id:Id state!:enum"
        " resources!:Resource* statuses:Status* status_update_state:enum status_update_uuid:bytes labels:Labels"
        " discovery:Discovery container:Container health_check:HealthCheck check:Check kill_policy:KillPolicy"
        " command:Command user:string",
        "AgentExecutor": "framework_id!:Id executor_info!:Executor",
        "AgentFramework": "id!:Id",
        "AgentOperation": "operation_uuid!:string",
        "AgentUuid": "value!:string",
        "OperationStatus": "operation_id:Id state!:enum message:string uuid:AgentUuid agent_id:Id"
        " converted_resources:Resource*",
        "REGISTER": "agent_info!:AgentInfo resources:Resource*",
        "REREGISTER": "agent_info!:AgentInfo resources:Resource* frameworks:AgentFramework* executors:AgentExecutor*"
        " tasks:AgentTask* operations:AgentOperation* registered:double",
        "PONG": "",
        "UPDATE": "framework_id!:Id status!:Status latest_state:enum",
        "MESSAGE": "framework_id!:Id executor_id!:Id data!:bytes",
        "EXITED_EXECUTOR": "framework_id!:Id executor_id!:Id status:int",
        "OPERATION_STATUS": "framework_id!:Id operation_uuid!:string status!:OperationStatus resources:Resource*",
        "UNREGISTER": "",
        "KeptUnreachable": "info!:AgentInfo since!:TimeInfo",
        "KeptDrain": "config!:any since!:double",
        "KeptMaintenance": "windows:Window* down:Machine*",
    }
)
FIRST = frozenset({"REGISTER", "REREGISTER"})
"""With one of these a connection begins; it says no other of them."""
LATER = frozenset({"PONG", "UPDATE", "MESSAGE", "EXITED_EXECUTOR", "OPERATION_STATUS", "UNREGISTER"})
# Mesos counts thousandths in 64 bits; more than this many cannot be summed there.
_LARGEST = 2.0**53


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "string": ("a string", lambda value: isinstance(value, str)),
    "enum": ("a string", lambda value: isinstance(value, str)),
    "bytes": ("a string", lambda value: isinstance(value, str)),
    "bool": ("true or false", lambda value: isinstance(value, bool)),
    "double": ("a number", _is_number),
    "int": ("a whole number", _is_whole),
    "uint": ("a whole number from 0 up", lambda value: _is_whole(value) and value >= 0),
    "any": ("an object", lambda value: isinstance(value, dict)),
    "scalars": ("an object", lambda value: isinstance(value, dict)),
}


def check(message: object, types: frozenset[str]) -> Json:
    """The message, which is one of these types and has their shape; BadMessage says what is wrong and where."""
    if not isinstance(message, dict):
        raise BadMessage("a message of an agent is a JSON object")
    kind = message.get("type")
    if not isinstance(kind, str) or kind not in types:
        raise BadMessage(f"type: {str(kind)[:80]!r} is none of {', '.join(sorted(types))}")
    _check(kind, message, kind)
    if kind == "REREGISTER" and "id" not in message["agent_info"]:
        raise BadMessage("REREGISTER.agent_info.id is missing")
    for framework in message.get("frameworks", ()) if kind == "REREGISTER" else ():
        _check("FrameworkInfo", framework, "REREGISTER.frameworks[]")
    return message


def _check(shape: str, value: Any, path: str) -> None:
    for field in _SHAPES[shape]:
        name = f"{path}.{field.name}"
        if field.name not in value:
            if field.required:
                raise BadMessage(f"{name} is missing")
            continue
        given = value[field.name]
        if not field.repeated:
            check_part(field.kind, given, name)
            continue
        if not isinstance(given, list):
            raise BadMessage(f"{name} must be a list")
        for item in given:
            check_part(field.kind, item, f"{name}[]")
    if shape == "Resource":
        _check_resource(value, path)
    elif shape == "Attribute" and value["type"] in ("TEXT", "SCALAR", "RANGES") and value["type"].lower() not in value:
        raise BadMessage(f"{path}.{value['type'].lower()} is missing")


def check_part(kind: str, value: Any, path: str) -> None:
    """Raise BadMessage unless the value is of that kind: a scalar, or a message of that name."""
    if kind in _KINDS:
        wanted, fits = _KINDS[kind]
        if not fits(value):
            raise BadMessage(f"{path} must be {wanted}, not {str(value)[:80]!r}")
    elif not isinstance(value, dict):
        raise BadMessage(f"{path} must be an object, not {str(value)[:80]!r}")
    else:
        _check(kind, value, path)


def _check_resource(value: Json, path: str) -> None:
    if value["type"] not in ("SCALAR", "RANGES", "SET"):
        raise BadMessage(f"{path}.type must be SCALAR, RANGES or SET, not {value['type'][:80]!r}")
    amount = value.get("scalar", {}).get("value", 0)
    if not 0 <= amount <= _LARGEST:
        raise BadMessage(f"{path}.scalar.value must be from 0 to {_LARGEST:g}, not {amount}")
    for span in value.get("ranges", {}).get("range", ()):
        if span["begin"] > span["end"]:
            raise BadMessage(f"{path}.ranges: {span['begin']}-{span['end']} ends before it begins")
