"""Limits of a task in Mesos' JSON: parts of its TaskInfo and of its ContainerInfo. Pure."""

from typing import Any

from sdk.model.limits import LimitsSpec, RlimitSpec
from sdk.model.resources import MILLI

Json = dict[str, Any]
UNCONFINED = "unconfined"


def of_task(limits: LimitsSpec) -> Json:
    """The fields of a TaskInfo."""
    amounts = {name: {"value": amount / MILLI} for name in ("cpus", "mem") if (amount := getattr(limits, name))}
    return {"limits": amounts} if amounts else {}


def of_container(limits: LimitsSpec, *, nested: bool) -> Json:
    """The fields of a ContainerInfo; `nested`: of a task in a group, which shares a cgroup unless it says so."""
    linux: Json = {}
    if limits.seccomp is not None:
        unconfined = limits.seccomp == UNCONFINED
        linux["seccomp"] = {"unconfined": True} if unconfined else {"profile_name": limits.seccomp}
    if limits.shm is not None:
        linux |= {"ipc_mode": "PRIVATE", "shm_size": limits.shm // MILLI}
    if nested and of_task(limits):
        linux["share_cgroups"] = False
    found: Json = {"linux_info": linux} if linux else {}
    if limits.rlimits:
        found["rlimit_info"] = {"rlimits": [_rlimit(each) for each in limits.rlimits]}
    return found


def _rlimit(limit: RlimitSpec) -> Json:
    values = {name: value for name in ("soft", "hard") if (value := getattr(limit, name)) is not None}
    return {"type": limit.type, **values}
