"""What Marathon would run is run: the app's own command, environment and ports inside a Mesos task."""

import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scheduler.marathon import MarathonSettings, app_definition
from sdk.frameworks import load_frameworks, select
from sdk.local.cluster import Cluster
from tests.integration.runner.system import Master, Scheduler, two_agents
from tests.support.wait import wait_until
from tests.support.zookeeper import ZooKeeperServer

pytestmark = pytest.mark.integration

EXAMPLES = Path(__file__).parents[3] / "examples" / "frameworks.json"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = two_agents(tmp_path / "mesos")
    made.start()
    yield made
    made.stop()


def _subscribed(master: Master) -> bool:
    """Whether a scheduler of the framework is there."""
    framework = master.framework()
    assert framework is not None
    return bool(framework["connected"])


def test_the_marathon_app_of_hello_starts_hello(
    tmp_path: Path, zookeeper: ZooKeeperServer, zk_root: str, cluster: Cluster
) -> None:
    """A framework stands in for Marathon: it launches the definition's cmd with its env, named ports and $HOST."""
    edgelb = tmp_path / "edgelb"
    edgelb.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m api.cli.main "$@"\n')
    edgelb.chmod(0o755)
    (hello,) = select(load_frameworks(EXAMPLES), ("hello",))
    app = app_definition(
        hello,
        MarathonSettings(
            zk=zookeeper.address,
            zk_root=zk_root,
            mesos=cluster.master_address,
            frameworks=str(EXAMPLES),
            executable=str(edgelb),
        ),
    )
    cmd = app["cmd"]
    variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in app["env"].items())
    stand_in = {
        "frameworks": [
            {
                "name": "marathon",
                "plugin": "examples.hello:Hello",
                "roles": ["marathon"],
                "options": {
                    "task": "app",
                    "command": f"export HOST=127.0.0.1 {variables}; {cmd}",
                    "cpus": app["cpus"],
                    "mem": app["mem"],
                    "ports": {port["name"]: port["port"] for port in app["portDefinitions"]},
                },
            }
        ]
    }
    path = tmp_path / "marathon.json"
    path.write_text(json.dumps(stand_in))
    marathon = Scheduler(
        tmp_path / "marathon.log",
        zk=zookeeper.address,
        zk_root=f"{zk_root}/marathon",
        mesos=cluster.master_address,
        frameworks=path,
        names=(),
    ).start()
    launched = Master(cluster, "hello")
    try:
        task = wait_until(lambda: launched.running().get("hello-0-hello"), 60, "hello, launched by its own app")
        framework = launched.framework()
        assert framework is not None
        assert task["framework_id"] == framework["id"]
        app_task = Master(cluster, "marathon").running()["marathon-0-app"]
        pods = marathon.get("/v1/services/marathon/pods")["pods"]
        port = pods[0]["tasks"][0]["ports"]["scheduler"]
        assert pods[0]["tasks"][0]["id"] == app_task["id"]
        assert framework["webui_url"] == f"http://127.0.0.1:{port}"
        # Ending the app is what Marathon does at an upgrade: the framework stays, its task goes on.
        stand_in_framework = Master(cluster, "marathon").framework()
        assert stand_in_framework is not None
        launched.operate("TEARDOWN", {"framework_id": {"value": stand_in_framework["id"]}})
        wait_until(lambda: not _subscribed(launched), 60, "the app is ended")
        assert launched.running()["hello-0-hello"]["id"] == task["id"]
    finally:
        marathon.stop()
