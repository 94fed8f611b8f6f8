"""Which FrameworkInfos the master refuses, and with which words. Tasks are the business of `task_validation`."""

from sdk.local.core.constraints import NONE, Constraints, Invalid, parse
from sdk.local.core.roles import problem as role_problem
from sdk.local.core.wire import Json

# Mesos keeps durations as int64 nanoseconds.
_MAX_FAILOVER_TIMEOUT = 2**63 / 1e9
# Ids become names of directories.
_NAME_MAX = 255


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
    return id_problem(info["id"]["value"]) if info.get("id", {}).get("value") else None


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


def id_problem(value: str) -> str | None:
    """Why a value is no id of a framework, executor, task or volume, or None."""
    if not value:
        return "ID must not be empty"
    if len(value.encode()) > _NAME_MAX:
        return f"ID must not be greater than {_NAME_MAX} characters"
    if value in (".", ".."):
        return f"'{value}' is disallowed"
    if "/" in value or "\\" in value or any(ord(letter) < 32 or ord(letter) == 127 for letter in value):
        return f"'{value}' contains invalid characters"
    return None
