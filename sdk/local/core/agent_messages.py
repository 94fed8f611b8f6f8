"""The shapes of what a master sends to an agent, checked before anything is done about it.

A master is another process, of another version perhaps, or something else that listens on its port. Knows field names
and types; what a message means is for `agent` to know.
"""

from collections.abc import Callable
from typing import Any

from sdk.local.core.operations import KINDS
from sdk.local.core.pieces import is_unicode
from sdk.local.core.wire import BadMessage, Json, convert

Take = Callable[[Any, str], Any]
"""The usable form of a value at that path; raises BadMessage when it has none."""


def _message(name: str, *needed: str) -> Take:
    """A v1 message, with fields in it that are optional on the wire and needed here."""

    def take(value: Any, path: str) -> Json:
        try:
            found = convert(name, value)
        except BadMessage as error:
            raise BadMessage(f"'{path}': {error}") from None
        for field in needed:
            if field not in found:
                raise BadMessage(f"'{path}.{field}' is missing")
        return found

    return take


def _list_of(one: Take) -> Take:
    def take(value: Any, path: str) -> list[Any]:
        if not isinstance(value, list):
            raise BadMessage(f"'{path}' is no list")
        return [one(item, f"{path}[{index}]") for index, item in enumerate(value)]

    return take


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise BadMessage(f"'{path}' is no string")
    return value


def _boolean(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise BadMessage(f"'{path}' is no boolean")
    return value


def _reconciled(value: Any, path: str) -> Json:
    return _fields(value, f"{path}.", {"framework_id": _ID, "task_id": _ID}, {"partition_aware": _boolean})


def _operation(value: Any, path: str) -> Json:
    found: Json = _message("Operation", "type")(value, path)
    kind = found["type"]
    if kind not in KINDS:
        raise BadMessage(f"'{path}.type' is {kind!r}, which agents do not apply")
    if kind.lower() not in found:
        raise BadMessage(f"'{path}.{kind.lower()}' is missing")
    for name, items in found[kind.lower()].items():
        for index, item in enumerate(items):
            where = f"'{path}.{kind.lower()}.{name}[{index}]'"
            if kind in ("CREATE", "DESTROY") and "persistence" not in item.get("disk", {}):
                raise BadMessage(f"{where} has no disk.persistence")
            if kind in ("RESERVE", "UNRESERVE") and name == "resources" and not item.get("reservations"):
                raise BadMessage(f"{where} has no reservations")
    return found


def _drain(value: Any, path: str) -> Json:
    """A drain configuration; its duration is `{"seconds": 2}` as recorded, or `"2s"` as protobuf's JSON has it."""
    if not isinstance(value, dict):
        raise BadMessage(f"'{path}' is no object")
    grace = value.get("max_grace_period")
    parts = grace.values() if isinstance(grace, dict) else ()
    known = all(isinstance(part, int) and not isinstance(part, bool) and 0 <= part < 2**63 for part in parts)
    digits = grace.removesuffix("s").replace(".", "", 1) if isinstance(grace, str) else ""
    if not (grace is None or (isinstance(grace, dict) and known) or (digits.isascii() and digits.isdigit())):
        raise BadMessage(f"'{path}.max_grace_period' is no duration")
    return value


def _task(value: Any, path: str) -> Json:
    found: Json = _message("Task")(value, path)
    if "executor" not in found and "command" not in found:
        raise BadMessage(f"'{path}' has neither 'executor' nor 'command'")
    return found


_ID = _message("Id")
_FRAMEWORK = _message("FrameworkInfo", "id")

# Required fields, then optional ones.
_SHAPES: dict[str, tuple[dict[str, Take], dict[str, Take]]] = {
    "REGISTERED": ({"agent_id": _ID}, {"reconcile": _list_of(_reconciled)}),
    "REREGISTERED": ({"agent_id": _ID}, {"reconcile": _list_of(_reconciled)}),
    "PING": ({}, {}),
    "RUN_TASK": ({"framework_info": _FRAMEWORK, "task": _task}, {}),
    "RUN_TASK_GROUP": (
        {"framework_info": _FRAMEWORK, "executor": _message("Executor"), "tasks": _list_of(_message("Task"))},
        {},
    ),
    "KILL_TASK": ({"framework_id": _ID, "task_id": _ID}, {"kill_policy": _message("KillPolicy")}),
    "ACKNOWLEDGE": ({"framework_id": _ID, "task_id": _ID, "uuid": _text}, {}),
    "APPLY_OPERATION": ({"framework_id": _ID, "operation_uuid": _text, "operation": _operation}, {}),
    "ACKNOWLEDGE_OPERATION": ({"framework_id": _ID, "uuid": _text}, {}),
    "FRAMEWORK_MESSAGE": ({"framework_id": _ID, "executor_id": _ID, "data": _text}, {}),
    "SHUTDOWN_EXECUTOR": ({"framework_id": _ID, "executor_id": _ID}, {}),
    "SHUTDOWN_FRAMEWORK": ({"framework_id": _ID}, {}),
    "UPDATE_FRAMEWORK": ({"framework_info": _FRAMEWORK}, {}),
    "DRAIN": ({"config": _drain}, {}),
    "REACTIVATE": ({}, {}),
    "SHUTDOWN": ({}, {"text": _text}),
}


def _fields(message: Any, head: str, needed: dict[str, Take], optional: dict[str, Take]) -> Json:
    if not isinstance(message, dict):
        raise BadMessage(f"'{head.rstrip('.')}' is no object")
    result = dict(message)
    for name, take in needed.items():
        if name not in message:
            raise BadMessage(f"'{head}{name}' is missing")
        result[name] = take(message[name], f"{head}{name}")
    for name, take in optional.items():
        if message.get(name) is None:
            result.pop(name, None)
        else:
            result[name] = take(message[name], f"{head}{name}")
    return result


def usable(message: Any) -> Json:
    """The message with its parts in the form of the wire; BadMessage, with the path of what is wrong, else."""
    if not isinstance(message, dict):
        raise BadMessage("the master sent something that is no object")
    kind = message.get("type")
    shape = _SHAPES.get(kind) if isinstance(kind, str) else None
    if shape is None:
        raise BadMessage(f"the master sent a message of the unknown type {kind!r}")
    try:
        result = _fields(message, "", *shape)
    except BadMessage as error:
        raise BadMessage(f"the master sent a {kind} that cannot be used: {error}") from None
    if not is_unicode(result):
        # Such text can be written in JSON, with escapes, but neither in files nor in their names.
        raise BadMessage(f"the master sent a {kind} with text that is no Unicode")
    if kind == "RUN_TASK_GROUP" and not result["tasks"]:
        raise BadMessage("the master sent a RUN_TASK_GROUP without tasks")
    return result
