"""Faults of an agent on demand: each does what it says, and its end heals."""

from collections.abc import Callable

import pytest

from sdk.local.cluster import Cluster
from sdk.local.faults import set_faults
from tests.integration.sdk_local.client import Scheduler
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration
Schedulers = Callable[..., Scheduler]


def address(cluster: Cluster) -> str:
    """Where the first agent listens."""
    return f"127.0.0.1:{cluster.members['agent1'].port}"


def test_partition_and_heal(cluster: Cluster, scheduler: Schedulers) -> None:
    """A partitioned agent's task is unreachable; when the partition heals, the same task runs on the same agent."""
    framework = scheduler()
    framework.launch(framework.offer("agent1"), "t", "exec sleep 1000")
    before = framework.wait_for("t", "TASK_RUNNING")
    assert set_faults(address(cluster), partition=True)["partition"] is True
    framework.wait_for("t", "TASK_UNREACHABLE", timeout=30.0)
    set_faults(address(cluster), partition=False)
    after = framework.wait_for("t", "TASK_RUNNING", timeout=30.0, reason="REASON_AGENT_REREGISTERED")
    assert after["agent_id"] == before["agent_id"]
    framework.kill("t")
    framework.wait_for("t", "TASK_KILLED")


def test_lost_launch(cluster: Cluster, scheduler: Schedulers) -> None:
    """The task stays unknown to its agent; the agent's next registration tells the scheduler that it is lost."""
    framework = scheduler()
    set_faults(address(cluster), lose_launches=1)
    framework.launch(framework.offer("agent1"), "t", "exec sleep 1000")
    framework.launch(framework.offer("agent1"), "u", "exec sleep 1000")
    framework.wait_for("u", "TASK_RUNNING")
    assert framework.statuses("t") == []
    cluster.kill("agent1")
    cluster.start_member("agent1")
    dropped = framework.wait_for("t", "TASK_DROPPED", timeout=30.0)
    assert dropped["reason"] == "REASON_RECONCILIATION"


def test_dropped_updates(cluster: Cluster, scheduler: Schedulers) -> None:
    """Nothing is heard of a task while its updates are lost; the retry brings the same first update."""
    framework = scheduler()
    set_faults(address(cluster), drop_updates=1)
    framework.launch(framework.offer("agent1"), "t", "exec sleep 1000")
    left = wait_until(
        lambda: [set_faults(address(cluster))] if set_faults(address(cluster))["drop_updates"] == 0 else [],
        what="an update is dropped",
    )
    assert left[0]["drop_updates"] == 0
    framework.wait_for("t", "TASK_RUNNING", timeout=40.0)
    assert next(status["state"] for status in framework.statuses("t")) == "TASK_STARTING"


def test_cut_stream(cluster: Cluster, scheduler: Schedulers) -> None:
    """An executor whose stream ends in the middle of a record subscribes again and goes on."""
    framework = scheduler()
    framework.launch(framework.offer("agent1"), "t", "exec sleep 1000")
    framework.wait_for("t", "TASK_RUNNING")
    set_faults(address(cluster), cut_streams=1)
    framework.kill("t")
    framework.kill("t")
    wait_until(lambda: set_faults(address(cluster))["cut_streams"] == 0, what="a stream is cut")

    # The KILL was in the cut record; a later one finds the executor connected again.
    def killed() -> bool:
        framework.kill("t")
        return bool(framework.statuses("t")[-1]["state"] == "TASK_KILLED")

    wait_until(killed, timeout=30.0, what="the task is killed")


@pytest.mark.parametrize("wanted", [{"partition": 1}, {"drop_updates": -2}, {"delay_updates": 1e9}, {"nosuch": 1}])
def test_impossible_faults_are_refused(cluster: Cluster, wanted: dict[str, float]) -> None:
    """The answer names the fault and says what is possible."""
    with pytest.raises(ValueError, match=next(iter(wanted))):
        set_faults(address(cluster), **wanted)
