"""Persistent volumes on the embedded Mesos: real operations, directories that outlive tasks, and their end."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sdk.local.cluster import Cluster
from tests.integration.runner.system import System, kill_task
from tests.support.wait import wait_until
from tests.support.zookeeper import ZooKeeperServer

pytestmark = pytest.mark.integration
NAME = "stateful"


@pytest.fixture
def stateful(tmp_path: Path, zookeeper: ZooKeeperServer, zk_root: str, cluster: Cluster) -> Iterator[System]:
    """A framework with volumes."""
    frameworks = tmp_path / "frameworks.json"
    plugin = "tests.integration.runner.stateful:Stateful"
    found = {"name": NAME, "plugin": plugin, "roles": [NAME], "guarded": False, "options": {"count": 1}}
    frameworks.write_text(json.dumps({"frameworks": [found]}))
    made = System(tmp_path, zookeeper.address, zk_root, cluster, name=NAME, frameworks=frameworks)
    yield made
    made.close()


def test_a_volume_outlives_its_task_and_its_scheduler_and_ends_with_its_instance(
    stateful: System, cluster: Cluster
) -> None:
    """The second task finds the line of the first; with the last instance the volume is destroyed."""
    scheduler = stateful.scheduler()
    scheduler.wait_ready()
    first = next(iter(stateful.wait_running().values()))
    [log] = wait_until(lambda: list(cluster.directory.rglob(f"volumes/roles/{NAME}/data-*/log")), 30, "it has a file")
    wait_until(lambda: log.read_text().splitlines() == ["stateful-0-hello"], 30, "it has written its line")
    [pod] = scheduler.get(f"/v1/services/{NAME}/pods")["pods"]
    [volume] = pod["volumes"]
    assert (volume["name"], volume["type"], volume["size"], volume["made"]) == ("data", "ROOT", 16.0, True)
    assert volume["id"] == log.parent.name
    scheduler.kill()
    kill_task(str(first["id"]))
    scheduler = stateful.scheduler()
    scheduler.wait_ready()
    second = wait_until(
        lambda: next((task for task in stateful.master.running().values() if task["id"] != first["id"]), None),
        60,
        "another task",
    )
    assert second["slave_id"] == first["slave_id"]
    wait_until(lambda: log.read_text().splitlines() == ["stateful-0-hello"] * 2, 30, "it has written, too")
    assert scheduler.request("PUT", "/v1/count", {"count": 0})[0] == 200
    wait_until(lambda: stateful.master.reserved() == {}, 60, "nothing is reserved")
    wait_until(lambda: not log.parent.exists(), 30, "the volume is destroyed")
