"""Who may do what: access control lists in the format of a real master's `--acls`.

An action has a list of rules, each with subjects (principals) and objects (roles, users or other principals). The first
rule that matches both decides; when none does, `permissive` decides. Knows no calls: who asks names the action and both
sides.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sdk.local.core.resources import reservation_role
from sdk.local.core.wire import Json

# What each action's rules call their objects.
_OBJECTS = {
    "register_frameworks": "roles",
    "teardown_frameworks": "framework_principals",
    "run_tasks": "users",
    "reserve_resources": "roles",
    "unreserve_resources": "reserver_principals",
    "create_volumes": "roles",
    "destroy_volumes": "creator_principals",
}
# The action that an operation is, its name in messages, and which of its fields lists what it works on.
_OPERATIONS = {
    "RESERVE": ("reserve_resources", "RESERVE_RESOURCES", "resources"),
    "UNRESERVE": ("unreserve_resources", "UNRESERVE_RESOURCES", "resources"),
    "CREATE": ("create_volumes", "CREATE_VOLUME", "volumes"),
    "DESTROY": ("destroy_volumes", "DESTROY_VOLUME", "volumes"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """One side of a rule: SOME of these values, ANY, or NONE, which matches whoever asks and allows nobody."""

    kind: str
    values: frozenset[str] = frozenset()

    def matches(self, asked: str | None) -> bool:
        """Whether a rule with this side is about the one that is asked for; None stands for somebody unknown."""
        return self.kind != "SOME" or (asked is not None and self._names(asked))

    def allows(self, asked: str | None) -> bool:
        """Whether a rule with this side, which matches, permits it."""
        return self.kind == "ANY" or (self.kind == "SOME" and asked is not None and self._names(asked))

    def _names(self, asked: str) -> bool:
        # `a/%` stands for every role below `a`.
        parts = asked.split("/")
        above = ("/".join([*parts[:count], "%"]) for count in range(1, len(parts)))
        return asked in self.values or any(name in self.values for name in above)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acls:
    """All rules of a master."""

    permissive: bool
    rules: Mapping[str, tuple[tuple[Entity, Entity], ...]]
    document: Json
    """As they were given."""

    def allow(self, action: str, subject: str | None, asked: str | None) -> bool:
        """Whether `subject` may do `action` to what is asked for; None stands for nobody in particular."""
        for subjects, objects in self.rules.get(action, ()):
            if subjects.matches(subject) and objects.matches(asked):
                return subjects.allows(subject) and objects.allows(asked)
        return self.permissive


def parse(document: object) -> Acls:
    """The rules of a document; ValueError says which part is wrong."""
    if not isinstance(document, dict):
        raise ValueError("the ACLs must be a JSON object")
    permissive = document.get("permissive", True)
    if not isinstance(permissive, bool):
        raise ValueError(f"permissive must be true or false, not {json.dumps(permissive)}")
    found = {}
    for action, rules in document.items():
        if action == "permissive":
            continue
        if action not in _OBJECTS:
            raise ValueError(f"'{action}' is no action that this master checks; it checks {', '.join(_OBJECTS)}")
        if not isinstance(rules, list):
            raise ValueError(f"{action} must be a list of rules")
        found[action] = tuple(_rule(rule, f"{action}[{place}]", action) for place, rule in enumerate(rules))
    return Acls(permissive=permissive, rules=found, document=document)


def _rule(rule: object, path: str, action: str) -> tuple[Entity, Entity]:
    wanted = ("principals", _OBJECTS[action])
    if not isinstance(rule, dict) or set(rule) != set(wanted):
        raise ValueError(f"{path} must be an object with {wanted[0]} and {wanted[1]}")
    subjects, objects = (_entity(rule[name], f"{path}.{name}") for name in wanted)
    return subjects, objects


def _entity(value: object, path: str) -> Entity:
    if not isinstance(value, dict):
        raise ValueError(f"{path} must be an object with type or values")
    values = value.get("values", [])
    if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
        raise ValueError(f"{path}.values must be a list of strings")
    kind = value.get("type", "SOME")
    if kind not in ("SOME", "ANY", "NONE"):
        raise ValueError(f"{path}.type must be SOME, ANY or NONE, not {json.dumps(kind)}")
    return Entity(kind=kind, values=frozenset(values))


def register_problem(acls: Acls | None, info: Json, roles: list[str], principal: str | None) -> str | None:
    """Why a framework may not register, or None; `principal` is who asks if the FrameworkInfo does not say."""
    subject = info.get("principal", principal)
    if acls is None or all(acls.allow("register_frameworks", subject, role) for role in roles):
        return None
    named = info.get("id", {}).get("value", "")
    return f"Not authorized to register framework {named} with roles {{ {', '.join(sorted(roles))} }}"


def operation_problem(acls: Acls | None, operation: Json, principal: str | None) -> str | None:
    """Why `principal` may not apply an operation, or None."""
    if acls is None or operation.get("type") not in _OPERATIONS:
        return None
    action, name, items = _OPERATIONS[operation["type"]]
    for item in operation.get(operation["type"].lower(), {}).get(items, []):
        asked = _asked(action, item)
        if not acls.allow(action, principal, asked):
            subject = f"Principal '{principal}'" if principal is not None else "Any principal"
            shown = ({} if asked is None else {"value": asked}) | {"resource": item}
            # The words, and the missing one, are those of Mesos.
            return (
                f"{subject} no authorized to perform action {name} on object "
                f"{json.dumps(shown, separators=(',', ':'), ensure_ascii=False)}"
            )
    return None


def _asked(action: str, item: Json) -> str | None:
    principal: str | None
    match action:
        case "unreserve_resources":
            stack = item.get("reservations") or [{}]
            principal = stack[-1].get("principal")
            return principal
        case "destroy_volumes":
            principal = item.get("disk", {}).get("persistence", {}).get("principal")
            return principal
        case _:
            return reservation_role(item)


def launch_problem(acls: Acls | None, info: Json, task: Json, executor: Json | None) -> str | None:
    """Why the framework of that FrameworkInfo may not run a task as the user that it would run as, or None."""
    if acls is None:
        return None
    commands = (task.get("command"), (task.get("executor") or {}).get("command"), (executor or {}).get("command"))
    named = [command["user"] for command in commands if command and command.get("user")]
    for user in named or [info["user"]]:
        if not acls.allow("run_tasks", info.get("principal"), user):
            return f"Not authorized to launch as user '{user}'"
    return None


def teardown_allowed(acls: Acls | None, info: Json, principal: str | None) -> bool:
    """Whether an operator may tear the framework of that FrameworkInfo down."""
    return acls is None or acls.allow("teardown_frameworks", principal, info.get("principal"))
