"""The executor driver against agents by script."""

import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from sdk.errors import EnvironmentProblem, NotConnected
from sdk.mesos.executor import ExecutorDriver
from sdk.mesos.executor_callbacks import Executor
from sdk.mesos.executor_environment import duration, truth
from tests.contracts.mesos import traces
from tests.contracts.mesos.server import CountedBackoff, Peer, Script, ScriptedServer
from tests.support.wait import wait_until

SUBSCRIBED = next(event for event in traces.events("08-agent-failure", "executor") if event["type"] == "SUBSCRIBED")
LAUNCH = next(event for event in traces.events("08-agent-failure", "executor") if event["type"] == "LAUNCH")
TASK_ID = LAUNCH["launch"]["task"]["task_id"]
RUNNING = {"task_id": TASK_ID, "state": "TASK_RUNNING"}


class Recorder(Executor):
    """An executor as people write them for pymesos."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Any]] = []

    def registered(self, driver: Any, executor_info: Any, framework_info: Any, agent_info: Any) -> None:
        self.seen.append(("registered", agent_info["hostname"]))

    def reregistered(self, driver: Any, agent_info: Any) -> None:
        self.seen.append(("reregistered", agent_info["hostname"]))

    def disconnected(self, driver: Any) -> None:
        self.seen.append(("disconnected", None))

    def launchTask(self, driver: Any, task: Any) -> None:  # noqa: N802
        self.seen.append(("launch", task["task_id"]["value"]))

    def launchTaskGroup(self, driver: Any, tasks: Any) -> None:  # noqa: N802
        self.seen.append(("launch group", [task["task_id"]["value"] for task in tasks]))

    def killTask(self, driver: Any, task_id: Any) -> None:  # noqa: N802
        self.seen.append(("kill", task_id["value"]))

    def frameworkMessage(self, driver: Any, message: Any) -> None:  # noqa: N802
        self.seen.append(("message", message))

    def shutdown(self, driver: Any) -> None:
        self.seen.append(("shutdown", None))

    def error(self, driver: Any, message: Any) -> None:
        self.seen.append(("error", message))

    def names(self) -> list[str]:
        return [name for name, _ in self.seen]


def environment(address: str, **more: str) -> dict[str, str]:
    return {
        "MESOS_AGENT_ENDPOINT": address,
        "MESOS_FRAMEWORK_ID": SUBSCRIBED["subscribed"]["framework_info"]["id"]["value"],
        "MESOS_EXECUTOR_ID": "ex-1",
        "MESOS_CHECKPOINT": "1",
        "MESOS_RECOVERY_TIMEOUT": "15mins",
        "MESOS_SUBSCRIPTION_BACKOFF_MAX": "2secs",
        "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": "5secs",
        **more,
    }


@contextmanager
def running(address: str, executor: Any = None, **options: Any) -> Iterator[ExecutorDriver]:
    more = options.pop("environment", {})
    options.setdefault("backoff", CountedBackoff(20))
    driver = ExecutorDriver(executor or Recorder(), environment=environment(address, **more), **options)
    driver.start()
    try:
        yield driver
    finally:
        driver.updates.clear()  # no agent acknowledges them any more, so `stop` need not wait
        driver.stop()
        assert driver.join(10)


@contextmanager
def connected(script: Script, executor: Any = None, **options: Any) -> Iterator[tuple[ExecutorDriver, ScriptedServer]]:
    with ScriptedServer(script) as server, running(server.address, executor, **options) as driver:
        wait_until(lambda: driver.connected, what="the subscription")
        yield driver, server


class Agent:
    """An agent that acknowledges as told, and can be made to restart."""

    def __init__(self, *events: Any, acknowledge: bool = True, answers: Iterable[str] = ()) -> None:
        self.acknowledge = acknowledge
        self._answers = iter(answers)
        self._events = events
        self._peer: Peer | None = None
        self._subscribed = threading.Event()

    def script(self, peer: Peer) -> None:
        while (request := peer.request()) is not None:
            if request.kind == "SUBSCRIBE":
                peer.begin(stream_id=None)
                peer.event(SUBSCRIBED)
                for event in self._events:
                    peer.event(event)
                self._peer = peer
                self._subscribed.set()
                peer.wait_closed()
                return
            status = next(self._answers, "202 Accepted") if request.kind == "UPDATE" else "202 Accepted"
            peer.answer(status)
            if request.kind == "UPDATE" and self.acknowledge and status.startswith("202"):
                self.acknowledged(request.body["update"]["status"])

    def send(self, event: Any) -> None:
        assert self._subscribed.wait(10)
        assert self._peer is not None
        self._peer.event(event)

    def acknowledged(self, status: Any) -> None:
        self.send({"type": "ACKNOWLEDGED", "acknowledged": {"task_id": status["task_id"], "uuid": status["uuid"]}})

    def drop(self) -> None:
        """The connection ends without a final chunk, as when the agent dies."""
        assert self._peer is not None
        self._subscribed.clear()
        self._peer.connection.shutdown(socket.SHUT_RDWR)


def states(server: ScriptedServer) -> list[str]:
    """Of the updates in the order they came."""
    return [request.body["update"]["status"]["state"] for request in server.requests if request.kind == "UPDATE"]


def test_a_task_comes_and_its_update_goes_as_recorded() -> None:
    """Every field of the update that a real agent took is there."""
    agent, executor = Agent(LAUNCH), Recorder()
    with connected(agent.script, executor) as (driver, server):
        wait_until(lambda: executor.names() == ["registered", "launch"], what="the task")
        driver.sendStatusUpdate({**RUNNING, "message": "ready", "healthy": True})
        assert driver.wait_acknowledged(10)
        update = server.wait_for("UPDATE").body
    recorded = traces.calls("08-agent-failure", "UPDATE", "executor")[0]
    assert set(update) == set(recorded)
    assert set(recorded["update"]["status"]) <= set(update["update"]["status"])
    assert update["update"]["status"]["source"] == "SOURCE_EXECUTOR"
    assert update["update"]["status"]["executor_id"] == {"value": "ex-1"}
    assert server.requests[0].body == {
        "type": "SUBSCRIBE",
        "framework_id": update["framework_id"],
        "executor_id": {"value": "ex-1"},
        "subscribe": {"unacknowledged_tasks": [], "unacknowledged_updates": []},
    }
    assert server.requests[0].path == "/api/v1/executor"


def test_what_the_agent_has_not_stored_is_told_again_after_its_restart() -> None:
    """Tasks without an acknowledged update, and unacknowledged updates, in the next SUBSCRIBE."""
    agent, executor = Agent(LAUNCH, acknowledge=False), Recorder()
    with connected(agent.script, executor) as (driver, server):
        wait_until(lambda: "launch" in executor.names(), what="the task")
        driver.sendStatusUpdate({**RUNNING, "state": "TASK_STARTING"})
        driver.sendStatusUpdate(RUNNING)
        server.wait_for("UPDATE", 2)
        agent.drop()
        again = server.wait_for("SUBSCRIBE", 2).body["subscribe"]
        assert again["unacknowledged_tasks"] == [LAUNCH["launch"]["task"]]
        assert [update["status"]["state"] for update in again["unacknowledged_updates"]] == [
            "TASK_STARTING",
            "TASK_RUNNING",
        ]
        for update in again["unacknowledged_updates"]:
            agent.acknowledged(update["status"])
        assert driver.wait_acknowledged(10)
        agent.drop()
        third = server.wait_for("SUBSCRIBE", 3).body["subscribe"]
        assert third == {"unacknowledged_tasks": [], "unacknowledged_updates": []}
        wait_until(lambda: executor.names().count("reregistered") == 2, what="both returns")
        assert executor.names().count("registered") == 1
        assert server.kinds().count("UPDATE") == 2


def test_updates_while_the_agent_is_away_are_kept() -> None:
    """pymesos raises and forgets them; here they go with the next subscription, in order."""
    back = threading.Event()
    agent = Agent(acknowledge=True)

    def script(peer: Peer) -> None:
        if not back.is_set():
            return
        agent.script(peer)

    with ScriptedServer(script) as server:
        backoff = CountedBackoff(0)
        driver = ExecutorDriver(Recorder(), environment=environment(server.address), backoff=backoff)
        driver.sendStatusUpdate({**RUNNING, "state": "TASK_STARTING"})
        driver.sendStatusUpdate(RUNNING)
        back.set()
        driver.start()
        updates = server.wait_for("SUBSCRIBE").body["subscribe"]["unacknowledged_updates"]
        assert [update["status"]["state"] for update in updates] == ["TASK_STARTING", "TASK_RUNNING"]
        for update in updates:
            agent.acknowledged(update["status"])
        assert driver.wait_acknowledged(10)
        driver.stop()
        assert driver.join(10)
        assert server.kinds().count("UPDATE") == 0


def test_an_update_that_did_not_get_through_is_sent_again() -> None:
    """A failing call does not need a new subscription, and the order stays."""
    agent = Agent(answers=["503 Service Unavailable", "403 Forbidden"])
    with connected(agent.script) as (driver, server):
        driver.sendStatusUpdate({**RUNNING, "state": "TASK_STARTING"})
        driver.sendStatusUpdate(RUNNING)
        assert driver.wait_acknowledged(20)
        assert states(server) == ["TASK_STARTING", "TASK_STARTING", "TASK_STARTING", "TASK_RUNNING"]
        assert server.kinds().count("SUBSCRIBE") == 1


def test_an_update_that_the_agent_calls_wrong_holds_up_nothing() -> None:
    """400 is for good: it is logged and dropped."""
    agent = Agent(answers=["400 Bad Request"])
    with connected(agent.script) as (driver, server):
        driver.sendStatusUpdate({**RUNNING, "state": "TASK_STAGING"})
        driver.sendStatusUpdate(RUNNING)
        assert driver.wait_acknowledged(10)
        assert states(server) == ["TASK_STAGING", "TASK_RUNNING"]


def test_stop_sends_the_last_updates_first() -> None:
    """An executor that ends with its task needs no sleep before it exits."""
    agent = Agent()
    with ScriptedServer(agent.script) as server:
        driver = ExecutorDriver(Recorder(), environment=environment(server.address))
        driver.start()
        wait_until(lambda: driver.connected, what="the subscription")
        driver.sendStatusUpdate({**RUNNING, "state": "TASK_FINISHED"})
        driver.stop()
        assert driver.join(10)
        assert not driver.updates
        assert server.kinds() == ["SUBSCRIBE", "UPDATE"]


@pytest.mark.parametrize(
    ("kill", "grace"),
    [
        ({"task_id": {"value": "t"}}, None),
        ({"task_id": {"value": "t"}, "kill_policy": {"grace_period": {"nanoseconds": 1_500_000_000}}}, 1.5),
    ],
)
def test_a_kill_brings_its_grace_period(kill: Any, grace: float | None) -> None:
    """pymesos drops it."""
    graces: list[tuple[str, float | None]] = []

    class Graceful(Recorder):
        def kill(self, driver: Any, task_id: Any, grace: float | None) -> None:
            graces.append((task_id["value"], grace))

    with connected(Agent({"type": "KILL", "kill": kill}).script, Graceful()):
        wait_until(lambda: graces == [("t", grace)], what="the kill")


def test_executors_of_pymesos_are_killed_by_killtask() -> None:
    """The richer callback is optional."""
    executor = Recorder()
    with connected(Agent({"type": "KILL", "kill": {"task_id": {"value": "t"}}}).script, executor):
        wait_until(lambda: ("kill", "t") in executor.seen, what="the kill")


def test_groups_messages_and_errors_reach_their_callbacks() -> None:
    """Also a message without data."""
    task = LAUNCH["launch"]["task"]
    events = [
        {
            "type": "LAUNCH_GROUP",
            "launch_group": {"task_group": {"tasks": [task, {**task, "task_id": {"value": "b"}}]}},
        },
        {"type": "MESSAGE", "message": {"data": "aGk="}},
        {"type": "MESSAGE", "message": {}},
        {"type": "ERROR", "error": {"message": "oops"}},
        {"type": "HEARTBEAT"},
    ]
    executor = Recorder()
    with connected(Agent(*events).script, executor) as (driver, _):
        wait_until(lambda: len(executor.seen) == 5, what="the callbacks")
        assert executor.seen[1:] == [
            ("launch group", [TASK_ID["value"], "b"]),
            ("message", "aGk="),
            ("message", ""),
            ("error", "oops"),
        ]
        assert sorted(driver.tasks) == sorted([TASK_ID["value"], "b"])


@pytest.mark.parametrize("kind", ["STOPPED", "DISCONNECTED", "TROUBLE", "CLOSE", "EVENT"])
def test_methods_of_the_driver_are_not_for_the_network(kind: str) -> None:
    """pymesos calls `on_` and whatever name the event has."""
    odd = [{"type": kind, kind.lower(): {"type": "SHUTDOWN"}}, {"type": kind.lower(), kind.lower(): "x"}]
    executor = Recorder()
    with connected(Agent(*odd, {"type": "MESSAGE", "message": {"data": "x"}}).script, executor):
        wait_until(lambda: "message" in executor.names(), what="the good event")
        assert executor.names() == ["registered", "message"]


def test_shutdown_ends_the_driver_after_the_callback() -> None:
    """The agent kills what is left after the grace period; nothing here kills a process group."""
    agent, executor = Agent(LAUNCH), Recorder()

    class Orderly(Recorder):
        def shutdown(self, driver: Any) -> None:
            super().shutdown(driver)
            driver.sendStatusUpdate({**RUNNING, "state": "TASK_KILLED"})

    executor = Orderly()
    with ScriptedServer(agent.script) as server:
        driver = ExecutorDriver(executor, environment=environment(server.address))
        driver.start()
        agent.send({"type": "SHUTDOWN"})
        assert driver.join(10)
        assert executor.names() == ["registered", "launch", "shutdown"]
        assert server.wait_for("UPDATE").body["update"]["status"]["state"] == "TASK_KILLED"
        assert driver.grace_shutdown_period == 5.0


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"MESOS_RECOVERY_TIMEOUT": "100ms"}, id="longer than the recovery timeout"),
        pytest.param({"MESOS_CHECKPOINT": "0"}, id="without checkpointing"),
    ],
)
def test_an_agent_that_stays_away_ends_the_executor(more: dict[str, str]) -> None:
    """The executor is told to shut down, and the driver ends."""
    gone = threading.Event()
    agent, executor = Agent(), Recorder()

    def script(peer: Peer) -> None:
        if not gone.is_set():
            agent.script(peer)

    with ScriptedServer(script) as server:
        driver = ExecutorDriver(executor, environment=environment(server.address, **more), backoff=CountedBackoff(3))
        driver.start()
        wait_until(lambda: driver.connected, what="the subscription")
        gone.set()
        agent.drop()
        assert driver.join(10)
    assert executor.names() == ["registered", "disconnected", "shutdown"]


def test_an_agent_that_comes_back_in_time_ends_nothing() -> None:
    """With checkpointing a restart of the agent is no event for the task."""
    agent, executor = Agent(), Recorder()
    with connected(agent.script, executor) as (_, server):
        agent.drop()
        server.wait_for("SUBSCRIBE", 2)
        wait_until(lambda: executor.names() == ["registered", "disconnected", "reregistered"], what="the return")


def test_an_agent_that_has_not_recovered_is_asked_again() -> None:
    """503 `Agent has not finished recovery`, as recorded."""

    def script(peer: Peer) -> None:
        if peer.number < 2:
            peer.request()
            peer.answer("503 Service Unavailable", b"Agent has not finished recovery")
        else:
            Agent().script(peer)

    with connected(script) as (_, server):
        assert server.connections == 3


def test_the_token_of_the_agent_is_shown() -> None:
    """Agents that authenticate executors give them one."""
    with connected(Agent().script, environment={"MESOS_EXECUTOR_AUTHENTICATION_TOKEN": "s3cret"}) as (driver, server):
        driver.sendFrameworkMessage("aGk=")
        assert {request.headers["authorization"] for request in server.requests} == {"Bearer s3cret"}
        assert server.wait_for("MESSAGE").body["message"] == {"data": "aGk="}


def test_messages_without_subscription_are_refused() -> None:
    """They are best effort, but never silently dropped."""
    driver = ExecutorDriver(Recorder(), environment=environment("127.0.0.1:1"))
    with pytest.raises(NotConnected):
        driver.sendFrameworkMessage("")


def test_an_exception_in_a_callback_is_logged_and_reported() -> None:
    """The next callback runs."""

    class Broken(Recorder):
        def launchTask(self, driver: Any, task: Any) -> None:  # noqa: N802
            raise ValueError("broken on purpose")

    failures: list[str] = []
    executor = Broken()
    agent = Agent(LAUNCH, {"type": "MESSAGE", "message": {"data": "x"}})
    with connected(agent.script, executor, on_exception=lambda error, _: failures.append(str(error))):
        wait_until(lambda: "message" in executor.names(), what="the next callback")
        assert failures == ["broken on purpose"]


def test_a_place_that_is_not_an_agents_is_said() -> None:
    """Starting the program by hand gives a sentence, not a KeyError."""
    with pytest.raises(EnvironmentProblem, match="MESOS_AGENT_ENDPOINT is not set"):
        ExecutorDriver(Recorder(), environment={})


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", True), ("true", True), ("0", False), ("false", False), ("", False), (None, False)],
)
def test_booleans_of_the_environment(text: str | None, value: bool) -> None:
    """pymesos takes "0" for true."""
    assert truth(text) is value


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2mins", 120.0), ("5secs", 5.0), ("100ms", 0.1), ("1.5hrs", 5400.0), ("1weeks", 604800.0), (None, 7.0)],
)
def test_durations_of_the_environment(text: str | None, seconds: float) -> None:
    """As Mesos prints them."""
    assert duration(text, 7.0) == pytest.approx(seconds)


def test_a_bad_duration_is_said() -> None:
    """With the text and an example."""
    with pytest.raises(EnvironmentProblem, match="'soon' is not a duration"):
        duration("soon", 1.0)
