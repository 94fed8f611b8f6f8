"""Names of roles: which are valid, and which role may use what is reserved for another."""

MAX_LEVELS = 100
"""Mesos has no such limit. Here every level of a role is a node of the allocator's tree, and anybody may name roles."""


def problem(role: str) -> str | None:
    """Why Mesos refuses `role`, or None."""
    if role == "*":
        return None
    if not role:
        return "Role names cannot be the empty string"
    if role.startswith("/"):
        return f"Role '{role}' cannot start with a slash"
    if role.endswith("/"):
        return f"Role '{role}' cannot end with a slash"
    if role.count("/") >= MAX_LEVELS:
        return f"Role '{role[:40]}...' has more than {MAX_LEVELS} levels"
    for part in role.split("/"):
        if not part:
            return f"Role '{role}' cannot contain two adjacent slashes"
        if part in (".", ".."):
            return f"Role '{role}' cannot include '{part}' as a component"
        if part == "*":
            return f"Role '{role}' cannot include '*' as a component"
        if part.startswith("-"):
            return f"Role component '{part}' is invalid because it starts with a dash"
        if any(letter.isspace() or letter in "\b\x7f" for letter in part):
            return f"Role component '{part}' is invalid because it contains backspace or whitespace"
    return None


def may_use(role: str, reserved_for: str) -> bool:
    """Whether `role` gets what is reserved for `reserved_for`: the same role, a descendant of it, or not reserved at
    all.
    """
    return reserved_for == "*" or role == reserved_for or role.startswith(reserved_for + "/")
