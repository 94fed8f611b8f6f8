"""The executor of a command task: runs one command, reports its life, checks its health, kills it when asked.

A separate process that outlives the agent, so it uses only the standard library, and little of that: it starts once per
task. Speaks the v1 executor API with the agent named in MESOS_AGENT_ENDPOINT and subscribes again when the agent comes
back.
"""

from __future__ import annotations

import base64
import json
import os
import select
import signal
import socket
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Only for the type checker: importing typing would cost more than all the rest.
    from typing import Any

DEFAULT_GRACE = 3.0
# Without an acknowledgement of the last update the executor waits this long, then it ends anyway.
LAST_WORD_TIMEOUT = 10.0
_TERMINAL = ("TASK_FINISHED", "TASK_FAILED", "TASK_KILLED")
# Names as strsignal(3) prints them in the recorded messages.
_SIGNALS: dict[int, str] = {
    signal.SIGHUP: "Hangup", signal.SIGINT: "Interrupt", signal.SIGQUIT: "Quit", signal.SIGABRT: "Aborted",
    signal.SIGKILL: "Killed", signal.SIGSEGV: "Segmentation fault", signal.SIGTERM: "Terminated",
}  # fmt: skip


def parse_duration(text: str) -> float:
    """`15mins` or `5secs` in seconds."""
    for unit, factor in (("mins", 60.0), ("secs", 1.0), ("hrs", 3600.0), ("ms", 0.001)):
        if text.endswith(unit):
            return float(text[: -len(unit)]) * factor
    return float(text)


class Gone(Exception):
    """The agent does not answer."""


class Rejected(Exception):
    """The agent knows nothing of this executor."""


class AgentLink:
    """The connection to the agent: one long answer with events, short calls beside it."""

    def __init__(self, endpoint: str) -> None:
        host, _, port = endpoint.rpartition(":")
        self._address = (host, int(port))
        self.socket: socket.socket | None = None
        self._raw = b""
        self._records = b""

    def _post(self, body: dict[str, Any], close: bool) -> tuple[socket.socket, int, bytes]:
        data = json.dumps(body, separators=(",", ":")).encode()
        connection = socket.create_connection(self._address, timeout=10.0)
        head = (
            "POST /api/v1/executor HTTP/1.1\r\n"
            f"Host: {self._address[0]}:{self._address[1]}\r\n"
            "Content-Type: application/json\r\nAccept: application/json\r\n"
            f"Content-Length: {len(data)}\r\n{'Connection: close' + chr(13) + chr(10) if close else ''}\r\n"
        )
        try:
            connection.sendall(head.encode() + data)
            answer = b""
            while b"\r\n\r\n" not in answer:
                piece = connection.recv(65536)
                if not piece:
                    raise Gone("the agent closed the connection")
                answer += piece
        except BaseException:
            connection.close()
            raise
        head_bytes, _, rest = answer.partition(b"\r\n\r\n")
        return connection, int(head_bytes.split(b" ", 2)[1]), rest

    def call(self, body: dict[str, Any]) -> None:
        """A call other than SUBSCRIBE."""
        try:
            connection, status, _ = self._post(body, close=True)
        except (OSError, ValueError) as error:
            raise Gone(str(error)) from error
        connection.close()
        if status >= 300:
            raise Gone(f"HTTP {status}")

    def subscribe(self, body: dict[str, Any]) -> None:
        """Open the event stream."""
        self.close()
        try:
            connection, status, rest = self._post(body, close=False)
        except (OSError, ValueError) as error:
            raise Gone(str(error)) from error
        if status != 200:
            connection.close()
            if status == 400:
                raise Rejected(rest.decode(errors="replace"))
            raise Gone(f"HTTP {status}")
        connection.setblocking(False)
        self.socket, self._raw, self._records = connection, rest, b""

    def close(self) -> None:
        """Forget the stream."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def events(self) -> list[dict[str, Any]]:
        """What can be read now; raises Gone at the end of the stream."""
        if self.socket is not None:
            try:
                piece = self.socket.recv(1 << 20)
            except (BlockingIOError, InterruptedError):
                piece = None
            except OSError as error:
                raise Gone(str(error)) from error
            if piece == b"":
                raise Gone("the agent ended the stream")
            self._raw += piece or b""
        self._dechunk()
        found: list[dict[str, Any]] = []
        while True:
            length, newline, rest = self._records.partition(b"\n")
            if not newline or len(rest) < int(length):
                return found
            found.append(json.loads(rest[: int(length)]))
            self._records = rest[int(length) :]

    def _dechunk(self) -> None:
        while True:
            size, newline, rest = self._raw.partition(b"\r\n")
            if not newline:
                return
            length = int(size.partition(b";")[0], 16)
            if len(rest) < length + 2:
                return
            if length == 0:
                raise Gone("the agent ended the stream")
            self._records += rest[:length]
            self._raw = rest[length + 2 :]


class HealthCheck:
    """The health check of the task, one probe at a time in a child process, so that a hanging probe hangs nobody."""

    def __init__(self, check: dict[str, Any], environment: dict[str, str], now: float) -> None:
        self._check = check
        self._environment = environment
        self._started = now
        self._next = now + check.get("delay_seconds", 15.0)
        self._probe: int | None = None
        self._deadline = 0.0
        self.failures = 0
        self.healthy: bool | None = None

    def due(self) -> float:
        """When something is to be done next."""
        return self._deadline if self._probe is not None else self._next

    def _run(self) -> None:
        check, kind = self._check, self._check["type"]
        if kind == "COMMAND":
            command = check["command"]
            environment = dict(self._environment)
            for item in command.get("environment", {}).get("variables", ()):
                environment[item["name"]] = item.get("value", "")
            run_command(command, environment)
        target = check[kind.lower()]
        with socket.create_connection(("127.0.0.1", target["port"]), timeout=30.0) as connection:
            if kind == "TCP":
                os._exit(0)
            path = target.get("path", "/")
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{target['port']}\r\n\r\n".encode())
            with connection.makefile("rb") as answer:
                status = int(answer.readline().split()[1])
        wanted = target.get("statuses")
        os._exit(0 if (status in wanted if wanted else 200 <= status < 400) else 1)

    def start(self) -> None:
        """Begin a probe."""
        self._deadline = time.monotonic() + (self._check.get("timeout_seconds", 20.0) or 3600.0)
        pid = os.fork()
        if pid == 0:
            try:
                os.setsid()
                self._run()
            except BaseException as error:  # noqa: BLE001 - whatever it is, the probe failed
                sys.stderr.write(f"Health check failed: {error}\n")
                sys.stderr.flush()
            os._exit(1)
        self._probe = pid

    def step(self, now: float) -> bool | None:
        """Start a probe that is due or take its result: True or False when there is one."""
        if self._probe is None:
            if now >= self._next:
                self.start()
            return None
        pid, status = os.waitpid(self._probe, os.WNOHANG)
        if pid == 0:
            if now < self._deadline:
                return None
            kill_group(self._probe, signal.SIGKILL)
            os.waitpid(self._probe, 0)
            status = 1
        self._probe = None
        self._next = now + self._check.get("interval_seconds", 10.0)
        return status == 0

    def in_grace(self, now: float) -> bool:
        """Whether failures do not count yet."""
        return self.healthy is None and now < self._started + self._check.get("grace_period_seconds", 10.0)

    def fatal(self) -> bool:
        """Whether it failed often enough for the task to be killed."""
        limit: int = self._check.get("consecutive_failures", 3)
        return limit > 0 and self.failures >= limit


def run_command(command: dict[str, Any], environment: dict[str, str]) -> None:
    """Become the command; does not return."""
    if command.get("shell", True):
        os.execve("/bin/sh", ["sh", "-c", command["value"]], environment)  # noqa: S606 - running it is the purpose
    arguments = command.get("arguments") or [command["value"]]
    os.execvpe(command["value"], arguments, environment)  # noqa: S606 - running it is the purpose


def kill_group(pid: int, number: int) -> None:
    """Signal the session that `pid` leads."""
    try:  # noqa: SIM105 - contextlib would cost its import in every task
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


class Executor:
    """One command task from LAUNCH to the acknowledgement of its last update."""

    def __init__(self) -> None:
        self.link = AgentLink(os.environ["MESOS_AGENT_ENDPOINT"])
        self.identity = {
            "framework_id": {"value": os.environ["MESOS_FRAMEWORK_ID"]},
            "executor_id": {"value": os.environ["MESOS_EXECUTOR_ID"]},
        }
        self.recovery_timeout = parse_duration(os.environ.get("MESOS_RECOVERY_TIMEOUT", "0secs"))
        self.lost_at: float | None = None
        self.retry_at = 0.0
        self.task: dict[str, Any] | None = None
        self.task_known = False
        self.pending: list[dict[str, Any]] = []
        self.unsent: list[dict[str, Any]] = []
        self.capabilities: set[str] = set()
        self.pid: int | None = None
        self.health: HealthCheck | None = None
        self.killed = False
        self.kill_at: float | None = None
        self.ended_at: float | None = None
        self.unhealthy_kill = False
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        self.wakeup = reader
        signal.set_wakeup_fd(writer)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # The agent's end of a terminal's session must not end the task.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    # --- talking --------------------------------------------------------------------------------------------------

    def subscribe(self) -> None:
        """(Again) with what the agent may not know."""
        content: dict[str, Any] = {}
        if self.task is not None:
            content["unacknowledged_tasks"] = [] if self.task_known else [self.task]
            content["unacknowledged_updates"] = [{"status": status} for status in self.pending]
        self.link.subscribe({"type": "SUBSCRIBE", **self.identity, "subscribe": content})
        self.unsent = []
        self.lost_at = None

    def lost(self) -> None:
        """The stream ended."""
        self.link.close()
        now = time.monotonic()
        if self.lost_at is None:
            self.lost_at = now
        self.retry_at = now + 0.2

    def update(self, state: str, **fields: object) -> None:
        """Report a state."""
        assert self.task is not None
        status: dict[str, Any] = {
            "task_id": self.task["task_id"],
            "state": state,
            "source": "SOURCE_EXECUTOR",
            "uuid": base64.b64encode(os.urandom(16)).decode(),
            "executor_id": self.identity["executor_id"],
            "timestamp": time.time(),
        }
        if self.health is not None and self.health.healthy is not None:
            status["healthy"] = self.health.healthy
        status.update({name: value for name, value in fields.items() if value is not None})
        self.pending.append(status)
        self.unsent.append(status)
        self.flush()

    def flush(self) -> None:
        """Send what was not sent on this subscription."""
        while self.unsent and self.link.socket is not None:
            try:
                self.link.call({"type": "UPDATE", **self.identity, "update": {"status": self.unsent[0]}})
            except Gone:
                self.lost()
                return
            self.unsent.pop(0)

    # --- the task -------------------------------------------------------------------------------------------------

    def launch(self, task: dict[str, Any]) -> None:
        """Fork the command."""
        if self.task is not None:
            return
        self.task = task
        command = task["command"]
        self.update("TASK_STARTING")
        environment = {
            name: value for name, value in os.environ.items() if name != "MESOS_EXECUTOR_AUTHENTICATION_TOKEN"
        }
        for item in command.get("environment", {}).get("variables", ()):
            environment[item["name"]] = item.get("value", "")
        if command.get("shell", True) and "value" not in command:
            # As the real one: the executor cannot go on, the agent reports the task's end.
            sys.stderr.write("Shell command is not specified\n")
            sys.exit(1)
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            try:
                os.setsid()
                signal.signal(signal.SIGHUP, signal.SIG_DFL)
                run_command(command, environment)
            except BaseException as error:  # noqa: BLE001 - the parent sees the exit code
                sys.stderr.write(f"Failed to run the command: {error}\n")
                sys.stderr.flush()
            os._exit(1)
        self.pid = pid
        if "health_check" in task:
            self.health = HealthCheck(task["health_check"], environment, time.monotonic())
        self.update("TASK_RUNNING")

    def kill(self, policy: dict[str, Any] | None) -> None:
        """SIGTERM, and SIGKILL after the grace period; a later call may shorten it."""
        if self.pid is None or self.task is None or self.ended_at is not None:
            return
        chosen = policy or self.task.get("kill_policy") or {}
        grace = chosen.get("grace_period", {}).get("nanoseconds")
        deadline = time.monotonic() + (DEFAULT_GRACE if grace is None else grace / 1e9)
        if self.killed:
            self.kill_at = min(self.kill_at or deadline, deadline)
            return
        self.killed = True
        self.kill_at = deadline
        if "TASK_KILLING_STATE" in self.capabilities:
            self.update("TASK_KILLING")
        kill_group(self.pid, signal.SIGTERM)

    def reap(self) -> None:
        """See whether the command ended."""
        if self.pid is None or self.ended_at is not None:
            return
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid == 0:
            return
        # What the command left in its session ends with it.
        kill_group(self.pid, signal.SIGKILL)
        self.ended_at = time.monotonic()
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            message = f"Command terminated with signal {_SIGNALS.get(number, number)}"
        else:
            message = f"Command exited with status {os.WEXITSTATUS(status)}"
        state = "TASK_KILLED" if self.killed else "TASK_FINISHED" if status == 0 else "TASK_FAILED"
        self.update(state, message=message)

    def check_health(self) -> None:
        """One step of the health check."""
        if self.health is None or self.killed or self.ended_at is not None:
            return
        now = time.monotonic()
        result = self.health.step(now)
        if result is None:
            return
        if result:
            changed = self.health.healthy is not True
            self.health.failures = 0
        elif self.health.in_grace(now):
            return
        else:
            changed = True
            self.health.failures += 1
        self.health.healthy = result
        if not result and self.health.fatal():
            self.kill(None)
        elif changed:
            self.update("TASK_RUNNING", reason="REASON_TASK_HEALTH_CHECK_STATUS_UPDATED")

    # --- the loop -------------------------------------------------------------------------------------------------

    def on_event(self, event: dict[str, Any]) -> None:
        """One event of the agent."""
        kind = event["type"]
        if kind == "SUBSCRIBED":
            framework = event["subscribed"]["framework_info"]
            self.capabilities = {item.get("type") for item in framework.get("capabilities", ())}
        elif kind == "LAUNCH":
            self.launch(event["launch"]["task"])
        elif kind == "KILL":
            self.kill(event["kill"].get("kill_policy"))
        elif kind == "ACKNOWLEDGED":
            self.task_known = True
            uuid = event["acknowledged"]["uuid"]
            self.pending = [status for status in self.pending if status["uuid"] != uuid]
        elif kind == "SHUTDOWN":
            if self.pid is None:
                sys.exit(0)
            grace = parse_duration(os.environ.get("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "5secs"))
            # Sooner than the agent's own patience ends.
            self.kill({"grace_period": {"nanoseconds": int(max(0.0, min(grace - 1.0, DEFAULT_GRACE)) * 1e9)}})

    def timeout(self) -> float | None:
        """Seconds until something is due."""
        due = []
        if self.link.socket is None:
            due.append(self.retry_at)
        if self.kill_at is not None and self.ended_at is None:
            due.append(self.kill_at)
        if self.ended_at is not None:
            due.append(self.ended_at + LAST_WORD_TIMEOUT)
        if self.health is not None and not self.killed and self.ended_at is None:
            due.append(self.health.due())
        return max(0.0, min(due) - time.monotonic()) if due else None

    def done(self) -> bool:
        """Whether there is nothing left to do."""
        if self.ended_at is None:
            return False
        if not self.pending:
            return True
        # With the agent away the last update waits for it; with the agent there it is a matter of moments.
        return self.link.socket is not None and time.monotonic() > self.ended_at + LAST_WORD_TIMEOUT

    def connect(self) -> None:
        """Try to subscribe; give up when the agent was away for the recovery timeout."""
        now = time.monotonic()
        if now < self.retry_at:
            return
        try:
            self.subscribe()
        except Gone:
            self.lost()
            assert self.lost_at is not None
            if now > self.lost_at + max(self.recovery_timeout, 5.0):
                self.abandon("the agent did not come back within the recovery timeout")
        except Rejected as error:
            self.abandon(str(error))

    def abandon(self, why: str) -> None:
        """End without an agent that wants to know."""
        sys.stderr.write(f"Command executor ends: {why}\n")
        if self.pid is not None:
            kill_group(self.pid, signal.SIGKILL)
        sys.exit(1)

    def run(self) -> None:
        """Until the last update is acknowledged."""
        while not self.done():
            fresh = self.link.socket is None
            if fresh:
                self.connect()
            readable = [self.wakeup] + ([self.link.socket] if self.link.socket is not None else [])
            # Events may have come with the head of a new stream; nothing would wake us for them.
            ready, _, _ = select.select(readable, [], [], 0 if fresh and self.link.socket else self.timeout())
            if self.wakeup in ready:
                os.read(self.wakeup, 4096)
            if self.link.socket is not None:
                try:
                    for event in self.link.events():
                        self.on_event(event)
                except Gone:
                    self.lost()
            self.reap()
            if self.kill_at is not None and self.ended_at is None and time.monotonic() >= self.kill_at:
                assert self.pid is not None
                kill_group(self.pid, signal.SIGKILL)
                self.kill_at = time.monotonic() + 1.0
            self.check_health()
            self.flush()


if __name__ == "__main__":
    Executor().run()
