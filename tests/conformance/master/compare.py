"""Comparison of what our master says with what the real one said: fields, types and values, save what must differ."""

import re
from collections.abc import Iterator
from typing import Any

from sdk.local.core.resources import Resources

_OFFER = re.compile(r"-O\d+\b")
# Times and the build: the type must agree, the value cannot.
_VOLATILE = frozenset(
    {"timestamp", "registered_time", "reregistered_time", "unregistered_time", "nanoseconds", "start_time",
     "elected_time", "build_date", "build_time", "build_user", "git_sha", "estimated_drain_start_time_seconds",
     "avg_load_1min", "avg_load_5min", "avg_load_15min", "mem_free_bytes", "mem_total_bytes", "cpus_total",
     "system/load_1min", "system/load_5min", "system/load_15min", "system/mem_free_bytes", "system/mem_total_bytes",
     "log_dir",
     "work_dir", "uptime_secs", "allocation_interval", "webui_dir"}
)  # fmt: skip
# Metrics of times and sizes, and of how often the allocator ran, which depends on the phase of its cycle.
_MEASURED = re.compile(
    r"uptime_secs$|/allocation_runs?\b|/allocation_run_|registrar/(state_|registry_size)|_dispatches$"
)
_ORDERED = frozenset({"statuses", "reservations", "uris", "arguments"})
_NAMES = ("value", "id", "task_id", "executor_id", "name", "role", "type", "framework_id", "agent_id")


def _key(item: Any) -> str:
    if not isinstance(item, dict):
        return str(item)
    if "task" in item:
        return _key(item["task"])
    for part in ("agent_info", "framework_info", "framework", "executor_info"):
        if part in item:
            return _key(item[part])
    return "/".join(str(item.get(name, "")) for name in _NAMES)


def _kind(value: Any) -> str:
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


def differences(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Every difference as `path: what`."""
    name = path.rpartition(".")[2].removesuffix("[]")
    if _kind(ours) != _kind(theirs):
        yield f"{path}: {_short(ours)} instead of {_short(theirs)}"
    elif isinstance(theirs, dict):
        for field in theirs:
            if field not in ours:
                yield f"{path}.{field}: missing"
            else:
                yield from differences(ours[field], theirs[field], f"{path}.{field}")
        for field in ours:
            if field not in theirs:
                yield f"{path}.{field}: not sent by Mesos"
    elif isinstance(theirs, list):
        yield from _lists(ours, theirs, path, name)
    elif isinstance(theirs, str):
        if name not in _VOLATILE and _OFFER.sub("-O#", ours) != _OFFER.sub("-O#", theirs):
            yield f"{path}: {_short(ours)} instead of {_short(theirs)}"
    elif name not in _VOLATILE and not _MEASURED.search(name) and ours != theirs:
        yield f"{path}: {_short(ours)} instead of {_short(theirs)}"


def _lists(ours: list[Any], theirs: list[Any], path: str, name: str) -> Iterator[str]:
    if theirs and all((isinstance(item, dict) and "name" in item and "type" in item and "scalar" in item) or
                      (isinstance(item, dict) and "ranges" in item) for item in (*ours, *theirs)):  # fmt: skip
        # Agents say the role of a resource, which containment takes for another kind.
        bare = [
            Resources.of({k: v for k, v in item.items() if k not in ("role", "reservation")} for item in side)
            for side in (ours, theirs)
        ]
        if bare[0] != bare[1]:
            yield f"{path}: {Resources.of(ours)} instead of {Resources.of(theirs)}"
        elif {tuple(item) for item in ours} != {tuple(item) for item in theirs}:
            yield f"{path}: other fields or order of fields"
        return
    if theirs and isinstance(theirs[-1], dict) and "trimmed" in theirs[-1]:
        # A list of metrics of which the recording keeps the first, and how many there were.
        if len(ours) != theirs[-1]["trimmed"]:
            yield f"{path}: {len(ours)} items instead of {theirs[-1]['trimmed']}"
        ours, theirs = ours[: len(theirs) - 1], theirs[:-1]
    if theirs and all(isinstance(item, dict) and set(item) == {"name", "value"} for item in (*ours, *theirs)):
        mine, others = ({item["name"]: item["value"] for item in side} for side in (ours, theirs))
        yield from differences(mine, others, path)
        return
    if len(ours) != len(theirs):
        yield f"{path}: {len(ours)} items instead of {len(theirs)}"
        return
    if name not in _ORDERED:
        ours, theirs = sorted(ours, key=_key), sorted(theirs, key=_key)
    for mine, other in zip(ours, theirs, strict=True):
        yield from differences(mine, other, f"{path}[]")


def numbers(ours: Any, theirs: Any) -> Iterator[str]:
    """Fields whose numbers are whole on one side and have a fraction on the other: Mesos prints 4.0 for a double."""
    mine, other = _forms(ours), _forms(theirs)
    for path in sorted(mine.keys() & other.keys()):
        if mine[path] != other[path]:
            yield f"{path}: {'/'.join(sorted(mine[path]))} instead of {'/'.join(sorted(other[path]))}"


def _forms(value: Any) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}

    def walk(item: Any, path: str) -> None:
        if isinstance(item, dict):
            for name, part in item.items():
                walk(part, f"{path}.{name}")
        elif isinstance(item, list):
            for part in item:
                walk(part, f"{path}[]")
        elif isinstance(item, (int, float)) and not isinstance(item, bool):
            found.setdefault(path, set()).add(type(item).__name__)

    walk(value, "")
    return found


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 200 else f"{text[:200]}..."
