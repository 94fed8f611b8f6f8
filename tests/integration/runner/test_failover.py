"""Schedulers that are killed, frozen or cut off from ZooKeeper, and the standby that takes over."""

import signal
from pathlib import Path

import pytest

from api.cli.exits import Exit
from sdk.local.cluster import Cluster
from sdk.mesos.base import Scheduler as Quiet
from sdk.mesos.calls import CAPABILITIES
from sdk.mesos.driver import MesosDriver
from tests.integration.runner.system import System, kill_task
from tests.support.ports import free_port
from tests.support.wait import wait_until
from tests.support.zookeeper import ZooKeeperServer

pytestmark = [pytest.mark.integration, pytest.mark.slow]


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
    kill_task(str(before["id"]))
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


def test_a_scheduler_gives_way_to_another_one_with_its_id_that_has_no_lock_of_ours(system: System) -> None:
    """It ends and says why; the task goes on, and whoever is started next takes the framework up."""
    scheduler = system.scheduler()
    scheduler.wait_ready()
    before = next(iter(system.wait_running().values()))
    info = {"name": "hello", "user": "root", "roles": ["hello"], "id": {"value": before["framework_id"]}}
    capabilities = [{"type": name} for name in CAPABILITIES]
    foreign = MesosDriver(
        Quiet(), {**info, "capabilities": capabilities, "checkpoint": True}, system.cluster.master_address
    )
    foreign.start()
    try:
        assert scheduler.process is not None
        assert scheduler.process.wait(60) == Exit.FAILED
        assert f"another scheduler has subscribed as framework {before['framework_id']}" in scheduler.log.read_text()
        assert foreign.connected
    finally:
        foreign.stop()
        foreign.join(30)
    again = system.scheduler()
    again.wait_ready(60)
    assert next(iter(system.wait_running().values()))["id"] == before["id"]


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
