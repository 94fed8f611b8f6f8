"""The embedded Mesos under kills: agents, masters and executors die and come back; tasks survive as on a real one."""

import base64
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sdk.local import processes
from sdk.local.cluster import Cluster
from tests.integration.sdk_local.client import Scheduler, Stream, amounts, launch, task
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration
Schedulers = Callable[..., Scheduler]
EXECUTOR = Path(__file__).with_name("executor.py")


def custom(offer: dict[str, Any], task_id: str, executor_id: str = "ex") -> dict[str, Any]:
    """A task of the test's custom executor."""
    return task(
        offer,
        task_id,
        executor={
            "type": "CUSTOM",
            "executor_id": {"value": executor_id},
            "command": {
                "value": "exec python3 executor.py $COLOR",
                "uris": [{"value": str(EXECUTOR), "extract": False}],
                "environment": {"variables": [{"name": "COLOR", "value": "blue"}]},
            },
            "resources": amounts(offer, 0.1, 16.0),
        },
    )


def states(scheduler: Scheduler, task_id: str) -> list[str]:
    """The states of a task so far."""
    return [status["state"] for status in scheduler.statuses(task_id)]


@pytest.mark.parametrize("make", [task, custom], ids=["command", "custom executor"])
def test_tasks_survive_a_restart_of_the_agent(cluster: Cluster, scheduler: Schedulers, make: Any) -> None:
    """SIGKILL of an agent and a start in the same directory: same task, same process, and it can still be killed."""
    framework = scheduler()
    offer = framework.offer("agent1")
    fields = {"command": {"value": "exec sleep 1000"}} if make is task else {}
    framework.accept(offer, launch(make(offer, "t1", **fields)))
    pid = framework.wait_for("t1", "TASK_RUNNING")["container_status"]["executor_pid"]
    born = processes.start_time(pid)
    cluster.kill("agent1")
    cluster.start_member("agent1")
    cluster.wait_for_agents(2)
    again = framework.offer("agent1")
    assert again["agent_id"] == offer["agent_id"]
    assert processes.start_time(pid) == born
    assert not framework.stream.of("FAILURE")
    framework.kill("t1")
    framework.wait_for("t1", "TASK_KILLED")
    assert "TASK_LOST" not in states(framework, "t1")
    if make is task:
        wait_until(lambda: processes.start_time(pid) is None, what="the end of the command executor")


def test_command_that_ends_while_the_agent_is_down(cluster: Cluster, scheduler: Schedulers, tmp_path: Path) -> None:
    """The executor keeps the last word until the agent is back."""
    framework = scheduler()
    command = f"while [ ! -e {tmp_path}/go ]; do sleep 0.02; done; exit 7"
    framework.launch(framework.offer("agent1"), "t1", command)
    framework.wait_for("t1", "TASK_RUNNING")
    cluster.kill("agent1")
    (tmp_path / "go").touch()
    cluster.start_member("agent1")
    assert framework.wait_for("t1", "TASK_FAILED")["message"] == "Command exited with status 7"


def test_executor_that_dies_while_the_agent_is_down(cluster: Cluster, scheduler: Schedulers) -> None:
    """The agent finds it dead and fails its task."""
    framework = scheduler()
    framework.launch(framework.offer("agent1"), "t1", "exec sleep 1000")
    running = framework.wait_for("t1", "TASK_RUNNING")
    cluster.kill("agent1")
    processes.send([running["container_status"]["executor_pid"]], signal.SIGKILL)
    cluster.start_member("agent1")
    failed = framework.wait_for("t1", "TASK_FAILED")
    assert failed["reason"] == "REASON_EXECUTOR_TERMINATED"


def test_dead_agent_makes_its_tasks_unreachable(cluster: Cluster, scheduler: Schedulers) -> None:
    """After the ping timeouts: TASK_UNREACHABLE, RESCIND, FAILURE; when it returns with the same id, TASK_RUNNING."""
    framework = scheduler()
    offer = framework.offer("agent1")
    framework.launch(offer, "t1", "exec sleep 1000")
    framework.wait_for("t1", "TASK_RUNNING")
    framework.offer("agent1")
    cluster.kill("agent1")
    lost = framework.wait_for("t1", "TASK_UNREACHABLE")
    assert (lost["reason"], lost["message"]) == ("REASON_AGENT_REMOVED", "health check timed out")
    assert "uuid" not in lost
    assert "unreachable_time" in lost
    failure = wait_until(lambda: framework.stream.of("FAILURE"), what="FAILURE")
    assert failure == [{"type": "FAILURE", "failure": {"agent_id": offer["agent_id"]}}]
    assert framework.stream.of("RESCIND")
    framework.call("RECONCILE", {"tasks": [{"task_id": {"value": "t1"}, "agent_id": offer["agent_id"]}]})
    framework.wait_for("t1", "TASK_UNREACHABLE", reason="REASON_RECONCILIATION")
    cluster.start_member("agent1")
    back = framework.wait_for("t1", "TASK_RUNNING", reason="REASON_AGENT_REREGISTERED")
    assert back["message"] == "Unreachable agent re-reregistered"
    assert framework.offer("agent1")["agent_id"] == offer["agent_id"]


def test_partitioned_agent_comes_back(cluster: Cluster, scheduler: Schedulers) -> None:
    """A stopped agent process is lost, and found again when it goes on."""
    framework = scheduler()
    framework.launch(framework.offer("agent1"), "t1", "exec sleep 1000")
    framework.wait_for("t1", "TASK_RUNNING")
    cluster.send_signal("agent1", signal.SIGSTOP)
    framework.wait_for("t1", "TASK_UNREACHABLE")
    cluster.send_signal("agent1", signal.SIGCONT)
    framework.wait_for("t1", "TASK_RUNNING", reason="REASON_AGENT_REREGISTERED")


def test_tasks_survive_a_restart_of_the_master(cluster: Cluster, scheduler: Schedulers) -> None:
    """SIGKILL of the master: agents come back with their ids, the framework id is accepted, reconciliation knows."""
    framework = scheduler()
    offer = framework.offer("agent1")
    framework.launch(offer, "t1", "exec sleep 1000")
    framework.wait_for("t1", "TASK_RUNNING")
    cluster.kill("master")
    assert framework.stream.ended.wait(5)
    cluster.start_member("master")
    cluster.wait_for_agents(2)
    waiting = cluster.get("/frameworks")["frameworks"][0]
    assert (waiting["id"], waiting["recovered"], waiting["connected"]) == (framework.framework_id, True, False)
    again = scheduler(framework_id=framework.framework_id)
    assert again.framework_id == framework.framework_id
    again.call("RECONCILE", {"tasks": [{"task_id": {"value": "t1"}}]})
    known = again.wait_for("t1", "TASK_RUNNING", reason="REASON_RECONCILIATION")
    assert known["agent_id"] == offer["agent_id"]
    again.kill("t1")
    again.wait_for("t1", "TASK_KILLED")


def test_update_sent_while_the_master_was_down(cluster: Cluster, scheduler: Schedulers, tmp_path: Path) -> None:
    """An update that found no master is delivered once the scheduler is back."""
    framework = scheduler()
    command = f"while [ ! -e {tmp_path}/go ]; do sleep 0.02; done"
    framework.launch(framework.offer("agent1"), "t1", command)
    framework.wait_for("t1", "TASK_RUNNING")
    cluster.kill("master")
    (tmp_path / "go").touch()
    cluster.start_member("master")
    cluster.wait_for_agents(2)
    again = scheduler(framework_id=framework.framework_id)
    again.wait_for("t1", "TASK_FINISHED")


def test_second_scheduler_takes_over(scheduler: Schedulers) -> None:
    """The first one gets ERROR and the end of its stream; unacknowledged updates go to the second."""
    first = scheduler()
    first.launch(first.offer("agent1"), "t1", "exec sleep 1000")
    wait_until(lambda: first.stream.of("UPDATE"), what="the first update")
    second = scheduler(framework_id=first.framework_id)
    assert first.stream.ended.wait(5)
    assert first.stream.events[-1] == {"type": "ERROR", "error": {"message": "Framework failed over"}}
    second.wait_for("t1", "TASK_STARTING")
    second.wait_for("t1", "TASK_RUNNING")
    assert first.call("REVIVE")[0] == 400


def test_failover_timeout_removes_the_framework(cluster: Cluster, scheduler: Schedulers) -> None:
    """A scheduler that stays away loses its framework, its tasks and its id."""
    framework = scheduler(failover_timeout=0.5)
    framework.launch(framework.offer("agent1"), "t1", "exec sleep 1000")
    pid = framework.wait_for("t1", "TASK_RUNNING")["container_status"]["executor_pid"]
    framework.close()
    wait_until(lambda: not cluster.get("/frameworks")["frameworks"], what="the removal of the framework")
    wait_until(lambda: processes.start_time(pid) is None, what="the end of the task")
    info = {"user": "root", "name": "x", "id": {"value": framework.framework_id}}
    body = {"type": "SUBSCRIBE", "subscribe": {"framework_info": info}, "framework_id": info["id"]}
    refused = Stream(cluster.port, "/api/v1/scheduler", body)
    assert refused.ended.wait(5)
    assert refused.events == [{"type": "ERROR", "error": {"message": "Framework has been removed"}}]
    refused.close()


def test_teardown_ends_everything(cluster: Cluster, scheduler: Schedulers) -> None:
    """TEARDOWN: the stream ends without a word, executors get SHUTDOWN and end."""
    framework = scheduler()
    offer = framework.offer("agent1")
    framework.accept(offer, launch(custom(offer, "c1")))
    pid = framework.wait_for("c1", "TASK_RUNNING")["container_status"]["executor_pid"]
    assert framework.call("TEARDOWN") == (202, "")
    assert framework.stream.ended.wait(5)
    assert framework.stream.events[-1]["type"] != "ERROR"
    wait_until(lambda: processes.start_time(pid) is None, what="the end of the executor")
    assert cluster.get("/state")["completed_frameworks"][0]["id"] == framework.framework_id


def test_custom_executor(cluster: Cluster, scheduler: Schedulers) -> None:
    """One executor runs several tasks, echoes messages, and its end is a FAILURE with its wait status."""
    framework = scheduler()
    offer = framework.offer("agent2")
    framework.accept(offer, launch(custom(offer, "c1"), custom(offer, "c2")))
    first = framework.wait_for("c1", "TASK_RUNNING")
    second = framework.wait_for("c2", "TASK_RUNNING")
    assert first["container_status"] == second["container_status"]
    assert framework.offer("agent2")["executor_ids"] == [{"value": "ex"}]
    framework.kill("c1")
    framework.wait_for("c1", "TASK_KILLED")
    address = {"agent_id": offer["agent_id"], "executor_id": {"value": "ex"}}
    framework.call("MESSAGE", {**address, "data": base64.b64encode(b"hi").decode()})
    message = wait_until(lambda: framework.stream.of("MESSAGE"), what="the echo")[0]["message"]
    assert message == {**address, "data": base64.b64encode(b"echo hi").decode()}
    framework.call("MESSAGE", {**address, "data": base64.b64encode(b"exit 3").decode()})
    failed = framework.wait_for("c2", "TASK_FAILED")
    assert failed["reason"] == "REASON_EXECUTOR_TERMINATED"
    assert framework.stream.of("FAILURE")[0]["failure"] == {**address, "status": 768}


def test_reservation_survives_the_agent(cluster: Cluster, scheduler: Schedulers) -> None:
    """RESERVE gets its feedback, and the reservation is still there when the agent was restarted."""
    framework = scheduler(roles=("slave_public/x",))
    offer = framework.offer("agent1", "slave_public/x")
    label = {"labels": {"labels": [{"key": "resource_id", "value": "r1"}]}}
    reserved = [
        item | {"reservations": [*item["reservations"], {"type": "DYNAMIC", "role": "slave_public/x", **label}]}
        for item in amounts(offer, 0.5, 64.0)
    ]
    operation = {"type": "RESERVE", "id": {"value": "op1"}, "reserve": {"resources": reserved}}
    framework.accept(offer, operation)
    event = wait_until(lambda: framework.stream.of("UPDATE_OPERATION_STATUS"), what="the feedback")[0]
    content = event["update_operation_status"]["status"]
    assert (content["operation_id"], content["state"]) == ({"value": "op1"}, "OPERATION_FINISHED")
    acknowledgement = {
        "agent_id": content["agent_id"], "operation_id": content["operation_id"], "uuid": content["uuid"]["value"]
    }  # fmt: skip
    assert framework.call("ACKNOWLEDGE_OPERATION_STATUS", acknowledgement) == (202, "")

    def reservations() -> dict[str, Any]:
        agents = cluster.get("/slaves")["slaves"]
        return next(item for item in agents if item["hostname"] == "agent1")["reserved_resources"]

    assert reservations()["slave_public/x"]["cpus"] == 0.5
    cluster.kill("agent1")
    cluster.start_member("agent1")
    cluster.wait_for_agents(2)
    assert reservations()["slave_public/x"]["cpus"] == 0.5
    again = framework.offer("agent1", "slave_public/x")
    assert [item for item in again["resources"] if len(item.get("reservations", ())) == 2] == reserved


def test_operator_stream_follows_everything(cluster: Cluster, scheduler: Schedulers) -> None:
    """A snapshot first, then added frameworks, tasks and every update once."""
    stream = Stream(cluster.port, "/api/v1", {"type": "SUBSCRIBE"})
    wait_until(lambda: stream.of("HEARTBEAT"), what="the first heartbeat")
    assert stream.events[0]["type"] == "SUBSCRIBED"
    agents = stream.events[0]["subscribed"]["get_state"]["get_agents"]["agents"]
    assert sorted(item["agent_info"]["hostname"] for item in agents) == ["agent1", "agent2"]
    framework = scheduler()
    framework.launch(framework.offer("agent1"), "t1", "true")
    framework.wait_for("t1", "TASK_FINISHED")
    wait_until(lambda: len(stream.of("TASK_UPDATED")) == 3, what="three updates")
    kinds = [event["type"] for event in stream.events if event["type"] != "HEARTBEAT"]
    assert kinds == ["SUBSCRIBED", "FRAMEWORK_ADDED", "TASK_ADDED", "TASK_UPDATED", "TASK_UPDATED", "TASK_UPDATED"]
    stream.close()


def test_crashed_members_are_restarted(tmp_path: Path, cluster: Cluster) -> None:
    """With `restart`, a member that dies comes back by itself; a stopped cluster leaves no process behind."""
    from tests.integration.sdk_local.conftest import AGENTS, three_ports

    own = Cluster(tmp_path / "own", three_ports(), AGENTS, restart=True)
    own.start()
    try:
        before = own.pids()
        own.crash("master")
        own.crash("agent1")
        wait_until(lambda: None not in own.pids().values() and own.pids() != before, what="the restart")
        wait_until(lambda: own.pids()["master"] != before["master"], what="the restart of the master")
        own.wait_for_agents(2)
    finally:
        own.stop()
    assert set(own.pids().values()) == {None}
