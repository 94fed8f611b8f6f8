"""Recording 06, kills and unacknowledged updates of command tasks, and recording 05, operations with feedback.

What the master checks before the agent hears of anything (invalid operations, unknown tasks) is not played here. The
executors of 06 are the real agent's own; what they said is taken from the statuses, at the time that is in them.
"""

from typing import Any

import pytest

from sdk.local.core import operations
from sdk.local.core.resources import Resources, modern
from sdk.local.core.wire import BadMessage, convert
from tests.conformance.agent.replay import Replay, lines, shape
from tests.conformance.agent.test_task_statuses import launched_tasks, said

Json = dict[str, Any]
KILLS = list(lines("06"))
OPERATIONS = list(lines("05"))


def frameworks(recorded: list[Json]) -> dict[str, Json]:
    """FrameworkInfos by the id of the client that subscribed with them."""
    found: dict[str, Json] = {}
    for line in recorded:
        if line["who"] != "scheduler":
            continue
        if line["kind"] == "call" and "subscribe" in line["body"]:
            found[line["id"]] = line["body"]["subscribe"]["framework_info"]
        elif line["kind"] == "event" and line["body"]["type"] == "SUBSCRIBED":
            found[line["id"]] |= {"id": line["body"]["subscribed"]["framework_id"]}
    return {name: convert("FrameworkInfo", info) for name, info in found.items()}


class Timed:
    """A recording that is played by time; `sent` holds the statuses of one type of message with their times."""

    replay: Replay
    kind: str
    sent: list[tuple[float, Json]]

    def to(self, moment: float) -> None:
        """Let time pass, and note when something is sent."""
        while (due := self.replay.agent.next_tick()) is not None and due <= moment:
            self.replay.at(due)
            self.keep()
        self.replay.at(moment)

    def keep(self) -> None:
        """Note what was sent at this time."""
        told = [message["status"] for message in self.replay.messages if message["type"] == self.kind]
        self.sent += [(self.replay.now, status) for status in told[len(self.sent) :]]


class Kills(Timed):
    """Recording 06, played by time."""

    kind = "UPDATE"

    def __init__(self) -> None:
        self.infos = frameworks(KILLS)
        self.tasks = launched_tasks(KILLS)
        self.theirs: list[tuple[float, Json]] = [
            (line["t"], line["body"]["update"]["status"])
            for line in KILLS
            if line["who"] == "scheduler"
            and line["kind"] == "event"
            and line["body"]["type"] == "UPDATE"
            and "uuid" in line["body"]["update"]["status"]
        ]
        containers = {
            status["task_id"]["value"]: status["container_status"]["container_id"]["value"]
            for _, status in self.theirs
            if "container_status" in status
        }
        # The clock of the statuses against that of the recording: what came soonest came at once.
        self.offset = min(moment - status["timestamp"] for moment, status in self.theirs)
        own = [status["uuid"] for _, status in self.theirs if status["source"] == "SOURCE_AGENT"]
        first = self.theirs[0][1]
        self.replay = Replay(
            agent_id=first["agent_id"]["value"],
            containers=[containers.get(name, "c-" + name) for name in self.tasks],
            uuids=own,
        )
        self.owners: dict[str, str] = {}
        self.sent: list[tuple[float, Json]] = []
        self.kills: dict[str, list[Json]] = {}
        self._run()

    def _run(self) -> None:
        steps: list[tuple[float, int, str, Json]] = []
        for line in KILLS:
            body = line.get("body")
            if line["who"] == "scheduler" and line["kind"] == "call" and isinstance(body, dict):
                steps.append((line["t"], 1, line["id"], body))
        seen: set[str] = set()
        for _, status in self.theirs:
            if status["uuid"] not in seen and status["source"] == "SOURCE_EXECUTOR":
                seen.add(status["uuid"])
                steps.append((status["timestamp"] + self.offset, 0, "executor", status))
        for moment, _, who, body in sorted(steps, key=lambda step: step[:2]):
            self.to(moment)
            if who == "executor":
                self._says(body)
            else:
                self._scheduler(who, body)
            self.keep()
        self.to(KILLS[-1]["t"])

    def _scheduler(self, who: str, call: Json) -> None:
        base: Json = {"framework_id": call.get("framework_id")}
        content: Json = call.get(str(call.get("type")).lower(), {})
        match call.get("type"):
            case "ACCEPT":
                for operation in content.get("operations", ()):
                    for info in operation.get("launch", {}).get("task_infos", ()):
                        name = info["task_id"]["value"]
                        self.owners[name] = who
                        message = {"type": "RUN_TASK", "framework_info": self.infos[who], "task": self.tasks[name]}
                        self.replay.master(message)
            case "KILL" if content["task_id"]["value"] in self.tasks:
                self.replay.master(base | {"type": "KILL_TASK"} | {k: v for k, v in content.items() if k != "agent_id"})
            case "ACKNOWLEDGE" if "agent_id" in content and len(content["uuid"]) == 24:
                self.replay.master(
                    base | {"type": "ACKNOWLEDGE", "task_id": content["task_id"], "uuid": content["uuid"]}
                )
            case _:
                pass

    def _says(self, status: Json) -> None:
        name = status["task_id"]["value"]
        identity = {"framework_id": self.infos[self.owners[name]]["id"], "executor_id": {"value": name}}
        run = self.replay.agent.state.runs[(identity["framework_id"]["value"], name)]
        if run.stream is None:
            pid = status["container_status"]["executor_pid"]
            self.replay.do(self.replay.agent.launched(run.container_id, pid, now=self.replay.now))
            assert self.replay.executor({**identity, "type": "SUBSCRIBE", "subscribe": {}}, name) == (200, "")
        call = {**identity, "type": "UPDATE", "update": {"status": said(status)}}
        assert self.replay.executor(call) == (202, "")


@pytest.fixture(scope="module")
def kills() -> Kills:
    """Recording 06, played."""
    return Kills()


def test_every_update_when_the_real_one_sent_it(kills: Kills) -> None:
    """Same updates in the same order for each task, the retry after 10 s among them, and at the same times."""
    for name in kills.tasks:
        ours = [(moment, status) for moment, status in kills.sent if status["task_id"]["value"] == name]
        theirs = [(moment, status) for moment, status in kills.theirs if status["task_id"]["value"] == name]
        assert [status["uuid"] for _, status in ours] == [status["uuid"] for _, status in theirs]
        for (moment, mine), (recorded_at, recorded) in zip(ours, theirs, strict=True):
            without = {"timestamp"} if recorded["source"] == "SOURCE_AGENT" else set()
            assert {k: v for k, v in mine.items() if k not in without} == {
                k: v for k, v in recorded.items() if k not in without
            }
            assert shape(mine) == shape(recorded)
            # Of the same order: what waited for an acknowledgement or a retry waited for the same one.
            assert abs(moment - recorded_at) < 0.2, (name, mine["state"])


def test_kills_reach_the_executor_as_they_were_sent(kills: Kills) -> None:
    """With the policy of the call and without one; each of two; none for a task that was never delivered."""
    said_of = {
        name: [event["kill"] for event in kills.replay.events.get(name, []) if event["type"] == "KILL"]
        for name in kills.tasks
    }
    two_seconds = {"grace_period": {"nanoseconds": 2_000_000_000}}
    assert said_of.pop("k2") == [{"task_id": {"value": "k2"}, "kill_policy": two_seconds}]
    assert said_of.pop("k3") == [{"task_id": {"value": "k3"}}] * 2
    assert said_of.pop("k6") == []
    assert said_of == {name: [{"task_id": {"value": name}}] for name in said_of}


class Operations(Timed):
    """The operations of recording 05 that the master let through, played by time."""

    kind = "OPERATION_STATUS"

    def __init__(self) -> None:
        self.infos = frameworks(OPERATIONS)
        self.theirs: list[tuple[float, Json]] = []
        have = Resources()
        offered: set[str] = set()
        for line in OPERATIONS:
            if line["who"] != "scheduler" or line["kind"] != "event":
                continue
            body = line["body"]
            if body["type"] == "UPDATE_OPERATION_STATUS":
                status = body["update_operation_status"]["status"]
                if "uuid" in status:
                    self.theirs.append((line["t"], status))
            elif body["type"] == "OFFERS" and not self.theirs:
                for offer in body["offers"]["offers"]:
                    # The first offers of each role hold everything that the agent has, between them.
                    role = offer["allocation_info"]["role"]
                    if role not in offered:
                        offered.add(role)
                        whole = Resources.of(offer["resources"]).unallocated()
                        have = have if have.contains(whole) else have + (whole - have)
        uuids = list(dict.fromkeys(status["uuid"]["value"] for _, status in self.theirs))
        self.replay = Replay(
            agent_id=self.theirs[0][1]["agent_id"]["value"], containers=["c1", "c2"], uuids=[], resources=have.json()
        )
        self.known = {status["operation_id"]["value"]: status["uuid"]["value"] for _, status in self.theirs}
        assert len(uuids) == len(self.known)
        self.sent: list[tuple[float, Json]] = []
        self._run()

    def _run(self) -> None:
        for line in OPERATIONS:
            body = line.get("body")
            if line["who"] != "scheduler" or line["kind"] != "call" or not isinstance(body, dict):
                continue
            self.to(line["t"])
            if body.get("type") == "ACCEPT":
                for operation in body["accept"].get("operations", ()):
                    self._apply(line["id"], operation)
            elif body.get("type") == "ACKNOWLEDGE_OPERATION_STATUS":
                content = body["acknowledge_operation_status"]
                message = {"type": "ACKNOWLEDGE_OPERATION", "framework_id": body["framework_id"], **content}
                try:
                    self.replay.master(message)
                except BadMessage:
                    # The one with an object for its uuid; the real master answers 400.
                    assert isinstance(content["uuid"], dict)
            self.keep()

    def _apply(self, who: str, operation: Json) -> None:
        if operation["type"] not in operations.KINDS:
            return
        name = operation.get("id", {}).get("value")
        bare = operations.unallocated(convert("Operation", operation))
        # The old format of a reservation is the master's to translate.
        kind = bare["type"].lower()
        bare[kind] = {field: [modern(item) for item in items] for field, items in bare[kind].items()}
        if name is not None and name not in self.known:
            return
        if name is None:
            try:
                operations.validate(bare, self.infos[who].get("principal"))
                operations.apply(self.replay.agent.state.resources, bare)
            except (operations.Invalid, operations.NotContained):
                return
        self.replay.uuids.append(self.known.get(name or "", "bm8gaWQsIG5vIHV1aWQhIQ=="))
        self.replay.master(
            {
                "type": "APPLY_OPERATION",
                "framework_id": self.infos[who]["id"],
                "operation_uuid": f"u{len(self.replay.messages)}",
                "operation": bare,
            }
        )


@pytest.fixture(scope="module")
def feedback() -> Operations:
    """Recording 05, played."""
    return Operations()


def test_every_operation_status_when_the_real_one_sent_it(feedback: Operations) -> None:
    """Same statuses in the same order, the retry of the unacknowledged one after 10 s among them; `agent_id` is the
    master's to add.
    """
    ours = [(moment, status) for moment, status in feedback.sent if "operation_id" in status]
    assert [status["operation_id"] for _, status in ours] == [status["operation_id"] for _, status in feedback.theirs]
    for (moment, mine), (recorded_at, recorded) in zip(ours, feedback.theirs, strict=True):
        assert mine == {name: part for name, part in recorded.items() if name != "agent_id"}
        assert abs(moment - recorded_at) < 0.2
    assert not feedback.replay.agent.state.operations


def test_reservations_survive_the_agent(feedback: Operations) -> None:
    """After a SIGKILL the agent registers with the resources that the operations made, among them those that the
    recording shows after its restart.
    """
    replay = feedback.replay
    before = replay.agent.state.resources
    replay.start()
    assert Resources.of(replay.agent.registration()["resources"]) == before
    last = [line["body"] for line in OPERATIONS if line["kind"] == "event" and line["body"]["type"] == "OFFERS"][-1]
    theirs = Resources.of(last["offers"]["offers"][0]["resources"]).unallocated()
    reserved = theirs.where(lambda item: item.get("reservations", [{}])[-1].get("type") == "DYNAMIC")
    assert reserved
    assert before.contains(reserved)
