"""Task groups on the embedded Mesos: one default executor, nested sandboxes, groups that end together."""

import http.client
import json
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from sdk.local.cluster import Cluster
from tests.integration.sdk_local.client import Scheduler, amounts, task
from tests.integration.sdk_local.test_command_tasks import alive, sandbox
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration
Schedulers = Callable[..., Scheduler]
Json = dict[str, Any]


def launch_group(framework: Scheduler, offer: Json, executor_id: str, **commands: str) -> None:
    """LAUNCH_GROUP of tasks by their commands on a default executor."""
    executor = {
        "type": "DEFAULT",
        "executor_id": {"value": executor_id},
        "framework_id": {"value": framework.framework_id},
        "resources": amounts(offer, mem=32.0, disk=10.0),
    }
    tasks = [task(offer, name, command={"value": command}) for name, command in commands.items()]
    framework.accept(
        offer, {"type": "LAUNCH_GROUP", "launch_group": {"executor": executor, "task_group": {"tasks": tasks}}}
    )


def test_a_group_runs_in_nested_sandboxes(cluster: Cluster, scheduler: Schedulers) -> None:
    """Each task writes below `tasks/<task id>`, and its statuses name a container nested in the executor's."""
    framework = scheduler()
    launch_group(framework, framework.offer("agent1"), "d1", g1="pwd; exec sleep 1000", g2="exec sleep 1000")
    first = framework.wait_for("g1", "TASK_RUNNING")["container_status"]
    second = framework.wait_for("g2", "TASK_RUNNING")["container_status"]
    parent = first["container_id"]["parent"]["value"]
    assert second["container_id"]["parent"]["value"] == parent
    assert first["container_id"]["value"] != second["container_id"]["value"]
    starting = framework.wait_for("g1", "TASK_STARTING")["container_status"]
    assert list(starting) == ["container_id"]
    path = sandbox(cluster, "agent1", framework, "d1", parent)
    wait_until(lambda: (path / "tasks/g1/stdout").read_text() == f"{path}/tasks/g1\n", what="output of g1")
    assert (path / "tasks/g2/stderr").exists()
    assert alive(first["executor_pid"])


def test_a_failure_ends_its_own_group_only(scheduler: Schedulers) -> None:
    """The members of the failed task's group are killed, the other group of the executor goes on; KILL ends a group."""
    framework = scheduler()
    launch_group(framework, framework.offer("agent1"), "d1", g1="exec sleep 1000", g2="exec sleep 1000")
    framework.wait_for("g2", "TASK_RUNNING")
    launch_group(framework, framework.offer("agent1"), "d1", h1="sleep 0.2; exit 1", h2="exec sleep 1000")
    failed = framework.wait_for("h1", "TASK_FAILED")
    assert failed["message"] == "Command exited with status 1"
    assert list(failed["container_status"]) == ["container_id"]
    assert framework.wait_for("h2", "TASK_KILLED")["message"] == "Command terminated with signal Terminated"
    assert framework.statuses("g1")[-1]["state"] == "TASK_RUNNING"
    framework.kill("g1")
    for name in ("g1", "g2"):
        framework.wait_for(name, "TASK_KILLED")
        assert [status["state"] for status in framework.statuses(name)] == [
            "TASK_STARTING",
            "TASK_RUNNING",
            "TASK_KILLING",
            "TASK_KILLED",
        ]
    failure = wait_until(lambda: framework.stream.of("FAILURE"), what="the end of the executor")[0]["failure"]
    assert (failure["executor_id"]["value"], failure["status"]) == ("d1", 0)


def test_groups_survive_their_agent(cluster: Cluster, scheduler: Schedulers) -> None:
    """The default executor of a killed agent goes on and is found again; its tasks can be killed afterwards."""
    framework = scheduler()
    launch_group(framework, framework.offer("agent1"), "d1", g1="exec sleep 1000", g2="exec sleep 1000")
    pid = framework.wait_for("g1", "TASK_RUNNING")["container_status"]["executor_pid"]
    framework.wait_for("g2", "TASK_RUNNING")
    cluster.kill("agent1")
    cluster.start_member("agent1")
    wait_until(lambda: framework.offer("agent1"), what="the agent is back")
    assert alive(pid)
    framework.kill("g2")
    framework.wait_for("g1", "TASK_KILLED")
    framework.wait_for("g2", "TASK_KILLED")


def test_nothing_of_a_group_outlives_its_executor(cluster: Cluster, scheduler: Schedulers) -> None:
    """SIGKILL of the default executor: its tasks fail and their processes, though in sessions of their own, end."""
    framework = scheduler()
    launch_group(framework, framework.offer("agent1"), "d1", g1="sleep 1000 & wait", g2="exec sleep 1000")
    pids = [framework.wait_for(name, "TASK_RUNNING")["container_status"]["executor_pid"] for name in ("g1", "g2")]
    connection = http.client.HTTPConnection("127.0.0.1", cluster.members["agent1"].port, timeout=10)
    connection.request("GET", "/monitor/statistics")
    (entry,) = json.loads(connection.getresponse().read())
    connection.close()
    assert entry["executor_id"] == "d1"
    (content,) = [
        json.loads(file.read_text()) for file in (cluster.directory / "agent1/meta/containers").glob("*.json")
    ]
    os.kill(content["pid"], signal.SIGKILL)
    for name in ("g1", "g2"):
        status = framework.wait_for(name, "TASK_FAILED")
        assert (status["reason"], status["source"]) == ("REASON_EXECUTOR_TERMINATED", "SOURCE_AGENT")
    wait_until(lambda: not any(alive(pid) for pid in pids), what="the tasks' processes end")
