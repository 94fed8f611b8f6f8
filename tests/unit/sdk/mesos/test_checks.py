"""Checks of tasks as Mesos reads them, and what recorded statuses say of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from sdk.local.core.wire import convert
from sdk.mesos.checks import passes, readiness_check
from sdk.mesos.parse import task_status
from sdk.model.readiness import ReadinessCheckSpec

TRACE = Path(__file__).parents[3] / "data" / "mesos-traces" / "03-launch-command-executor.jsonl"


@pytest.mark.parametrize(
    ("spec", "kind", "content"),
    [
        (ReadinessCheckSpec(command="true"), "COMMAND", {"command": {"command": {"shell": True, "value": "true"}}}),
        (ReadinessCheckSpec(http_path="/ready", port="b"), "HTTP", {"http": {"port": 81, "path": "/ready"}}),
        (ReadinessCheckSpec(tcp=True, port="a"), "TCP", {"tcp": {"port": 80}}),
    ],
)
def test_check_is_what_mesos_reads_as_one(spec: ReadinessCheckSpec, kind: str, content: dict[str, Any]) -> None:
    """Every field is one of CheckInfo, and of its type."""
    read = convert("Check", readiness_check(spec, {"a": 80, "b": 81}))
    assert (read["type"], read["delay_seconds"], read["interval_seconds"]) == (kind, 0.0, 5.0)
    [name] = content
    assert content[name].items() <= read[name].items()


def statuses(task_id: str) -> list[dict[str, Any]]:
    """The recorded statuses of a task."""
    with TRACE.open(encoding="utf-8") as file:
        events = [
            line["body"] for line in map(json.loads, file) if line["who"] == "scheduler" and line["kind"] == "event"
        ]
    found = [event["update"]["status"] for event in events if event["type"] == "UPDATE"]
    return [status for status in found if status["task_id"]["value"] == task_id]


@pytest.mark.parametrize("task_id", ["chk-cmd", "chk-http", "chk-tcp"])
def test_recorded_results_are_understood(task_id: str) -> None:
    """A task that has begun says what its check found, or that it has found nothing yet: both are known."""
    found = [(status, task_status(status).passes) for status in statuses(task_id) if "check_status" in status]
    assert found
    for status, passed in found:
        result = status["check_status"]
        good = (
            result.get("command", {}).get("exit_code") == 0
            or 200 <= result.get("http", {}).get("status_code", 0) < 400
            or result.get("tcp", {}).get("succeeded") is True
        )
        assert passed is good


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (None, None),
        ({"type": "COMMAND", "command": {}}, False),
        ({"type": "COMMAND", "command": {"exit_code": 0}}, True),
        ({"type": "HTTP", "http": {"status_code": 302}}, True),
        ({"type": "HTTP", "http": {"status_code": 500}}, False),
        ({"type": "TCP", "tcp": {"succeeded": True}}, True),
        ({"type": "NEWER", "newer": {}}, False),
        ({}, False),
    ],
)
def test_a_check_without_a_result_is_not_passed(status: dict[str, Any] | None, expected: bool | None) -> None:
    """Nothing was checked yet, or it took too long, or nobody here knows this kind."""
    assert passes(status) is expected
