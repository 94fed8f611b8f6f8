"""A framework with nothing of ours in it, plain pymesos, runs on the embedded Mesos as on any other."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from sdk.local.cluster import Cluster
from tests.integration.sdk_local.conftest import AGENTS, three_ports
from tests.support.zookeeper import ZooKeeperServer

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]


def run(master: str, *options: str) -> subprocess.CompletedProcess[str]:
    """The example in a process of its own: pymesos takes the signals and the main thread for itself."""
    return subprocess.run(
        [sys.executable, "-m", "examples.pymesos_framework", "--master", master, *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def frameworks(port: int) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/frameworks", timeout=10) as answer:
        return dict(json.load(answer))


def states(lines: list[str], task: str) -> list[str]:
    """What the example said of a task."""
    return [line.removeprefix(f"{task} ") for line in lines if line.startswith(f"{task} ")]


def told_well(done: subprocess.CompletedProcess[str], port: int) -> None:
    """All steps came true, in their order, and the master kept the story."""
    lines = done.stdout.splitlines()
    assert (done.returncode, lines[-1:]) == (0, ["done"]), done.stdout + done.stderr
    assert lines[0].startswith(f"subscribed to 127.0.0.1:{port} as ")
    framework_id = lines[0].rpartition(" ")[2]
    for task in ("task-1", "task-2"):
        assert states(lines, task) == ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"]
    assert states(lines, "keeper") == ["TASK_STARTING", "TASK_RUNNING", "TASK_RUNNING (reconciled)", "TASK_KILLED"]
    told = frameworks(port)
    assert told["frameworks"] == []
    (completed,) = (each for each in told["completed_frameworks"] if each["id"] == framework_id)
    assert {task["id"]: task["state"] for task in completed["completed_tasks"]} == {
        "keeper": "TASK_KILLED",
        "task-1": "TASK_FINISHED",
        "task-2": "TASK_FINISHED",
    }


def test_pymesos_runs_tasks_on_it(cluster: Cluster) -> None:
    """Subscribes, accepts, launches, is told, reconciles, kills, leaves; and may come again."""
    told_well(run(f"127.0.0.1:{cluster.port}"), cluster.port)
    told_well(run(f"127.0.0.1:{cluster.port}"), cluster.port)


def test_pymesos_finds_the_leader_in_zookeeper(tmp_path: Path, zookeeper: ZooKeeperServer, zk_root: str) -> None:
    """By `json.info_*`, as a Mesos cluster is found."""
    url = f"zk://{zookeeper.address}{zk_root}/mesos"
    cluster = Cluster(tmp_path / "mesos", three_ports(), AGENTS, zk=url)
    cluster.start()
    try:
        told_well(run(url), cluster.port)
    finally:
        cluster.stop()


def test_a_master_that_is_away_is_said() -> None:
    """With an exit status."""
    done = run("127.0.0.1:1", "--timeout", "0.1")
    assert (done.returncode, done.stdout.splitlines()) == (1, ["not done within 0.1 s"])
