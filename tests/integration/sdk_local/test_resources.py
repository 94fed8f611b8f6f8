"""What the agent does about disk: quota of sandboxes, persistent volumes as directories, the fetcher's cache."""

import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sdk.local.cluster import Cluster, Timing
from tests.integration.sdk_local.client import Scheduler, amounts, launch, task
from tests.integration.sdk_local.conftest import AGENTS, three_ports
from tests.integration.sdk_local.test_checks import recorded, told
from tests.support import nursery
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration
Json = dict[str, Any]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster whose first agent enforces disk quotas."""
    flags = ("--enforce-container-disk-quota", "--container-disk-watch-interval", "0.2")
    agents = [replace(AGENTS[0], flags=flags), AGENTS[1]]
    cluster = Cluster(
        tmp_path / "mesos", three_ports(), agents, timing=Timing(allocation_interval=0.2), popen=nursery.popen
    )
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture
def framework(cluster: Cluster) -> Iterator[Scheduler]:
    """A subscribed scheduler."""
    result = Scheduler(cluster.port)
    yield result
    result.close()


def disk(offer: Json, value: float) -> Json:
    """Disk out of an offer."""
    found: Json = next(item for item in offer["resources"] if item["name"] == "disk")
    return found | {"scalar": {"value": value}}


def test_disk_quota_as_recorded(framework: Scheduler) -> None:
    """A sandbox that outgrows its disk: TASK_FAILED with the exceeded resources, and everything of the task ends."""
    offer = framework.offer("agent1")
    resources = [*amounts(offer), disk(offer, 1.0)]
    command = "dd if=/dev/zero of=big bs=1M count=3 2>/dev/null; sleep 1000"
    framework.accept(offer, launch(task(offer, "disk", command={"value": command}, resources=resources)))
    status = framework.wait_for("disk", "TASK_FAILED")
    theirs = recorded("disk")[-1]
    assert list(status) == list(theirs)
    assert told(status) | {"message": ""} == told(theirs) | {"message": ""}
    assert status["message"].startswith("Disk usage (3")
    assert status["message"].endswith("KB) exceeds quota (1MB)")
    (limited,) = status["limitation"]["resources"]
    assert (limited["name"], limited["scalar"]) == ("disk", {"value": 1.0})


def test_persistent_volume_outlives_its_task(cluster: Cluster, framework: Scheduler) -> None:
    """CREATE makes a directory, tasks find it in their sandbox one after the other, DESTROY removes it."""
    offer = framework.offer("agent1")
    volume = disk(offer, 10.0) | {
        "disk": {
            "persistence": {"id": "v1"},
            "volume": {"mode": "RW", "container_path": "data"},
        }
    }
    first = task(offer, "t1", command={"value": "echo kept > data/file"}, resources=[*amounts(offer), volume])
    framework.accept(offer, {"type": "CREATE", "create": {"volumes": [volume]}}, launch(first))
    framework.wait_for("t1", "TASK_FINISHED")
    path = cluster.directory / "agent1/volumes/roles/slave_public/v1"
    assert (path / "file").read_text() == "kept\n"

    def with_volume() -> list[Json]:
        """An offer with the volume; others are given back."""
        offer = framework.offer("agent1")
        if any("persistence" in item.get("disk", {}) for item in offer["resources"]):
            return [offer]
        framework.call("DECLINE", {"offer_ids": [offer["id"]]})
        return []

    (offer,) = wait_until(with_volume, what="an offer with the volume")
    second = task(offer, "t2", command={"value": "cat data/file; rm data/file"}, resources=[*amounts(offer), volume])
    framework.accept(offer, launch(second))
    framework.wait_for("t2", "TASK_FINISHED")
    output = next(cluster.directory.glob("agent1/slaves/*/frameworks/*/executors/t2/runs/latest/stdout"))
    assert output.read_text() == "kept\n"
    assert path.is_dir()
    (offer,) = wait_until(with_volume, what="an offer with the volume again")
    framework.accept(offer, {"type": "DESTROY", "destroy": {"volumes": [volume]}})
    wait_until(lambda: not path.exists(), what="the volume is removed")


def test_cached_uri_is_fetched_once(framework: Scheduler) -> None:
    """A URI with `cache` is brought for the first task; the second gets the same bytes without a request."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Serve a number that counts requests."""
            asked.append(self.path)
            body = f"{len(asked)}\n".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            uri = {"value": f"http://127.0.0.1:{server.server_port}/number.txt", "cache": True}
            for name in ("t1", "t2"):
                command = {"value": "test $(cat number.txt) = 1", "uris": [uri]}
                framework.launch(framework.offer("agent1"), name, command)
                framework.wait_for(name, "TASK_FINISHED")
        finally:
            server.shutdown()
            thread.join()
    assert asked == ["/number.txt"]
