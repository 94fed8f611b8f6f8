"""What the scheduler tells an instance: `TaskInfo` with its `data`, read strictly. Pure.

The form of `data` is in docs/reference/contracts.md, "Pool task".
"""

import base64
import binascii
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from pool_executor.lbmgr.haproxy.old_workers import WorkerLimits
from pool_executor.lbmgr.haproxy.resources import Resources
from pool_executor.lbmgr.status.health import HealthPolicy
from sdk.errors import CorruptRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedHaproxy:
    """A HAProxy that was fetched into the sandbox: the name of the archive and its sum."""

    archive: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """The instance that a task shall be; times in seconds."""

    task_id: str
    pool: str
    pod: str
    zk: str
    zk_root: str
    ports: Mapping[str, int] = field(default_factory=dict)
    binds: Mapping[str, str] = field(default_factory=dict)
    health: HealthPolicy = field(default_factory=HealthPolicy)
    kill_grace: float
    limits: WorkerLimits = field(default_factory=WorkerLimits)
    resources: Resources = field(default_factory=Resources)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The variables of the pool; their values may be keys."""
    haproxy: ServedHaproxy | None = None
    """None: the agent's own."""


def parse(task: Mapping[str, object]) -> Assignment:
    """The assignment in a TaskInfo; raises CorruptRecord with the field path of the first thing that is wrong."""
    task_id = _text(_object(task, "task_id", "task_id"), "value", "task_id.value")
    encoded = task.get("data")
    if not isinstance(encoded, str):
        raise CorruptRecord("data", "is missing: this executor runs only tasks of the Edge-LB scheduler")
    try:
        data = json.loads(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError) as error:
        raise CorruptRecord("data", f"is not base64 of JSON: {error}") from error
    if not isinstance(data, dict):
        raise CorruptRecord("data", "is not a JSON object")
    health = _object(data, "health", "data.health")
    return Assignment(
        task_id=task_id,
        pool=_text(data, "pool", "data.pool"),
        pod=_text(data, "pod", "data.pod"),
        zk=_text(data, "zk", "data.zk"),
        zk_root=_text(data, "zk_root", "data.zk_root"),
        ports={
            name: _port(value, f"data.ports.{name}") for name, value in _object(data, "ports", "data.ports").items()
        },
        binds={
            name: _text({name: value}, name, f"data.bind.{name}")
            for name, value in _object(data, "bind", "data.bind", default={}).items()
        },
        health=HealthPolicy(
            grace=_number(health, "grace", "data.health.grace"),
            interval=max(0.1, _number(health, "interval", "data.health.interval")),
            max_fail=int(_number(health, "max_fail", "data.health.max_fail")),
            timeout=max(0.1, _number(health, "timeout", "data.health.timeout")),
        ),
        limits=_limits(_object(data, "old_workers", "data.old_workers", default={})),
        resources=Resources(cpus=_scalar(task, "cpus"), memory=_scalar(task, "mem")),
        environment=_environment(data),
        haproxy=_served(data),
        kill_grace=_kill_policy(task, _number(data, "kill_grace", "data.kill_grace")),
    )


def _scalar(task: Mapping[str, object], name: str) -> float | None:
    """What the container has of a resource: the task's and the executor's, None when neither says. Reserved or not."""
    executor = task.get("executor")
    found = 0.0
    for owner in (task, executor if isinstance(executor, Mapping) else {}):
        resources = owner.get("resources")
        for entry in resources if isinstance(resources, list | tuple) else ():
            if isinstance(entry, Mapping) and entry.get("name") == name:
                value = _object(entry, "scalar", f"resources.{name}.scalar").get("value")
                found += _number({name: value}, name, f"resources.{name}.scalar.value")
    return found or None


def _environment(data: Mapping[str, object]) -> Mapping[str, str]:
    """No message holds a value."""
    variables = _object(data, "environment", "data.environment", default={})
    for name, value in variables.items():
        if not isinstance(value, str):
            raise CorruptRecord(f"data.environment.{name:.80}", "is no string")
    return cast(Mapping[str, str], variables)


def _served(data: Mapping[str, object]) -> ServedHaproxy | None:
    if "haproxy" not in data:
        return None
    served = _object(data, "haproxy", "data.haproxy")
    archive = _text(served, "archive", "data.haproxy.archive")
    if "/" in archive or archive.startswith("."):
        raise CorruptRecord("data.haproxy.archive", f"is {archive!r:.80}; it must be the name of a file in the sandbox")
    return ServedHaproxy(archive=archive, sha256=_text(served, "sha256", "data.haproxy.sha256"))


def _limits(fields: Mapping[str, object]) -> WorkerLimits:
    otherwise = WorkerLimits()

    def number(name: str, default: float) -> float:
        return _number(fields, name, f"data.old_workers.{name}") if name in fields else default

    return WorkerLimits(
        most=int(number("most", otherwise.most)),
        hard_stop_after=number("hard_stop_after", otherwise.hard_stop_after),
        close_spread=number("close_spread", otherwise.close_spread),
    )


def _kill_policy(task: Mapping[str, object], otherwise: float) -> float:
    """The grace period of TaskInfo's own kill policy counts before the one in `data`."""
    policy = task.get("kill_policy")
    period = policy.get("grace_period") if isinstance(policy, dict) else None
    nanoseconds = period.get("nanoseconds") if isinstance(period, dict) else None
    return nanoseconds / 1e9 if isinstance(nanoseconds, int | float) else otherwise


def _object(
    fields: Mapping[str, object], name: str, path: str, default: Mapping[str, object] | None = None
) -> Mapping[str, object]:
    value = fields.get(name, default)
    if not isinstance(value, Mapping):
        raise CorruptRecord(path, "is missing" if value is None else f"is {value!r:.80}; it must be an object")
    return cast(Mapping[str, object], value)


def _text(fields: Mapping[str, object], name: str, path: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise CorruptRecord(path, "is missing" if value is None else f"is {value!r:.80}; it must be a string")
    return value


def _number(fields: Mapping[str, object], name: str, path: str) -> float:
    value = fields.get(name)
    # JSON as Python reads it has NaN and Infinity.
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < math.inf:
        raise CorruptRecord(path, "is missing" if value is None else f"is {value!r:.80}; it must be a number from 0")
    return float(value)


def _port(value: object, path: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 65536:
        raise CorruptRecord(path, f"is {value!r:.80}; it must be a port number")
    return value
