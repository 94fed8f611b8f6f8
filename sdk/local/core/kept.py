"""What a master kept in its registry, checked before a later one starts from it: a file may be damaged or edited.

Knows the parts that `emit.registry` writes; fields and types stand with those of agents' messages.
"""

from collections.abc import Iterator
from typing import Any

from sdk.local.core.agent_reports import check_part
from sdk.local.core.wire import BadMessage, Json

# The kind of each value by name.
_MAPS = {
    "agents": "AgentInfo", "unreachable": "KeptUnreachable", "gone": "double", "deactivated": "KeptDrain",
    "weights": "double", "quotas": "QuotaConfig",
}  # fmt: skip


def check(content: object) -> Json:
    """The registry; BadMessage says what is wrong and where."""
    if not isinstance(content, dict):
        raise BadMessage("it is no JSON object")
    for part, kind in _MAPS.items():
        for name, value in _entries(content, part):
            if part != "deactivated" or value is not None:
                check_part(kind, value, f"{part}.{name}")
    agents = [*_entries(content, "agents")]
    agents += [(name, item["info"]) for name, item in _entries(content, "unreachable")]
    for name, info in agents:
        if info.get("id") != {"value": name}:
            raise BadMessage(f"agents.{name}.id is another")
    for name, quota in _entries(content, "quotas"):
        for amounts in ("guarantees", "limits"):
            for scalar, amount in quota.get(amounts, {}).items():
                check_part("Scalar", amount, f"quotas.{name}.{amounts}.{scalar}")
    check_part("KeptMaintenance", content.get("maintenance", {}), "maintenance")
    removed = content.get("removed_frameworks", [])
    if not isinstance(removed, list) or not all(isinstance(item, str) for item in removed):
        raise BadMessage("removed_frameworks must be a list of ids")
    return content


def _entries(content: Json, part: str) -> Iterator[tuple[str, Any]]:
    found = content.get(part, {})
    if not isinstance(found, dict):
        raise BadMessage(f"{part} must be an object")
    yield from found.items()
