"""The pool plugin in a real scheduler process: pools in ZooKeeper become tasks with the right shape, and go again."""

import hashlib
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scheduler.pools.model import Frontend, Haproxy, Pool, Stats
from scheduler.pools.stored.store import PoolStore
from sdk.local.cluster import Cluster, standard_agents
from sdk.storage.connection import ZooKeeper
from tests.integration.runner.system import QUICK, Master, Scheduler, nodes
from tests.support.ports import free_port
from tests.support.wait import wait_until
from tests.support.zookeeper import ZooKeeperServer

pytestmark = pytest.mark.integration

FRAMEWORKS = Path(__file__).parents[3] / "frameworks.json"
POOL = Pool(
    name="web",
    cpus=0.2,
    mem=64,
    disk=32,
    haproxy=Haproxy(
        stats=Stats(bind_address="127.0.0.1", bind_port=0),
        frontends=(Frontend(name="http", bind_address="127.0.0.1"),),
    ),
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two public agents (static reservation for slave_public) and two private ones."""
    base = free_port()
    made = Cluster(tmp_path_factory.mktemp("mesos"), base, standard_agents(28000, ports_each=50), timing=QUICK)
    made.start()
    yield made
    made.stop()


class Running:
    """A scheduler with the pools' plugin."""

    def __init__(self, scheduler: Scheduler, master: Master, store: PoolStore, cluster: Cluster, root: str) -> None:
        self.scheduler, self.master, self.store, self.cluster, self.root = scheduler, master, store, cluster, root

    def tasks(self) -> dict[str, dict[str, Any]]:
        """Tasks that are not over, by name."""
        framework = self.master.framework()
        tasks = framework["tasks"] if framework else []
        return {task["name"]: task for task in tasks if task["state"] in ("TASK_STARTING", "TASK_RUNNING")}

    def wait_tasks(self, count: int) -> dict[str, dict[str, Any]]:
        """That many, no more and no less."""
        wait_until(lambda: len(self.tasks()) == count, 40, f"{count} tasks")
        return self.tasks()


@pytest.fixture
def running(
    tmp_path: Path, zookeeper: ZooKeeperServer, connection: ZooKeeper, zk_root: str, cluster: Cluster
) -> Iterator[Running]:
    scheduler = Scheduler(
        tmp_path / "scheduler.log",
        zk=zookeeper.address,
        zk_root=zk_root,
        mesos=cluster.master_address,
        frameworks=FRAMEWORKS,
        names=("edgelb",),
    ).start()
    made = Running(scheduler, Master(cluster, "edgelb"), PoolStore(connection, zk_root), cluster, zk_root)
    try:
        scheduler.wait_ready()
        yield made
    finally:
        scheduler.stop()
        made.master.clear()


def test_a_pool_becomes_a_task_that_is_easy_to_read_in_mesos(running: Running) -> None:
    """Name, id, labels, DiscoveryInfo, role and executor data are those of the contract."""
    running.store.create(POOL)
    task = running.wait_tasks(1)["edgelb-pool-0-server"]
    assert task["id"].startswith("dcos-edgelb.pools.web__edgelb-pool-0-server__")
    labels = {label["key"]: label["value"] for label in task["labels"]}
    assert labels["EDGELB_POOL"] == "web"
    assert labels["EDGELB_POOL_VERSION"] == "1"
    assert len(labels["EDGELB_CONFIG"]) == 12
    assert task["discovery"]["visibility"] == "EXTERNAL"
    assert task["discovery"]["name"] == "web.pools.dcos-edgelb"
    ports = {port["name"]: port["number"] for port in task["discovery"]["ports"]["ports"]}
    assert set(ports) == {"http", "stats"}
    assert task["role"] == "slave_public/edgelb"
    framework = running.master.framework()
    assert framework is not None
    assert framework["webui_url"] == running.scheduler.url
    executor = next(one for one in framework["executors"] if one["executor_id"] == task["executor_id"])
    assert "sha256sum -c" in executor["command"]["value"]
    pods = running.scheduler.get("/v1/services/web/pods")["pods"]
    assert pods[0]["tasks"][0]["ports"] == ports
    assert running.scheduler.get("/v1/services/web/plans")["labels"]["EDGELB_POOL_VERSION"] == "1"
    hosts = {slave["id"]: slave["hostname"] for slave in running.cluster.get("/slaves")["slaves"]}
    assert hosts[task["slave_id"]] in ("agent1", "agent2")


def test_the_artifact_is_named_by_its_content(running: Running) -> None:
    """What agents fetch has the sum that stands in its address; another sum is not found."""
    running.store.create(POOL)
    task = running.wait_tasks(1)["edgelb-pool-0-server"]
    framework = running.master.framework()
    assert framework is not None
    uri = next(
        one["command"]["uris"][0]["value"]
        for one in framework["executors"]
        if one["executor_id"] == task["executor_id"]
    )
    assert uri.startswith(running.scheduler.url)
    with urllib.request.urlopen(uri, timeout=5) as answer:
        assert hashlib.sha256(answer.read()).hexdigest() == uri.split("/")[-2]
    assert running.scheduler.request("GET", f"/v1/artifacts/{'0' * 64}/pool_executor.pyz")[0] == 404


def test_a_pool_scales_and_goes_without_a_trace(running: Running, connection: ZooKeeper) -> None:
    """Two instances on two agents, one again, none: no task, no reservation, no node of the service or of statuses."""
    running.store.create(replace(POOL, count=2))
    two = running.wait_tasks(2)
    assert len({task["slave_id"] for task in two.values()}) == 2
    running.store.replace(replace(POOL, count=1))
    one = running.wait_tasks(1)
    assert one["edgelb-pool-0-server"]["id"] == two["edgelb-pool-0-server"]["id"]
    connection.create(f"{running.root}/instances/web/leftover")
    connection.delete(f"{running.root}/instances/web/leftover")
    running.store.delete("web")
    running.wait_tasks(0)
    wait_until(lambda: running.scheduler.get("/v1/services") == [], 40, "no service")
    wait_until(lambda: connection.children(f"{running.root}/instances") == [], 40, "no status folder")
    dynamic = [
        resource
        for slave in running.cluster.get("/slaves")["slaves"]
        for role, resource in slave["reserved_resources"].items()
        if role.endswith("/edgelb")
    ]
    assert dynamic == []
    assert nodes(connection, f"{running.root}/frameworks/edgelb/services") == []


def test_a_pool_that_cannot_be_placed_says_why(running: Running) -> None:
    """Pending tells the counts of offers by reason."""
    running.store.create(replace(POOL, name="big", cpus=500.0))
    pending = wait_until(lambda: running.scheduler.get("/v1/pending")["pending"], 40, "something pending")
    assert pending[0]["service"] == "big"
    assert pending[0]["pod"] == "edgelb-pool-0"
    wait_until(
        lambda: "cpus" in running.scheduler.get("/v1/services/big/pods")["pods"][0]["pending"]["summary"],
        40,
        "a reason with cpus",
    )


def test_a_pool_that_cannot_be_read_slows_down_only_itself(running: Running, connection: ZooKeeper) -> None:
    """Its instances stay as they are, the state names it, and others go on."""
    running.store.create(POOL)
    before = running.wait_tasks(1)["edgelb-pool-0-server"]["id"]
    path = f"{running.root}/pools/web"
    data = connection.get(path)
    assert data is not None
    connection.set(path, b"{broken")
    connection.create(f"{running.root}/pools/other", b"[]")
    running.store.create(replace(POOL, name="third"))
    tasks = wait_until(
        lambda: running.scheduler.get("/v1/services/third/pods")["pods"][0]["tasks"], 40, "the third pool's task"
    )
    assert tasks
    problems = {problem["service"]: problem["message"] for problem in running.scheduler.get("/v1/state")["problems"]}
    assert "other" in problems
    assert any(task["id"] == before for task in running.tasks().values())
    connection.delete(f"{running.root}/pools/other")
    wait_until(lambda: not running.scheduler.get("/v1/state")["problems"], 20, "no more problems")


def test_a_pool_of_another_principal_is_not_deployed_and_says_so(running: Running) -> None:
    """The framework of all pools has one, here none; the others go on."""
    running.store.create(replace(POOL, name="foreign", principal="somebody"))
    running.store.create(POOL)
    running.wait_tasks(1)

    def problems() -> dict[str, str]:
        return {one["service"]: one["message"] for one in running.scheduler.get("/v1/state")["problems"]}

    wait_until(lambda: "foreign" in problems(), 20, "the reason")
    assert problems() == {
        "foreign": "pool.principal: somebody is not that of the framework, which runs all pools and has none; "
        "leave the field out"
    }


def test_an_image_is_refused_by_the_embedded_mesos_with_a_sentence(running: Running) -> None:
    """The instance is tried again; whoever looks sees why."""
    running.store.create(replace(POOL, container_image="edgelb:1"))

    def message() -> str:
        return str(running.scheduler.get("/v1/services/web/pods")["pods"][0]["pending"]["summary"])

    wait_until(lambda: "have no images" in message(), 30, "the agent's sentence")


def test_a_change_of_routing_relaunches_nothing(running: Running) -> None:
    """A new version of the pool that concerns HAProxy only leaves the task alone."""
    running.store.create(POOL)
    before = running.wait_tasks(1)["edgelb-pool-0-server"]["id"]
    running.store.replace(replace(POOL, namespace="elsewhere"))
    running.store.create(replace(POOL, name="later"))
    wait_until(lambda: running.scheduler.get("/v1/services/later/pods")["pods"], 40, "a later change is seen")
    pods = running.scheduler.get("/v1/services/web/pods")["pods"]
    assert [pod["tasks"][0]["id"] for pod in pods] == [before]
