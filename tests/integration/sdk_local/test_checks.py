"""Checks, health checks and time limits of command tasks: the sequences of statuses as recorded from a real agent."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sdk.local.cluster import Cluster
from tests.integration.sdk_local.client import Scheduler
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration
Schedulers = Callable[..., Scheduler]
Json = dict[str, Any]
TRACE = Path(__file__).parents[2] / "data" / "mesos-traces" / "03-launch-command-executor.jsonl"
FAST = {"delay_seconds": 0.1, "interval_seconds": 0.1, "timeout_seconds": 1.0}


def recorded(task_id: str) -> list[Json]:
    """What the recorded scheduler was told about a task."""
    found = []
    with TRACE.open(encoding="utf-8") as file:
        for line in map(json.loads, file):
            if line["who"] == "scheduler" and line["kind"] == "event" and line["body"]["type"] == "UPDATE":
                status = line["body"]["update"]["status"]
                if status["task_id"]["value"] == task_id:
                    found.append(status)
    assert found
    return found


def told(status: Json) -> Json:
    """What of a status does not differ from run to run."""
    names = ("state", "message", "source", "reason", "healthy", "check_status")
    return {name: status[name] for name in names if name in status}


def sandbox(cluster: Cluster, task_id: str) -> Path:
    """The sandbox of a task's only run."""
    return next(cluster.directory.glob(f"agent1/slaves/*/frameworks/*/executors/{task_id}/runs/latest")).resolve()


def test_unhealthy_task_as_recorded(scheduler: Schedulers) -> None:
    """Never healthy: three statuses with `healthy: false`, then it is killed, and the last word says so too."""
    framework = scheduler()
    check = {
        **FAST,
        "type": "COMMAND",
        "command": {"value": "test -f healthy"},
        "consecutive_failures": 3,
        "grace_period_seconds": 0.3,
    }
    framework.launch(framework.offer("agent1"), "hc-cmd", "exec sleep 1000", health_check=check)
    framework.wait_for("hc-cmd", "TASK_KILLED")
    assert [told(status) for status in framework.statuses("hc-cmd")] == [told(item) for item in recorded("hc-cmd")]


def test_flipping_health_as_recorded(cluster: Cluster, scheduler: Schedulers) -> None:
    """Unhealthy, healthy, unhealthy: one status each while the result stays; a kill tells no health."""
    framework = scheduler()
    check = {
        **FAST,
        "type": "COMMAND",
        "command": {"value": "test -f healthy || { test ! -f flipped && exit 1; }"},
        "consecutive_failures": 100,
        "grace_period_seconds": 0.0,
    }
    framework.launch(framework.offer("agent1"), "t", "exec sleep 1000", health_check=check)
    framework.wait_for("t", "TASK_RUNNING", healthy=False)
    (sandbox(cluster, "t") / "healthy").touch()
    framework.wait_for("t", "TASK_RUNNING", healthy=True)
    count = len(framework.statuses("t"))
    framework.kill("t")
    framework.wait_for("t", "TASK_KILLED")
    assert [told(status) for status in framework.statuses("t")[count:]] == [
        told(item) for item in recorded("hc-flip")[-2:]
    ]


@pytest.mark.parametrize(
    ("name", "kind"), [("chk-cmd", "COMMAND"), ("chk-http", "HTTP"), ("chk-tcp", "TCP")], ids=["command", "http", "tcp"]
)
def test_checks_as_recorded(cluster: Cluster, scheduler: Schedulers, name: str, kind: str) -> None:
    """`check_status` is there from the first status on, changes are told, and it is empty when the task is killed."""
    framework = scheduler()
    port = int(cluster.members["agent1"].port)
    theirs = [told(item) for item in recorded(name)]
    check: Json = {**FAST, "type": kind}
    if kind == "COMMAND":
        check["command"] = {"command": {"value": "test -f flag"}}
    elif kind == "HTTP":
        # The agent itself is a server that answers an unknown path with the recorded 404.
        check["http"] = {"port": port, "path": "/none"}
    else:
        check["tcp"] = {"port": port}
        # The recorded server was not there at first.
        theirs = [item for item in theirs if item.get("check_status", {}).get("tcp") != {"succeeded": False}]
    framework.launch(framework.offer("agent1"), name, "exec sleep 1000", check=check)
    if kind == "COMMAND":
        framework.wait_for(name, "TASK_RUNNING", check_status={"type": kind, "command": {"exit_code": 1}})
        (sandbox(cluster, name) / "flag").touch()
    changes = [item for item in theirs if item.get("reason") == "REASON_TASK_CHECK_STATUS_UPDATED"]
    framework.wait_for(name, "TASK_RUNNING", check_status=changes[-1]["check_status"])
    framework.kill(name)
    framework.wait_for(name, "TASK_KILLED")
    assert [told(status) for status in framework.statuses(name)] == theirs


def test_check_without_an_answer_in_time(scheduler: Schedulers) -> None:
    """A result that is followed by a timeout becomes empty, and the task goes on."""
    framework = scheduler()
    command = {"command": {"value": "test -f once && exec sleep 1000; touch once"}}
    check = {**FAST, "timeout_seconds": 0.3, "type": "COMMAND", "command": command}
    framework.launch(framework.offer("agent1"), "t", "exec sleep 1000", check=check)
    framework.wait_for("t", "TASK_RUNNING", check_status={"type": "COMMAND", "command": {"exit_code": 0}})
    wait_until(
        lambda: (
            len(framework.statuses("t")) == 4
            and framework.statuses("t")[-1]["check_status"] == {"type": "COMMAND", "command": {}}
        ),
        what="the empty result",
    )


def test_max_completion_time_as_recorded(scheduler: Schedulers) -> None:
    """A task that takes too long fails with the reason, without TASK_KILLING."""
    framework = scheduler()
    limit = {"nanoseconds": 300_000_000}
    framework.launch(framework.offer("agent1"), "maxtime", "exec sleep 1000", max_completion_time=limit)
    framework.wait_for("maxtime", "TASK_FAILED")
    assert [told(status) for status in framework.statuses("maxtime")] == [told(item) for item in recorded("maxtime")]


def test_kill_policy_of_the_call_wins(scheduler: Schedulers) -> None:
    """A task that would get a thousand seconds is gone at once when the KILL gives it none."""
    framework = scheduler()
    policy = {"grace_period": {"nanoseconds": 10**12}}
    framework.launch(framework.offer("agent1"), "t", "trap '' TERM; while true; do sleep 1; done", kill_policy=policy)
    framework.wait_for("t", "TASK_RUNNING")
    framework.kill("t", grace=0.0)
    framework.wait_for("t", "TASK_KILLED")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can ask for another user")
def test_unknown_user_as_recorded(scheduler: Schedulers) -> None:
    """The task is dropped with the agent's words; nothing was started."""
    framework = scheduler()
    framework.launch(framework.offer("agent1"), "baduser", {"value": "true", "user": "nosuchuser"})
    status = framework.wait_for("baduser", "TASK_DROPPED")
    (theirs,) = recorded("baduser")
    assert list(status) == list(theirs)
    assert (status["reason"], status["source"]) == (theirs["reason"], theirs["source"])
    assert status["message"].partition("'")[0] == theirs["message"].partition("'")[0]
    assert status["message"].endswith("Failed to chown directory to 'nosuchuser': No such user 'nosuchuser'")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can ask for another user")
def test_command_runs_as_its_user(cluster: Cluster, scheduler: Schedulers) -> None:
    """The command runs as the user it names and owns its sandbox."""
    framework = scheduler()
    framework.launch(framework.offer("agent1"), "t", {"value": "id -un; sleep 1000", "user": "nobody"})
    framework.wait_for("t", "TASK_RUNNING")
    path = sandbox(cluster, "t")
    wait_until(lambda: (path / "stdout").read_text() == "nobody\n", what="the name of the user")
    assert path.owner() == (path / "stdout").owner() == "nobody"


def test_docker_task_as_recorded(scheduler: Schedulers) -> None:
    """These agents have no docker, and say what a real agent without docker says."""
    framework = scheduler()
    container = {"type": "DOCKER", "docker": {"image": "alpine"}}
    framework.launch(framework.offer("agent1"), "docker", "true", container=container)
    status = framework.wait_for("docker", "TASK_FAILED")
    assert told(status) == told(recorded("docker")[-1])
