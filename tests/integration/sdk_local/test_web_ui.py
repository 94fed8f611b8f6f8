"""What the web UI of Mesos asks of masters and agents, asked as it asks: with JSONP, from another origin.

`FIELDS` lists what its controllers and pages read of each answer. The UI asks agents under their hostnames, which
therefore are names of this machine here.
"""

import http.client
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from sdk.local.cluster import AgentSpec, Cluster, Timing
from tests.integration.sdk_local.client import Json, Scheduler, amounts, task
from tests.integration.sdk_local.conftest import three_ports
from tests.support import nursery
from tests.support.browser import in_browser
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration
HOST = "localhost"
PAGE = 8 * 4096
TAIL = 50_000
"""How much the UI's pager reads when it scrolls up, and when it follows a file."""

_AMOUNTS = ("cpus", "gpus", "mem", "disk")
_TASK = (
    "id", "name", "framework_id", "executor_id", "slave_id", "state", "role", "statuses",
    *(f"resources.{name}" for name in _AMOUNTS),
)  # fmt: skip
_STATUS = ("statuses[].state", "statuses[].timestamp")
_EXECUTOR = ("id", "name", "source", "role", "directory", "tasks", "queued_tasks", "completed_tasks",
             *(f"resources.{name}" for name in _AMOUNTS))  # fmt: skip
_FRAMEWORK = ("id", "name", "user", "hostname", "roles", "principal", "registered_time")
_PARTS = ("staging", "starting", "running", "killing", "finished", "killed", "failed", "lost")
FIELDS = {
    "state": (
        "id", "version", "build_time", "build_user", "start_time", "elected_time", "leader_info.hostname",
        "leader_info.port", "activated_slaves", "deactivated_slaves", "unreachable_slaves", "flags.log_dir",
        "frameworks", "completed_frameworks", "slaves",
        *(f"slaves[].{name}" for name in ("id", "pid", "hostname", "registered_time", "deactivated")),
        *(f"slaves[].{kind}.{name}" for kind in ("resources", "used_resources") for name in _AMOUNTS),
        *(f"frameworks[].{name}" for name in (*_FRAMEWORK, "active", "webui_url", "tasks", "unreachable_tasks",
                                              "completed_tasks", "offers")),
        *(f"frameworks[].{kind}.{name}"
          for kind in ("resources", "used_resources", "offered_resources") for name in _AMOUNTS),
        *(f"frameworks[].offers[].{name}" for name in ("id", "framework_id", "slave_id")),
        *(f"frameworks[].offers[].resources.{name}" for name in _AMOUNTS),
        *(f"frameworks[].tasks[].{name}" for name in (*_TASK, *_STATUS)),
    ),
    "completed framework": (*_FRAMEWORK, "unregistered_time", "completed_tasks",
                            *(f"completed_tasks[].{name}" for name in (*_TASK, *_STATUS))),
    "metrics": tuple(f"master/tasks_{name}" for name in _PARTS),
    "roles": (
        "roles[].name", "roles[].weight", "roles[].frameworks", "roles[].offered", "roles[].allocated",
        "roles[].reserved", "roles[].quota.consumed", "roles[].quota.guarantee", "roles[].quota.limit",
    ),
    "agent state": (
        "id", "hostname", "version", "build_time", "start_time", "master_hostname", "log_dir", "resource_providers",
        *(f"resources.{name}" for name in _AMOUNTS), *(f"unreserved_resources.{name}" for name in _AMOUNTS),
        *(f"unreserved_resources_allocated.{name}" for name in _AMOUNTS), "reserved_resources",
        "reserved_resources_allocated", "frameworks", "completed_frameworks",
        *(f"frameworks[].{name}" for name in ("id", "name", "user", "roles", "executors", "completed_executors")),
        *(f"frameworks[].executors[].{name}" for name in _EXECUTOR),
        *(f"frameworks[].executors[].tasks[].{name}" for name in (*_TASK, *_STATUS)),
    ),
    "agent metrics": tuple(f"slave/tasks_{name}" for name in _PARTS),
    "statistics": (
        "[].executor_id", "[].framework_id", "[].statistics.cpus_user_time_secs",
        "[].statistics.cpus_system_time_secs", "[].statistics.mem_rss_bytes", "[].statistics.mem_limit_bytes",
        "[].statistics.timestamp",
    ),
    "listing": ("[].mode", "[].nlink", "[].uid", "[].gid", "[].size", "[].mtime", "[].path"),
}  # fmt: skip


def missing(document: Any, path: str) -> bool:
    """Whether a field is not there, in any element of the lists on the way; an empty list has none of them."""
    if not path:
        return False
    if path.startswith("[]"):
        return not document or any(missing(item, path[2:].removeprefix(".")) for item in document)
    # Metrics have slashes in their names, never dots.
    found = re.match(r"([^.\[]+)\.?", path)
    assert found is not None
    name = found[1]
    return not isinstance(document, dict) or name not in document or missing(document[name], path[found.end() :])


def check(kind: str, document: Any) -> None:
    """Every field that the UI reads is there."""
    assert [path for path in FIELDS[kind] if missing(document, path)] == []


def ask(port: int, path: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    """A request as a script tag or a link of a page of another origin makes it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"Host": f"{HOST}:{port}", "Origin": "http://ui.test", "Referer": "http://ui.test/", "Accept": "*/*",
               "Accept-Encoding": "gzip, deflate"}  # fmt: skip
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    found = (answer.status, answer.headers, answer.read())
    connection.close()
    return found


def jsonp(port: int, path: str) -> Any:
    """What a script with that address hands to its function."""
    function = "angular.callbacks._1z"
    status, headers, body = ask(port, f"{path}{'&' if '?' in path else '?'}jsonp={function}")
    assert (status, headers["Content-Type"], headers["Content-Encoding"]) == (200, "text/javascript", None)
    text = body.decode()
    assert text.startswith(f"{function}(")
    assert text.endswith(")")
    # A line separator would end a JavaScript string of old browsers.
    return json.loads(text[len(function) + 1 : -1])


class Pager:
    """Follows a file as the UI does: the last page first, then what comes, and pages above when one scrolls up."""

    def __init__(self, port: int, path: str) -> None:
        self._port = port
        self._path = quote(path, safe="")
        size = self._read(-1, -1)["offset"]
        self.start = self.end = max(0, size - PAGE)
        self.text = ""

    def _read(self, offset: int, length: int) -> Json:
        path = f"/files/read?path={self._path}&offset={offset}&length={length}"
        found: Json = jsonp(self._port, path)
        return found

    def tail(self) -> str:
        """Read on; everything that is shown then."""
        piece = self._read(self.end, TAIL)
        if piece["data"]:
            self.end = piece["offset"] + len(piece["data"])
            self.text += piece["data"]
        return self.text

    def page(self) -> None:
        """One page above."""
        offset, above = max(0, self.start - PAGE), ""
        while len(above) < self.start - offset:
            above += self._read(offset + len(above), self.start - offset - len(above))["data"]
        self.start, self.text = offset, above + self.text


class Ui:
    """A cluster with one framework, looked at with the eyes of the UI."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.master = cluster.port
        self.agent = cluster.members[HOST].port
        self.framework = Scheduler(
            cluster.port, roles=("web",), name="shop <b>", hostname="sched.test", webui_url="http://shop.test/",
            principal="shop", labels={"labels": [{"key": "owner", "value": "me"}]},
        )  # fmt: skip

    def launch(self, task_id: str, command: str, **fields: Any) -> None:
        """Launch a command task."""
        self.framework.launch(self.framework.offer(HOST, "web"), task_id, command, **fields)

    def state(self) -> Json:
        """The master's state."""
        found: Json = jsonp(self.master, "/master/state")
        return found

    def agent_state(self) -> Json:
        """The agent's state."""
        found: Json = jsonp(self.agent, "/slave(1)/state")
        return found

    def sandbox(self, task: Json, framework_id: str) -> str:
        """The directory of a task: the UI finds it in the state of the agent."""
        state = self.agent_state()
        frameworks = [*state["frameworks"], *state["completed_frameworks"]]
        framework = next(item for item in frameworks if item["id"] == framework_id)
        executors = [*framework["executors"], *framework["completed_executors"]]
        executor = next(item for item in executors if item["id"] == (task["executor_id"] or task["id"]))
        tasks = [*executor["tasks"], *executor["queued_tasks"], *executor["completed_tasks"]]
        assert task["id"] in [item["id"] for item in tasks]
        directory: str = executor["directory"]
        return f"{directory}/tasks/{task['id']}" if executor.get("type") == "DEFAULT" else directory

    def listing(self, directory: str) -> dict[str, Json]:
        """The entries of a directory by name."""
        found = jsonp(self.agent, f"/files/browse?path={quote(directory, safe='')}")
        check("listing", found)
        return {Path(item["path"]).name: item for item in found}

    def download(self, path: str) -> bytes:
        """A whole file."""
        status, headers, body = ask(self.agent, f"/files/download?path={quote(path, safe='')}")
        assert (status, headers["Content-Type"]) == (200, "application/octet-stream")
        assert headers["Content-Disposition"] == f"attachment; filename={Path(path).name}"
        return body


@pytest.fixture
def ui(tmp_path: Path) -> Iterator[Ui]:
    """A running cluster with a framework."""
    timing = Timing(allocation_interval=0.2)
    agents = [AgentSpec(name=HOST, resources="cpus:4;mem:2048;disk:5000;ports:[21000-21099];cpus(web):1;mem(web):64")]
    cluster = Cluster(tmp_path / "mesos", three_ports(), agents, timing=timing, popen=nursery.popen)
    cluster.start()
    found = Ui(cluster)
    yield found
    found.framework.close()
    cluster.stop()


def found_task(state: Json, task_id: str, kind: str = "tasks", frameworks: str = "frameworks") -> Json:
    """A task in the master's state."""
    tasks: list[Json] = [item for framework in state[frameworks] for item in framework[kind]]
    return next(item for item in tasks if item["id"] == task_id)


def test_every_page_finds_what_it_reads(ui: Ui) -> None:
    """Home, agents, frameworks, roles, offers, maintenance, agent and executor pages, with a healthy, labelled task."""
    ui.launch(
        "t1",
        "exec sleep 1000",
        labels={"labels": [{"key": "color", "value": "</script>"}]},
        health_check={"type": "COMMAND", "command": {"value": "true"}, "delay_seconds": 0, "interval_seconds": 0.2},
    )
    ui.framework.wait_for("t1", "TASK_RUNNING", healthy=True)
    state = wait_until(lambda: now if (now := ui.state())["frameworks"][0]["offers"] else None, 20, "another offer")
    check("state", state)
    (framework,) = state["frameworks"]
    assert (framework["name"], framework["labels"]) == ("shop <b>", [{"key": "owner", "value": "me"}])
    shown = found_task(state, "t1")
    assert shown["labels"] == [{"key": "color", "value": "</script>"}]
    assert (shown["statuses"][-1]["healthy"], shown["state"]) == (True, "TASK_RUNNING")
    agents = {item["id"]: item for item in state["slaves"]}
    # The UI takes the name and the number of the process from the pid, and the address from the hostname.
    pid = agents[shown["slave_id"]]["pid"]
    assert (pid.partition("@")[0], pid.rpartition(":")[2]) == ("slave(1)", str(ui.agent))
    assert {offer["slave_id"] for offer in framework["offers"]} <= set(agents)
    metrics = jsonp(ui.master, "/metrics/snapshot")
    check("metrics", metrics)
    assert metrics["master/tasks_running"] == 1.0
    assert metrics["registrar/state_store_ms/count"] >= 1.0
    assert metrics["allocator/mesos/allocation_run_ms/count"] >= 1.0
    roles = jsonp(ui.master, "/master/roles")
    check("roles", roles)
    (web,) = [item for item in roles["roles"] if item["name"] == "web"]
    assert (web["allocated"]["cpus"], web["reserved"]) == (0.1, {"cpus": 1.0, "mem": 64.0})
    assert isinstance(jsonp(ui.master, "/master/maintenance/schedule"), dict)

    agent = ui.agent_state()
    check("agent state", agent)
    assert agent["reserved_resources"]["web"]["cpus"] == 1.0
    (executor,) = agent["frameworks"][0]["executors"]
    assert executor["tasks"][0]["statuses"][-1]["healthy"] is True
    assert executor["tasks"][0]["labels"] == shown["labels"]
    statistics = jsonp(ui.agent, "/slave(1)/monitor/statistics")
    check("statistics", statistics)
    assert statistics[0]["executor_id"] == "t1"
    metrics = jsonp(ui.agent, "/metrics/snapshot")
    check("agent metrics", metrics)
    assert (metrics["slave/tasks_running"], metrics["slave/valid_status_updates"]) == (1.0, 3.0)


def test_logs_can_be_followed(ui: Ui) -> None:
    """The links to the logs of master and agent lead somewhere."""
    for port, path in ((ui.master, "/master/log"), (ui.agent, "/slave/log")):
        found = jsonp(port, f"/files/read?path={path}&offset=-1&length=-1")
        assert (found["data"], isinstance(found["offset"], int)) == ("", True)
        assert ask(port, f"/files/download?path={path}")[0] == 200


def test_stdout_is_followed_while_it_grows(ui: Ui) -> None:
    """The pager starts with the last page, sees every byte that comes, and pages back to the beginning."""
    ui.launch("t1", "seq 20000; while sleep 0.02; do n=$((n+1)); echo more $n; done")
    ui.framework.wait_for("t1", "TASK_RUNNING")
    sandbox = ui.sandbox(found_task(ui.state(), "t1"), ui.framework.framework_id)
    wait_until(lambda: ui.listing(sandbox)["stdout"]["size"] > 110_000, 20, "the numbers")
    pager = Pager(ui.agent, f"{sandbox}/stdout")
    assert pager.start > TAIL
    for number in ("5", "25", "45"):
        wait_until(lambda wanted=number: f"\nmore {wanted}\n" in pager.tail(), 20, f"line {number}")
    while pager.start:
        pager.page()
    assert pager.text.startswith("1\n2\n3\n")
    assert ui.download(f"{sandbox}/stdout").startswith(pager.text.encode())
    shown = pager.text.split("20000\n")[1].splitlines()
    assert [line for line in shown[:40] if line] == [f"more {number}" for number in range(1, 41)]


def test_bytes_that_are_no_text(ui: Ui) -> None:
    """Output that is not UTF-8 is shown as well as it can be, and downloaded as it is."""
    ui.launch("t1", r"printf 'a\377\000b\342\200\250c'; sleep 1000")
    ui.framework.wait_for("t1", "TASK_RUNNING")
    sandbox = ui.sandbox(found_task(ui.state(), "t1"), ui.framework.framework_id)
    wait_until(lambda: ui.listing(sandbox)["stdout"]["size"] == 8, 20, "the bytes")
    pager = Pager(ui.agent, f"{sandbox}/stdout")
    assert pager.tail() == "a\ufffd\0b\u2028c"
    assert ui.download(f"{sandbox}/stdout") == b"a\xff\0b\xe2\x80\xa8c"


def test_a_finished_task_keeps_its_sandbox(ui: Ui) -> None:
    """It moves to the completed tasks, with its executor, and what it wrote can still be read."""
    ui.launch("t1", "echo done")
    ui.framework.wait_for("t1", "TASK_FINISHED")
    state = wait_until(lambda: now if (now := ui.state())["frameworks"][0]["completed_tasks"] else None, 20, "the end")
    shown = found_task(state, "t1", "completed_tasks")
    assert [path for path in (*_TASK, *_STATUS) if missing(shown, path)] == []
    assert (shown["state"], shown["statuses"][-1]["state"]) == ("TASK_FINISHED", "TASK_FINISHED")

    def gone() -> list[Json]:
        state = ui.agent_state()
        return [
            executor
            for framework in (*state["frameworks"], *state["completed_frameworks"])
            for executor in framework["completed_executors"]
        ]

    (executor,) = wait_until(gone, 20, "the end of the executor")
    assert [name for name in _EXECUTOR if missing(executor, name)] == []
    sandbox = ui.sandbox(shown, ui.framework.framework_id)
    assert ui.download(f"{sandbox}/stdout") == b"done\n"


def test_a_group_has_a_sandbox_for_each_task(ui: Ui) -> None:
    """The tasks of a default executor have theirs below `tasks`, in its own."""
    offer = ui.framework.offer(HOST, "web")
    disk = next(item for item in offer["resources"] if item["name"] == "disk") | {"scalar": {"value": 10.0}}
    resources = [*amounts(offer, 0.1, 32.0), disk]
    executor = {"type": "DEFAULT", "executor_id": {"value": "pod"}, "resources": resources}
    tasks = [task(offer, name, command={"value": f"echo {name}; exec sleep 1000"}) for name in ("a", "b")]
    group = {"executor": executor, "task_group": {"tasks": tasks}}
    ui.framework.accept(offer, {"type": "LAUNCH_GROUP", "launch_group": group})
    for name in ("a", "b"):
        ui.framework.wait_for(name, "TASK_RUNNING")
    state = ui.state()
    for name in ("a", "b"):
        shown = found_task(state, name)
        assert shown["executor_id"] == "pod"
        sandbox = ui.sandbox(shown, ui.framework.framework_id)
        assert sandbox.endswith(f"/tasks/{name}")
        wait_until(lambda path=sandbox: ui.listing(path)["stdout"]["size"] == 2, 20, "its output")
        assert ui.download(f"{sandbox}/stdout") == f"{name}\n".encode()
        above = ui.listing(str(Path(sandbox).parent))
        assert {entry: item["mode"][0] for entry, item in above.items()} == {"a": "d", "b": "d"}


def test_a_framework_that_was_torn_down(ui: Ui) -> None:
    """It is among the completed ones of master and agent, with its tasks and their sandboxes."""
    ui.launch("t1", "echo here; exec sleep 1000")
    ui.framework.wait_for("t1", "TASK_RUNNING")
    assert ui.framework.call("TEARDOWN")[0] == 202
    state = wait_until(lambda: now if (now := ui.state())["completed_frameworks"] else None, 20, "the end")
    assert state["frameworks"] == []
    (framework,) = state["completed_frameworks"]
    check("completed framework", framework)
    assert framework["completed_tasks"][0]["state"] == "TASK_KILLED"
    wait_until(lambda: ui.agent_state()["frameworks"] == [], 20, "the end of the executor")
    (gone,) = ui.agent_state()["completed_frameworks"]
    assert (gone["name"], gone["user"], gone["roles"]) == ("shop <b>", "root", ["web"])
    sandbox = ui.sandbox(framework["completed_tasks"][0], framework["id"])
    assert ui.download(f"{sandbox}/stdout") == b"here\n"


def test_an_agent_that_restarted(ui: Ui) -> None:
    """Sandboxes of what runs are where they were, and their output goes on."""
    ui.launch("t1", "while sleep 0.05; do n=$((n+1)); echo line $n; done")
    ui.framework.wait_for("t1", "TASK_RUNNING")
    sandbox = ui.sandbox(found_task(ui.state(), "t1"), ui.framework.framework_id)
    ui.cluster.kill(HOST)
    ui.cluster.start_member(HOST)
    ui.cluster.wait_for_agents(1)
    assert ui.sandbox(found_task(ui.state(), "t1"), ui.framework.framework_id) == sandbox
    check("agent state", wait_until(ui.agent_state))
    pager = Pager(ui.agent, f"{sandbox}/stdout")
    seen = len(pager.tail())
    wait_until(lambda: len(pager.tail()) > seen, 20, "more output")
    assert found_task(ui.state(), "t1")["state"] == "TASK_RUNNING"


def test_our_own_page_in_a_browser(ui: Ui, tmp_path: Path) -> None:
    """Names and labels that look like markup are shown as text, and run nothing."""
    markup = "<img src=x onerror=\"document.title='owned'\">"
    labels = {"labels": [{"key": markup, "value": markup}]}
    ui.launch("t1", "exec sleep 1000", name=markup, labels=labels)
    ui.framework.wait_for("t1", "TASK_RUNNING")
    page = in_browser(f"http://127.0.0.1:{ui.master}/", tmp_path / "profile")
    assert "<title>Embedded Mesos</title>" in page
    assert "<img" not in page
    assert page.count("&lt;img src=x") == 3, "the name, and both halves of the label"
    assert "shop &lt;b&gt;" in page


def test_our_own_page_shows_ports_and_files_as_people_write_them(ui: Ui, tmp_path: Path) -> None:
    """A port is a number and neighbours are a range; an empty file is said to be one."""
    offer = ui.framework.offer(HOST, "web")
    offered = next(item for item in offer["resources"] if item["name"] == "ports")
    ranges = {"range": [{"begin": 21005, "end": 21005}, {"begin": 21007, "end": 21009}]}
    resources = [*amounts(offer), offered | {"ranges": ranges}]
    ui.framework.launch(offer, "t1", "exec sleep 1000", resources=resources)
    ui.framework.wait_for("t1", "TASK_RUNNING")
    found = found_task(ui.state(), "t1")
    path = f"/frameworks/{found['framework_id']}/executors/t1/runs/latest/stderr"
    opened = quote(f"{found['slave_id']} {path}", safe="")
    page = in_browser(f"http://127.0.0.1:{ui.master}/#{opened}", tmp_path / "profile")
    assert '<span class="whole">ports 21005,</span> <span class="whole">21007-21009</span>' in page
    assert '<span class="whole">ports 21000-21099</span>' in page
    assert '<pre id="text" class="nothing"></pre>' in page
    assert 'pre.nothing:empty::before { content: "(empty)" }' in page
