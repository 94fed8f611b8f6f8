"""What RESERVE, UNRESERVE, CREATE and DESTROY do to resources, and when they are refused.

Pure functions on resources: the master runs them on what an offer holds, the agent on what it owns, with the same
outcome.
"""

from sdk.local.core.resources import Resources, reservation_role, text
from sdk.local.core.wire import Json

KINDS = ("RESERVE", "UNRESERVE", "CREATE", "DESTROY")


class Invalid(Exception):
    """The operation breaks a rule; the text is Mesos'."""


class NotContained(Exception):
    """What the operation wants to change is not there."""


def _without_last_reservation(resource: Json) -> Json:
    stack = resource["reservations"][:-1]
    result = {name: part for name, part in resource.items() if name != "reservations"}
    return result | {"reservations": stack} if stack else result


def _without_volume(resource: Json) -> Json:
    source = resource["disk"].get("source")
    result = {name: part for name, part in resource.items() if name != "disk"}
    return result | {"disk": {"source": source}} if source else result


def conversion(operation: Json) -> tuple[list[Json], list[Json]]:
    """What the operation consumes and what it makes, as resource lists."""
    match operation.get("type"):
        case "RESERVE":
            made = operation["reserve"].get("resources", [])
            source = operation["reserve"].get("source")
            return (source if source is not None else [_without_last_reservation(item) for item in made]), made
        case "UNRESERVE":
            taken = operation["unreserve"].get("resources", [])
            return taken, [_without_last_reservation(item) for item in taken]
        case "CREATE":
            made = operation["create"].get("volumes", [])
            return [_without_volume(item) for item in made], made
        case "DESTROY":
            taken = operation["destroy"].get("volumes", [])
            return taken, [_without_volume(item) for item in taken]
        case kind:
            raise Invalid(f"Operation of type {kind} is not supported")


def apply(resources: Resources, operation: Json) -> Resources:
    """The resources after the operation; NotContained when they do not hold what it changes."""
    taken, made = (Resources.of(items) for items in conversion(operation))
    if not resources.contains(taken):
        raise NotContained(f"{resources} does not contain {taken}")
    return resources - taken + made


def unallocated(operation: Json) -> Json:
    """The operation as an agent applies it: without allocation."""
    kind = operation["type"].lower()
    content = {
        name: [{key: part for key, part in item.items() if key != "allocation_info"} for item in items]
        for name, items in operation[kind].items()
    }
    return operation | {kind: content}


def validate(operation: Json, principal: str | None) -> None:
    """Refuse with Invalid what Mesos refuses before it looks at the resources themselves."""
    kind = operation["type"]
    content = operation.get(kind.lower())
    if content is None:
        raise Invalid(f"Expecting '{kind.lower()}' to be present")
    for items in content.values():
        for item in items:
            _resource(item)
    match kind:
        case "RESERVE":
            for item in content.get("resources", []):
                _reserve(item, principal)
        case "UNRESERVE":
            for item in content.get("resources", []):
                _dynamic(item)
                if "persistence" in item.get("disk", {}):
                    raise Invalid(
                        f"A dynamically reserved persistent volume {text(item)} cannot be unreserved directly. "
                        "Please destroy the persistent volume first then unreserve the resource"
                    )
        case "CREATE":
            for item in content.get("volumes", []):
                _create(item, principal)
        case "DESTROY":
            for item in content.get("volumes", []):
                if "persistence" not in item.get("disk", {}):
                    raise Invalid("Expected a persistent volume")


def _resource(item: Json) -> None:
    value = item.get("scalar", {}).get("value")
    if item["type"] == "SCALAR" and (value is None or value < 0):
        raise Invalid(f"Invalid resources: Resource '{text(item)}' is invalid: Invalid scalar resource: value < 0")
    if "persistence" in item.get("disk", {}) and reservation_role(item) == "*":
        raise Invalid(
            "Invalid resources: Invalid DiskInfo: Persistent volumes cannot be created from unreserved resources"
        )


def _dynamic(item: Json) -> None:
    stack = item.get("reservations")
    if not stack or stack[-1].get("type") != "DYNAMIC":
        raise Invalid(f"Resource {text(item)} is not dynamically reserved")


def _reserve(item: Json, principal: str | None) -> None:
    _dynamic(item)
    last = item["reservations"][-1]
    role = item.get("allocation_info", {}).get("role")
    if role is not None and last.get("role") != role:
        raise Invalid(
            f"A reserve operation was attempted for a resource with role '{last.get('role')}', "
            f"but the resource was allocated to role '{role}'"
        )
    if principal is None:
        return
    if "principal" not in last:
        raise Invalid(
            f"A reserve operation was attempted by principal '{principal}', "
            "but there is a reserved resource in the request with no principal set"
        )
    if last["principal"] != principal:
        raise Invalid(
            f"A reserve operation was attempted by authenticated principal '{principal}', "
            f"which does not match a reserved resource in the request with principal '{last['principal']}'"
        )


def _create(item: Json, principal: str | None) -> None:
    persistence = item.get("disk", {}).get("persistence")
    if persistence is None:
        raise Invalid("Expected a persistent volume")
    if "volume" not in item["disk"]:
        raise Invalid("Expecting 'volume' to be set for persistent volume")
    if principal is None:
        return
    if "principal" not in persistence:
        raise Invalid(
            f"Create volume operation attempted by principal '{principal}', "
            "but there is a volume in the operation with no principal set in 'disk.persistence'"
        )
    if persistence["principal"] != principal:
        raise Invalid(
            f"Create volume operation attempted by principal '{principal}', "
            f"but there is a volume in the operation with principal '{persistence['principal']}' set in"
            f" 'disk.persistence'"
        )
