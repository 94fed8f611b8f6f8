"""The hello framework on real ZooKeeper and the embedded Mesos: the whole SDK without any load balancer."""

import pytest

from sdk.storage.connection import ZooKeeper
from tests.integration.runner.system import Scheduler, System, kill_task, nodes
from tests.support.wait import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.slow]


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
    assert [plan["name"] for plan in plans] == ["deploy", "update", "recovery", "decommission"]
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
    kill_task(str(first["id"]))
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
