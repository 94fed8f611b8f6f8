"""What names may be: they become parts of task ids and segments of ZooKeeper paths."""

import re
from collections.abc import Iterable

from sdk.door.problems import shown

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
NAME_LIMIT = 128
SEPARATOR = "__"
"""Between the parts of a task id."""


def bad_name(name: str, limit: int = NAME_LIMIT) -> str | None:
    """The rule that a name breaks, None for a good one."""
    if len(name) > limit or not NAME.fullmatch(name):
        return f"{shown(name)} has to be letters, digits, '.', '_' and '-', at most {limit} characters"
    if SEPARATOR in name:
        return f"{shown(name)} may not hold {SEPARATOR!r}, which separates the parts of task ids"
    return None


def twice(names: Iterable[str]) -> list[str]:
    """Names that occur more than once, each told once."""
    seen: set[str] = set()
    found: dict[str, None] = {}
    for name in names:
        if name in seen:
            found[name] = None
        seen.add(name)
    return list(found)
