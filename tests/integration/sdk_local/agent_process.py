"""One agent process and a master of the test's own, which says what it likes."""

import http.server
import json
import queue
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

from sdk.local import processes
from sdk.local.isolation import remove_groups
from tests.support import nursery
from tests.support.ports import free_port
from tests.support.wait import wait_until

Json = dict[str, Any]
ROOT = Path(__file__).parents[3]
FRAMEWORK = {"id": {"value": "F"}, "name": "f", "user": "root", "checkpoint": True}


class Silent(http.server.ThreadingHTTPServer):
    """A server for which clients that go away are the purpose, not an error to print."""

    def handle_error(self, *_: object) -> None:
        """Say nothing."""


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

        self._server = Silent(("127.0.0.1", 0), Handler)
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
        self.say({"type": "RUN_TASK", "framework_info": FRAMEWORK, "task": task(task_id, command, **fields)})

    def run_group(self, executor: Json, *tasks: Json) -> None:
        """RUN_TASK_GROUP."""
        self.say({"type": "RUN_TASK_GROUP", "framework_info": FRAMEWORK, "executor": executor, "tasks": list(tasks)})

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
        self.process: nursery.Process | None = None
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
            self.process = nursery.popen(self.command(*flags), cwd=ROOT, stdout=log, stderr=log)
        try:
            wait_until(lambda: len(self._master.registrations) > count, 20, "the registration")
        except AssertionError as error:
            raise AssertionError(f"{error}; the agent said: {self.said()!r}") from error

    def get(self, path: str) -> Any:
        """A JSON document of the agent."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return json.load(answer)

    def sandbox(self, executor_id: str) -> Path:
        """The newest sandbox of an executor."""
        return next(self.work_dir.glob(f"slaves/*/frameworks/*/executors/{executor_id}/runs/latest")).resolve()

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
        remove_groups(self.work_dir)
        for file in self.checkpoints("containers"):
            content = json.loads(file.read_text())
            alive = processes.start_time(content["pid"]) == content["start"]
            processes.kill_all(content["sandbox"], content["pid"] if alive else None)


def mem(value: float) -> Json:
    """Unreserved memory in MB."""
    return {"name": "mem", "type": "SCALAR", "scalar": {"value": value}}


def task(task_id: str, command: Json | str, **fields: Any) -> Json:
    """A TaskInfo."""
    command = {"value": command} if isinstance(command, str) else command
    return {"name": task_id, "task_id": {"value": task_id}, "agent_id": {"value": "A"}, "command": command} | fields


def self_signed(directory: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that nobody vouches for, and its key."""
    certificate, key = directory / "cert.pem", directory / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key
