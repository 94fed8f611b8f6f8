"""Command tasks on the embedded Mesos: they run as real processes in sandboxes and end as the recordings say."""

import json
import os
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from sdk.local.cluster import Cluster
from tests.integration.sdk_local.client import Scheduler, launch, task
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration
Schedulers = Callable[..., Scheduler]


def sandbox(cluster: Cluster, agent: str, scheduler: Scheduler, executor_id: str, container_id: str) -> Path:
    """The sandbox of a container on disk."""
    work = cluster.directory / agent
    return next(work.glob(f"slaves/*/frameworks/{scheduler.framework_id}/executors/{executor_id}/runs/{container_id}"))


def alive(pid: int) -> bool:
    """Whether a process exists and is more than a corpse."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_command_runs_and_finishes(cluster: Cluster, scheduler: Schedulers) -> None:
    """A command goes through STARTING and RUNNING to FINISHED, and its output is in the sandbox and behind /files."""
    framework = scheduler()
    framework.launch(framework.offer("agent1"), "t1", "echo hello; echo oops >&2; env; pwd")
    done = framework.wait_for("t1", "TASK_FINISHED")
    assert [status["state"] for status in framework.statuses("t1")] == [
        "TASK_STARTING",
        "TASK_RUNNING",
        "TASK_FINISHED",
    ]
    assert done["message"] == "Command exited with status 0"
    assert done["executor_id"] == {"value": "t1"}
    path = sandbox(cluster, "agent1", framework, "t1", done["container_status"]["container_id"]["value"])
    output = (path / "stdout").read_text().splitlines()
    assert output[0] == "hello"
    assert f"MESOS_SANDBOX={path}" in output
    assert "MESOS_ALLOCATION_ROLE=slave_public" in output
    assert output[-1] == str(path)
    assert "oops" in (path / "stderr").read_text()
    files = f"http://127.0.0.1:{cluster.members['agent1'].port}/files"
    with urllib.request.urlopen(f"{files}/read?path={quote(str(path / 'stdout'))}&offset=0&length=5") as answer:
        assert json.load(answer) == {"data": "hello", "offset": 0}


@pytest.mark.parametrize(
    ("command", "state", "message"),
    [
        ("exit 3", "TASK_FAILED", "Command exited with status 3"),
        ("kill -9 $$", "TASK_FAILED", "Command terminated with signal Killed"),
        ({"shell": False, "value": "/bin/echo", "arguments": ["e"]}, "TASK_FINISHED", "Command exited with status 0"),
        ({"shell": False, "value": "/nonexistent"}, "TASK_FAILED", "Command exited with status 1"),
    ],
)  # fmt: skip
def test_exit_codes(scheduler: Schedulers, command: object, state: str, message: str) -> None:
    """The end of a command decides the state and the message."""
    framework = scheduler()
    framework.launch(framework.offer("agent1"), "t1", command)  # type: ignore[arg-type]
    assert framework.wait_for("t1", state)["message"] == message


def test_kill_waits_for_the_grace_period(scheduler: Schedulers) -> None:
    """A command that ignores SIGTERM is killed after the grace period, with all its children."""
    framework = scheduler()
    framework.launch(framework.offer("agent1"), "t1", "trap '' TERM; (sleep 1000) & echo started $!; wait; sleep 1000")
    framework.wait_for("t1", "TASK_RUNNING")
    framework.kill("t1", grace=0.3)
    killed = framework.wait_for("t1", "TASK_KILLED")
    assert killed["message"] == "Command terminated with signal Killed"
    assert [status["state"] for status in framework.statuses("t1")][-2:] == ["TASK_KILLING", "TASK_KILLED"]


def test_kill_of_a_polite_command(scheduler: Schedulers) -> None:
    """A command that ends on SIGTERM is TASK_KILLED at once, whatever its exit code."""
    framework = scheduler()
    framework.launch(framework.offer("agent1"), "t1", "trap 'exit 0' TERM; while :; do sleep 0.05; done")
    framework.wait_for("t1", "TASK_RUNNING")
    framework.kill("t1")
    assert framework.wait_for("t1", "TASK_KILLED")["message"] == "Command exited with status 0"


def test_uris_are_fetched(scheduler: Schedulers, tmp_path: Path) -> None:
    """Files come into the sandbox, archives are unpacked, executables become executable."""
    import tarfile

    (tmp_path / "data.txt").write_text("in tar\n")
    with tarfile.open(tmp_path / "pkg.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "data.txt", "pkg/data.txt")
    (tmp_path / "run.sh").write_text("#!/bin/sh\necho from script\n")
    uris = [
        {"value": f"file://{tmp_path}/pkg.tar.gz"},
        {"value": str(tmp_path / "run.sh"), "executable": True, "output_file": "renamed.sh"},
    ]
    framework = scheduler()
    command = {"value": "./renamed.sh && cat pkg/data.txt | grep -q 'in tar'", "uris": uris}
    framework.launch(framework.offer("agent1"), "t1", command)
    framework.wait_for("t1", "TASK_FINISHED")


def test_missing_uri_fails_the_task(scheduler: Schedulers) -> None:
    """A URI that cannot be fetched is a failed launch that says which."""
    framework = scheduler()
    command = {"value": "true", "uris": [{"value": "file:///nonexistent/file"}]}
    framework.launch(framework.offer("agent1"), "t1", command)
    failed = framework.wait_for("t1", "TASK_FAILED")
    assert failed["reason"] == "REASON_CONTAINER_LAUNCH_FAILED"
    assert failed["message"].startswith("Failed to launch container: Failed to fetch all URIs")
    assert "/nonexistent/file" in failed["message"]


def test_health_check_kills_an_unhealthy_task(scheduler: Schedulers) -> None:
    """Changes of health are reported; enough failures kill the task."""
    framework = scheduler()
    check = {
        "type": "COMMAND", "command": {"value": "test -e healthy"}, "delay_seconds": 0, "interval_seconds": 0.05,
        "timeout_seconds": 5, "consecutive_failures": 2, "grace_period_seconds": 0,
    }  # fmt: skip
    command = "touch healthy; sleep 0.5; rm healthy; sleep 1000"
    framework.launch(framework.offer("agent1"), "t1", command, health_check=check)
    framework.wait_for("t1", "TASK_RUNNING", healthy=True, reason="REASON_TASK_HEALTH_CHECK_STATUS_UPDATED")
    framework.wait_for("t1", "TASK_RUNNING", healthy=False)
    assert framework.wait_for("t1", "TASK_KILLED")["healthy"] is False


def test_http_health_check(cluster: Cluster, scheduler: Schedulers) -> None:
    """An HTTP check makes the task healthy once its port answers."""
    framework = scheduler()
    # Any HTTP server will do: the agent's own.
    http = {"port": cluster.members["agent1"].port, "path": "/health"}
    check = {"type": "HTTP", "http": http, "delay_seconds": 0, "interval_seconds": 0.1}
    framework.launch(framework.offer("agent1"), "t1", "sleep 1000", health_check=check)
    framework.wait_for("t1", "TASK_RUNNING", healthy=True)


def test_death_of_the_command_executor_fails_the_task(scheduler: Schedulers) -> None:
    """SIGKILL of the executor ends the command with it; the scheduler gets TASK_FAILED but no FAILURE."""
    framework = scheduler()
    framework.launch(framework.offer("agent1"), "t1", "exec sleep 1000")
    running = framework.wait_for("t1", "TASK_RUNNING")
    executor = running["container_status"]["executor_pid"]
    children = Path(f"/proc/{executor}/task/{executor}/children").read_text().split()
    os.kill(executor, 9)
    failed = framework.wait_for("t1", "TASK_FAILED")
    assert (failed["reason"], failed["message"]) == ("REASON_EXECUTOR_TERMINATED", "Executor terminated")
    assert not framework.stream.of("FAILURE")
    wait_until(lambda: not any(alive(int(pid)) for pid in children), what="the end of the command")


def test_fifty_tasks_at_once(scheduler: Schedulers) -> None:
    """Fifty tasks in one ACCEPT all run; killed together they all end, and everything is offered again."""
    framework = scheduler()
    offer = framework.offer("agent1")
    small = [item | {"scalar": {"value": item["scalar"]["value"] / 10}} for item in task(offer, "x")["resources"]]
    tasks = [task(offer, f"t{n}", command={"value": "exec sleep 1000"}, resources=small) for n in range(50)]
    framework.accept(offer, launch(*tasks))
    for n in range(50):
        framework.wait_for(f"t{n}", "TASK_RUNNING", 60)
    for n in range(50):
        framework.kill(f"t{n}")
    for n in range(50):
        framework.wait_for(f"t{n}", "TASK_KILLED", 60)

    def whole() -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{framework.port}/slaves") as answer:
            return all(item["used_resources"]["cpus"] == 0 for item in json.load(answer)["slaves"])

    wait_until(whole, what="the release of all resources")
