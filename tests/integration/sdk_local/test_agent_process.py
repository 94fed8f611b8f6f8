"""The agent as a process among troubles: a master that talks nonsense, damaged files, a second agent, death at any
time.

The master here is the test's own: it says what it likes.
"""

import http.server
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sdk.local import processes
from tests.support.ports import free_port
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration
Json = dict[str, Any]
ROOT = Path(__file__).parents[3]
FRAMEWORK = {"id": {"value": "F"}, "name": "f", "user": "root", "checkpoint": True}


class Master:
    """Takes one agent, hears what it says, and says what it is told."""

    def __init__(self) -> None:
        self.registrations: list[Json] = []
        self.messages: list[Json] = []
        self._orders: queue.Queue[bytes | None] = queue.Queue()
        master = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                """The registration, which is answered by a stream of messages, or messages of the agent."""
                content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path != "/internal/agent":
                    master.messages.extend(content)
                    self.send_response(202)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.send_response(200)
                self.send_header("Agent-Connection", "c")
                self.end_headers()
                self.close_connection = True
                kind = "REGISTERED" if content["type"] == "REGISTER" else "REREGISTERED"
                orders = master.connected()
                master.say({"type": kind, "agent_id": {"value": "A"}})
                master.registrations.append(content)
                while (record := orders.get()) is not None:
                    try:
                        self.wfile.write(record)
                    except OSError:
                        return

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def connected(self) -> "queue.Queue[bytes | None]":
        """What is said from now on goes to a new connection."""
        self.raw(None)
        self._orders = queue.Queue()
        return self._orders

    def say(self, message: Any) -> None:
        """A message to the agent."""
        data = json.dumps(message).encode()
        self.raw(b"%d\n%s" % (len(data), data))

    def raw(self, data: bytes | None) -> None:
        """Bytes on the agent's stream; None ends it."""
        self._orders.put(data)

    def run(self, task_id: str, command: Json | str, **fields: Any) -> None:
        """RUN_TASK of a command."""
        command = {"value": command} if isinstance(command, str) else command
        task = {"name": task_id, "task_id": {"value": task_id}, "agent_id": {"value": "A"}, "command": command}
        self.say({"type": "RUN_TASK", "framework_info": FRAMEWORK, "task": task | fields})

    def states(self, task_id: str) -> list[str]:
        """The states of a task, after acknowledging all."""
        found: dict[str, str] = {}
        for message in list(self.messages):
            if message["type"] == "UPDATE" and message["status"]["task_id"]["value"] == task_id:
                status = message["status"]
                if status["uuid"] not in found:
                    found[status["uuid"]] = status["state"]
                    ids = {"framework_id": {"value": "F"}, "task_id": status["task_id"]}
                    self.say({"type": "ACKNOWLEDGE", "uuid": status["uuid"], **ids})
        return list(found.values())

    def wait_for(self, task_id: str, state: str) -> Json:
        """The status of a task with that state."""
        wait_until(lambda: state in self.states(task_id), 20, f"{state} of {task_id}")
        return next(
            message["status"]
            for message in self.messages
            if message["type"] == "UPDATE"
            and message["status"]["state"] == state
            and message["status"]["task_id"]["value"] == task_id
        )

    def close(self) -> None:
        """End."""
        self.raw(None)
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class AgentProcess:
    """One agent, started, killed and started again in the same directory."""

    def __init__(self, master: Master, work_dir: Path) -> None:
        self.work_dir = work_dir
        self.port = free_port()
        self._master = master
        self.process: subprocess.Popen[bytes] | None = None
        work_dir.mkdir(parents=True, exist_ok=True)
        self.log = work_dir.parent / f"{work_dir.name}.log"

    def command(self, *flags: str, port: int | None = None) -> list[str]:
        """Its command line."""
        return [
            sys.executable, "-m", "sdk.local.agent", "--master", f"127.0.0.1:{self._master.port}",
            "--port", str(port or self.port), "--work-dir", str(self.work_dir), *flags,
        ]  # fmt: skip

    def start(self, *flags: str) -> None:
        """Start, and wait until it is registered."""
        count = len(self._master.registrations)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command(*flags), cwd=ROOT, stdout=log, stderr=log)
        wait_until(lambda: len(self._master.registrations) > count, 20, "the registration")

    def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def said(self) -> str:
        """Its log."""
        return self.log.read_text() if self.log.exists() else ""

    def checkpoints(self, kind: str) -> list[Path]:
        """Files of one kind."""
        return sorted((self.work_dir / "meta" / kind).glob("*.json"))

    def close(self) -> None:
        """End it and all that it started."""
        self.kill()
        for file in self.checkpoints("containers"):
            content = json.loads(file.read_text())
            alive = processes.start_time(content["pid"]) == content["start"]
            processes.kill_all(content["sandbox"], content["pid"] if alive else None)


@pytest.fixture
def master() -> Iterator[Master]:
    """A master."""
    result = Master()
    yield result
    result.close()


@pytest.fixture
def agent(master: Master, tmp_path: Path) -> Iterator[AgentProcess]:
    """An agent that is not started yet."""
    result = AgentProcess(master, tmp_path / "agent")
    yield result
    result.close()


def test_nonsense_of_a_master_is_dropped_with_a_sentence(master: Master, agent: AgentProcess) -> None:
    """Messages of unknown type, without type, of wrong shape: each one sentence in the log, then tasks run as ever."""
    agent.start()
    for nonsense in ({"type": "RUN_EVERYTHING"}, {}, [], 5, None, {"type": "RUN_TASK", "task": {}}, {"type": []}):
        master.say(nonsense)
    master.run("t1", "true")
    master.wait_for("t1", "TASK_FINISHED")
    assert len(master.registrations) == 1
    assert "agent: the master sent a message of the unknown type 'RUN_EVERYTHING'" in agent.said()
    assert "agent: the master sent a RUN_TASK that cannot be used: 'framework_info' is missing" in agent.said()


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


def test_killed_in_the_middle_of_launches(master: Master, agent: AgentProcess, tmp_path: Path) -> None:
    """SIGKILL while one task is fetched and others start: each ends or runs after the restart, and none runs twice."""
    fifo = tmp_path / "slow"
    os.mkfifo(fifo)
    agent.start()
    names = [f"t{number}" for number in range(6)]
    master.run("fetching", {"value": "true", "uris": [{"value": f"file://{fifo}", "extract": False}]})
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
