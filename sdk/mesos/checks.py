"""Checks of tasks in Mesos' JSON: what Mesos is to run, and what it found. Pure."""

from collections.abc import Mapping
from typing import Any

from sdk.mesos import fields
from sdk.model.readiness import ReadinessCheckSpec
from sdk.model.spec import HealthCheckSpec

Json = dict[str, Any]
_COMPLETE = range(200, 400)
"""HTTP answers that are as good as a check can wish for."""


def health_check(check: HealthCheckSpec, ports: Mapping[str, int]) -> Json:
    """HealthCheck."""
    wire: Json = {
        "delay_seconds": 0.0,
        "grace_period_seconds": check.grace,
        "interval_seconds": check.interval,
        "timeout_seconds": check.timeout,
        "consecutive_failures": check.max_failures,
    }
    if check.command is not None:
        return wire | {"type": "COMMAND", "command": {"shell": True, "value": check.command}}
    port = _port(check.port, ports)
    if check.http_path is not None:
        return wire | {"type": "HTTP", "http": {"scheme": "http", "port": port, "path": check.http_path}}
    return wire | {"type": "TCP", "tcp": {"port": port}}


def readiness_check(check: ReadinessCheckSpec, ports: Mapping[str, int]) -> Json:
    """CheckInfo."""
    wire: Json = {
        "delay_seconds": check.delay,
        "interval_seconds": check.interval,
        "timeout_seconds": check.timeout,
    }
    if check.command is not None:
        return wire | {"type": "COMMAND", "command": {"command": {"shell": True, "value": check.command}}}
    port = _port(check.port, ports)
    if check.http_path is not None:
        return wire | {"type": "HTTP", "http": {"port": port, "path": check.http_path}}
    return wire | {"type": "TCP", "tcp": {"port": port}}


def passes(status: Mapping[str, Any] | None) -> bool | None:
    """What a CheckStatusInfo says; one without a result (nothing was checked yet, or it took too long) is not passed.

    None without a CheckStatusInfo.
    """
    if status is None:
        return None
    match fields.text(status.get("type", "")):
        case "COMMAND":
            return fields.optional(status.get("command", {}).get("exit_code"), fields.integer) == 0
        case "HTTP":
            return fields.optional(status.get("http", {}).get("status_code"), fields.integer) in _COMPLETE
        case "TCP":
            return fields.optional(status.get("tcp", {}).get("succeeded"), fields.truth) is True
        case _:
            return False


def _port(name: str | None, ports: Mapping[str, int]) -> int:
    return ports[name] if name is not None else next(iter(ports.values()))
