"""Every recorded executor, played to our executor driver: what it is told, and what it has to send."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from sdk.mesos.executor import ExecutorDriver
from sdk.mesos.executor_callbacks import Executor
from tests.conformance.clients.player import Gate, Held, Player, Split, bytewise, whole
from tests.conformance.clients.recording import Call, End, Event, conversations
from tests.contracts.mesos import traces
from tests.support.wait import wait_until

Json = dict[str, Any]

EXECUTORS = [(name, client) for name in traces.NAMES for client in conversations(name, "executor")]
# Agents that are away refuse connections for a while, which is no request; these are the subscriptions that arrived.
SUBSCRIPTIONS = {("08-agent-failure", "ex-1"): 3, ("08-agent-failure", "ex-4"): 3}


class Recorder(Executor):
    """Keeps every callback with its arguments."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Any]] = []

    def registered(self, driver: Any, executor_info: Any, framework_info: Any, agent_info: Any) -> None:
        self.seen.append(("registered", (executor_info, framework_info, agent_info)))

    def reregistered(self, driver: Any, agent_info: Any) -> None:
        self.seen.append(("reregistered", agent_info))

    def disconnected(self, driver: Any) -> None:
        self.seen.append(("disconnected", None))

    def launchTask(self, driver: Any, task: Any) -> None:  # noqa: N802
        self.seen.append(("launch", task))

    def kill(self, driver: Any, task_id: Any, grace: float | None) -> None:
        self.seen.append(("kill", (task_id, grace)))

    def frameworkMessage(self, driver: Any, message: Any) -> None:  # noqa: N802
        self.seen.append(("message", message))

    def shutdown(self, driver: Any) -> None:
        self.seen.append(("shutdown", None))

    def error(self, driver: Any, message: Any) -> None:
        self.seen.append(("error", message))


def callbacks(event: Json, *, again: bool) -> list[tuple[str, Any]]:
    """The callbacks that an event means to an executor."""
    body = event.get(event["type"].lower(), {})
    match event["type"]:
        case "SUBSCRIBED" if again:
            return [("reregistered", body["agent_info"])]
        case "SUBSCRIBED":
            return [("registered", (body["executor_info"], body["framework_info"], body["agent_info"]))]
        case "LAUNCH":
            return [("launch", body["task"])]
        case "KILL":
            nanoseconds = body.get("kill_policy", {}).get("grace_period", {}).get("nanoseconds")
            return [("kill", (body["task_id"], None if nanoseconds is None else nanoseconds / 1e9))]
        case "MESSAGE":
            return [("message", body["data"])]
        case "SHUTDOWN":
            return [("shutdown", None)]
        case "ACKNOWLEDGED":
            return []  # the driver's own business
    raise AssertionError(f"the recordings have a new type of event: {event['type']}")


class Unstored:
    """What the agent has not acknowledged yet, by the recording: tasks without an acknowledged update, and updates."""

    def __init__(self) -> None:
        self.tasks: set[str] = set()
        self.updates: list[str] = []

    def event(self, event: Json) -> None:
        if event["type"] == "LAUNCH":
            self.tasks.add(event["launch"]["task"]["task_id"]["value"])
        elif event["type"] == "ACKNOWLEDGED":
            self.tasks.discard(event["acknowledged"]["task_id"]["value"])
            self.updates.remove(event["acknowledged"]["uuid"])

    def update(self, status: Json) -> None:
        self.updates.append(status["uuid"])


def environment(recording: str, executor: str, address: str) -> Mapping[str, str]:
    """That of the recorded process, with our agent's address."""
    recorded = next(
        line["body"]
        for line in traces.lines(recording)
        if line["kind"] == "environment" and line.get("id") == executor and line["who"] == "executor"
    )
    return {**recorded, "MESOS_AGENT_ENDPOINT": address}


class Session:
    """An executor driver of ours and the recorded agent."""

    def __init__(self, player: Player, driver: ExecutorDriver, recorder: Recorder, gate: Gate) -> None:
        self.player, self.driver, self.recorder, self.gate = player, driver, recorder, gate
        self.expected: list[tuple[str, Any]] = []
        self.unstored = Unstored()
        self._held: Held | None = None

    def subscribe(self, recorded: Call) -> None:
        """The next subscription has to be the recorded one, with what the agent does not know."""
        wanted = {"unacknowledged_tasks": [], "unacknowledged_updates": [], **recorded.body["subscribe"]}
        for update in wanted["unacknowledged_updates"]:
            if update["status"]["uuid"] not in self.unstored.updates:  # it came while the agent was away
                self.driver.sendStatusUpdate(update["status"])
                self.unstored.update(update["status"])
        if self._held is not None:
            self.gate.open()
        self._held = self.player.subscription()
        assert self._held.request.body == {**recorded.body, "subscribe": wanted}
        assert self._held.request.path == recorded.path
        assert recorded.answer is not None
        self._held.answer(recorded.answer)
        if not recorded.answer.streams:
            self._held.end("refused")

    def event(self, event: Event, split: Split = whole) -> None:
        """Send one, and wait until the executor was told."""
        assert self._held is not None
        again = any(name == "registered" for name, _ in self.expected)
        self.expected += callbacks(event.body, again=again)
        self.unstored.event(event.body)
        self._held.event(event, split)
        wait_until(lambda: len(self.recorder.seen) >= len(self.expected), what=str(event.body)[:200], every=1e-3)
        wait_until(lambda: self.driver_unstored() == self.told_unstored(), what="the driver's notes", every=1e-3)

    def driver_unstored(self) -> tuple[set[str], list[str]]:
        return set(self.driver.tasks), [update["status"]["uuid"] for update in self.driver.updates.values()]

    def told_unstored(self) -> tuple[set[str], list[str]]:
        return self.unstored.tasks, self.unstored.updates

    def call(self, recorded: Call) -> None:
        """The executor does what the recorded one did; the same goes out."""
        assert recorded.answer is not None
        self.player.answers.append(recorded.answer)
        count = len(self.player.calls)
        if recorded.kind == "UPDATE":
            status = recorded.body["update"]["status"]
            self.driver.sendStatusUpdate(status)
            if recorded.answer.status == 202:
                self.unstored.update(status)
        else:
            self.driver.sendFrameworkMessage(recorded.body["message"]["data"])
        sent = self.player.call(count + 1)
        assert sent.body == recorded.body
        # A refused update is dropped: it would be refused for ever, and hold up the next.
        wait_until(lambda: self.driver_unstored() == self.told_unstored(), what="the driver's notes", every=1e-3)

    def end(self, end: End) -> None:
        """As recorded."""
        assert self._held is not None
        self.expected.append(("disconnected", None))
        self._held.end(end.how)
        wait_until(lambda: len(self.recorder.seen) >= len(self.expected), what="the disconnection", every=1e-3)


@contextmanager
def playing(recording: str, executor: str) -> Iterator[Session]:
    recorder, gate = Recorder(), Gate()
    with Player() as player:
        driver = ExecutorDriver(
            recorder,
            environment=environment(recording, executor, player.address),
            backoff=gate,
            stop_after_shutdown=False,
        )
        driver.start()
        try:
            yield Session(player, driver, recorder, gate)
        finally:
            driver.updates.clear()  # no agent acknowledges them any more, so `stop` need not wait
            gate.close()
            driver.stop()
            assert driver.join(10)


@pytest.mark.parametrize("split", [whole, bytewise])
@pytest.mark.parametrize(("recording", "executor"), EXECUTORS)
def test_a_recorded_executor_lives_again(recording: str, executor: str, split: Split) -> None:
    """Events arrive, updates go out as recorded, and after each restart of the agent it is told what it missed."""
    subscriptions = 0
    with playing(recording, executor) as play:
        for item in conversations(recording, "executor")[executor]:
            match item:
                case Call(kind="SUBSCRIBE"):
                    subscriptions += 1
                    play.subscribe(item)
                case Call():
                    play.call(item)
                case Event():
                    play.event(item, split)
                case End():
                    play.end(item)
        assert play.recorder.seen == play.expected
        assert play.driver_unstored() == play.told_unstored()
        assert not play.player.answers
    assert subscriptions == SUBSCRIPTIONS.get((recording, executor), 1)


def test_the_executors_of_the_recordings_are_all_here() -> None:
    """One that vanished from the list would fail nothing."""
    assert [(name.split("-")[0], client) for name, client in EXECUTORS] == [
        ("02", "ex-1"),
        ("02", "ex-2"),
        ("02", "ex-9"),
        ("08", "ex-1"),
        ("08", "ex-2"),
        ("08", "ex-4"),
        ("10b", "ex-1"),
        ("11", "ex-1"),
    ]
