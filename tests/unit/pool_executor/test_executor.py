"""What the executor tells Mesos when it cannot do what it is asked."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pool_executor.executor import Host, PoolExecutor
from tests.unit.pool_executor.lbmgr.test_program import DEBIAN


class Recorder:
    """A driver that keeps what it is told."""

    grace_shutdown_period = 5.0

    def __init__(self) -> None:
        self.updates: list[tuple[str, str]] = []
        self.stopped = False

    def sendStatusUpdate(self, status: Mapping[str, Any]) -> None:  # noqa: N802 - pymesos' name
        self.updates.append((status["state"], status["message"]))

    def stop(self) -> None:
        self.stopped = True


def _task(**changes: object) -> dict[str, Any]:
    data = {
        "pool": "web",
        "pod": "edgelb-pool-0",
        "zk": "127.0.0.1:1",
        "zk_root": "/edgelb",
        "ports": {},
        "health": {"grace": 1, "interval": 1, "max_fail": 1, "timeout": 1},
        "kill_grace": 0,
    } | changes
    return {"task_id": {"value": "t"}, "data": base64.b64encode(json.dumps(data).encode()).decode()}


def _executor(tmp_path: Path, haproxy: str = "haproxy") -> PoolExecutor:
    return PoolExecutor(Host(sandbox=tmp_path, addresses=(), haproxy=haproxy))


def test_a_missing_haproxy_fails_the_task_with_what_to_install(tmp_path: Path) -> None:
    """The operator reads the sentence in the task's status, and the executor ends."""
    driver, executor = Recorder(), _executor(tmp_path, "no-such-haproxy")
    executor.launchTask(driver, _task())
    assert driver.updates == [
        (
            "TASK_FAILED",
            "this agent has no no-such-haproxy: install HAProxy 2.6 or later, let the scheduler serve one (its option "
            "serve_haproxy), or run the pool in an image that has it",
        )
    ]
    assert driver.stopped
    assert executor.idle


@pytest.mark.parametrize(
    ("says", "message"),
    [("2.4.1", "is HAProxy 2.4.1; 2.6 or later is needed"), ("x", "does not tell a version")],
)
def test_a_haproxy_that_is_too_old_or_something_else_is_refused(tmp_path: Path, says: str, message: str) -> None:
    """Its own answer to -vv counts."""
    program = tmp_path / "haproxy-old"
    program.write_text(f"#!/bin/sh\necho 'HAProxy version {says} 2021/04/22'\n")
    program.chmod(0o755)
    driver = Recorder()
    _executor(tmp_path, str(program)).launchTask(driver, _task())
    assert [state for state, _ in driver.updates] == ["TASK_FAILED"]
    assert message in driver.updates[0][1]


def test_a_sandbox_that_cannot_be_written_fails_the_task(tmp_path: Path) -> None:
    """The reason and the path are told."""
    (tmp_path / "haproxy.d").write_text("in the way")
    driver, program = Recorder(), tmp_path / "haproxy"
    program.write_text(f"#!/bin/sh\ncat <<END\n{DEBIAN}END\n")
    program.chmod(0o755)
    _executor(tmp_path, str(program)).launchTask(driver, _task())
    assert driver.updates[0][0] == "TASK_FAILED"
    assert "haproxy.d" in driver.updates[0][1]


def test_whatever_goes_wrong_at_the_start_fails_the_task(tmp_path: Path) -> None:
    """A task that nobody answers for would be starting for ever."""
    driver = Recorder()
    _executor(tmp_path).launchTask(driver, _task() | {"kill_policy": {"grace_period": {"nanoseconds": 10**400}}})
    assert [state for state, _ in driver.updates] == ["TASK_FAILED"]
    assert driver.updates[0][1].startswith("the executor failed to start: OverflowError: ")
    assert driver.stopped


def test_a_kill_of_an_unknown_task_is_answered(tmp_path: Path) -> None:
    """The scheduler must not wait for a task that is not here."""
    driver, executor = Recorder(), _executor(tmp_path)
    executor.kill(driver, {"value": "other"}, None)
    assert driver.updates == [("TASK_KILLED", "the task was not running")]


def test_a_shutdown_without_a_task_returns(tmp_path: Path) -> None:
    """There is nothing to drain."""
    driver, executor = Recorder(), _executor(tmp_path)
    executor.shutdown(driver)
    assert driver.updates == []
