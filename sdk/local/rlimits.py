"""Limits that the kernel keeps for one process: RLimitInfo of a ContainerInfo.

Loaded by the command executor in every task that has such limits, so it uses little of the standard library.
"""

from __future__ import annotations

import resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class BadLimit(Exception):
    """An RLimitInfo cannot be used; the text says why."""


def rlimits(container: dict[str, Any]) -> list[tuple[int, tuple[int, int]]]:
    """Number, soft and hard limit of each; a limit without values means unlimited, as with the real agent."""
    info = container.get("rlimit_info")
    found = []
    for item in info.get("rlimits") or () if isinstance(info, dict) else ():
        name = item.get("type") if isinstance(item, dict) else None
        number = getattr(resource, str(name).replace("RLMT_", "RLIMIT_"), None) if name else None
        if not isinstance(number, int) or not str(name).startswith("RLMT_"):
            raise BadLimit(f"container.rlimit_info.rlimits: this machine has no limit of the type {name!r}")
        soft, hard = item.get("soft"), item.get("hard")
        if (soft is None) != (hard is None):
            raise BadLimit(f"container.rlimit_info.rlimits: {name} needs both 'soft' and 'hard', or neither")
        if soft is None:
            found.append((number, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)))
            continue
        values = [value for value in (soft, hard) if isinstance(value, int) and 0 <= value < 2**63]
        if len(values) != 2 or soft > hard:
            raise BadLimit(f"container.rlimit_info.rlimits: {name} cannot be {soft!r} (soft) of {hard!r} (hard)")
        found.append((number, (values[0], values[1])))
    return found


def apply(container: dict[str, Any], pid: int = 0) -> None:
    """Set them for a process, 0 for this one; BadLimit or OSError when the kernel refuses."""
    for number, values in rlimits(container):
        try:
            resource.prlimit(pid, number, values)
        except ValueError as error:
            raise BadLimit(f"container.rlimit_info.rlimits: the kernel refuses {values}: {error}") from None
