"""Every time that an agent or its master waits, at its boundary, under a manual clock."""

from typing import Any

import pytest

from tests.conformance.agent.replay import Replay
from tests.unit.sdk.local.model import Pair, World, launch, task

Json = dict[str, Any]
FRAMEWORK = {"id": {"value": "F"}, "name": "f", "user": "root"}
IDENTITY = {"framework_id": {"value": "F"}, "executor_id": {"value": "x"}}


def custom(**fields: Any) -> Json:
    """A task of a custom executor."""
    executor = {"executor_id": {"value": "x"}, "type": "CUSTOM", "command": {"value": "x"}, **fields}
    return {"name": "t", "task_id": {"value": "t"}, "agent_id": {"value": "A"}, "executor": executor}


def launched(**fields: Any) -> Replay:
    """An agent that was told to run a task at 0 s; its executor is started and has not subscribed."""
    replay = Replay(agent_id="A", containers=["c"])
    replay.master({"type": "RUN_TASK", "framework_info": FRAMEWORK, "task": custom(**fields)})
    replay.do(replay.agent.launched("c", 1, now=0.0))
    return replay


def subscribed(**fields: Any) -> Replay:
    """The same, subscribed and running at 0 s."""
    replay = launched(**fields)
    assert replay.executor({**IDENTITY, "type": "SUBSCRIBE", "subscribe": {}}, "s") == (200, "")
    status = {"task_id": {"value": "t"}, "state": "TASK_RUNNING", "uuid": "AQEBAQEBAQEBAQEBAQEBAQ=="}
    assert replay.executor({**IDENTITY, "type": "UPDATE", "update": {"status": status}}) == (202, "")
    return replay


def ended(replay: Replay) -> Json:
    """What the master heard last, after the container was ended as asked."""
    assert replay.destroyed == ["c"]
    replay.do(replay.agent.exited("c", 9, now=replay.now))
    return replay.agent.state.tasks[("F", "t")].statuses[-1]


def test_executor_registration_timeout() -> None:
    """60 s from the launch, fetching included."""
    replay = launched()
    replay.at(59.9)
    assert not replay.destroyed
    replay.at(60.0)
    status = ended(replay)
    assert status["reason"] == "REASON_EXECUTOR_REGISTRATION_TIMEOUT"
    assert status["message"] == "Executor did not register within 1mins"


def test_executor_registration_timeout_while_it_is_fetched() -> None:
    """The launch that fails then because nobody waits for it any more does not change the reason."""
    replay = Replay(agent_id="A", containers=["c"])
    replay.master({"type": "RUN_TASK", "framework_info": FRAMEWORK, "task": custom()})
    replay.at(60.0)
    assert replay.destroyed == ["c"]
    replay.do(replay.agent.launch_failed("c", "Container destroyed while fetching", now=60.1))
    assert replay.statuses()[-1]["reason"] == "REASON_EXECUTOR_REGISTRATION_TIMEOUT"


def test_a_subscribed_executor_has_no_deadline() -> None:
    """Only retries of its task's update are due after it came in time."""
    replay = subscribed()
    replay.at(10_000.0)
    assert not replay.destroyed


def test_executor_reregistration_timeout() -> None:
    """15 s from the start of the agent that found it."""
    replay = subscribed()
    replay.at(100.0)
    replay.start()
    assert replay.agent.recovering
    replay.at(114.9)
    assert not replay.destroyed
    replay.at(115.0)
    assert not replay.agent.recovering
    status = ended(replay)
    assert status["reason"] == "REASON_EXECUTOR_REREGISTRATION_TIMEOUT"
    assert status["message"] == "Executor did not reregister within 15secs"


def test_an_executor_that_comes_back_in_time() -> None:
    """The agent registers at once when the last one is back."""
    replay = subscribed()
    replay.start()
    replay.at(14.9)
    assert replay.executor({**IDENTITY, "type": "SUBSCRIBE", "subscribe": {}}, "again") == (200, "")
    assert not replay.agent.recovering
    replay.at(1000.0)
    assert not replay.destroyed


@pytest.mark.parametrize(("own", "seconds"), [(None, 5.0), (12.5, 12.5), (0.0, 0.0)])
@pytest.mark.parametrize("kind", ["SHUTDOWN_EXECUTOR", "SHUTDOWN_FRAMEWORK"])
def test_executor_shutdown_grace_period(own: float | None, seconds: float, kind: str) -> None:
    """The agent's, or the executor's own; then it is destroyed."""
    fields = {} if own is None else {"shutdown_grace_period": {"nanoseconds": int(own * 1e9)}}
    replay = subscribed(**fields)
    replay.at(1.0)
    replay.master({"type": kind, **IDENTITY})
    assert replay.events["s"][-1] == {"type": "SHUTDOWN"}
    if seconds:
        replay.at(1.0 + seconds - 0.01)
        assert not replay.destroyed
    replay.at(1.0 + seconds)
    assert replay.destroyed == ["c"]


def test_heartbeats() -> None:
    """To an executor every 30 minutes while its stream is open, none at first; its own are taken."""
    replay = subscribed()
    replay.at(1799.0)
    assert "HEARTBEAT" not in [event["type"] for event in replay.events["s"]]
    replay.at(3600.0)
    assert [event for event in replay.events["s"] if event["type"] == "HEARTBEAT"] == [{"type": "HEARTBEAT"}] * 2
    assert replay.executor({**IDENTITY, "type": "HEARTBEAT"}) == (202, "")
    replay.do(replay.agent.executor_disconnected("s"))
    replay.at(7200.0)
    assert replay.events["s"][-1] == {"type": "HEARTBEAT"}
    assert len([event for event in replay.events["s"] if event["type"] == "HEARTBEAT"]) == 2
    assert replay.executor({**IDENTITY, "type": "HEARTBEAT"}) == (403, "Executor is not subscribed")


def test_retries_of_updates() -> None:
    """After 10, 20, 40, ... s, at most 600 s."""
    replay = subscribed()
    times: list[float] = []
    while len(times) < 9:
        due, before = replay.agent.next_tick(), len(replay.statuses())
        assert due is not None
        replay.at(due)
        if len(replay.statuses()) > before:
            times.append(due)
    assert times == [10.0, 30.0, 70.0, 150.0, 310.0, 630.0, 1230.0, 1830.0, 2430.0]
    assert len(replay.statuses()) == 10


def test_agent_ping_timeouts() -> None:
    """An agent that answers no ping is lost after the last of them; one answer in between starts the count again."""
    world = World(agent_ping_timeout=15.0, max_agent_ping_timeouts=5)
    world.subscribe("s")
    agent_id = world.agent("a1")
    world.at(70.0)
    world.say("a1", {"type": "PONG"})
    world.at(70.0 + 60.0)
    assert world.master.state.agents[agent_id].connection is not None
    pings = len(world.heard("a1", "PING"))
    assert pings >= 5
    world.at(70.0 + 7 * 15.0)
    (failure,) = world.of("s", "FAILURE")
    assert failure["failure"] == {"agent_id": {"value": agent_id}}


def test_a_disconnected_agent_is_lost_as_a_silent_one() -> None:
    """Its tasks are unreachable, and running again when it is back."""
    both = Pair()
    both.connect()
    both.world.subscribe("s")
    both.pump()
    offer = both.world.offers("s")[-1]
    both.world.accept("s", offer, launch(task(offer, "t1")))
    both.pump()
    both.do(both.agent.launched(both.launches[-1].container_id, 42, now=0.0))
    both.executor("x", "SUBSCRIBE", "t1")
    both.update("t1", "TASK_RUNNING")
    both.disconnect()
    both.at(74.0)
    assert not both.world.of("s", "FAILURE")
    both.at(200.0)
    assert both.world.updates("s")[-1]["state"] == "TASK_UNREACHABLE"
    both.connect()
    assert "REASON_AGENT_REREGISTERED" in [status.get("reason") for status in both.world.updates("s")]
