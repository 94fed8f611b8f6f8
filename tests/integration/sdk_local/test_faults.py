"""Faults of an agent on demand: each does what it says, and its end heals."""

import itertools
import json
from collections.abc import Callable

import pytest

from sdk.errors import EnvironmentProblem
from sdk.local.cluster import Cluster
from sdk.local.faults import FaultError, FaultInjector, NoSuchMember, set_faults
from tests.integration.sdk_local.client import Json, Scheduler, amounts, launch, task
from tests.integration.sdk_local.test_http import JSON, ask
from tests.support.wait import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.slow]
Schedulers = Callable[..., Scheduler]
ROLE = "slave_public/x"


@pytest.fixture
def faults(cluster: Cluster) -> FaultInjector:
    """Of the cluster."""
    return FaultInjector(cluster)


def running_on_agent(cluster: Cluster, task_id: str) -> bool:
    """Whether the first agent knows that a task runs, whoever else does."""
    state = json.loads(ask(cluster.members["agent1"].port, "GET", "/state")[2])
    executors = [executor for framework in state["frameworks"] for executor in framework["executors"]]
    tasks = [one for executor in executors for one in executor["tasks"] + executor["queued_tasks"]]
    return any(one["id"] == task_id and one["state"] == "TASK_RUNNING" for one in tasks)


def test_partition_and_heal(cluster: Cluster, faults: FaultInjector, scheduler: Schedulers) -> None:
    """A partitioned agent's task is unreachable; when the partition heals, the same task runs on the same agent."""
    framework = scheduler()
    framework.launch(framework.offer("agent1"), "t", "exec sleep 1000")
    before = framework.wait_for("t", "TASK_RUNNING")
    faults.partition("agent1")
    assert faults.active() == {"agent1": {"partition": True}}
    assert faults.unreachable_after() == 4.0
    framework.wait_for("t", "TASK_UNREACHABLE", timeout=30.0)
    assert faults.registered() == ["agent2"]
    assert running_on_agent(cluster, "t")
    faults.heal("agent1")
    after = framework.wait_for("t", "TASK_RUNNING", timeout=30.0, reason="REASON_AGENT_REREGISTERED")
    assert after["agent_id"] == before["agent_id"]
    assert faults.registered() == ["agent1", "agent2"]
    framework.kill("t")
    framework.wait_for("t", "TASK_KILLED")


def test_a_lost_launch_is_dropped_when_the_agent_registers_again(faults: FaultInjector, scheduler: Schedulers) -> None:
    """Until then the master takes the task for staging; the launch after it arrives."""
    framework = scheduler()
    faults.lose_launch("agent1")
    framework.launch(framework.offer("agent1"), "t", "exec sleep 1000")
    framework.launch(framework.offer("agent1"), "u", "exec sleep 1000")
    framework.wait_for("u", "TASK_RUNNING")
    assert framework.statuses("t") == []
    framework.call("RECONCILE", {"tasks": [{"task_id": {"value": "t"}}]})
    framework.wait_for("t", "TASK_STAGING", reason="REASON_RECONCILIATION")
    faults.partition("agent1")
    faults.heal("agent1")
    dropped = framework.wait_for("t", "TASK_DROPPED", timeout=30.0)
    assert dropped["reason"] == "REASON_RECONCILIATION"


def test_dropped_updates(faults: FaultInjector, scheduler: Schedulers) -> None:
    """Nothing is heard of a task while its updates are lost; the retry brings the same first update."""
    framework = scheduler()
    faults.drop_updates("agent1")
    framework.launch(framework.offer("agent1"), "t", "exec sleep 1000")
    wait_until(lambda: faults.active() == {}, what="an update is dropped")
    framework.wait_for("t", "TASK_RUNNING", timeout=40.0)
    assert next(status["state"] for status in framework.statuses("t")) == "TASK_STARTING"


def test_delayed_updates(cluster: Cluster, faults: FaultInjector, scheduler: Schedulers) -> None:
    """The task runs long before its scheduler hears of it; when the delay ends, all updates come in their order."""
    framework = scheduler()
    faults.delay_updates("agent1", 3600)
    framework.launch(framework.offer("agent1"), "t", "exec sleep 1000")
    wait_until(lambda: running_on_agent(cluster, "t"), 20, "the task to run")
    assert framework.statuses("t") == []
    faults.delay_updates("agent1", 0)
    framework.wait_for("t", "TASK_RUNNING")
    assert [status["state"] for status in framework.statuses("t")] == ["TASK_STARTING", "TASK_RUNNING"]


def reserve(offer: Json, operation_id: str | None) -> Json:
    """A RESERVE of a part of an offer."""
    entry = {"type": "DYNAMIC", "role": ROLE, "labels": {"labels": [{"key": "id", "value": "r"}]}}
    resources = [item | {"reservations": [*item["reservations"], entry]} for item in amounts(offer, 0.5, 64.0)]
    named = {"id": {"value": operation_id}} if operation_id else {}
    return {"type": "RESERVE", **named, "reserve": {"resources": resources}}


def test_failed_operations(faults: FaultInjector, scheduler: Schedulers) -> None:
    """OPERATION_FAILED with a message for the one with an id, silence for the other; nothing is reserved."""
    framework = scheduler(roles=(ROLE,))
    faults.fail_operation("agent1", 2)
    first = framework.offer("agent1", ROLE)
    operation = reserve(first, "op")
    on_it = task(first, "t", command={"value": "exec sleep 1000"}) | {"resources": operation["reserve"]["resources"]}
    framework.accept(first, operation, launch(on_it))
    dropped = framework.wait_for("t", "TASK_DROPPED")
    assert dropped["reason"] == "REASON_RESOURCES_UNKNOWN"
    (event,) = framework.stream.of("UPDATE_OPERATION_STATUS")
    status = event["update_operation_status"]["status"]
    assert (status["state"], status["operation_id"]) == ("OPERATION_FAILED", {"value": "op"})
    assert "on demand" in status["message"]
    second = framework.offer("agent1", ROLE)
    assert second["resources"] == first["resources"]
    framework.accept(second, reserve(second, None))
    wait_until(lambda: faults.active() == {}, what="the second operation to fail")
    third = framework.offer("agent1", ROLE)
    assert third["resources"] == first["resources"]
    framework.accept(third, reserve(third, "op3"))
    fourth = framework.offer("agent1", ROLE)
    assert any(len(item["reservations"]) == 2 for item in fourth["resources"])


def test_cut_executor_stream(cluster: Cluster, faults: FaultInjector, scheduler: Schedulers) -> None:
    """An executor whose stream ends in the middle of a record subscribes again and goes on."""
    framework = scheduler()
    framework.launch(framework.offer("agent1"), "t", "exec sleep 1000")
    framework.wait_for("t", "TASK_RUNNING")
    faults.cut_stream("executor", agent="agent1")
    framework.kill("t")
    wait_until(lambda: faults.active() == {}, what="a stream is cut")

    # The KILL was in the cut record; a later one finds the executor connected again.
    def killed() -> bool:
        framework.kill("t")
        return bool(framework.statuses("t")[-1]["state"] == "TASK_KILLED")

    wait_until(killed, timeout=30.0, what="the task is killed")
    assert running_on_agent(cluster, "t") is False


def test_a_gone_agent_ends_with_its_tasks(cluster: Cluster, faults: FaultInjector, scheduler: Schedulers) -> None:
    """TASK_GONE_BY_OPERATOR; the agent's process ends, and the next one in its place is a new agent."""
    framework = scheduler()
    offer = framework.offer("agent1")
    framework.launch(offer, "t", "exec sleep 1000")
    framework.wait_for("t", "TASK_RUNNING")
    assert faults.agent_gone("agent1") == offer["agent_id"]["value"]
    gone = framework.wait_for("t", "TASK_GONE_BY_OPERATOR")
    assert gone["reason"] == "REASON_AGENT_REMOVED_BY_OPERATOR"
    wait_until(lambda: cluster.pids()["agent1"] is None, 20, "the end of the agent")
    assert faults.registered() == ["agent2"]
    with pytest.raises(FaultError, match="knows no agent agent1"):
        faults.agent_gone("agent1")
    cluster.start_member("agent1")
    wait_until(lambda: faults.registered() == ["agent1", "agent2"], 20, "a new agent")
    assert framework.offer("agent1")["agent_id"] != offer["agent_id"]


def test_clear_heals_everything_at_once(cluster: Cluster, faults: FaultInjector, scheduler: Schedulers) -> None:
    """Masters and agents have no faults any more, whoever could be asked; who could not is named."""
    framework = scheduler()
    faults.partition("agent1")
    faults.delay_updates("agent2", 5)
    faults.slow_master(3600)
    faults.cut_stream("executor", -1)
    assert faults.active() == {
        "master": {"slow": 3600},
        "agent1": {"partition": True, "cut_streams": -1},
        "agent2": {"delay_updates": 5, "cut_streams": -1},
    }
    assert faults.clear() == []
    assert faults.active() == {}
    tries = itertools.count()

    def runs() -> bool:
        # That an offer is gone may still be on its way, which the slow master held up: then its task is dropped.
        task = f"t{next(tries)}"
        framework.launch(framework.offer("agent1"), task, "exec sleep 1000")
        said = wait_until(lambda: framework.statuses(task), what=f"a status of {task}")
        return said[0]["state"] in ("TASK_STARTING", "TASK_RUNNING")

    wait_until(runs, 30, "a task on the agent that was cut off")
    framework.wait_for(f"t{next(tries) - 1}", "TASK_RUNNING")
    cluster.kill("agent2")
    assert faults.clear() == ["agent2"]


@pytest.mark.parametrize("wanted", [{"partition": 1}, {"drop_updates": -2}, {"delay_updates": 1e9}, {"nosuch": 1}])
def test_impossible_faults_are_refused(cluster: Cluster, wanted: dict[str, float]) -> None:
    """The answer names the fault and says what is possible."""
    with pytest.raises(FaultError, match=next(iter(wanted))):
        set_faults(cluster.agents["agent1"], **wanted)


def test_the_endpoint_is_plain_http(cluster: Cluster) -> None:
    """GET reads, POST changes, DELETE heals; anything else, and anything that is not JSON, is refused."""
    for port in (cluster.port, cluster.members["agent1"].port):
        status, _, healthy = ask(port, "GET", "/internal/faults")
        assert (status, any(json.loads(healthy).values())) == (200, False)
        status, _, text = ask(port, "POST", "/internal/faults", '{"drop_updates": 7}', JSON)
        assert (status, json.loads(text)["drop_updates"]) == (200, 7)
        for body in ("{", "[1]", '"x"', '{"drop_updates": 1e999}', "9" * 5000):
            assert ask(port, "POST", "/internal/faults", body, JSON)[0] == 400
        assert json.loads(ask(port, "GET", "/internal/faults")[2])["drop_updates"] == 7
        assert ask(port, "DELETE", "/internal/faults")[2] == healthy
        status, headers, _ = ask(port, "PUT", "/internal/faults", "{}", JSON)
        assert (status, headers["Allow"]) == (405, "GET, POST, DELETE")


def test_mistakes_get_a_sentence(cluster: Cluster, faults: FaultInjector) -> None:
    """Of a name that nobody has, of who does not answer, and of what cannot be."""
    with pytest.raises(NoSuchMember, match="no agent agent9; there are agent1, agent2"):
        faults.partition("agent9")
    with pytest.raises(NoSuchMember, match="no master agent1; there are master"):
        faults.expire_zookeeper_session("agent1")
    with pytest.raises(FaultError, match="without --zk"):
        faults.expire_zookeeper_session()
    with pytest.raises(FaultError, match="agent: only the streams of executors"):
        faults.cut_stream("scheduler", agent="agent1")
    with pytest.raises(FaultError, match="framework_id: only the streams of schedulers"):
        faults.cut_stream("operator", framework_id="f")
    cluster.kill("agent2")
    with pytest.raises(EnvironmentProblem, match=r"agent2 on 127\.0\.0\.1:\d+ does not answer"):
        faults.partition("agent2")
    cluster.kill("master")
    with pytest.raises(EnvironmentProblem, match=r"master on 127\.0\.0\.1:\d+ does not answer"):
        faults.slow_master(1)
