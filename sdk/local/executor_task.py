"""One task of the command executor: its command as a process, from the preparation to how it ended, and what is told
about it.

Knows nothing of other tasks, nor when to do something; that is the executor's business.
"""

from __future__ import annotations

import base64
import os
import signal
import sys
import time

from sdk.local.executor_checks import Check, HealthCheck, run_command
from sdk.local.executor_sandbox import Unstartable, account, become, enter, make_sandbox, set_limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# How much of the reason why a child could not become its command is read.
_REASON_SIZE = 4096
# Names as strsignal(3) prints them in the recorded messages.
_SIGNALS: dict[int, str] = {
    signal.SIGHUP: "Hangup", signal.SIGINT: "Interrupt", signal.SIGQUIT: "Quit", signal.SIGABRT: "Aborted",
    signal.SIGKILL: "Killed", signal.SIGSEGV: "Segmentation fault", signal.SIGTERM: "Terminated",
}  # fmt: skip


class Task:
    """One task from LAUNCH to its end. `sandbox` is the executor's."""

    def __init__(
        self, info: dict[str, Any], group: tuple[str, ...], container: dict[str, Any] | None, sandbox: str
    ) -> None:
        self.info = info
        self.group = group
        self.container = container
        """Id of its nested container; None for a command task, which runs in the executor's own."""
        self._sandbox = sandbox
        self.known = False
        """Whether the agent acknowledged anything about it."""
        self.pid: int | None = None
        self.pipe: int | None = None
        """While its command is being prepared: says why that failed, or ends when the command runs."""
        self.failure: str | None = None
        """Why it never became its command."""
        self.health: HealthCheck | None = None
        self.check: Check | None = None
        self.killed = False
        self.unhealthy = False
        self.overdue = False
        self.kill_at: float | None = None
        self.complete_by: float | None = None
        self.ended = False

    @property
    def task_id(self) -> str:
        """Its id."""
        return str(self.info["task_id"]["value"])

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self.pid is not None and not self.ended

    def due(self) -> list[float]:
        """When something is to be done about it."""
        if not self.running:
            return []
        times = [item for item in (self.kill_at, self.complete_by) if item is not None]
        if not self.killed:
            times += [item.probe.due() for item in (self.health, self.check) if item is not None]
        return times

    # --- checks ---------------------------------------------------------------------------------------------------

    def start_check(self) -> None:
        """Its check is told of before it runs."""
        if "check" in self.info:
            self.check = Check(self.info["check"], self._environment(), time.monotonic())

    def stop_checks(self) -> None:
        """Nothing is checked any more."""
        for item in (self.health, self.check):
            if item is not None:
                item.probe.stop()

    # --- its process ----------------------------------------------------------------------------------------------

    def _environment(self) -> dict[str, str]:
        own = ("MESOS_EXECUTOR_AUTHENTICATION_TOKEN", "MESOS_FETCHER_STALL_TIMEOUT")
        result = {name: value for name, value in os.environ.items() if name not in own}
        if self.container is not None:
            result["MESOS_SANDBOX"] = result["PWD"] = self._directory()
        for item in self.info.get("command", {}).get("environment", {}).get("variables", ()):
            result[item["name"]] = item.get("value", "")
        return result

    def _directory(self) -> str:
        return self._sandbox if self.container is None else f"{self._sandbox}/tasks/{self.task_id}"

    def prepare(self, user: str | None) -> Any:
        """Make what must be there before the process; `user` runs it unless its command names another. Returns the
        password entry to go on as; Unstartable or OSError for what cannot be.
        """
        entry = account(self.info.get("command", {}).get("user") or user)
        if self.container is not None:
            make_sandbox(self.info, self._directory(), self._sandbox, entry)
        return entry

    def fork(self, entry: Any) -> bool:
        """Start the process. True: its command runs; False: it prepares itself first, `listen` tells."""
        command, container = self.info.get("command", {}), self.info.get("container", {})
        limits = bool(container.get("rlimit_info"))
        environment = self._environment()
        sys.stdout.flush()
        sys.stderr.flush()
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(reader)
                os.setsid()
                signal.signal(signal.SIGHUP, signal.SIG_DFL)
                if self.container is not None:
                    enter(self._directory(), self.container["value"], command.get("uris", []), entry)
                if limits:
                    set_limits(container)
                become(entry)
                # The command's exec closes the pipe without a word.
                run_command(command, environment)
            except BaseException as error:  # noqa: BLE001 - the parent reads why
                text = str(error) if isinstance(error, Unstartable) else f"Failed to run the command: {error}"
                if isinstance(error, Unstartable):
                    os.write(writer, text.encode()[:_REASON_SIZE])
                sys.stderr.write(f"{text}\n")
                sys.stderr.flush()
            finally:
                # Nothing of the parent's code may run here.
                os._exit(1)
        os.close(writer)
        self.pid = pid
        self.pipe = reader
        if limits or (self.container is not None and command.get("uris")):
            os.set_blocking(reader, False)
            return False
        return True

    def listen(self) -> bool:
        """Read what the child says about its preparation; whether its command runs now."""
        assert self.pipe is not None
        try:
            said = os.read(self.pipe, _REASON_SIZE)
        except BlockingIOError:
            return False
        if said:
            self.failure = said.decode(errors="replace")
            self.close_pipe()
            return False
        return not self.killed

    def close_pipe(self) -> None:
        """Nothing more is said about the preparation."""
        if self.pipe is not None:
            os.close(self.pipe)
            self.pipe = None

    def runs(self) -> None:
        """Its command is what its process is now, or will be within a moment."""
        now = time.monotonic()
        self.close_pipe()
        if "health_check" in self.info:
            self.health = HealthCheck(self.info["health_check"], self._environment(), now)
        limit = self.info.get("max_completion_time", {}).get("nanoseconds")
        if limit is not None:
            self.complete_by = now + limit / 1e9

    # --- what is told ---------------------------------------------------------------------------------------------

    def status(self, state: str, executor_id: dict[str, Any], **fields: object) -> dict[str, Any]:
        """Its TaskStatus in that state, with further fields that are not None."""
        status: dict[str, Any] = {
            "task_id": self.info["task_id"],
            "state": state,
            "source": "SOURCE_EXECUTOR",
            "uuid": base64.b64encode(os.urandom(16)).decode(),
            "executor_id": executor_id,
            "timestamp": time.time(),
        }
        # Health is told while it is checked, and by the end that it caused.
        if self.health is not None and (state == "TASK_RUNNING" or (self.unhealthy and state == "TASK_KILLED")):
            fields.setdefault("healthy", self.health.healthy)
        if self.check is not None:
            fields["check_status"] = self.check.status(None if state == "TASK_RUNNING" else {})
        if self.container is not None:
            about: dict[str, Any] = {"container_id": self.container}
            if self.running:
                about["network_infos"] = [
                    {"ip_addresses": [{"protocol": "IPv4", "ip_address": os.environ["LIBPROCESS_IP"]}]}
                ]
                about["executor_pid"] = self.pid
            fields["container_status"] = about
        status.update({name: value for name, value in fields.items() if value is not None})
        return status

    def outcome(self, status: int) -> tuple[str, str, str | None]:
        """State, message and reason of a task whose process ended with that wait status."""
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            message = f"Command terminated with signal {_SIGNALS.get(number, number)}"
        else:
            message = f"Command exited with status {os.WEXITSTATUS(status)}"
        if self.overdue:
            return "TASK_FAILED", message, "REASON_MAX_COMPLETION_TIME_REACHED"
        if self.killed:
            return "TASK_KILLED", message, None
        if self.failure is not None:
            return "TASK_FAILED", self.failure, "REASON_CONTAINER_LAUNCH_FAILED"
        return "TASK_FINISHED" if status == 0 else "TASK_FAILED", message, None
