"""The recorded conversations of custom executors, replayed to the agent core: every event and answer as the real one's.

Known differences, with their reasons: after a restart an agent registers when its executors are back, so the retries of
updates start at another moment than in the recording and are compared by content, not by number; what comes after
SHUTDOWN is not compared, because the recorded executor stopped reading there; an ACKNOWLEDGED that the real agent was
killed before writing comes once more.
"""

from typing import Any

import pytest

from tests.conformance.agent.replay import Replay, lines, shape

Json = dict[str, Any]


class Conversation:
    """All that one recording holds about one agent, replayed line by line."""

    def __init__(self, number: str, endpoint: str) -> None:
        self.recorded = list(lines(number))
        born = [line for line in self.recorded if line["kind"] == "environment"]
        mine = [line for line in born if line["body"]["MESOS_AGENT_ENDPOINT"] == endpoint]
        self.executors = {line["id"] for line in mine}
        self.environments = {line["id"]: line["body"] for line in mine}
        containers = [line["body"]["MESOS_SANDBOX"].rpartition("/")[2] for line in mine]
        info = self._later(mine[0]["id"], 0, "SUBSCRIBED")["subscribed"]["agent_info"]
        about = {name: part for name, part in info.items() if name != "id"}
        self.replay = Replay(agent_id=mine[0]["body"]["MESOS_SLAVE_ID"], containers=containers, info=about)
        self.theirs: dict[str, list[Json]] = {name: [] for name in self.executors}
        self.answers: list[tuple[Json, tuple[int, str], tuple[int, str]]] = []
        self.streams = dict.fromkeys(self.executors, 0)
        self.stopped = False
        self.tasks: set[str] = set()
        self._waiting: dict[str, list[tuple[Json, tuple[int, str]]]] = {}

    def _later(self, name: str, position: int, kind: str) -> Json:
        """The next event of that type for an executor."""
        for line in self.recorded[position:]:
            if line.get("id") == name and line["kind"] == "event" and line["body"]["type"] == kind:
                found: Json = line["body"]
                return found
        raise LookupError(f"no {kind} for {name}")

    def run(self) -> None:
        """Replay all."""
        for position, line in enumerate(self.recorded):
            self.replay.at(line["t"])
            if line["who"] == "executor" and line["id"] in self.executors:
                self._executor(line, position)
            elif line["who"] == "scheduler" and line["kind"] == "call" and isinstance(line.get("body"), dict):
                self._scheduler(line["body"])
            elif line["kind"] == "note":
                # The recording notes no exit of processes that it killed.
                for text, name in (("C: executor SIGKILL", "ex-1"), ("F: the same", "ex-4")):
                    if text in line.get("text", "") + line.get("note", ""):
                        self._exited(name, 9)
            elif line["who"] == "operator" and line["kind"] == "call" and line.get("to") == "master1":
                self._operator(line["body"])

    def _executor(self, line: Json, position: int) -> None:
        name = line["id"]
        match line["kind"], line["dir"]:
            case "environment", _:
                task = self._later(name, position, "LAUNCH")["launch"]["task"]
                framework = self._later(name, position, "SUBSCRIBED")["subscribed"]["framework_info"]
                self._run_task(framework, task)
                self.replay.do(self.replay.agent.launched(self._container(name), 4711, now=self.replay.now))
            case "call", _ if self._next_status(name, position) == 503:
                # The answer of a process that is not ready, which the core is not.
                self._waiting.setdefault(name, []).append((line["body"], (503, "Agent has not finished recovery")))
            case "call", _:
                if self.stopped:
                    # A call that found nobody, or the first one after the restart.
                    if line["body"]["type"] != "SUBSCRIBE":
                        return
                    self.replay.start()
                    self.stopped = False
                self.streams[name] += 1
                answer = self.replay.executor(line["body"], f"{name}/{self.streams[name]}")
                self._waiting.setdefault(name, []).append((line["body"], answer))
                self.replay.do(self.replay.agent.tick(now=self.replay.now))
                if not self.replay.agent.recovering and not self.replay.agent.state.registered:
                    self.replay.register()
            case "response", _:
                call, ours = self._waiting[name].pop(0)
                self.answers.append((call, ours, (line["status"], line.get("text", ""))))
            case "event", _:
                self.theirs[name].append(line["body"])
                if line["body"]["type"] == "LAUNCH":
                    task = line["body"]["launch"]["task"]
                    if task["task_id"]["value"] not in self.tasks:
                        self._run_task(next(iter(self.replay.agent.state.frameworks.values())), task)
            case "eof", _ if line["how"] == "connection closed":
                self.stopped = True
            case "exit" | "signal", _:
                self._exited(name, 9 if line["kind"] == "signal" else 0)
            case _:
                pass

    def _next_status(self, name: str, position: int) -> int | None:
        """The status of the answer to the call at that position."""
        return next(
            (
                line["status"]
                for line in self.recorded[position:]
                if line.get("id") == name and line["kind"] == "response"
            ),
            None,
        )

    def _exited(self, name: str, status: int) -> None:
        if name in self.executors and self._container(name) in {
            run.container_id for run in self.replay.agent.state.runs.values()
        }:
            self.replay.do(self.replay.agent.exited(self._container(name), status, now=self.replay.now))

    def _operator(self, call: Json) -> None:
        if call.get("type") == "DRAIN_AGENT":
            content = call["drain_agent"]
            if content["agent_id"]["value"] == self.replay.agent_id:
                self.replay.master({"type": "DRAIN", "config": {k: v for k, v in content.items() if k != "agent_id"}})

    def _container(self, name: str) -> str:
        return str(self.environments[name]["MESOS_SANDBOX"].rpartition("/")[2])

    def _run_task(self, framework: Json, task: Json) -> None:
        self.tasks.add(task["task_id"]["value"])
        self.replay.master({"type": "RUN_TASK", "framework_info": framework, "task": task})

    def _scheduler(self, call: Json) -> None:
        base: Json = {"framework_id": call.get("framework_id")}
        content: Json = call.get(call.get("type", "").lower(), {})
        match call.get("type"):
            case "ACKNOWLEDGE" if content.get("task_id", {}).get("value") in self.tasks and len(content["uuid"]) == 24:
                self.replay.master(
                    base | {"type": "ACKNOWLEDGE", "task_id": content["task_id"], "uuid": content["uuid"]}
                )
            case "KILL" if content["task_id"]["value"] in self.tasks:
                self.replay.master(base | {"type": "KILL_TASK"} | {k: v for k, v in content.items() if k != "agent_id"})
            case "MESSAGE":
                self.replay.master(base | {"type": "FRAMEWORK_MESSAGE"} | content)
            case "SHUTDOWN":
                self.replay.master(base | {"type": "SHUTDOWN_EXECUTOR", "executor_id": content["executor_id"]})
            case "TEARDOWN":
                self.replay.master(base | {"type": "SHUTDOWN_FRAMEWORK"})
            case _:
                pass

    def ours(self, name: str) -> list[Json]:
        """What the core said to an executor, over its streams in their order."""
        found: list[Json] = []
        for number in range(1, self.streams[name] + 1):
            stream = self.replay.events.get(f"{name}/{number}", [])
            # The killed agent had stored an update and not said so; after the restart it says it for the first time.
            while found and found[-1]["type"] == "ACKNOWLEDGED" and found[-1] in stream:
                found.pop()
            found += stream
        return found


@pytest.fixture(scope="module", params=[("02", 15061), ("08", 15061), ("08", 15062), ("10b", 15061)], ids=str)
def conversation(request: pytest.FixtureRequest) -> Conversation:
    """One recording about one agent, replayed."""
    number, port = request.param
    result = Conversation(number, f"127.0.0.1:{port}")
    result.run()
    return result


def test_events_in_the_recorded_order_with_the_recorded_content(conversation: Conversation) -> None:
    """SUBSCRIBED, LAUNCH, ACKNOWLEDGED, KILL, MESSAGE and SHUTDOWN: same order and content."""
    for name in conversation.executors:
        ours, theirs = conversation.ours(name), conversation.theirs[name]
        if theirs[-1]["type"] == "SHUTDOWN":
            ours = ours[: len(theirs)]
        assert [event["type"] for event in ours] == [event["type"] for event in theirs]
        for mine, recorded in zip(ours, theirs, strict=True):
            assert mine == recorded
            assert list(mine) == list(recorded)
            if mine["type"] == "SUBSCRIBED":
                assert list(mine["subscribed"]) == list(recorded["subscribed"])
                assert list(mine["subscribed"]["agent_info"]) == list(recorded["subscribed"]["agent_info"])


def test_answers(conversation: Conversation) -> None:
    """Status and text of every answer to an executor."""
    assert conversation.answers
    for call, ours, theirs in conversation.answers:
        assert ours == theirs, call["type"]


def test_statuses_reach_the_scheduler_as_recorded(conversation: Conversation) -> None:
    """Every status of the recording that came through this agent was sent by the core with the same content."""
    sent = {status["uuid"]: status for status in conversation.replay.statuses()}
    compared = 0
    for line in conversation.recorded:
        if line["who"] != "scheduler" or line["kind"] != "event" or line["body"]["type"] != "UPDATE":
            continue
        recorded = line["body"]["update"]["status"]
        if recorded["task_id"]["value"] not in conversation.tasks or recorded.get("source") != "SOURCE_EXECUTOR":
            continue
        if "uuid" not in recorded:
            continue
        ours = sent[recorded["uuid"]]
        assert shape(ours) == shape(recorded)
        assert {k: v for k, v in ours.items() if k != "container_status"} == {
            k: v for k, v in recorded.items() if k != "container_status"
        }
        assert ours["container_status"]["container_id"] == recorded["container_status"]["container_id"]
        compared += 1
    assert compared > 1


def test_one_update_per_task_in_the_recorded_order(conversation: Conversation) -> None:
    """The order of first deliveries per task is the recorded one."""

    def order(statuses: list[Json]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for status in statuses:
            if status["task_id"]["value"] in conversation.tasks and status.get("source") == "SOURCE_EXECUTOR":
                seen = found.setdefault(status["task_id"]["value"], [])
                if "uuid" in status and status["uuid"] not in seen:
                    seen.append(status["uuid"])
        return found

    recorded = [
        line["body"]["update"]["status"]
        for line in conversation.recorded
        if line["who"] == "scheduler" and line["kind"] == "event" and line["body"]["type"] == "UPDATE"
    ]
    ours = order(conversation.replay.statuses())
    for task, uuids in order(recorded).items():
        if uuids:
            assert ours[task][: len(uuids)] == uuids
