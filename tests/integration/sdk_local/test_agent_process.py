"""The agent as a process among troubles: a master that talks nonsense, damaged files, a second agent, death at any
time.
"""

import http.server
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sdk.local import processes
from tests.integration.sdk_local.agent_process import FRAMEWORK, ROOT, AgentProcess, Master
from tests.support.ports import free_port
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration


def test_nonsense_of_a_master_is_dropped_with_a_sentence(master: Master, agent: AgentProcess) -> None:
    """Messages of unknown type, without type, of wrong shape: each one sentence in the log, then tasks run as ever."""
    agent.start()
    for nonsense in ({"type": "RUN_EVERYTHING"}, {}, [], 5, None, {"type": "RUN_TASK", "task": {}}, {"type": []}):
        master.say(nonsense)
    master.run("t1", "true")
    master.wait_for("t1", "TASK_FINISHED")
    assert len(master.registrations) == 1
    assert "agent] the master sent a message of the unknown type 'RUN_EVERYTHING'" in agent.said()
    assert "agent] the master sent a RUN_TASK that cannot be used: 'framework_info' is missing" in agent.said()


def test_a_broken_stream_of_a_master_is_opened_again(master: Master, agent: AgentProcess) -> None:
    """No RecordIO, no JSON, half a record: the agent registers again."""
    agent.start()
    for number, garbage in enumerate((b"hello\n", b"3\n{{{", b"-5\nxx", b"100\n{}")):
        master.raw(garbage)
        master.raw(None)
        wait_until(lambda number=number: len(master.registrations) > number + 1, 20, "another registration")
    master.run("t1", "true")
    master.wait_for("t1", "TASK_FINISHED")


def test_a_second_agent_in_the_same_directory_refuses(agent: AgentProcess) -> None:
    """It says who works there and what to do, and ends; the first one is not disturbed, its death frees the place."""
    agent.start()
    assert agent.process is not None
    second = subprocess.run(
        agent.command(port=free_port()), cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert second.returncode == 1
    assert second.stderr == (
        f"agent: another agent (pid {agent.process.pid}) works in {agent.work_dir}: "
        "stop it, or give this one another --work-dir\n"
    )
    agent.kill()
    agent.start()


@pytest.mark.parametrize("kind", ["agent", "resources", "framework", "executor", "task", "containers"])
@pytest.mark.parametrize("damage", ["truncated", "of another shape"])
def test_a_damaged_checkpoint_is_set_aside(master: Master, agent: AgentProcess, kind: str, damage: str) -> None:
    """The agent starts, names the file, keeps it, and still has its id; no process is left without an owner."""
    agent.start()
    volume = {"type": "RESERVE", "reserve": {"resources": []}}
    master.say({"type": "APPLY_OPERATION", "framework_id": {"value": "F"}, "operation_uuid": "o", "operation": volume})
    master.run("t1", "exec sleep 1000")
    pid = master.wait_for("t1", "TASK_RUNNING")["container_status"]["executor_pid"]
    meta = agent.work_dir / "meta"
    wait_until(lambda: "TASK_RUNNING" in master.states("t1"), 10, "the state")
    agent.kill()
    (file,) = [meta / f"{kind}.json"] if kind in ("agent", "resources") else agent.checkpoints(kind)
    whole = file.read_bytes()
    file.write_bytes({"truncated": whole[: len(whole) // 2], "of another shape": b'{"a":[]}'}[damage])
    agent.start()
    again = master.registrations[-1]
    assert (again["type"], again["agent_info"]["id"]) == ("REREGISTER", {"value": "A"})
    if kind != "containers":
        assert f"the checkpoint {file} cannot be used" in agent.said()
        assert file.with_name(f"{file.name}.damaged").exists()
    if kind in ("agent", "resources", "task", "containers"):
        assert processes.alive(pid)
    else:
        wait_until(lambda: not processes.alive(pid), 20, "the end of an executor that nobody knows")
    if kind == "executor":
        master.wait_for("t1", "TASK_FAILED")
    master.run("t2", "true")
    master.wait_for("t2", "TASK_FINISHED")


class Stalling(http.server.BaseHTTPRequestHandler):
    """Promises a body and sends none of it until the test ends."""

    released: threading.Event

    def do_GET(self) -> None:
        """Headers only."""
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.flush()
        self.released.wait(60)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def stalling() -> Iterator[str]:
    """The address of a server that stalls."""
    Stalling.released = threading.Event()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stalling) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/file"
        Stalling.released.set()
        server.shutdown()
        thread.join()


def test_killed_in_the_middle_of_launches(master: Master, agent: AgentProcess, tmp_path: Path, stalling: str) -> None:
    """SIGKILL while one task is fetched and others start: each ends or runs after the restart, and none runs twice."""
    agent.start()
    names = [f"t{number}" for number in range(6)]
    master.run("fetching", {"value": "true", "uris": [{"value": stalling}]})
    for name in names:
        master.run(name, f"echo {name} >> {tmp_path}/{name}.ran; exec sleep 1000")
    wait_until(lambda: (tmp_path / "t0.ran").exists(), 20, "the first task")
    agent.kill()
    agent.start()
    for name in names:
        wait_until(
            lambda name=name: {"TASK_RUNNING", "TASK_FAILED", "TASK_DROPPED"} & set(master.states(name)),
            30,
            f"a state of {name}",
        )
        ran = tmp_path / f"{name}.ran"
        assert not ran.exists() or ran.read_text() == f"{name}\n"
    master.wait_for("fetching", "TASK_FAILED")


def test_a_full_disk_delays_checkpoints_only(master: Master, agent: AgentProcess) -> None:
    """While checkpoints cannot be written tasks go on, and the log says why; they are written when they can be."""
    agent.start()
    folder = agent.work_dir / "meta" / "task"
    away = folder.with_name("task-away")
    folder.rename(away)
    folder.write_text("no directory")
    master.run("t1", "exec sleep 1000")
    master.wait_for("t1", "TASK_RUNNING")
    assert "cannot be written, it is tried again" in agent.said()
    folder.unlink()
    away.rename(folder)
    wait_until(lambda: agent.checkpoints("task"), 20, "the checkpoint")
    assert agent.process is not None
    agent.process.send_signal(signal.SIGTERM)
    assert agent.process.wait(20) == 0


def test_recovery_timeout(master: Master, agent: AgentProcess) -> None:
    """An executor whose agent stays away longer ends with its task; the agent finds it dead."""
    agent.start("--recovery-timeout", "1")
    master.run("t1", "exec sleep 1000")
    pid = master.wait_for("t1", "TASK_RUNNING")["container_status"]["executor_pid"]
    agent.kill()
    wait_until(lambda: not processes.alive(pid), 20, "the end of the executor")
    agent.start()
    assert master.wait_for("t1", "TASK_FAILED")["reason"] == "REASON_EXECUTOR_TERMINATED"


def test_ids_as_long_as_they_may_be(master: Master, agent: AgentProcess) -> None:
    """A task id of 255 letters is checkpointed, found again and forgotten; one too long for a directory has failed."""
    agent.start()
    name = "ä" * 120 + "x" * 15
    master.run(name, "exec sleep 1000")
    master.wait_for(name, "TASK_RUNNING")
    agent.kill()
    agent.start()
    assert master.registrations[-1]["tasks"][0]["task_id"] == {"value": name}
    master.say({"type": "KILL_TASK", "framework_id": {"value": "F"}, "task_id": {"value": name}})
    master.wait_for(name, "TASK_KILLED")
    wait_until(lambda: not agent.checkpoints("task"), 20, "the task is forgotten")
    master.run("y" * 300, "true")
    assert "File name too long" in master.wait_for("y" * 300, "TASK_FAILED")["message"]


@pytest.mark.parametrize(("name", "value"), [("A=B", "x"), ("", "x"), ("A", "zero \0 byte")])
def test_an_environment_that_no_process_can_get(master: Master, agent: AgentProcess, name: str, value: str) -> None:
    """The task has failed; the agent goes on."""
    agent.start()
    executor = {
        "type": "CUSTOM",
        "executor_id": {"value": "x"},
        "command": {"value": "true", "environment": {"variables": [{"name": name, "value": value}]}},
    }
    own = {"name": "t1", "task_id": {"value": "t1"}, "agent_id": {"value": "A"}, "executor": executor}
    master.say({"type": "RUN_TASK", "framework_info": FRAMEWORK, "task": own})
    status = master.wait_for("t1", "TASK_FAILED")
    assert status["reason"] in ("REASON_CONTAINER_LAUNCH_FAILED", "REASON_EXECUTOR_TERMINATED")
    master.run("t2", "true")
    master.wait_for("t2", "TASK_FINISHED")
    assert "Traceback" not in agent.said()
