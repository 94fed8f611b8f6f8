"""Faults of a master on demand: slow, silent, streams cut in the middle of a record, events lost."""

import json
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from sdk.errors import TemporaryFailure
from sdk.local.cluster import Cluster
from sdk.local.faults import FaultInjector
from sdk.mesos.operator import OperatorClient
from tests.integration.sdk_local.client import Scheduler
from tests.integration.sdk_local.driver import Framework
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration
Schedulers = Callable[..., Scheduler]


@pytest.fixture
def faults(cluster: Cluster) -> FaultInjector:
    """Of the cluster."""
    return FaultInjector(cluster)


@pytest.fixture
def framework(cluster: Cluster) -> Iterator[Framework]:
    """On our driver, which is told to wait for no answer longer than a second."""
    framework = Framework(cluster.master_address, answer=1.0)
    assert framework.framework_id
    yield framework
    framework.close()


def test_a_call_to_a_slow_master_ends_in_time_and_works_again_afterwards(
    faults: FaultInjector, framework: Framework
) -> None:
    """The driver gives the call up at its deadline, and keeps its stream; the late events are not lost."""
    framework.launch("t")
    framework.wait_for("t", "TASK_RUNNING")
    faults.slow_master(3600)
    with pytest.raises(TemporaryFailure, match=r"127\.0\.0\.1"):
        framework.driver.killTask({"value": "t"})
    assert framework.driver.connected
    assert "TASK_KILLED" not in framework.states("t")
    faults.slow_master(0)
    framework.wait_for("t", "TASK_KILLED")
    assert framework.disconnects == []
    assert len(framework.of("SUBSCRIBED")) == 1


def test_events_of_a_slow_master_keep_their_order(faults: FaultInjector, scheduler: Schedulers) -> None:
    """Each comes late, none before another; a subscription is answered late as well."""
    faults.slow_master(0.3)
    framework = scheduler()
    offer = framework.offer("agent1")
    framework.launch(offer, "t", "exec true")
    framework.wait_for("t", "TASK_FINISHED")
    states = [status["state"] for status in framework.statuses("t")]
    assert states == ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"]
    assert [event["type"] for event in framework.stream.events][:2] == ["SUBSCRIBED", "HEARTBEAT"]


def test_a_slow_master_loses_no_agent(faults: FaultInjector, scheduler: Schedulers) -> None:
    """However slow it is, pings go on: an agent that is cut off is lost, the other one is not."""
    framework = scheduler()
    faults.slow_master(3600)
    faults.partition("agent2")
    wait_until(lambda: faults.registered() == ["agent1"], 20, "the loss of agent2 alone")
    assert framework.stream.of("FAILURE") == []
    faults.clear()
    wait_until(lambda: framework.stream.of("FAILURE"), what="the late event")
    wait_until(lambda: faults.registered() == ["agent1", "agent2"], 20, "both agents")
    assert len(framework.stream.of("FAILURE")) == 1


def test_a_silent_master_accepts_connections_and_says_nothing(
    cluster: Cluster, faults: FaultInjector, scheduler: Schedulers
) -> None:
    """Not even its health; streams stay open, agents stay registered, and all goes on when it is over."""
    framework = scheduler()
    offer = framework.offer("agent1")
    faults.silence_master(3600)
    with socket.create_connection(("127.0.0.1", cluster.port), timeout=10) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        with ThreadPoolExecutor(1) as pool:
            launched = pool.submit(framework.launch, offer, "t", "exec sleep 1000")
            assert faults.active() == {"master": {"silent": 3600}}
            faults.silence_master(0)
            launched.result(timeout=10)
        connection.settimeout(10)
        assert connection.recv(12) == b"HTTP/1.1 200"
    framework.wait_for("t", "TASK_RUNNING")
    assert framework.stream.of("FAILURE") == []


def test_the_silence_of_a_master_ends_by_itself(faults: FaultInjector, scheduler: Schedulers) -> None:
    """After so many seconds it speaks again, and the fault is no longer told of."""
    faults.silence_master(0.5)
    framework = scheduler()
    assert framework.offer("agent1")
    assert faults.active() == {}


def test_our_driver_stands_a_stream_that_is_cut_in_a_record(faults: FaultInjector, framework: Framework) -> None:
    """It subscribes again with its id; what was in the cut record comes again, and the task runs on."""
    wait_until(lambda: framework.of("OFFERS"), what="an offer")
    faults.cut_stream("scheduler", framework_id=framework.framework_id)
    framework.launch("t")
    wait_until(lambda: len(framework.of("SUBSCRIBED")) == 2, 20, "the second subscription")
    framework.wait_for("t", "TASK_RUNNING", 40)
    faults.cut_stream("scheduler", framework_id=framework.framework_id)
    assert framework.reconciled("t") == "TASK_RUNNING"
    assert len(framework.of("SUBSCRIBED")) == 3
    ids = {event["subscribed"]["framework_id"]["value"] for event in framework.of("SUBSCRIBED")}
    assert ids == {framework.framework_id}
    assert faults.active() == {"master": {"framework_id": framework.framework_id}}


def test_only_the_named_framework_is_cut(faults: FaultInjector, scheduler: Schedulers) -> None:
    """The stream of the other one goes on; what the cut one got of the last record is half of it."""
    one, other = scheduler(), scheduler()
    faults.cut_stream("scheduler", framework_id=one.framework_id)
    # Both hear of what was theirs: the agent's offers are made to either of them sooner or later.
    faults.partition("agent1")
    wait_until(lambda: faults.registered() == ["agent2"], 20, "the loss of the agent")
    assert one.stream.ended.wait(20)
    wait_until(lambda: other.stream.of("FAILURE"), what="the event at the other framework")
    assert not other.stream.ended.is_set()


def test_our_operator_client_sees_the_end_of_a_cut_stream(
    cluster: Cluster, faults: FaultInjector, scheduler: Schedulers
) -> None:
    """A failure that is worth another try, never half an event; the next stream begins with the whole state."""
    framework = scheduler()
    client = OperatorClient(cluster.master_address)
    try:
        stream = client.stream()
        assert next(stream)["type"] == "SUBSCRIBED"
        faults.cut_stream("operator")
        framework.launch(framework.offer("agent1"), "t", "exec sleep 1000")
        with pytest.raises(TemporaryFailure):
            next(stream)
        framework.wait_for("t", "TASK_RUNNING")
        snapshot = next(client.stream())["subscribed"]["get_state"]
        assert [task["task_id"]["value"] for task in snapshot["get_tasks"]["tasks"]] == ["t"]
    finally:
        client.close()


def test_an_agent_whose_stream_is_cut_registers_again(faults: FaultInjector, scheduler: Schedulers) -> None:
    """Its offers are rescinded and made again; its tasks run on, and it is never lost."""
    framework = scheduler()
    framework.launch(framework.offer("agent1"), "t", "exec sleep 1000")
    framework.wait_for("t", "TASK_RUNNING")
    framework.offer("agent1")
    before = len(framework.stream.of("RESCIND"))
    # Pings go to both agents.
    faults.cut_stream("agent", 2)
    wait_until(lambda: faults.active() == {}, 20, "two streams are cut")
    wait_until(lambda: len(framework.stream.of("RESCIND")) > before, 20, "the end of the offer")
    assert framework.offer("agent1")
    assert framework.stream.of("FAILURE") == []
    framework.kill("t")
    framework.wait_for("t", "TASK_KILLED")
    assert "TASK_UNREACHABLE" not in [status["state"] for status in framework.statuses("t")]


def test_who_misses_a_rescind_launches_on_an_offer_that_is_gone(faults: FaultInjector, scheduler: Schedulers) -> None:
    """TASK_DROPPED: the offer is no longer valid."""
    framework = scheduler()
    offer = framework.offer("agent1")
    faults.drop_events("RESCIND", framework_id=framework.framework_id)
    faults.partition("agent1")
    faults.heal("agent1")
    wait_until(lambda: faults.active() == {"master": {"framework_id": framework.framework_id}}, what="a lost RESCIND")
    framework.launch(offer, "t", "exec sleep 1000")
    dropped = framework.wait_for("t", "TASK_DROPPED")
    assert dropped["reason"] == "REASON_INVALID_OFFERS"
    assert framework.stream.of("RESCIND") == []


def test_a_lost_update_comes_again(faults: FaultInjector, scheduler: Schedulers) -> None:
    """Nobody acknowledged it, so its agent repeats it when it registers again (or 10 s later)."""
    framework = scheduler()
    faults.drop_events("UPDATE")
    framework.launch(framework.offer("agent1"), "t", "exec sleep 1000")
    wait_until(lambda: faults.active() == {}, 20, "a lost update")
    assert framework.statuses("t") == []
    faults.partition("agent1")
    faults.heal("agent1")
    framework.wait_for("t", "TASK_RUNNING")
    assert json.dumps(framework.statuses("t")).count('"TASK_STARTING"') >= 1
