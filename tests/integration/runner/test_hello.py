"""The hello framework on real ZooKeeper and the embedded Mesos: the whole SDK without any load balancer."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from sdk.local.cluster import Cluster
from sdk.storage.connection import ZooKeeper, connect
from tests.integration.runner.system import Master, Scheduler, nodes, two_agents
from tests.support.ports import free_port
from tests.support.wait import wait_until
from tests.support.zookeeper import ZooKeeperServer

pytestmark = pytest.mark.integration

EXAMPLES = Path(__file__).parents[3] / "examples" / "frameworks.json"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A master and two agents for the module."""
    made = two_agents(tmp_path_factory.mktemp("mesos"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def connection(zookeeper: ZooKeeperServer) -> Iterator[ZooKeeper]:
    client = connect(zookeeper.address)
    assert client.wait_connected(10)
    yield client
    client.close()


class System:
    """Makes schedulers of one framework; all are gone, and so is the framework, after the test."""

    def __init__(self, tmp_path: Path, zk: str, zk_root: str, cluster: Cluster) -> None:
        self._tmp_path, self._zk, self.zk_root, self.cluster = tmp_path, zk, zk_root, cluster
        self.schedulers: list[Scheduler] = []
        self.master = Master(cluster, "hello")

    def scheduler(self) -> Scheduler:
        made = Scheduler(
            self._tmp_path / f"scheduler-{len(self.schedulers)}.log",
            zk=self._zk,
            zk_root=self.zk_root,
            mesos=self.cluster.master_address,
            frameworks=EXAMPLES,
            names=("hello",),
        )
        self.schedulers.append(made)
        return made.start()

    def wait_running(self, count: int = 1) -> dict[str, dict[str, object]]:
        return wait_until(
            lambda: running if len(running := self.master.running()) == count else None, 30, f"{count} tasks run"
        )

    def close(self) -> None:
        alive = [one for one in self.schedulers if one.process is not None and one.process.poll() is None]
        try:
            if alive and self.master.framework() is not None:
                wait_until(
                    lambda: any(one.request("POST", "/v1/uninstall", {"confirm": "hello"})[0] == 202 for one in alive),
                    30,
                    "a leader",
                )
                wait_until(lambda: self.master.framework() is None, 40, "the framework is gone")
        finally:
            for one in alive:
                one.stop()


@pytest.fixture
def system(tmp_path: Path, zookeeper: ZooKeeperServer, zk_root: str, cluster: Cluster) -> Iterator[System]:
    made = System(tmp_path, zookeeper.address, zk_root, cluster)
    yield made
    made.close()


def test_hello_runs_is_shown_and_scales(system: System) -> None:
    """One task comes up; plans and pods tell; PUT /v1/count makes it three, then one."""
    scheduler = system.scheduler()
    scheduler.wait_ready()
    task = next(iter(system.wait_running().values()))
    assert task["name"] == "hello-0-hello"
    wait_until(
        lambda: scheduler.get("/v1/services") == [{"name": "hello", "status": "COMPLETE", "pods": 1}], what="complete"
    )
    plans = scheduler.get("/v1/services/hello/plans")["plans"]
    assert [plan["name"] for plan in plans] == ["deploy", "recovery", "decommission"]
    pods = scheduler.get("/v1/services/hello/pods")["pods"]
    assert [(pod["name"], pod["status"], pod["tasks"][0]["id"]) for pod in pods] == [("hello-0", "RUNNING", task["id"])]
    state = scheduler.get("/v1/state")
    assert state["leader"] is True
    assert state["framework"]["id"] == task["framework_id"]
    assert scheduler.request("PUT", "/v1/count", {"count": 3})[0] == 200
    assert set(system.wait_running(3)) == {f"hello-{index}-hello" for index in range(3)}
    assert scheduler.request("PUT", "/v1/count", {"count": -1})[0] == 400
    assert scheduler.request("PUT", "/v1/count", {"count": 1})[0] == 200
    remaining = system.wait_running(1)
    assert remaining["hello-0-hello"]["id"] == task["id"]
    assert b"sdk_leader" in _metrics(scheduler)


def _metrics(scheduler: Scheduler) -> bytes:
    status, body = scheduler.request("GET", "/metrics")
    assert status == 200
    return str(body).encode()


def test_errors_are_sentences_with_a_code(system: System) -> None:
    """What is not there is named, together with what is."""
    scheduler = system.scheduler()
    scheduler.wait_ready()
    system.wait_running()
    assert scheduler.request("GET", "/v1/services/nope/pods") == (
        404,
        {"code": 404, "message": "framework hello has no service 'nope'; it has hello"},
    )
    status, body = scheduler.request("POST", "/v1/services/hello/pods/hello-9/restart")
    assert (status, body["code"]) == (404, 404)
    assert "hello-0" in body["message"]
    assert scheduler.request("POST", "/v1/services/hello/pods/hello-0/dance")[0] == 404
    assert scheduler.request("GET", "/nothing")[1]["code"] == 404


def test_a_task_that_dies_is_launched_again(system: System) -> None:
    """SIGKILL of the task's processes: a new one under a new id, in the same place."""
    system.scheduler().wait_ready()
    first = next(iter(system.wait_running().values()))
    _kill_task(str(first["id"]))
    second = wait_until(
        lambda: next((task for task in system.master.running().values() if task["id"] != first["id"]), None),
        30,
        "another task",
    )
    assert second["name"] == first["name"]
    assert second["slave_id"] == first["slave_id"]


def test_restart_and_replace_are_carried_out(system: System) -> None:
    """An operator's restart gives a new task on the same agent; replace one that may be elsewhere."""
    scheduler = system.scheduler()
    scheduler.wait_ready()
    first = next(iter(system.wait_running().values()))
    for action in ("restart", "replace"):
        status, _ = scheduler.request("POST", f"/v1/services/hello/pods/hello-0/{action}")
        assert status == 202
        second = wait_until(
            lambda old=first: next(
                (task for task in system.master.running().values() if task["id"] != old["id"]), None
            ),
            30,
            f"another task after {action}",
        )
        if action == "restart":
            assert second["slave_id"] == first["slave_id"]
        first = second


def test_a_killed_scheduler_resumes_and_leaves_tasks_alone(system: System) -> None:
    """SIGKILL, start again: the same framework id, the same task."""
    scheduler = system.scheduler()
    scheduler.wait_ready()
    before = next(iter(system.wait_running().values()))
    scheduler.kill()
    again = system.scheduler()
    again.wait_ready(30)
    assert again.get("/v1/state")["framework"]["id"] == before["framework_id"]
    assert next(iter(system.wait_running().values()))["id"] == before["id"]
    _kill_task(str(before["id"]))
    wait_until(
        lambda: any(task["id"] != before["id"] for task in system.master.running().values()), 30, "it still works"
    )


def test_a_standby_takes_over_at_once_when_the_leader_stops(system: System) -> None:
    """Two processes: one is ready, the other says who is in charge, and is ready when the first stopped."""
    first = system.scheduler()
    first.wait_ready()
    before = next(iter(system.wait_running().values()))
    second = system.scheduler()
    wait_until(lambda: first.url in str(second.request("GET", "/readyz")), 20, "the standby names the leader")
    assert second.request("GET", "/readyz")[0] == 503
    assert second.request("GET", "/healthz")[0] == 200
    assert second.request("GET", "/v1/services")[0] == 503
    assert first.stop() == 0
    second.wait_ready()
    assert second.get("/v1/state")["framework"]["id"] == before["framework_id"]
    assert next(iter(system.wait_running().values()))["id"] == before["id"]
    assert system.master.frameworks() == 1


def test_a_standby_takes_over_when_the_leader_is_killed(system: System) -> None:
    """SIGKILL of the leader: after the session timeout the standby goes on."""
    first = system.scheduler()
    first.wait_ready()
    before = next(iter(system.wait_running().values()))
    second = system.scheduler()
    wait_until(lambda: first.url in str(second.request("GET", "/readyz")), 20, "the standby names the leader")
    first.kill()
    second.wait_ready(30)
    assert next(iter(system.wait_running().values()))["id"] == before["id"]


def test_a_frozen_leader_is_replaced_and_does_not_fight_when_it_wakes(system: System) -> None:
    """SIGSTOP beyond the session: the other leads; the sleeper becomes a standby and leaves the subscription alone."""
    first = system.scheduler()
    first.wait_ready()
    before = next(iter(system.wait_running().values()))
    second = system.scheduler()
    wait_until(lambda: first.url in str(second.request("GET", "/readyz")), 20, "the standby names the leader")
    assert first.process is not None
    first.process.send_signal(signal.SIGSTOP)
    second.wait_ready(30)
    first.process.send_signal(signal.SIGCONT)
    wait_until(lambda: second.url in str(first.request("GET", "/readyz")), 30, "the sleeper knows who is in charge")
    second.wait_ready(30)
    assert next(iter(system.wait_running().values()))["id"] == before["id"]


def test_uninstall_leaves_nothing(system: System, connection: ZooKeeper) -> None:
    """No task, reservation, framework or node; the process stays, says so, and a standby does not begin again."""
    scheduler = system.scheduler()
    scheduler.wait_ready()
    system.wait_running()
    assert scheduler.request("PUT", "/v1/count", {"count": 3})[0] == 200
    system.wait_running(3)
    assert system.master.reserved()
    standby = system.scheduler()
    wait_until(lambda: scheduler.url in str(standby.request("GET", "/readyz")), 20, "the standby names the leader")
    assert scheduler.request("POST", "/v1/uninstall", {"confirm": "hello"})[0] == 202
    wait_until(lambda: scheduler.get("/v1/uninstall")["status"] == "COMPLETE", 60, "the uninstall is complete")
    assert system.master.framework() is None
    wait_until(lambda: system.master.reserved() == {}, 20, "no reservation")
    assert scheduler.stop() == 0
    wait_until(lambda: "uninstalled" in str(standby.request("GET", "/readyz")), 20, "the standby knows")
    assert standby.stop() == 0
    assert system.master.frameworks() == 1
    assert nodes(connection, f"{system.zk_root}/frameworks") == []
    assert nodes(connection, f"{system.zk_root}/wishes") == []


def test_zookeeper_away_stops_no_task_and_the_scheduler_goes_on_afterwards(tmp_path: Path, cluster: Cluster) -> None:
    """ZooKeeper is killed and comes back: the task lives, and scaling works again."""
    server = ZooKeeperServer(tmp_path / "zk", free_port())
    server.directory.mkdir()
    server.start()
    system = System(tmp_path, server.address, "/test", cluster)
    try:
        scheduler = system.scheduler()
        scheduler.wait_ready()
        before = next(iter(system.wait_running().values()))
        server.kill()
        wait_until(lambda: scheduler.request("GET", "/readyz")[0] == 503, 30, "not ready")
        assert scheduler.request("GET", "/healthz")[0] == 200
        assert system.master.running()["hello-0-hello"]["id"] == before["id"]
        server.start()
        scheduler.wait_ready(40)
        assert scheduler.request("PUT", "/v1/count", {"count": 2})[0] == 200
        assert system.wait_running(2)["hello-0-hello"]["id"] == before["id"]
    finally:
        try:
            system.close()
        finally:
            server.stop()


def _kill_task(task_id: str) -> None:
    """SIGKILL every process that runs for the task, as the kernel would when memory is short."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if f"MESOS_EXECUTOR_ID={task_id}".encode() in environment and b"sleep" in command:
            os.kill(int(entry.name), signal.SIGKILL)
