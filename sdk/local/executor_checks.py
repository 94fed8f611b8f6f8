"""Checks and health checks of a task: one probe at a time in a child process, so that a hanging probe hangs nobody.

Knows how a probe is run and what its result is; what follows from the result is the executor's business.
"""

from __future__ import annotations

import os
import signal
import socket
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Exit code of a probe that could not be made: no connection, no answer, no such command.
_NOT_MADE = 251


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


class Probe:
    """Runs the COMMAND, HTTP or TCP probe of a Check or HealthCheck again and again."""

    def __init__(self, check: dict[str, Any], environment: dict[str, str], now: float) -> None:
        self.kind: str = check["type"]
        target = check.get(self.kind.lower(), {})
        # A CheckInfo wraps the command once more than a HealthCheck does.
        self._target: dict[str, Any] = target["command"] if isinstance(target.get("command"), dict) else target
        self._environment = environment
        self._interval: float = check.get("interval_seconds", 10.0)
        self._timeout: float = check.get("timeout_seconds", 20.0) or 3600.0
        self._next: float = now + check.get("delay_seconds", 15.0)
        self._pid: int | None = None
        self._pipe = -1
        self._deadline = 0.0

    def due(self) -> float:
        """When something is to be done next."""
        return self._deadline if self._pid is not None else self._next

    def _run(self, pipe: int) -> int:
        """In the child: the probe's exit code; an HTTP status goes into the pipe."""
        if self.kind == "COMMAND":
            environment = dict(self._environment)
            os.chdir(environment["MESOS_SANDBOX"])
            for item in self._target.get("environment", {}).get("variables", ()):
                environment[item["name"]] = item.get("value", "")
            run_command(self._target, environment)
        port = self._target["port"]
        address = "::1" if self._target.get("protocol") == "IPv6" else "127.0.0.1"
        with socket.create_connection((address, port), timeout=30.0) as plain:
            if self.kind == "TCP":
                return 0
            connection: socket.socket = plain
            if self._target.get("scheme") == "https":
                # As the real one: whether something answers is the question, not whose certificate it has.
                import ssl

                connection = ssl._create_unverified_context().wrap_socket(plain)  # noqa: S323 - as said
            path = self._target.get("path", "/")
            host = f"[{address}]" if ":" in address else address
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: {host}:{port}\r\n\r\n".encode())
            with connection.makefile("rb") as answer:
                os.write(pipe, answer.readline().split()[1])
        return 0

    def _start(self, now: float) -> None:
        self._deadline = now + self._timeout
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.setsid()
                os.close(reader)
                os._exit(self._run(writer))
            except BaseException as error:  # noqa: BLE001 - whatever it is, the probe was not made
                sys.stderr.write(f"{self.kind} check failed: {error}\n")
                sys.stderr.flush()
            os._exit(_NOT_MADE)
        os.close(writer)
        self._pid, self._pipe = pid, reader

    def stop(self) -> None:
        """End a probe that runs."""
        if self._pid is not None:
            kill_group(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            os.close(self._pipe)
            self._pid = None

    def step(self, now: float) -> dict[str, Any] | None:
        """Start a probe that is due or take the result of one that ended: `{"exit_code": 0}`, `{"status_code": 200}`,
        `{"succeeded": true}` as in a CheckStatusInfo; `{}` when there was no answer in time; None when there is none.
        """
        if self._pid is None:
            if now >= self._next:
                self._start(now)
            return None
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if pid == 0:
            if now < self._deadline:
                return None
            sys.stderr.write(f"{self.kind} check failed: no result within {self._timeout:g} s\n")
            sys.stderr.flush()
            self.stop()
            self._next = now + self._interval
            return {}
        told = os.read(self._pipe, 16)
        os.close(self._pipe)
        self._pid = None
        self._next = now + self._interval
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
        if self.kind == "TCP":
            return {"succeeded": code == 0}
        if self.kind == "HTTP":
            return {"status_code": int(told)} if told.isdigit() else {}
        return {"exit_code": code}


class Check:
    """A CheckInfo: tells results, never kills."""

    def __init__(self, check: dict[str, Any], environment: dict[str, str], now: float) -> None:
        self.probe = Probe(check, environment, now)
        self.result: dict[str, Any] = {}

    def status(self, result: dict[str, Any] | None = None) -> dict[str, Any]:
        """The CheckStatusInfo, with the last result unless told otherwise."""
        return {"type": self.probe.kind, self.probe.kind.lower(): self.result if result is None else result}

    def step(self, now: float) -> bool:
        """Whether there is a new result."""
        result = self.probe.step(now)
        if result is None or result == self.result:
            return False
        self.result = result
        return True


class HealthCheck:
    """A HealthCheck: healthy or not, and whether it failed often enough for the task to be killed."""

    def __init__(self, check: dict[str, Any], environment: dict[str, str], now: float) -> None:
        self.probe = Probe(check, environment, now)
        self._grace_until: float = now + check.get("grace_period_seconds", 10.0)
        self._limit: int = check.get("consecutive_failures", 3)
        self._statuses: list[int] = check.get("http", {}).get("statuses", [])
        self.failures = 0
        self.healthy: bool | None = None

    def _good(self, result: dict[str, Any]) -> bool:
        status = result.get("status_code")
        if status is not None:
            return status in self._statuses if self._statuses else 200 <= status < 400
        return result.get("succeeded") is True or result.get("exit_code") == 0

    def step(self, now: float) -> bool:
        """Whether there is something to tell: a change, or one more failure. Repeated successes are not told."""
        result = self.probe.step(now)
        if result is None:
            return False
        if self._good(result):
            told = self.healthy is not True
            self.failures = 0
            self.healthy = True
            return told
        if self.healthy is None and now < self._grace_until:
            return False
        self.failures += 1
        self.healthy = False
        return True

    @property
    def fatal(self) -> bool:
        """Whether the task is to be killed."""
        return 0 < self._limit <= self.failures
