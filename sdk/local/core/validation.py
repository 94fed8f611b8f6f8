"""Which FrameworkInfos and tasks the master refuses, and with which words.

Knows no offers beyond the resources it is given.
"""

from sdk.local.core.constraints import NONE, Constraints, Invalid, parse
from sdk.local.core.model import Agent, Framework
from sdk.local.core.resources import Resources, text
from sdk.local.core.roles import problem as role_problem
from sdk.local.core.wire import Json

# Mesos keeps durations as int64 nanoseconds.
_MAX_FAILOVER_TIMEOUT = 2**63 / 1e9


def framework_problem(info: Json) -> str | None:
    """Why a FrameworkInfo is refused with an ERROR event, or None."""
    multi = any(item.get("type") == "MULTI_ROLE" for item in info.get("capabilities", ()))
    if multi:
        if "role" in info:
            return "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable"
        roles = info.get("roles", [])
        twice = sorted({role for role in roles if roles.count(role) > 1})
        if twice:
            return f"'FrameworkInfo.roles' contains duplicate items: {{ {', '.join(twice)} }}"
        for role in roles:
            why = role_problem(role)
            if why:
                return f"'FrameworkInfo.roles' contains invalid role: {why}"
    else:
        if info.get("roles"):
            return "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable"
        why = role_problem(info.get("role", "*"))
        if why:
            return f"'FrameworkInfo.role' is not a valid role: {why}"
    timeout = info.get("failover_timeout", 0.0)
    if timeout > _MAX_FAILOVER_TIMEOUT:
        return f"The framework failover_timeout ({timeout:g}) is invalid"
    return _id_problem(info["id"]["value"]) if info.get("id", {}).get("value") else None


def options_problem(info: Json, content: Json) -> tuple[Constraints, str | None]:
    """The offer constraints of SUBSCRIBE or UPDATE_FRAMEWORK, and why its suppressed roles or they are refused."""
    multi = any(item.get("type") == "MULTI_ROLE" for item in info.get("capabilities", ()))
    roles = info.get("roles", []) if multi else [info.get("role", "*")]
    foreign = sorted(set(content.get("suppressed_roles", ())) - set(roles))
    if foreign:
        return NONE, f"Suppressed roles {{ {', '.join(foreign)} }} are not contained in the set of roles"
    try:
        return parse(content.get("offer_constraints", {}), roles), None
    except Invalid as error:
        return NONE, str(error)


def framework_change_problem(old: Json, new: Json) -> str | None:
    """Why UPDATE_FRAMEWORK may not turn `old` into `new`, or None."""
    if old.get("principal") != new.get("principal"):
        return "Changing framework's principal is not allowed."
    if old.get("user") != new.get("user"):
        return (
            "Updating 'FrameworkInfo.user' is unsupported; "
            f"attempted to update from '{old.get('user')}' to '{new.get('user')}'"
        )
    if old.get("checkpoint", False) != new.get("checkpoint", False):
        return (
            "Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update "
            f"from '{str(old.get('checkpoint', False)).lower()}' to '{str(new.get('checkpoint', False)).lower()}'"
        )
    return None


def _id_problem(value: str) -> str | None:
    if not value:
        return "ID must not be empty"
    if len(value) > 255:
        return f"ID must not be greater than 255 characters: '{value[:20]}...'"
    if value in (".", ".."):
        return f"'{value}' is disallowed"
    if "/" in value or "\\" in value or any(ord(letter) < 32 or ord(letter) == 127 for letter in value):
        return f"'{value}' contains invalid characters"
    return None


def _resources_problem(resources: list[Json]) -> str | None:
    for item in resources:
        if item["type"] not in ("SCALAR", "RANGES", "SET"):
            return f"Resource '{item['name']}' is invalid: Unsupported resource type"
        if item["type"].lower() not in item:
            return f"Resource '{item['name']}' is invalid: Invalid {item['type'].lower()} resource"
        if item["type"] == "SCALAR" and item["scalar"]["value"] < 0:
            return f"Resource '{text(item)}' is invalid: Invalid scalar resource: value <= 0"
        if item["type"] == "RANGES":
            spans = [(span["begin"], span["end"]) for span in item["ranges"].get("range", ())]
            if any(begin > end for begin, end in spans):
                return f"Resource '{item['name']}' is invalid: Invalid ranges resource: begin > end"
    return None


def _check_problem(check: Json, what: str) -> str | None:
    kind = check.get("type")
    if kind not in ("COMMAND", "HTTP", "TCP"):
        return f"Task uses invalid {what}: Expecting 'type' to be present" if kind is None else (
            f"Task uses invalid {what}: '{kind}' is not a valid {what} type")  # fmt: skip
    if kind.lower() not in check:
        return f"Task uses invalid {what}: Expecting '{kind.lower()}' to be set for {kind} {what}"
    for name in ("delay_seconds", "interval_seconds", "timeout_seconds", "grace_period_seconds"):
        if check.get(name, 0) < 0:
            return f"Task uses invalid {what}: Expecting '{name}' to be non-negative"
    return None


def executor_problem(executor: Json, framework: Framework, agent: Agent) -> str | None:
    """Why an ExecutorInfo may not run on the agent, or None."""
    executor_id = executor["executor_id"]["value"]
    why = _id_problem(executor_id)
    if why:
        return why
    kind = executor.get("type")
    if kind == "DEFAULT":
        if "command" in executor:
            return "'ExecutorInfo.command' must not be set for 'DEFAULT' executor"
    elif "command" not in executor:
        return "'ExecutorInfo.command' must be set for 'CUSTOM' executor"
    named = executor.get("framework_id", {}).get("value", framework.framework_id)
    if named != framework.framework_id:
        return f"ExecutorInfo has an invalid FrameworkID (Actual: {named} vs Expected: {framework.framework_id})"
    running = agent.executors.get((framework.framework_id, executor_id))
    if running is not None and running.info != executor:
        return (
            "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.\n"
            f"------------------------------------------------------------\nExisting ExecutorInfo:\n{running.info}\n"
            f"------------------------------------------------------------\nTask's ExecutorInfo:\n{executor}\n"
            "------------------------------------------------------------\n"
        )
    return _resources_problem(executor.get("resources", []))


def task_problem(framework: Framework, agent: Agent, task: Json, available: Resources | None) -> str | None:
    """Why a task may not be launched on `agent` with `available` left of the offers, or None. Without `available` it is
    one of a group, which has an executor of its own and whose resources are summed up.

    The order of checks is Mesos'.
    """
    task_id = task["task_id"]["value"]
    if why := _id_problem(task_id):
        return why
    if task_id in framework.tasks:
        return f"Task has duplicate ID: {task_id}"
    if task["agent_id"]["value"] != agent.agent_id:
        return f"Task uses invalid agent {task['agent_id']['value']} while agent {agent.agent_id} is expected"
    if available is not None and ("executor" in task) == ("command" in task):
        return "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present"
    grace = task.get("kill_policy", {}).get("grace_period", {}).get("nanoseconds", 0)
    if grace < 0:
        return "Task's 'kill_policy.grace_period' must be non-negative"
    for name, what in (("check", "check"), ("health_check", "health check")):
        if name in task and (why := _check_problem(task[name], what)):
            return why
    if not task.get("resources"):
        return "Task uses no resources"
    if why := _resources_problem(task["resources"]):
        return why
    executor = task.get("executor")
    if executor is not None and (why := executor_problem(executor, framework, agent)):
        return why
    if available is None:
        return None
    needed = Resources.of(task["resources"])
    if executor is not None and (framework.framework_id, executor["executor_id"]["value"]) not in agent.executors:
        needed = needed + Resources.of(executor.get("resources"))
    if not available.contains(needed):
        return f"Total resources {needed} required by task and its executor is more than available {available}"
    return None
