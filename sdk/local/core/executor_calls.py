"""What is wrong with a call of an executor, in the words of a real agent.

Knows the fields that calls must have. Whether the executor is known and subscribed, and what a call means, is for
`agent` to know.
"""

from sdk.local.core.wire import Json


def problem(call: Json) -> str | None:
    """Why a call, of a good form, is none that an executor can make; None when it is one."""
    kind = call.get("type")
    if kind not in ("SUBSCRIBE", "UPDATE", "MESSAGE", "HEARTBEAT"):
        return "Expecting 'type' to be present"
    if "executor_id" not in call:
        return "Expecting 'executor_id' to be present"
    if "framework_id" not in call:
        return "Expecting 'framework_id' to be present"
    if kind != "HEARTBEAT" and kind.lower() not in call:
        return f"Expecting '{kind.lower()}' to be present"
    return None


def update_problem(content: Json, framework_id: str, executor_id: str) -> str | None:
    """Why the status of an UPDATE is none that an executor can tell; None when it is one."""
    if content["state"] == "TASK_STAGING":
        return f"Received TASK_STAGING from executor {executor_id} of framework {framework_id} which is not allowed"
    if "uuid" not in content:
        return "Expecting 'uuid' to be present"
    about = content.get("container_status", {})
    if not isinstance(about, dict) or not isinstance(about.get("container_id", {}), dict):
        return "Expecting 'container_status' to be a ContainerStatus"
    if content.get("source", "SOURCE_EXECUTOR") != "SOURCE_EXECUTOR":
        return f"Received Call from executor {executor_id} of framework {framework_id} with invalid source, " \
               "expecting 'SOURCE_EXECUTOR'"  # fmt: skip
    return None
