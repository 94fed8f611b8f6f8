"""What operators of the cluster do, on real processes: drains, maintenance, TEARDOWN."""

import time
from typing import Any

import pytest

from tests.integration.runner.system import Scheduler, System
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration


def _task(system: System) -> dict[str, Any]:
    """The only one that runs."""
    [task] = system.wait_running().values()
    return task


def _elsewhere(system: System, first: dict[str, Any], timeout: float) -> dict[str, Any]:
    """The task that runs instead of the first one, on another agent."""

    def found() -> dict[str, Any] | None:
        return next((task for task in system.master.running().values() if task["slave_id"] != first["slave_id"]), None)

    return wait_until(found, timeout, "a task on another agent")


def _host(system: System, task: dict[str, Any]) -> str:
    slaves = system.cluster.get("/slaves")["slaves"]
    return str(next(one["hostname"] for one in slaves if one["id"] == task["slave_id"]))


def _ready(system: System) -> Scheduler:
    scheduler = system.scheduler()
    scheduler.wait_ready()
    return scheduler


def test_a_drained_agent_is_left_without_waiting_for_anything(system: System) -> None:
    """Long before the minute after which an agent without offers counts as lost; afterwards the agent is clean."""
    _ready(system)
    first = _task(system)
    home = _host(system, first)
    system.master.operate("DRAIN_AGENT", {"agent_id": {"value": first["slave_id"]}})
    try:
        _elsewhere(system, first, 30)
    finally:
        system.master.operate("REACTIVATE_AGENT", {"agent_id": {"value": first["slave_id"]}})
    wait_until(lambda: home not in system.master.reserved(), 150, "the old reservation is released")


def test_an_announced_maintenance_is_accepted_and_the_task_moves(system: System) -> None:
    """The new task runs before the old one ends, and the operator sees ACCEPT."""
    _ready(system)
    first = _task(system)
    home = _host(system, first)
    machine = {"hostname": home, "ip": "127.0.0.1"}
    start = {"nanoseconds": (int(time.time()) + 1800) * 10**9}
    window = {"machine_ids": [machine], "unavailability": {"start": start}}
    system.master.operate("UPDATE_MAINTENANCE_SCHEDULE", {"schedule": {"windows": [window]}})
    try:
        _elsewhere(system, first, 30)
        wait_until(lambda: len(system.master.running()) == 1, 30, "the old task has ended")
        status = system.cluster.get("/maintenance/status")
        [draining] = status["draining_machines"]
        assert [answer["status"] for answer in draining["statuses"]] == ["ACCEPT"]
    finally:
        system.master.operate("UPDATE_MAINTENANCE_SCHEDULE", {"schedule": {"windows": []}})


@pytest.mark.slow
def test_a_torn_down_framework_goes_on_when_it_is_asked_to(system: System) -> None:
    """The new id takes the old reservation up; at the end of it all nothing is reserved."""
    scheduler = _ready(system)
    first = _task(system)
    reserved = system.master.reserved()
    system.master.operate("TEARDOWN", {"framework_id": {"value": first["framework_id"]}})
    wait_until(lambda: "/v1/renew" in str(scheduler.request("GET", "/readyz")), 20, "the scheduler says what to do")
    assert scheduler.request("POST", "/v1/renew")[0] == 202
    second = _task(system)
    assert second["framework_id"] != first["framework_id"]
    assert second["slave_id"] == first["slave_id"]
    assert system.master.reserved() == reserved
    assert scheduler.request("POST", "/v1/uninstall", {"confirm": "hello"})[0] == 202
    wait_until(lambda: scheduler.get("/v1/uninstall")["status"] == "COMPLETE", 60, "the uninstall is complete")
    wait_until(lambda: system.master.reserved() == {}, 20, "no reservation is left")


@pytest.mark.slow
def test_an_uninstall_after_a_teardown_releases_what_is_reserved(system: System) -> None:
    """Mesos offers the reservations to nobody as long as the framework has no id: it takes one to the end."""
    scheduler = _ready(system)
    first = _task(system)
    system.master.operate("TEARDOWN", {"framework_id": {"value": first["framework_id"]}})
    wait_until(lambda: "/v1/renew" in str(scheduler.request("GET", "/readyz")), 20, "the scheduler knows")
    assert system.master.reserved() != {}
    assert scheduler.request("POST", "/v1/uninstall", {"confirm": "hello"})[0] == 202
    wait_until(lambda: scheduler.get("/v1/uninstall")["status"] == "COMPLETE", 60, "the uninstall is complete")
    wait_until(lambda: system.master.reserved() == {}, 20, "no reservation is left")
