"""Every recorded operator stream, played to the operator client and through it to the listener's index."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from api.mesos_listener.board import Board
from api.mesos_listener.index import RECOVERED_PATIENCE
from api.mesos_listener.metrics import ListenerMetrics
from api.mesos_listener.stream import Follower
from api.process.turns import Turns
from sdk.clock import SystemClock
from sdk.mesos.operator import OperatorClient, StreamEnded
from tests.conformance.clients.fold import snapshots
from tests.conformance.clients.player import Player, Split, bytewise, whole
from tests.conformance.clients.recording import Call, Stream, conversations, stream, streams
from tests.contracts.mesos import traces
from tests.support.wait import wait_until
from tests.unit.api.mesos_listener.messages import JsonIndex

Json = dict[str, Any]

RUNNING = "TASK_RUNNING"
STREAMS = streams("operator")


class Cluster:
    """The running tasks by the recorded events: (framework id, task id), with what the index says of each."""

    def __init__(self) -> None:
        self.tasks: dict[tuple[str, str], tuple[str, str]] = {}
        """To agent id and state."""

    def take(self, event: Json) -> None:
        body = event.get(event["type"].lower(), {})
        match event["type"]:
            case "SUBSCRIBED":
                self.tasks.clear()
                for task in body["get_state"]["get_tasks"].get("tasks", []):
                    self._put(task)
            case "TASK_ADDED":
                self._put(body["task"])
            case "TASK_UPDATED":
                key = body["framework_id"]["value"], body["status"]["task_id"]["value"]
                self.tasks[key] = self.tasks[key][0], body["state"]
            case "AGENT_REMOVED":
                gone = body["agent_id"]["value"]
                self.tasks = {key: value for key, value in self.tasks.items() if value[0] != gone}
            case "FRAMEWORK_REMOVED":
                gone = body["framework_info"]["id"]["value"]
                self.tasks = {key: value for key, value in self.tasks.items() if key[0] != gone}

    def _put(self, task: Json) -> None:
        key = task["framework_id"]["value"], task["task_id"]["value"]
        self.tasks[key] = task["agent_id"]["value"], task["state"]

    def running(self) -> dict[tuple[str, str], str]:
        """To the id of the agent."""
        return {key: agent for key, (agent, state) in self.tasks.items() if state == RUNNING}


@contextmanager
def following(player: Player) -> Iterator[Board]:
    board = Board("run")
    follower = Follower(
        OperatorClient(player.address),
        board,
        SystemClock(),
        lambda: None,
        turns=Turns(SystemClock(), limit=60),
        metrics=ListenerMetrics(),
    )
    follower.start()
    try:
        yield board
    finally:
        follower.stop()


def shown(board: Board) -> dict[tuple[str, str], str]:
    """The running tasks on the board, without those that were told to end."""
    return {(task.framework_id, task.id): task.agent_id for task in board.snapshot().tasks if not task.leaving}


@pytest.mark.parametrize("recorded", STREAMS, ids=str)
def test_the_index_shows_what_runs_after_every_event(recorded: Stream) -> None:
    """And agrees with every answer about all tasks that the master gave in between."""
    cluster = Cluster()
    asked = [each for each in snapshots(recorded.recording) if recorded.subscribe.at < each[0]]
    compared = 0
    with Player() as player, following(player) as board:
        held = player.subscription()
        assert held.request.body == recorded.subscribe.body
        assert held.request.path == recorded.subscribe.path
        assert recorded.subscribe.answer is not None
        held.answer(recorded.subscribe.answer)
        for event, following_one in zip(recorded.events, [*recorded.events[1:], None], strict=True):
            held.event(event)
            cluster.take(event.body)
            wait_until(lambda: shown(board) == cluster.running(), what=str(event.body)[:200], every=1e-3)
            while asked and following_one is not None and asked[0][0] < following_one.at:
                answer = asked.pop(0)[1]
                assert shown(board) == {key: agent for key, (agent, state) in answer.items() if state == RUNNING}
                compared += 1
        left = shown(board)
        held.end("connection closed")
        player.subscription().answer(recorded.subscribe.answer)
        # A master that is away is no reason to take tasks out of service.
        assert shown(board) == left == cluster.running()
    assert compared == {"08-op1": 2, "11-op1": 5}.get(str(recorded), 0)


def test_the_recorded_tasks_come_with_all_that_balancing_needs() -> None:
    """Names of framework and agent, address, labels, ports and health, as the recorded GET_STATE has them."""
    recorded = stream("operator", "11-op1")
    asked = next(
        item.answer.json["get_state"]
        for item in conversations(recorded.recording, "operator")[""]
        if isinstance(item, Call) and item.kind == "GET_STATE" and item.answer is not None
    )
    with Player() as player, following(player) as board:
        held = player.subscription()
        assert recorded.subscribe.answer is not None
        held.answer(recorded.subscribe.answer)
        for event in recorded.events:
            if event.at < 3.8:  # when GET_STATE was asked
                held.event(event)
        wanted = {task["task_id"]["value"]: task for task in asked["get_tasks"]["tasks"]}
        wait_until(lambda: len(board.snapshot().tasks) == len(wanted), what="the tasks")
        agents = {
            agent["agent_info"]["id"]["value"]: agent["agent_info"]["hostname"]
            for agent in asked["get_agents"]["agents"]
        }
        names = {
            each["framework_info"]["id"]["value"]: each["framework_info"]["name"]
            for each in asked["get_frameworks"]["frameworks"]
        }

        def complete() -> bool:
            return all(
                (task.healthy is not None) == any("healthy" in each for each in wanted[task.id]["statuses"])
                for task in board.snapshot().tasks
            )

        wait_until(complete, what="the last updates")
        for task in board.snapshot().tasks:
            theirs = wanted[task.id]
            assert task.agent_hostname == agents[theirs["agent_id"]["value"]]
            assert task.framework_name == names[theirs["framework_id"]["value"]]
            assert task.name == theirs["name"]
            assert task.labels == ()  # none of them is meant for load balancers
            health = [each["healthy"] for each in theirs["statuses"] if "healthy" in each]
            assert not health or task.healthy == health[-1]
            network = theirs["statuses"][-1]["container_status"]["network_infos"][0]
            assert list(task.addresses) == [network["ip_addresses"][0]["ip_address"]]


@pytest.mark.parametrize("recorded", STREAMS, ids=str)
@pytest.mark.parametrize("split", [whole, bytewise])
def test_the_operator_client_gives_the_events_as_they_are(recorded: Stream, split: Split) -> None:
    """All but heartbeats, in whatever chunks, and its end is told."""
    seen: list[Mapping[str, Any]] = []
    ended = threading.Event()
    with Player() as player:
        client = OperatorClient(player.address)

        def follow() -> None:
            try:
                for event in client.stream():
                    seen.append(event)
            except StreamEnded:
                ended.set()

        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        held = player.subscription()
        assert recorded.subscribe.answer is not None
        held.answer(recorded.subscribe.answer)
        for event in recorded.events:
            held.event(event, split)
        held.end("zero chunk")
        assert ended.wait(10)
        client.close()
    assert seen == [event.body for event in recorded.events if event.body["type"] != "HEARTBEAT"]


@pytest.mark.parametrize(("name", "kind"), [("11-op1", "AGENT_REMOVED"), ("08-op1", "FRAMEWORK_REMOVED")])
def test_what_an_agent_or_framework_leaves_behind_ends_with_it(name: str, kind: str) -> None:
    """The recorded master tells the end of each task first; here that update is left out, and the removal has to do."""
    events = [event.body for event in stream("operator", name).events]
    end = next(at for at, event in enumerate(events) if event["type"] == kind)
    assert events[end - 1]["type"] == "TASK_UPDATED"
    task_id = events[end - 1]["task_updated"]["status"]["task_id"]["value"]
    index = JsonIndex()
    for event in events[: end - 1]:
        index.take(event, 0.0)
    assert [key.id for key in index.running] == [task_id]
    assert [key.id for key in index.take(events[end], 0.0).removed] == [task_id]


def state(*answers: Json) -> Json:
    """A SUBSCRIBED event with what GET_AGENTS, GET_FRAMEWORKS and GET_TASKS answered: its snapshot has their form."""
    return {
        "type": "SUBSCRIBED",
        "subscribed": {"get_state": {answer["type"].lower(): answer[answer["type"].lower()] for answer in answers}},
    }


def test_a_restarted_master_takes_no_task_out_of_service() -> None:
    """Recording 10b: the new master knows neither task nor framework until the agent is back, and then both."""
    answers = [
        item
        for item in conversations("10b-master-restart", "operator")[""]
        if isinstance(item, Call) and item.answer is not None
    ]
    by_kind: dict[str, list[Json]] = {}
    for item in answers:
        assert item.answer is not None
        by_kind.setdefault(item.kind, []).append(item.answer.json)
    agents, frameworks, tasks = (by_kind[kind] for kind in ("GET_AGENTS", "GET_FRAMEWORKS", "GET_TASKS"))
    assert agents[0]["get_agents"]["recovered_agents"]
    assert not tasks[0]["get_tasks"]["tasks"]
    (running,) = [task["task_id"]["value"] for task in tasks[1]["get_tasks"]["tasks"]]

    index = JsonIndex()
    # Before the restart the cluster was as it is after it: the recording has no answer from then.
    index.take(state(agents[1], frameworks[1], tasks[1]), 0.0)
    before = dict(index.running)
    assert [key.id for key in before] == [running]
    delta = index.take(state(agents[0], frameworks[0], tasks[0]), 1.0)
    assert delta.is_empty
    assert (index.running, index.carried) == (before, 1)
    delta = index.take(state(agents[1], frameworks[1], tasks[1]), 2.0)
    assert delta.is_empty
    assert (index.running, index.carried) == (before, 0)
    assert index.take(state(agents[1], frameworks[1], tasks[2]), 3.0).is_empty
    # An agent that does not come back in time is given up, as the master gives it up.
    index.take(state(agents[0], frameworks[0], tasks[0]), 4.0)
    assert [key.id for key in index.tick(4.0 + RECOVERED_PATIENCE).removed] == [running]


ANSWERED = [
    item
    for who in ("operator", "http")
    for name in traces.NAMES
    for item in conversations(name, who).get("", ())
    if isinstance(item, Call)
    and item.answer is not None
    and item.answer.status in (200, 202)
    and (item.answer.json is not None or item.answer.text == "")
    and (who == "operator" or (item.method == "GET" and not item.path.startswith("/files")))
    and item.kind != "SUBSCRIBE"
]


def test_calls_and_their_answers_are_those_of_the_recordings() -> None:
    """All GET_* and reservations, and the older endpoints: the same request goes out, the same JSON comes back."""
    kinds: set[str] = set()
    with Player() as player:
        client = OperatorClient(player.address)
        for recorded in ANSWERED:
            assert recorded.answer is not None
            player.answers.append(recorded.answer)
            if recorded.method == "GET":
                answer = client.get(recorded.path)
            else:
                answer = client.call(recorded.kind, recorded.body.get(recorded.kind.lower()))
            sent = player.calls[-1]
            assert (sent.method, sent.body) == (recorded.method, recorded.body if recorded.method == "POST" else None)
            assert answer == (recorded.answer.json if recorded.answer.text else {})
            kinds.add(recorded.kind)
        client.close()
    assert kinds >= {"GET_TASKS", "GET_STATE", "GET_AGENTS", "GET_OPERATIONS", "RESERVE_RESOURCES", "MARK_AGENT_GONE"}
    assert len(ANSWERED) > 100
