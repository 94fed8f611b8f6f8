"""The agent's v1 operator API and classic endpoints next to the recorded answers of a real agent that ran the same.

Known differences: flags that this agent does not have are shown with the real agent's defaults.
"""

import base64
from pathlib import Path
from typing import Any

import pytest

from sdk.local.agent import parser
from sdk.local.agent_api import AgentApi
from sdk.local.agent_flags import shown_flags
from sdk.local.agent_metrics import Counts, metrics
from sdk.local.agent_views import agent_state, attached, container_list, statistics
from sdk.local.files import Files
from sdk.local.flags import attributes, domain
from tests.conformance.agent.replay import Replay, lines, scheduler_statuses, shape
from tests.conformance.agent.test_task_statuses import acknowledge, framework_info, launched_tasks, said

Json = dict[str, Any]
HERE = 4711


def recorded_answers(number: str) -> list[tuple[str, str | None, Json]]:
    """Path, call type and answer line of each request to an agent."""
    waiting: dict[tuple[str, str | None], Json] = {}
    found = []
    for line in lines(number):
        key = (line["who"], line.get("id"))
        if line["kind"] == "call":
            waiting[key] = line
        elif line["kind"] == "response" and "agent" in waiting.get(key, {}).get("to", ""):
            call = waiting[key]
            found.append((call["path"], (call.get("body") or {}).get("type"), line))
    return found


class Agent:
    """An agent core that runs what the recorded one ran: a custom executor's task and a command task, both RUNNING."""

    def __init__(self, work_dir: Path, number: str = "11") -> None:
        self.recorded = list(lines(number))
        framework = framework_info(self.recorded)
        statuses = [status for status in scheduler_statuses(self.recorded) if "uuid" in status]
        recorded = next(line["body"] for where, _, line in recorded_answers("12") if where == "/flags")
        flags = recorded["flags"]
        info = {"domain": domain(flags["domain"]), "attributes": attributes(flags["attributes"])}
        self.replay = Replay(info=info, agent_id=statuses[0]["agent_id"]["value"], containers=["c1", "c2"])
        tasks = launched_tasks(self.recorded)
        for task_id in ("web-1", "cmd-1"):
            self.replay.master({"type": "RUN_TASK", "framework_info": framework, "task": tasks[task_id]})
            run = self.replay.launches[-1]
            # A pid that nobody has: statistics are zero, not somebody else's.
            self.replay.do(self.replay.agent.launched(run.container_id, 2**22 + HERE, now=0.0))
            identity = {"framework_id": framework["id"], "executor_id": {"value": run.executor_id}}
            self.replay.executor({**identity, "type": "SUBSCRIBE", "subscribe": {}}, task_id)
            for status in statuses:
                if status["task_id"]["value"] == task_id and status["state"] in ("TASK_STARTING", "TASK_RUNNING"):
                    self.replay.executor({**identity, "type": "UPDATE", "update": {"status": said(status)}})
                    acknowledge(self.replay, framework["id"], status)
        self.state = self.replay.agent.state
        self.work_dir = work_dir
        self.counts = Counts()
        files = Files(lambda: attached(self.state, work_dir))
        self.api = AgentApi(self.state, work_dir, files, lambda: metrics(self.state, 1.0, self.counts), {"port": "1"})

    def body(self, kind: str, **content: Any) -> Json:
        """The answer to a call."""
        answer = self.api.call({"type": kind, **content}, 1.0)
        assert answer.body is not None, answer.text
        return answer.body


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    """The agent of recording 11."""
    return Agent(tmp_path)


def answer_of(number: str, path: str, kind: str | None = None) -> Json:
    """The first recorded answer."""
    return next(line for where, call, line in recorded_answers(number) if where == path and call == kind)


@pytest.mark.parametrize("kind", ["GET_HEALTH", "GET_VERSION", "GET_OPERATIONS", "GET_RESOURCE_PROVIDERS"])
def test_small_answers_as_recorded(agent: Agent, kind: str) -> None:
    """The same fields, and the same values but for the build."""
    assert shape(agent.body(kind)) == shape(answer_of("11", "/api/v1", kind)["body"])


def by_id(items: list[Json], *path: str) -> dict[str, Json]:
    """Entries by an id in them."""
    found = {}
    for item in items:
        value: Any = item
        for name in path:
            value = value[name]
        found[value["value"]] = item
    return found


def test_tasks_as_recorded(agent: Agent) -> None:
    """GET_TASKS and its part of GET_STATE: all lists, and each Task with the recorded fields in the recorded order."""
    theirs = answer_of("11", "/api/v1", "GET_TASKS")["body"]["get_tasks"]
    for ours in (agent.body("GET_TASKS")["get_tasks"], agent.body("GET_STATE")["get_state"]["get_tasks"]):
        assert list(ours) == list(theirs)
        mine, recorded = (by_id(part["launched_tasks"], "task_id") for part in (ours, theirs))
        assert set(mine) == set(recorded)
        for task_id, task in recorded.items():
            assert list(mine[task_id]) == list(task)
            for name in ("state", "resources", "statuses", "status_update_state", "status_update_uuid", "labels"):
                if name != "statuses":
                    assert mine[task_id].get(name) == task.get(name)
                else:
                    assert shape(mine[task_id][name], "container_status") == shape(task[name], "container_status")


def test_executors_as_recorded(agent: Agent) -> None:
    """GET_EXECUTORS: the custom executor as launched, the command task's with the agent's own command."""
    theirs = answer_of("11", "/api/v1", "GET_EXECUTORS")["body"]["get_executors"]
    ours = agent.body("GET_EXECUTORS")["get_executors"]
    mine, recorded = (
        {name: item["executor_info"] for name, item in by_id(part["executors"], "executor_info", "executor_id").items()}
        for part in (ours, theirs)
    )
    assert mine["ex-1"] == recorded["ex-1"]
    assert shape(mine["cmd-1"], "arguments") == shape(recorded["cmd-1"], "arguments")
    assert mine["cmd-1"]["resources"] == recorded["cmd-1"]["resources"]
    assert mine["cmd-1"]["name"] == recorded["cmd-1"]["name"]


def test_frameworks_and_agent_as_recorded(agent: Agent) -> None:
    """GET_FRAMEWORKS is the same; GET_AGENT has the same fields."""
    assert agent.body("GET_FRAMEWORKS") == answer_of("11", "/api/v1", "GET_FRAMEWORKS")["body"]
    theirs = answer_of("11", "/api/v1", "GET_AGENT")["body"]["get_agent"]["agent_info"]
    ours = agent.body("GET_AGENT")["get_agent"]["agent_info"]
    assert set(ours) == set(theirs)
    assert ours["domain"] == theirs["domain"]


def test_containers_as_recorded(agent: Agent) -> None:
    """GET_CONTAINERS, /containers and /monitor/statistics: the same fields in the same order."""
    theirs = answer_of("11", "/api/v1", "GET_CONTAINERS")["body"]
    ours = agent.body("GET_CONTAINERS")
    mine, recorded = (by_id(part["get_containers"]["containers"], "executor_id") for part in (ours, theirs))
    for name, entry in recorded.items():
        assert shape(mine[name]) == shape(entry)
        for figure in ("cpus_soft_limit", "mem_limit_bytes", "mem_soft_limit_bytes"):
            assert mine[name]["resource_statistics"][figure] == entry["resource_statistics"][figure]
    for path, make in (("/containers", container_list), ("/monitor/statistics", statistics)):
        assert shape(make(agent.state, 1.0)[0]) == shape(answer_of("12", path)["body"][0])


def test_state_as_recorded(agent: Agent) -> None:
    """/state: the fields of the agent, of its frameworks and of their executors."""
    theirs = answer_of("02", "/state")["body"]
    ours = agent_state(agent.state, agent.work_dir, {"port": "1"}, "localhost")
    assert list(ours) == list(theirs)
    assert ours["domain"] == theirs["domain"]
    mine, recorded = ours["frameworks"][0], theirs["frameworks"][0]
    assert list(mine) == list(recorded)
    command = next(item for item in mine["executors"] if item["id"] == "cmd-1")
    custom = next(item for item in mine["executors"] if item["id"] == "ex-1")
    assert set(custom) | {"labels"} == set(recorded["executors"][0])
    other = answer_of("12", "/state")["body"]["frameworks"][0]["executors"][0]
    assert set(command) | {"labels"} == set(other)
    assert command["resources"]["cpus"] == 0.2
    assert ours["unreserved_resources_allocated"]["cpus"] == 0.2
    assert ours["reserved_resources_allocated"]["slave_public"]["cpus"] == 0.5


def test_flags_as_recorded(tmp_path: Path) -> None:
    """Every flag that the real agent shows is there; those that were given here have the recorded values."""
    theirs = answer_of("12", "/flags")["body"]["flags"]
    assert theirs == answer_of("12", "/state")["body"]["flags"]
    given = ("resources", "attributes", "hostname", "port", "ip", "master", "isolation", "domain", "work_dir")
    command = [word for name in given for word in (f"--{name.replace('_', '-')}", theirs[name])]
    options = parser().parse_args(
        [*command, "--enforce-container-disk-quota", "--container-disk-watch-interval", "2",
         "--executor-reregistration-timeout", "2"]
    )  # fmt: skip
    ours = shown_flags(options, 150)
    assert set(theirs) <= set(ours)
    # Places of this installation, and of a real one.
    elsewhere = {"fetcher_cache_dir", "launcher_dir", "log_dir", "runtime_dir"}
    assert {name: ours[name] for name in theirs if name not in elsewhere} == {
        name: value for name, value in theirs.items() if name not in elsewhere
    }
    assert list(ours) == sorted(ours)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"fault_domain":{"region":{"name":"r"}}}', '{"fault_domain":{"region":{"name":""},'
             '"zone":{"name":"z"}}}']
)  # fmt: skip
def test_domains_that_are_none(text: str) -> None:
    """Refused with an example."""
    with pytest.raises(ValueError, match=r"--domain: .*fault_domain"):
        domain(text)


def test_nested_containers_are_listed_when_asked() -> None:
    """Each task of a group with its own id and its parent's."""
    recorded = list(lines("04"))
    status = next(
        status for status in scheduler_statuses(recorded)
        if status["state"] == "TASK_RUNNING" and "parent" in status.get("container_status", {}).get("container_id", {})
    )  # fmt: skip
    container = status["container_status"]["container_id"]
    framework = framework_info(recorded)
    replay = Replay(agent_id=status["agent_id"]["value"], containers=[container["parent"]["value"]])
    executor = {"type": "DEFAULT", "executor_id": status["executor_id"]}
    task = {"name": "t", "task_id": status["task_id"], "agent_id": status["agent_id"], "command": {"value": "x"}}
    replay.master({"type": "RUN_TASK_GROUP", "framework_info": framework, "executor": executor, "tasks": [task]})
    replay.do(replay.agent.launched(container["parent"]["value"], 2**22 + HERE, now=0.0))
    identity = {"framework_id": framework["id"], "executor_id": status["executor_id"]}
    replay.executor({**identity, "type": "SUBSCRIBE", "subscribe": {}}, "s")
    replay.executor({**identity, "type": "UPDATE", "update": {"status": said(status)}})
    state = replay.agent.state
    api = AgentApi(state, Path("/"), Files(dict), lambda: metrics(state, 1.0, Counts()), {})

    def ids(call: Json) -> list[Json]:
        answer = api.call({"type": "GET_CONTAINERS", **call}, 1.0)
        assert answer.body is not None
        return [item["container_id"] for item in answer.body["get_containers"]["containers"]]

    assert ids({}) == [container["parent"]]
    assert ids({"get_containers": {"show_nested": False}}) == [container["parent"]]
    assert ids({"get_containers": {"show_nested": True}}) == [container["parent"], container]
    assert api.call({"type": "GET_CONTAINERS", "get_containers": {"show_nested": 5}}, 1.0).status == 400


def test_file_calls_as_recorded(agent: Agent) -> None:
    """LIST_FILES and READ_FILE of a sandbox, and an empty 404 for what is not there."""
    executor = agent_state(agent.state, agent.work_dir)["frameworks"][0]["executors"][0]
    sandbox = Path(executor["directory"])
    sandbox.mkdir(parents=True)
    (sandbox / "stdout").write_bytes(b"executor starting\nlaunch web-1\n")
    theirs = answer_of("02", "/api/v1", "LIST_FILES")["body"]
    ours = agent.body("LIST_FILES", list_files={"path": str(sandbox)})
    assert shape(ours["list_files"]["file_infos"][0]) == shape(theirs["list_files"]["file_infos"][0])
    where = f"{sandbox}/stdout"
    read = agent.body("READ_FILE", read_file={"path": where, "offset": 0, "length": 19})
    assert read == {"type": "READ_FILE", "read_file": {"size": 31, "data": "ZXhlY3V0b3Igc3RhcnRpbmcKbA=="}}
    everything = agent.body("READ_FILE", read_file={"path": where, "offset": 0})["read_file"]["data"]
    assert base64.b64decode(everything) == b"executor starting\nlaunch web-1\n"
    for kind, path in (("LIST_FILES", "/nope"), ("READ_FILE", f"{sandbox}/nope")):
        answer = agent.api.call({"type": kind, kind.lower(): {"path": path, "offset": 0}}, 1.0)
        assert (answer.status, answer.text) == (404, "")


def test_call_of_a_master(agent: Agent) -> None:
    """A call that agents do not know is refused with the recorded words; so is what is no call at all."""
    theirs = answer_of("11", "/api/v1", "GET_AGENTS")
    answer = agent.api.call({"type": "GET_AGENTS"}, 1.0)
    assert (answer.status, answer.text) == (theirs["status"], theirs["text"])
    useless: list[Any] = [None, [], "x", 1, {}, {"type": None}, {"type": []}, {"type": "READ_FILE", "read_file": []}]
    for nonsense in useless:
        assert agent.api.call(nonsense, 1.0).status == 400


def test_metrics_as_recorded(agent: Agent) -> None:
    """/metrics/snapshot has the names of the recorded one, no more and no fewer, all numbers."""
    theirs = answer_of("12", "/metrics/snapshot")["body"]
    load = {"avg_load_15min": 0.5, "avg_load_1min": 0.5, "avg_load_5min": 0.5}
    computer = load | {"cpus_total": 2, "mem_free_bytes": 1, "mem_total_bytes": 2}
    ours = metrics(agent.state, 1.0, agent.counts, cache=agent.work_dir / "fetch", cache_size=7, computer=computer)
    assert list(ours) == sorted(theirs)
    assert {type(value) for value in ours.values()} == {float}
    assert (ours["slave/tasks_running"], ours["slave/executors_running"], ours["slave/cpus_total"]) == (2.0, 2.0, 4.0)


def test_metrics_count(agent: Agent) -> None:
    """Updates and messages by whether they were of use, launches by how they ended, the cache by its files."""
    cache = agent.work_dir / "fetch"
    cache.mkdir()
    (cache / "file").write_bytes(b"12345")
    framework_id = next(iter(agent.state.frameworks))
    for status in (202, 202, 400):
        agent.counts.executor_call({"type": "UPDATE"}, status)
    agent.counts.executor_call([], 400)
    for executor_id in ("ex-1", "nobody"):
        agent.counts.master_message(agent.state, {
            "type": "FRAMEWORK_MESSAGE", "framework_id": {"value": framework_id}, "executor_id": {"value": executor_id},
        })  # fmt: skip
    agent.counts.launched()
    agent.counts.launch_failed("Failed to launch container: Failed to fetch all URIs for container 'c': no")
    agent.counts.launch_failed("Failed to launch container: no such user")
    found = metrics(agent.state, 1.0, agent.counts, cache=cache, cache_size=7)
    names = ("slave/valid_status_updates", "slave/invalid_status_updates", "slave/valid_framework_messages",
             "slave/invalid_framework_messages", "slave/container_launch_errors",
             "containerizer/fetcher/task_fetches_succeeded", "containerizer/fetcher/task_fetches_failed",
             "containerizer/fetcher/cache_size_used_bytes", "containerizer/fetcher/cache_size_total_bytes")  # fmt: skip
    assert [found[name] for name in names] == [2.0, 1.0, 1.0, 1.0, 2.0, 1.0, 1.0, 5.0, 7.0]
