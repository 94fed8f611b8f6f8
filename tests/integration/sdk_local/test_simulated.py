"""A simulated cluster over HTTP: what talks to Mesos sees agents and tasks as it sees real ones."""

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from api.mesos_listener.board import Board
from api.mesos_listener.metrics import ListenerMetrics
from api.mesos_listener.stream import Follower
from api.process.turns import Turns
from sdk.clock import SystemClock
from sdk.errors import EnvironmentProblem
from sdk.local.fault_client import FaultError
from sdk.local.simulated.cluster import SimulatedCluster
from sdk.local.simulated.on_demand import NewTask
from sdk.local.simulated.tasks import TasksOnDemand
from sdk.mesos.operator import OperatorClient
from tests.integration.sdk_local.client import Stream
from tests.support.marathon import Marathon
from tests.support.ports import free_port
from tests.support.wait import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.slow]

AGENTS, TASKS = 15, 300


@pytest.fixture(scope="module")
def cluster() -> Iterator[SimulatedCluster]:
    """A small one whose tasks change."""
    port = free_port()
    with SimulatedCluster(port=port, agents=AGENTS, tasks=TASKS, events_per_second=100, timeout=60) as made:
        yield made


def port_of(cluster: SimulatedCluster) -> int:
    """The master's port."""
    return int(cluster.address.rpartition(":")[2])


def get(cluster: SimulatedCluster, path: str, headers: Mapping[str, str] | None = None) -> Any:
    """A classic endpoint."""
    request = urllib.request.Request(f"http://{cluster.address}{path}", headers=dict(headers or {}))
    with urllib.request.urlopen(request, timeout=20) as answer:
        body = answer.read()
        return json.loads(gzip.decompress(body) if answer.headers.get("Content-Encoding") == "gzip" else body)


def call(cluster: SimulatedCluster, kind: str) -> Any:
    """The answer to a call of the operator API."""
    client = OperatorClient(cluster.address)
    try:
        return client.call(kind)[kind.lower()]
    finally:
        client.close()


def test_its_tasks_have_the_fields_of_recorded_ones(cluster: SimulatedCluster) -> None:
    """Name, ids, resources, labels, discovery, health, and statuses with the container's addresses."""
    tasks = call(cluster, "GET_TASKS")["tasks"]
    running = [task for task in tasks if task["state"] == "TASK_RUNNING"]
    assert len(running) > TASKS * 0.8
    wanted = {"name", "task_id", "framework_id", "agent_id", "state", "resources", "statuses", "labels", "discovery",
              "status_update_state", "status_update_uuid"}  # fmt: skip
    for task in running:
        assert wanted <= task.keys()
        about = task["statuses"][-1]["container_status"]
        assert about["network_infos"][0]["ip_addresses"][0]["ip_address"].startswith("127.1.")
    kinds = {("executor_id" in task, "health_check" in task) for task in running}
    assert kinds == {(False, True), (True, False), (True, True)}
    assert len(call(cluster, "GET_AGENTS")["agents"]) == AGENTS


def test_large_answers_are_whole_packed_or_not(cluster: SimulatedCluster) -> None:
    """/state and /tasks name every task once, also to those who take gzip."""
    for headers in ({}, {"Accept-Encoding": "gzip"}):
        state = get(cluster, "/state", headers)
        tasks = [task["id"] for framework in state["frameworks"] for task in framework["tasks"]]
        assert len(tasks) == len(set(tasks)) > TASKS * 0.8
        assert len(get(cluster, "/tasks?limit=100000", headers)["tasks"]) >= len(tasks)


def test_the_stream_begins_with_a_snapshot_and_misses_nothing_after_it(cluster: SimulatedCluster) -> None:
    """What the snapshot and the events say of a task is in order, and the tasks end, start and change their health."""
    stream = Stream(port_of(cluster), "/api/v1", {"type": "SUBSCRIBE"})
    try:
        wait_until(lambda: len(stream.events) > 300, 30, "300 events")
    finally:
        stream.close()
    first, *events = stream.events
    assert first["type"] == "SUBSCRIBED"
    states = {
        task["task_id"]["value"]: [task["state"]] for task in first["subscribed"]["get_state"]["get_tasks"]["tasks"]
    }
    for event in events:
        if event["type"] == "TASK_ADDED":
            assert states.setdefault(event["task_added"]["task"]["task_id"]["value"], []) == []
        elif event["type"] == "TASK_UPDATED":
            states[event["task_updated"]["status"]["task_id"]["value"]].append(event["task_updated"]["status"]["state"])
    seen = {state for known in states.values() for state in known[1:]} | {
        known[0] for known in states.values() if known
    }
    assert {"TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"} <= seen
    assert any(known.count("TASK_RUNNING") > 2 for known in states.values())


def test_a_framework_on_the_sdk_runs_its_task_beside_the_simulated_ones(cluster: SimulatedCluster) -> None:
    """It is offered what the simulated ones do not have, its task runs, and it is killed."""
    with Marathon(cluster.address) as marathon:
        app = {
            "id": "/own", "cpus": 0.1, "mem": 32, "disk": 1, "cmd": "true", "labels": {}, "env": {}, "healthChecks": [],
            "portDefinitions": [{"name": "web"}], "taskKillGracePeriodSeconds": 3,
        }  # fmt: skip
        task = marathon.launch(app)
        wait_until(lambda: marathon.status(task).get("state") == "TASK_RUNNING", 20, "the task runs")
        marathon.kill(task)
        wait_until(lambda: marathon.status(task).get("state") == "TASK_KILLED", 20, "the task is killed")


def test_the_listeners_index_equals_the_tasks_of_the_master() -> None:
    """After tasks ended and started, once nothing changes any more: the same running tasks."""
    with SimulatedCluster(port=free_port(), agents=5, tasks=100, task_life=3.0, timeout=60) as cluster:
        board = Board("test")
        operator = OperatorClient(cluster.address)
        changed = threading.Event()
        follower = Follower(
            operator,
            board,
            SystemClock(),
            changed.set,
            turns=Turns(SystemClock(), limit=180),
            metrics=ListenerMetrics(),
        )
        follower.start()
        try:
            wait_until(lambda: board.snapshot().revision > 300, 30, "churn")

            def same() -> bool:
                tasks = call(cluster, "GET_TASKS").get("tasks", [])
                running = {task["task_id"]["value"] for task in tasks if task["state"] == "TASK_RUNNING"}
                return bool(running) and {task.id for task in board.snapshot().tasks if not task.leaving} == running

            wait_until(same, 30, "the index equals GET_TASKS")
        finally:
            follower.stop()


def of_task(stream: Stream, task_id: str) -> list[str]:
    """What the operator stream told of a task, in order."""
    told: list[str] = []
    for event in list(stream.events):
        if event["type"] == "TASK_ADDED" and event["task_added"]["task"]["task_id"]["value"] == task_id:
            told.append("added")
        elif event["type"] == "TASK_UPDATED" and event["task_updated"]["status"]["task_id"]["value"] == task_id:
            told.append(event["task_updated"]["state"])
    return told


def test_a_task_on_demand_is_told_to_operators_as_every_task_is(cluster: SimulatedCluster) -> None:
    """It is at the address and port that were asked for, and changes when it is told to."""
    tasks = TasksOnDemand(cluster.address)
    stream = Stream(port_of(cluster), "/api/v1", {"type": "SUBSCRIBE"})
    try:
        wait_until(lambda: stream.events, 20, "the snapshot")
        wanted = NewTask(name="shop", address="127.9.0.1", port=8001, labels={"a": "b"})
        [task] = tasks.prepare([wanted])
        wait_until(lambda: of_task(stream, task) == ["added", "TASK_STARTING"], 20, "it is there and does not run")
        tasks.change([(task, "TASK_RUNNING")])
        [found] = [item for item in call(cluster, "GET_TASKS")["tasks"] if item["task_id"]["value"] == task]
        assert found["state"] == "TASK_RUNNING"
        assert found["discovery"]["ports"]["ports"][0]["number"] == 8001
        assert found["labels"]["labels"] == [{"key": "a", "value": "b"}]
        agents = {item["agent_info"]["id"]["value"]: item for item in call(cluster, "GET_AGENTS")["agents"]}
        assert agents[found["agent_id"]["value"]]["pid"].endswith("@127.9.0.1:5051")
        tasks.change([(task, "TASK_KILLING")])
        tasks.stop([task])
        life = ["added", "TASK_STARTING", "TASK_RUNNING", "TASK_KILLING", "TASK_KILLED"]
        wait_until(lambda: of_task(stream, task) == life, 20, "its whole life")
        [again] = tasks.start([wanted])
        assert again != task
        with pytest.raises(FaultError, match=f"there is no task {task}"):
            tasks.stop([task])
        tasks.stop([again], "TASK_FINISHED")
    finally:
        stream.close()


def test_the_command_starts_replaces_and_stops_a_task(cluster: SimulatedCluster) -> None:
    """It prints the id of what runs, and a sentence when something is refused."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "sdk.local.simulated.tasks", "--master", cluster.address, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    started = run("start", "--name", "cart", "--port", "8101", "--label", "a=b")
    assert started.returncode == 0, started.stderr
    replaced = run("replace", started.stdout.strip(), "--name", "cart", "--port", "8102")
    assert replaced.returncode == 0, replaced.stderr
    assert run("stop", replaced.stdout.strip()).returncode == 0
    late = run("stop", started.stdout.strip())
    assert late.returncode == 1
    assert "there is no task cart.instance-" in late.stderr
    assert "Traceback" not in late.stderr


def test_a_taken_port_is_one_sentence() -> None:
    """The second cluster on a port says why it cannot start."""
    port = free_port()
    with (
        SimulatedCluster(port=port, agents=1, tasks=1, timeout=60),
        pytest.raises(EnvironmentProblem, match=f"cannot serve on 127.0.0.1:{port}"),
        SimulatedCluster(port=port, agents=1, tasks=1, timeout=60),
    ):
        pass


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--simulated-agents", "0"], "0 simulated agents: choose between 1 and 10,000"),
        (["--simulated-agents", "-1"], "-1 simulated agents: choose between 1 and 10,000"),
        (["--simulated-agents", "1000000000"], "1,000,000,000 simulated agents: choose between 1 and 10,000"),
        (["--simulated-tasks", "0"], "0 simulated tasks: choose between 1 and 200,000"),
        (["--simulated-tasks", "1000000000"], "1,000,000,000 simulated tasks: choose between 1 and 200,000"),
        (["--simulated-tasks", "5", "--events-per-second", "-1"], "-1.0 simulated events per second: choose between 0"),
        (["--simulated-tasks", "5", "--events-per-second", "nan"], "nan simulated events per second: choose between 0"),
        (
            ["--simulated-agents", "1", "--simulated-tasks", "5000"],
            "5,000 tasks on 1 agents: choose at most 1,000 per agent",
        ),
        (["--simulated-agents", "1", "up"], "a system of their own, without up"),
    ],
)
def test_bad_sizes_are_refused_with_a_sentence(arguments: list[str], sentence: str) -> None:
    """Nothing is started, and there is no traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "api.cli.main", "local", *arguments], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_serves_until_ctrl_c() -> None:
    """It says when all tasks run and where, and Ctrl-C is no error."""
    port = next(port for port in iter(free_port, None) if port <= 31_010)
    command = [sys.executable, "-m", "api.cli.main", "local", "--simulated-agents", "2", "--simulated-tasks", "10"]
    with subprocess.Popen(
        [*command, "--base-port", str(port - 10)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            lines: list[str] = []
            while not lines or not lines[-1].startswith("Ctrl-C"):
                line = process.stdout.readline()
                assert line, process.stderr.read()
                lines.append(line)
            assert f"  Mesos  http://127.0.0.1:{port}/\n" in lines
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics/snapshot", timeout=20) as answer:
                assert json.load(answer)["master/tasks_running"] == 10
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
        finally:
            process.kill()


def simulation_of(cluster: SimulatedCluster) -> int:
    """The process id of its simulated agents."""
    children = Path(f"/proc/{cluster.pid}/task/{cluster.pid}/children").read_text().split()
    assert len(children) == 1
    return int(children[0])


def gone(pid: int) -> bool:
    """Whether the process ended; one that is still to be collected by its parent did."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


def test_the_agents_end_with_a_master_that_is_killed() -> None:
    """Nobody is left behind to collect."""
    with SimulatedCluster(port=free_port(), agents=2, tasks=10, events_per_second=20, timeout=60) as cluster:
        agents = simulation_of(cluster)
        os.kill(cluster.pid, signal.SIGKILL)
        wait_until(lambda: gone(agents), 20, "the process of the agents ended")


def test_a_master_says_that_its_agents_were_killed() -> None:
    """It ends, too, with a sentence and not with a traceback."""
    port = free_port()
    command = [sys.executable, "-m", "sdk.local.simulated", "--port", str(port), "--agents", "2", "--tasks", "10"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            os.kill(int(children[0]), signal.SIGKILL)
            assert process.wait(20) == 1
            assert process.stderr is not None
            assert process.stderr.read() == "simulated: the process of the simulated agents ended: SIGKILL\n"
        finally:
            process.kill()


def test_an_agent_that_is_marked_gone_ends_and_its_tasks_are_replaced() -> None:
    """The other agents take them, and the master has one agent less."""
    with SimulatedCluster(port=free_port(), agents=4, tasks=20, events_per_second=1, timeout=60) as cluster:
        first = call(cluster, "GET_AGENTS")["agents"][0]["agent_info"]["id"]
        client = OperatorClient(cluster.address)
        try:
            client.call("MARK_AGENT_GONE", {"agent_id": first})
        finally:
            client.close()

        def replaced() -> bool:
            tasks = call(cluster, "GET_TASKS").get("tasks", [])
            running = [task for task in tasks if task["state"] == "TASK_RUNNING"]
            return len(running) >= 19 and all(task["agent_id"] != first for task in running)

        wait_until(replaced, 40, "others run its tasks")
        assert len(call(cluster, "GET_AGENTS")["agents"]) == 3
