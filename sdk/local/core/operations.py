"""What RESERVE, UNRESERVE, CREATE, DESTROY, GROW_VOLUME and SHRINK_VOLUME do to resources, and when they are refused.

Pure functions on resources: the master runs them on what an offer holds, the agent on what it owns, with the same
outcome.
"""

from collections.abc import Callable

from sdk.local.core.resources import Resources, reservation_role, text, thousandths
from sdk.local.core.wire import Json

KINDS = ("RESERVE", "UNRESERVE", "CREATE", "DESTROY", "GROW_VOLUME", "SHRINK_VOLUME")


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


def _resized(volume: Json, amount: float) -> Json:
    """The volume with another size, in the thousandths that Mesos counts."""
    return volume | {"scalar": {"value": thousandths(amount) / 1000}}


def each(operation: Json, change: Callable[[Json], Json]) -> Json:
    """The operation with every resource in it changed."""
    kind = operation["type"].lower()
    content: Json = {}
    for name, value in operation[kind].items():
        if isinstance(value, list):
            content[name] = [change(item) for item in value]
        else:
            # What SHRINK_VOLUME subtracts is a plain scalar.
            content[name] = change(value) if "name" in value else value
    return operation | {kind: content}


def mentioned(operation: Json) -> list[Json]:
    """Every resource in the operation."""
    found: list[Json] = []
    each(operation, lambda item: found.append(item) or item)  # type: ignore[func-returns-value]
    return found


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
        case "GROW_VOLUME":
            volume, addition = operation["grow_volume"]["volume"], operation["grow_volume"]["addition"]
            size = volume["scalar"]["value"] + addition["scalar"]["value"]
            return [volume, addition], [_resized(volume, size)]
        case "SHRINK_VOLUME":
            volume, away = operation["shrink_volume"]["volume"], operation["shrink_volume"]["subtract"]["value"]
            size = volume["scalar"]["value"] - away
            return [volume], [_resized(volume, size), _resized(_without_volume(volume), away)]
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
    return each(operation, lambda item: {key: part for key, part in item.items() if key != "allocation_info"})


def validate(operation: Json, principal: str | None) -> None:
    """Refuse with Invalid what Mesos refuses before it looks at the resources themselves."""
    kind = operation["type"]
    content = operation.get(kind.lower())
    if content is None:
        raise Invalid(f"Expecting '{kind.lower()}' to be present")
    if kind in ("GROW_VOLUME", "SHRINK_VOLUME"):
        (_grow if kind == "GROW_VOLUME" else _shrink)(content)
        return
    for item in mentioned(operation):
        _resource(item, "Invalid resources: ")
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


def _resource(item: Json, head: str) -> None:
    value = item.get("scalar", {}).get("value")
    if item["type"] == "SCALAR" and (value is None or value < 0):
        raise Invalid(f"{head}Resource '{text(item)}' is invalid: Invalid scalar resource: value < 0")
    if "persistence" in item.get("disk", {}) and reservation_role(item) == "*":
        raise Invalid(f"{head}Invalid DiskInfo: Persistent volumes cannot be created from unreserved resources")


def _size(item: Json) -> int:
    return thousandths(item.get("scalar", {}).get("value", 0.0)) if item["type"] == "SCALAR" else 0


def _volume(item: Json, what: str, doing: str) -> None:
    """Refuse what is no persistent volume that can change its size."""
    disk = item.get("disk", {})
    head = f"Invalid persistent volume in the '{what}.volume' field: "
    if "persistence" not in disk:
        raise Invalid(f"{head}Resource {text(item)} does not have a persistence in its DiskInfo")
    if "volume" not in disk:
        raise Invalid(f"{head}Expecting 'volume' to be set for persistent volume")
    if "host_path" in disk["volume"]:
        raise Invalid(f"{head}Expecting 'host_path' to be unset for persistent volume")
    if "shared" in item:
        raise Invalid(f"{doing} a shared persistent volume is not supported")


def _grow(content: Json) -> None:
    volume, addition = content["volume"], content["addition"]
    _resource(volume, "Invalid resource in the 'GrowVolume.volume' field: ")
    _resource(addition, "Invalid resource in the 'GrowVolume.addition' field: ")
    if _size(addition) <= 0:
        raise Invalid("The size of 'GrowVolume.addition' field must be greater than zero")
    if "provider_id" in volume:
        raise Invalid("Growing a volume from a resource provider is not supported")
    _volume(volume, "GrowVolume", "Growing")
    stripped = Resources.of([_without_volume(volume) | {"scalar": {"value": 1.0}}])
    if len(list(stripped + Resources.of([addition]))) != 1:
        raise Invalid("Incompatible resources in the 'GrowVolume.volume' and 'GrowVolume.addition' fields")


def _shrink(content: Json) -> None:
    volume, away = content["volume"], thousandths(content["subtract"]["value"])
    _resource(volume, "Invalid resource in the 'ShrinkVolume.volume' field: ")
    if away <= 0:
        raise Invalid("Value of 'ShrinkVolume.subtract' must be greater than zero")
    if _size(volume) <= away:
        raise Invalid("Value of 'ShrinkVolume.subtract' must be smaller than the size of 'ShrinkVolume.volume'")
    if "provider_id" in volume:
        raise Invalid("Shrinking a volume from a resource provider is not supported")
    source = volume.get("disk", {}).get("source")
    if isinstance(source, dict) and source.get("type") == "MOUNT":
        raise Invalid("Shrinking a volume on a MOUNT disk is not supported")
    _volume(volume, "ShrinkVolume", "Shrinking")


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
