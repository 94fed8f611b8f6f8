"""Tasks of groups have all that command tasks have: checks, kill policies, time limits, users; and what is refused."""

import http.server
import os
import pwd
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sdk.local import processes
from tests.integration.sdk_local.agent_process import AgentProcess, Json, Master, Silent, self_signed, task
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration
DEFAULT: Json = {"type": "DEFAULT", "executor_id": {"value": "d"}}
FAST = {"delay_seconds": 0.0, "interval_seconds": 0.1, "timeout_seconds": 5.0}


@pytest.fixture
def listener() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture(params=["command task", "task of a group"])
def grouped(request: pytest.FixtureRequest) -> bool:
    """Whether the task is one of a group."""
    return str(request.param) == "task of a group"


def run(master: Master, grouped: bool, name: str, command: Json | str, **fields: object) -> None:
    """Launch a task, alone or as a group of one."""
    if grouped:
        executor = DEFAULT | {"executor_id": {"value": f"d-{name}"}}
        master.run_group(executor, task(name, command, **fields))
    else:
        master.run(name, command, **fields)


def told(master: Master, name: str) -> list[Json]:
    """All statuses of a task, acknowledged."""
    master.states(name)
    found = {
        message["status"]["uuid"]: message["status"]
        for message in master.messages
        if message["type"] == "UPDATE" and message["status"]["task_id"]["value"] == name
    }
    return list(found.values())


def test_checks_in_groups(master: Master, agent: AgentProcess, listener: int) -> None:
    """COMMAND and TCP checks tell their results; a health check that fails ends the whole group."""
    agent.start()
    check = {"type": "COMMAND", "command": {"command": {"value": "exit 3"}}, **FAST}
    tcp = {"type": "TCP", "tcp": {"port": listener}, **FAST}
    health = {
        "type": "COMMAND",
        "command": {"value": f"test ! -e {agent.work_dir}/sick"},
        "grace_period_seconds": 0.0,
        "consecutive_failures": 2,
        **FAST,
    }
    master.run_group(
        DEFAULT,
        task("g1", "exec sleep 1000", check=check),
        task("g2", "exec sleep 1000", check=tcp),
        task("g3", "exec sleep 1000", health_check=health),
    )

    def has(name: str, **fields: object) -> bool:
        return any(fields.items() <= status.items() for status in told(master, name))

    wait_until(lambda: has("g1", check_status={"type": "COMMAND", "command": {"exit_code": 3}}), 20, "result of g1")
    wait_until(lambda: has("g2", check_status={"type": "TCP", "tcp": {"succeeded": True}}), 20, "result of g2")
    wait_until(lambda: has("g3", healthy=True), 20, "health of g3")
    (agent.work_dir / "sick").touch()
    assert master.wait_for("g3", "TASK_KILLED")["healthy"] is False
    for name in ("g1", "g2"):
        master.wait_for(name, "TASK_KILLED")


class Answering(http.server.BaseHTTPRequestHandler):
    """Says 204 to everything."""

    def do_GET(self) -> None:
        """No content."""
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(params=["http", "https"])
def web(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, int]]:
    """Scheme and port of a web server; the certificate of https is nobody's."""
    with Silent(("127.0.0.1", 0), Answering) as server:
        if request.param == "https":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self_signed(tmp_path))
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield str(request.param), server.server_port
        server.shutdown()
        thread.join()


def test_web_health_checks(master: Master, agent: AgentProcess, grouped: bool, web: tuple[str, int]) -> None:
    """HTTP and HTTPS: the status decides, not the certificate."""
    agent.start()
    scheme, port = web
    for name, statuses in (("good", [204]), ("bad", [200])):
        health = {
            "type": "HTTP",
            "http": {"scheme": scheme, "port": port, "path": "/", "statuses": statuses},
            "grace_period_seconds": 0.0,
            "consecutive_failures": 1,
            **FAST,
        }
        run(master, grouped, name, "exec sleep 1000", health_check=health)
    assert master.wait_for("bad", "TASK_KILLED")["healthy"] is False
    wait_until(lambda: any(status.get("healthy") for status in told(master, "good")), 20, "the health of good")


def test_each_task_of_a_group_has_its_own_patience(master: Master, agent: AgentProcess) -> None:
    """kill_policy of the task holds for it, the default of 3 s for its neighbour; KILL's own goes before both."""
    agent.start()
    stubborn = "trap '' TERM; echo ready; while true; do sleep 0.05; done"
    policy = {"grace_period": {"nanoseconds": 100_000_000}}
    master.run_group(
        DEFAULT,
        task("g1", stubborn, kill_policy=policy),
        task("g2", "trap 'exit 0' TERM; while :; do sleep 0.05; done"),
    )
    wait_until(lambda: (agent.sandbox("d") / "tasks/g1/stdout").read_text(), 20, "g1 is ready")
    master.wait_for("g2", "TASK_RUNNING")
    master.say({"type": "KILL_TASK", "framework_id": {"value": "F"}, "task_id": {"value": "g1"}})
    assert master.wait_for("g1", "TASK_KILLED")["message"] == "Command terminated with signal Killed"
    assert master.wait_for("g2", "TASK_KILLED")["message"].startswith("Command ")


@pytest.mark.parametrize("way", ["policy of KILL", "max_completion_time"])
def test_time_limits(master: Master, agent: AgentProcess, grouped: bool, way: str) -> None:
    """A KILL may shorten the task's own grace; max_completion_time ends a task as failed, with its reason."""
    agent.start()
    stubborn = "trap '' TERM; echo ready; while true; do sleep 0.05; done"
    hour = {"grace_period": {"nanoseconds": 3600 * 10**9}}
    moment = {"grace_period": {"nanoseconds": 50_000_000}}
    if way == "max_completion_time":
        limit = {"nanoseconds": 500_000_000}
        run(master, grouped, "t1", stubborn, kill_policy=moment, max_completion_time=limit)
        status = master.wait_for("t1", "TASK_FAILED")
        assert status["reason"] == "REASON_MAX_COMPLETION_TIME_REACHED"
        return
    run(master, grouped, "t1", stubborn, kill_policy=hour)
    pid = master.wait_for("t1", "TASK_RUNNING")["container_status"]["executor_pid"]
    kill = {"type": "KILL_TASK", "framework_id": {"value": "F"}, "task_id": {"value": "t1"}}
    master.say(kill)
    master.say(kill | {"kill_policy": moment})
    master.wait_for("t1", "TASK_KILLED")
    wait_until(lambda: not processes.alive(pid), 20, "the end of the process")


def test_command_without_shell(master: Master, agent: AgentProcess, grouped: bool) -> None:
    """`shell: false`: arguments reach the program as they are, the first one is its name."""
    agent.start()
    command = {"shell": False, "value": "/bin/echo", "arguments": ["echo", "$HOME", "a  b"]}
    run(master, grouped, "t1", command)
    master.wait_for("t1", "TASK_FINISHED")
    sandbox = agent.sandbox("d-t1") / "tasks/t1" if grouped else agent.sandbox("t1")
    assert (sandbox / "stdout").read_text() == "$HOME a  b\n"


def test_environment_of_a_nested_task(master: Master, agent: AgentProcess) -> None:
    """Its own sandbox, its own variables, and what the executor got."""
    agent.start()
    variables = [{"name": "COLOR", "type": "VALUE", "value": "blue"}]
    executor = DEFAULT | {"command": {"value": "", "environment": {"variables": [{"name": "SIZE", "value": "big"}]}}}
    shown = 'echo "$MESOS_SANDBOX|$PWD|$COLOR|$SIZE|$MESOS_EXECUTOR_ID|$MESOS_FETCHER_STALL_TIMEOUT"'
    command = {"value": shown, "environment": {"variables": variables}}
    master.run_group(executor, task("g1", command), task("g2", 'echo "$COLOR|$SIZE"'))
    master.wait_for("g1", "TASK_FINISHED")
    master.wait_for("g2", "TASK_FINISHED")
    sandbox = agent.sandbox("d")
    own = sandbox / "tasks/g1"
    assert (own / "stdout").read_text() == f"{own}|{own}|blue|big|d|\n"
    assert (sandbox / "tasks/g2/stdout").read_text() == "|big\n"


def test_secrets_are_refused(master: Master, agent: AgentProcess, grouped: bool) -> None:
    """A task that would not get its secret is not started at all, and the status says why."""
    agent.start()
    secret = {"name": "PASSWORD", "type": "SECRET", "secret": {"type": "REFERENCE", "reference": {"name": "x"}}}
    run(master, grouped, "t1", {"value": "touch ran", "environment": {"variables": [secret]}})
    status = master.wait_for("t1", "TASK_FAILED")
    assert status["reason"] == "REASON_CONTAINER_LAUNCH_FAILED"
    assert "command.environment.variables[0]: 'PASSWORD' is a secret" in status["message"]
    assert not list(agent.work_dir.rglob("ran"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may choose a user")
def test_user_of_a_task(master: Master, agent: AgentProcess, grouped: bool) -> None:
    """The command runs as its user, who may write its sandbox and has what was fetched; an unknown user is an error."""
    agent.start()
    # pytest keeps its directories to root; the sandbox itself is what is tested.
    for folder in (agent.work_dir, *agent.work_dir.parents):
        if folder.name.startswith("pytest-") or folder == agent.work_dir or "pytest-" in str(folder.parent):
            folder.chmod(0o755)
    fetched = agent.work_dir / "script.sh"
    fetched.write_text("id -un > who\n")
    uris = [{"value": f"file://{fetched}", "executable": True}]
    command = {"value": "sh script.sh; stat -c %U script.sh . stdout", "user": "nobody", "uris": uris}
    run(master, grouped, "t1", command)
    master.wait_for("t1", "TASK_FINISHED")
    sandbox = agent.sandbox("d-t1") / "tasks/t1" if grouped else agent.sandbox("t1")
    assert (sandbox / "who").read_text() == "nobody\n"
    assert (sandbox / "stdout").read_text() == "nobody\n" * 3
    assert pwd.getpwuid((sandbox / "who").stat().st_uid).pw_name == "nobody"
    run(master, grouped, "t2", {"value": "true", "user": "nosuchuser"})
    state = "TASK_FAILED" if grouped else "TASK_DROPPED"
    assert "No such user 'nosuchuser'" in master.wait_for("t2", state)["message"]


def test_a_group_of_which_one_cannot_start(master: Master, agent: AgentProcess) -> None:
    """The others end with it, and the executor goes on for other groups."""
    agent.start()
    master.run_group(DEFAULT, task("h1", "exec sleep 1000"))
    master.wait_for("h1", "TASK_RUNNING")
    bad = {"type": "MESOS", "mesos": {"image": {"type": "DOCKER"}}}
    master.run_group(
        DEFAULT, task("g1", "exec sleep 1000"), task("g2", "true", container=bad), task("g3", "exec sleep 1000")
    )
    assert "container.mesos.image" in master.wait_for("g2", "TASK_FAILED")["message"]
    for name in ("g1", "g3"):
        master.wait_for(name, "TASK_KILLED")
    assert master.states("h1")[-1] == "TASK_RUNNING"
