"""The agent core together with the master core: executors, checkpoints, the status update manager."""

import pytest

from tests.unit.sdk.local.model import Pair, amounts, launch, task


def start(both: Pair, *, custom: bool = False, name: str = "t1") -> None:
    """Launch one task, with its executor subscribed on stream `x`."""
    offer = both.world.offers("s")[-1]
    fields = {}
    if custom:
        executor = {"executor_id": {"value": "ex"}, "type": "CUSTOM", "command": {"value": "x"}}
        fields["executor"] = executor | {"resources": amounts(offer, cpus=0.1, mem=32.0)}
    both.world.accept("s", offer, launch(task(offer, name, **fields)))
    both.pump()
    work = both.launches[-1]
    both.do(both.agent.launched(work.container_id, 42, now=both.world.now))
    both.executor("x", "SUBSCRIBE", work.executor_id)


ZERO = "AAAAAAAAAAAAAAAAAAAAAA=="


@pytest.fixture
def both() -> Pair:
    """A connected pair with a framework."""
    result = Pair()
    result.connect()
    result.world.subscribe("s")
    result.pump()
    return result


def kinds(both: Pair, stream: str = "x") -> list[str]:
    """The types of events sent to an executor."""
    return [event["type"] for event in both.executor_events.get(stream, [])]


def test_launch_waits_for_the_executor(both: Pair) -> None:
    """SUBSCRIBED with all infos, then LAUNCH."""
    start(both)
    assert kinds(both) == ["SUBSCRIBED", "LAUNCH"]
    content = both.executor_events["x"][0]["subscribed"]
    assert list(content) == ["executor_info", "framework_info", "agent_info", "container_id"]
    assert content["agent_info"]["id"] == {"value": "M-S0"}


def test_update_gets_what_the_agent_knows(both: Pair) -> None:
    """agent_id, executor_id and container_status are added; the executor is acknowledged at once."""
    start(both)
    uuid = both.update("t1", "TASK_RUNNING", healthy=True)
    (status,) = both.world.updates("s")
    assert status["container_status"]["executor_pid"] == 42
    assert (status["executor_id"], status["source"], status["healthy"]) == ({"value": "t1"}, "SOURCE_EXECUTOR", True)
    assert both.executor_events["x"][-1]["acknowledged"] == {"task_id": {"value": "t1"}, "uuid": uuid}


def test_one_update_at_a_time(both: Pair) -> None:
    """TASK_RUNNING waits for the acknowledgement of TASK_STARTING, which is repeated after 10, 20, ... seconds."""
    start(both)
    both.update("t1", "TASK_STARTING")
    both.update("t1", "TASK_RUNNING")
    both.at(35.0)
    assert [status["state"] for status in both.world.updates("s")] == ["TASK_STARTING"] * 3
    first = both.world.updates("s")[0]
    both.scheduler("s", "ACKNOWLEDGE", {name: first[name] for name in ("agent_id", "task_id", "uuid")})
    assert both.world.updates("s")[-1]["state"] == "TASK_RUNNING"


def test_end_of_a_custom_executor(both: Pair) -> None:
    """FAILURE first, then TASK_FAILED for its tasks."""
    start(both, custom=True)
    both.update("t1", "TASK_RUNNING", "ex")
    first = both.world.updates("s")[0]
    both.scheduler("s", "ACKNOWLEDGE", {name: first[name] for name in ("agent_id", "task_id", "uuid")})
    both.do(both.agent.exited(both.launches[0].container_id, 9, now=1.0))
    events = [event for event in both.world.events["s"] if event["type"] in ("FAILURE", "UPDATE")]
    assert events[-2]["failure"]["status"] == 9
    assert events[-1]["update"]["status"]["message"] == "Executor terminated"
    both.at(2.0)
    state = both.world.master.state
    (offered,) = (offer.resources.unallocated() for offer in state.offers.values())
    assert offered == state.agents["M-S0"].total


def test_kill_before_the_executor_is_there(both: Pair) -> None:
    """TASK_KILLED by the agent, and the launch is undone."""
    offer = both.world.offers("s")[-1]
    both.world.accept("s", offer, launch(task(offer, "t1")))
    both.pump()
    both.scheduler("s", "KILL", {"task_id": {"value": "t1"}})
    (status,) = both.world.updates("s")
    assert (status["state"], status["reason"]) == ("TASK_KILLED", "REASON_TASK_KILLED_DURING_LAUNCH")
    assert both.destroyed == [both.launches[0].container_id]


def test_failed_launch(both: Pair) -> None:
    """TASK_FAILED with the container's message; no FAILURE for a command executor."""
    offer = both.world.offers("s")[-1]
    both.world.accept("s", offer, launch(task(offer, "t1")))
    both.pump()
    both.do(both.agent.launch_failed(both.launches[0].container_id, "no such URI", now=0.0))
    (status,) = both.world.updates("s")
    assert (status["reason"], status["message"]) == (
        "REASON_CONTAINER_LAUNCH_FAILED", "no such URI"
    )  # fmt: skip
    assert not both.world.of("s", "FAILURE")


def test_executor_that_never_subscribes(both: Pair) -> None:
    """It is destroyed after the registration timeout, which is the reason of its task's end."""
    offer = both.world.offers("s")[-1]
    both.world.accept("s", offer, launch(task(offer, "t1")))
    both.pump()
    container = both.launches[0].container_id
    both.do(both.agent.launched(container, 42, now=0.0))
    both.at(61.0)
    assert both.destroyed == [container]
    both.do(both.agent.exited(container, 9, now=61.0))
    assert both.world.updates("s")[-1]["reason"] == "REASON_EXECUTOR_REGISTRATION_TIMEOUT"


def test_restart_with_a_live_executor(both: Pair) -> None:
    """The agent awaits it, takes its unacknowledged updates, and registers with the task as it is."""
    start(both)
    both.update("t1", "TASK_RUNNING")
    both.restart()
    assert both.agent.recovering
    status = {
        "task_id": {"value": "t1"},
        "state": "TASK_FINISHED",
        "uuid": ZERO,
        "timestamp": 1.0,
    }
    both.executor("y", "SUBSCRIBE", unacknowledged_updates=[{"status": status}], unacknowledged_tasks=[])
    assert kinds(both, "y") == ["SUBSCRIBED", "ACKNOWLEDGED"]
    assert not both.agent.recovering
    both.connect()
    # Sent again on registration and for the (unchanged) framework, as in the recordings.
    assert {item["state"] for item in both.world.updates("s")} == {"TASK_RUNNING"}
    assert len(both.world.updates("s")) == 3
    assert both.world.master.state.frameworks["M-0000"].tasks["t1"].state == "TASK_FINISHED"


def test_restart_with_a_dead_executor(both: Pair) -> None:
    """Its task has failed; that is what the master hears."""
    start(both)
    both.update("t1", "TASK_RUNNING")
    first = both.world.updates("s")[0]
    both.scheduler("s", "ACKNOWLEDGE", {name: first[name] for name in ("agent_id", "task_id", "uuid")})
    both.restart()
    both.do(both.agent.exited(both.launches[0].container_id, None, now=1.0))
    both.connect()
    assert both.world.updates("s")[-1]["reason"] == "REASON_EXECUTOR_TERMINATED"


def test_executor_that_does_not_come_back(both: Pair) -> None:
    """After the reregistration timeout it is destroyed."""
    start(both)
    both.update("t1", "TASK_RUNNING")
    both.restart()
    both.at(16.0)
    assert both.destroyed == [both.launches[0].container_id]
    assert not both.agent.recovering


def test_launch_lost_on_the_way(both: Pair) -> None:
    """The agent never heard of the task: when it registers again the task is dropped, with a uuid."""
    offer = both.world.offers("s")[-1]
    both.linked = False
    both.world.accept("s", offer, launch(task(offer, "t1")))
    both.agent.master_disconnected()
    both.connect()
    status = both.world.updates("s")[0]
    assert (status["state"], status["reason"]) == ("TASK_DROPPED", "REASON_RECONCILIATION")
    both.scheduler("s", "ACKNOWLEDGE", {name: status[name] for name in ("agent_id", "task_id", "uuid")})
    assert not both.agent.state.tasks
    assert not both.world.master.state.frameworks["M-0000"].tasks


def test_kill_lost_on_the_way_is_repeated(both: Pair) -> None:
    """The master sends it again when the agent comes back with the task."""
    start(both)
    both.update("t1", "TASK_RUNNING")
    both.disconnect()
    both.world.call("s", "KILL", {"task_id": {"value": "t1"}})
    assert "KILL" not in kinds(both)
    both.connect()
    assert "KILL" in kinds(both)


def test_removed_framework_leaves_nothing(both: Pair) -> None:
    """SHUTDOWN, destruction after the grace period, and no checkpoint remains but the agent's own."""
    start(both, custom=True)
    both.update("t1", "TASK_RUNNING", "ex")
    both.scheduler("s", "TEARDOWN")
    assert kinds(both)[-1] == "SHUTDOWN"
    both.at(6.0)
    container = both.launches[0].container_id
    assert both.destroyed == [container]
    both.do(both.agent.exited(container, 9, now=6.0))
    assert set(both.checkpoints) == {"agent"}
    assert not both.agent.state.tasks


def test_finished_tasks_leave_no_checkpoint(both: Pair) -> None:
    """After the last acknowledgement only the framework and the agent are remembered."""
    start(both)
    both.update("t1", "TASK_FINISHED")
    (status,) = both.world.updates("s")
    both.scheduler("s", "ACKNOWLEDGE", {name: status[name] for name in ("agent_id", "task_id", "uuid")})
    both.do(both.agent.exited(both.launches[0].container_id, 0, now=1.0))
    assert sorted(name.partition("/")[0] for name in both.checkpoints) == ["agent", "framework"]


@pytest.mark.parametrize(
    ("kind", "content", "status", "text"),
    [
        ("UPDATE", {"status": {"task_id": {"value": "t1"}, "state": "TASK_STAGING", "uuid": ZERO}},
         400, "Failed to validate Executor::Call: Received TASK_STAGING from executor t1 of framework M-0000 which is "
              "not allowed"),
        ("UPDATE", {}, 400, "Failed to convert JSON into Call protobuf: Missing required fields: update.status"),
        ("NOSUCH", {}, 400, "Failed to validate Executor::Call: Expecting 'type' to be present"),
    ],
)  # fmt: skip
def test_bad_executor_calls(both: Pair, kind: str, content: dict[str, object], status: int, text: str) -> None:
    """Refused with the recorded words."""
    start(both)
    answer = both.executor("", kind, **content)
    assert (answer.status, answer.text) == (status, text)
