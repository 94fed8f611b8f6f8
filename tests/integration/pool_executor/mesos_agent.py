"""The other side of an executor: the agent's v1 executor API, as the recordings of Mesos 1.12.0 show it."""

import base64
import json
import queue
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.ports import free_port
from tests.support.wait import wait_until

FRAMEWORK = {"value": "framework-1"}
EXECUTOR = {"value": "executor-1"}


class Agent:
    """Accepts one executor, launches one task on it, stores and acknowledges its updates."""

    def __init__(self, task: Mapping[str, Any]) -> None:
        self.task = task
        self.port = free_port()
        self.updates: list[dict[str, Any]] = []
        self.subscriptions: list[dict[str, Any]] = []
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._server: ThreadingHTTPServer | None = None
        self._launched = False

    @property
    def environment(self) -> dict[str, str]:
        """What the agent puts into the environment of the executor."""
        return {
            "MESOS_AGENT_ENDPOINT": f"127.0.0.1:{self.port}",
            "MESOS_FRAMEWORK_ID": FRAMEWORK["value"],
            "MESOS_EXECUTOR_ID": EXECUTOR["value"],
            "MESOS_CHECKPOINT": "1",
            "MESOS_RECOVERY_TIMEOUT": "15mins",
            "MESOS_SUBSCRIPTION_BACKOFF_MAX": "200ms",
            "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": "5secs",
            "LIBPROCESS_IP": "127.0.0.1",
        }

    @property
    def states(self) -> list[str]:
        """The states of the updates, repeated ones once."""
        found: list[str] = []
        for update in self.updates:
            if not found or found[-1] != update["state"]:
                found.append(update["state"])
        return found

    def last(self, state: str) -> dict[str, Any]:
        """Wait for an update of this state and return the last one."""
        wait_until(lambda: state in self.states, timeout=20, what=f"{state} after {self.states}")
        return next(update for update in reversed(self.updates) if update["state"] == state)

    def start(self) -> None:
        """Listen; after `stop` on the same port."""
        agent = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

            def do_POST(self) -> None:
                call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if call["type"] == "SUBSCRIBE":
                    agent.subscriptions.append(call["subscribe"])
                    self._stream(call["subscribe"])
                    return
                if call["type"] == "UPDATE":
                    agent._store(call["update"]["status"])
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def _stream(self, subscribe: Mapping[str, Any]) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for update in subscribe["unacknowledged_updates"]:
                    agent._store(update["status"])
                events = [agent._subscribed()]
                if not agent._launched:
                    agent._launched = True
                    events.append({"type": "LAUNCH", "launch": {"task": agent.task}})
                for event in events:
                    self._send(event)
                while (later := agent._events.get()) is not None:
                    self._send(later)
                self.close_connection = True

            def _send(self, event: Mapping[str, Any]) -> None:
                text = json.dumps(event).encode()
                record = b"%d\n%s" % (len(text), text)
                self.wfile.write(b"%x\r\n%s\r\n" % (len(record), record))
                self.wfile.flush()

        self._events = queue.SimpleQueue()
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Go away in the middle of the stream."""
        self._events.put(None)
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def kill(self, grace: float | None = None) -> None:
        """Ask for the task's end."""
        kill: dict[str, Any] = {"task_id": self.task["task_id"]}
        if grace is not None:
            kill["kill_policy"] = {"grace_period": {"nanoseconds": int(grace * 1e9)}}
        self._events.put({"type": "KILL", "kill": kill})

    def shutdown(self) -> None:
        """Ask for the executor's end."""
        self._events.put({"type": "SHUTDOWN"})

    def _store(self, status: dict[str, Any]) -> None:
        if status["uuid"] not in {update["uuid"] for update in self.updates}:
            self.updates.append(status)
        self._events.put(
            {"type": "ACKNOWLEDGED", "acknowledged": {"task_id": status["task_id"], "uuid": status["uuid"]}}
        )

    def _subscribed(self) -> dict[str, Any]:
        return {
            "type": "SUBSCRIBED",
            "subscribed": {
                "executor_info": {"executor_id": EXECUTOR, "framework_id": FRAMEWORK, "type": "CUSTOM"},
                "framework_info": {"name": "edgelb", "user": "root", "capabilities": [{"type": "TASK_KILLING_STATE"}]},
                "agent_info": {"hostname": "agent1.example", "id": {"value": "agent-1"}},
                "container_id": {"value": "container-1"},
            },
        }


def task_info(data: Mapping[str, Any], task_id: str = "task-1") -> dict[str, Any]:
    """A TaskInfo as the scheduler makes it."""
    return {
        "name": "edgelb-pool-0-server",
        "task_id": {"value": task_id},
        "agent_id": {"value": "agent-1"},
        "data": base64.b64encode(json.dumps(data).encode()).decode(),
        "executor": {"executor_id": EXECUTOR, "framework_id": FRAMEWORK, "type": "CUSTOM"},
    }
