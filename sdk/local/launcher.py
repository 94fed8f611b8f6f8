"""The start of an executor: who owns its sandbox, what is in it, the command and its environment, the process.

Knows one start; containers that run, and what becomes of them, are in `containers`.
"""

import argparse
import os
import pwd
import subprocess
import sys
from pathlib import Path
from typing import Any

from sdk.local import rlimits
from sdk.local.core.agent_model import Launch
from sdk.local.core.executors import duration
from sdk.local.core.wire import Json
from sdk.local.gate import start_gated
from sdk.local.isolation import MemoryGuard
from sdk.local.unsupported import refusal
from sdk.local.volumes import BadVolume, show_container, show_persistent, volume_path

COMMAND_EXECUTOR = Path(__file__).with_name("command_executor.py")


class LaunchFailed(Exception):
    """The executor could not be started; message and reason go into the statuses of its tasks."""

    def __init__(self, message: str, *, reason: str = "REASON_CONTAINER_LAUNCH_FAILED", dropped: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.dropped = dropped
        """Whether nothing of the executor came to be."""


def own_executor(work: Launch) -> bool:
    """Whether the executor is the agent's own: for command tasks and for task groups."""
    return work.task is not None or work.executor.get("type") == "DEFAULT"


def _refuse(work: Launch) -> None:
    """LaunchFailed for what this agent cannot give."""
    if work.refusal is not None:
        raise LaunchFailed(f"Failed to launch container: {work.refusal}")
    task = work.task or {}
    container = (work.task or work.executor).get("container", {})
    if container.get("type") == "DOCKER":
        raise LaunchFailed("Abnormal executor termination: unknown container", reason="REASON_EXECUTOR_TERMINATED")
    why = refusal(task.get("command") or work.executor.get("command", {}), container)
    if why is not None:
        raise LaunchFailed(f"Failed to launch container: {why}")


def _command(work: Launch) -> tuple[list[str], str | None]:
    """Arguments and executable, in the network namespace of the container where it has one."""
    arguments, executable = _executor_command(work)
    namespace = next((address.namespace for address in work.addresses if address.namespace), None)
    if namespace is None:
        return arguments, executable
    return ["nsenter", f"--net={namespace}", "--", executable or arguments[0], *arguments[1:]], None


def _executor_command(work: Launch) -> tuple[list[str], str | None]:
    if own_executor(work):
        # -I and -S: the executor must start fast and must not see what the task put into the environment.
        return [sys.executable, "-I", "-S", str(COMMAND_EXECUTOR)], None
    command: Json = work.executor["command"]
    if "value" not in command:
        raise LaunchFailed("Failed to launch container: The command of the executor has no value")
    if command.get("shell", True):
        return ["sh", "-c", command["value"]], "/bin/sh"
    return command.get("arguments") or [command["value"]], command["value"]


class Launcher:
    """Of one agent, by its options."""

    def __init__(self, options: argparse.Namespace, memory: MemoryGuard | None) -> None:
        self._work_dir: Path = options.work_dir
        # Only root may start processes as somebody else.
        self._switch_user = not options.no_switch_user and os.geteuid() == 0
        self._stall_timeout: float = options.fetcher_stall_timeout
        self._memory = memory
        self._address = f"{options.ip}:{options.port}"
        self._ip: str = options.ip
        self._recovery_timeout: float = options.recovery_timeout
        self._shutdown_grace: float = options.executor_shutdown_grace_period

    def owner(self, work: Launch, sandbox: Path) -> pwd.struct_passwd | None:
        """Who shall own the sandbox and run the command, None for whoever the agent is."""
        user = work.executor.get("command", {}).get("user") or work.framework.get("user")
        if not self._switch_user or not user:
            return None
        try:
            entry = pwd.getpwnam(user)
        except KeyError:
            raise LaunchFailed(
                f"Failed to create executor directory '{sandbox}': Failed to chown directory to '{user}': "
                f"No such user '{user}'",
                reason="REASON_EXECUTOR_TERMINATED",
                dropped=True,
            ) from None
        return None if entry.pw_uid == os.geteuid() else entry

    def furnish(self, work: Launch, sandbox: Path) -> None:
        """Show the volumes of the executor in its sandbox; LaunchFailed for what this agent cannot give."""
        _refuse(work)
        container = (work.task or work.executor).get("container", {})
        try:
            show_persistent(self._work_dir, work.resources, sandbox)
            # All below the sandbox is given to the command's user at the start.
            show_container(container, sandbox, None, lambda _: None)
        except BadVolume as error:
            raise LaunchFailed(f"Failed to launch container: {error}") from error

    def start(self, work: Launch, sandbox: Path, agent_id: str, owner: pwd.struct_passwd | None) -> int:
        """Start the executor's process in its sandbox, for the owner of that; its pid."""
        arguments, executable = _command(work)
        environment = self._environment(work, sandbox, agent_id)
        with (sandbox / "stdout").open("ab") as out, (sandbox / "stderr").open("ab") as err:
            if owner is not None:
                for item in (sandbox, *sandbox.rglob("*")):
                    os.chown(item, owner.pw_uid, owner.pw_gid, follow_symlinks=False)
                for resource in work.resources:
                    if {"persistence", "volume"} <= set(resource.get("disk", {})):
                        os.chown(volume_path(self._work_dir, resource), owner.pw_uid, owner.pw_gid)
            # Our own executor stays what the agent is, and runs the command as its user.
            drop = owner if not own_executor(work) else None
            options: dict[str, Any] = {
                "user": None if drop is None else drop.pw_uid,
                "group": None if drop is None else drop.pw_gid,
                "extra_groups": None if drop is None else os.getgrouplist(drop.pw_name, drop.pw_gid),
                "cwd": sandbox,
                "env": environment,
                "stdout": out,
                "stderr": err,
                "start_new_session": True,
            }
            limits = {} if own_executor(work) else work.executor.get("container", {})
            grouped = self._memory is not None and self._memory.make(work.container_id)
            if grouped or limits.get("rlimit_info"):

                def prepare(pid: int) -> None:
                    if self._memory is not None:
                        self._memory.enter(work.container_id, pid)
                    rlimits.apply(limits, pid)

                process = start_gated(arguments, executable, prepare, **options)
            else:
                process = subprocess.Popen(arguments, executable=executable, stdin=subprocess.DEVNULL, **options)
        # Its end is noticed through the pid; the Popen object would only warn about a process that it did not wait for.
        process.returncode = 0
        return process.pid

    def _environment(self, work: Launch, sandbox: Path, agent_id: str) -> dict[str, str]:
        """What the agent itself has, as the real one passes it on, then the executor's own, then Mesos' variables."""
        own = ("MESOS_", "LIBPROCESS_", "PYTHON")
        result = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        variables = work.executor.get("command", {}).get("environment", {}).get("variables", ())
        if work.task is None:
            result |= {item["name"]: item.get("value", "") for item in variables}
        grace = work.executor.get("shutdown_grace_period", {}).get("nanoseconds")
        resources = work.executor.get("resources") or (work.task or {}).get("resources") or []
        result |= {
            "LIBPROCESS_IP": work.addresses[0].ip if work.addresses else self._ip,
            "LIBPROCESS_PORT": "0",
            "MESOS_AGENT_ENDPOINT": self._address,
            "MESOS_CHECKPOINT": "1" if work.framework.get("checkpoint") else "0",
            "MESOS_DIRECTORY": str(sandbox),
            "MESOS_EXECUTOR_ID": work.executor_id,
            "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": duration(self._shutdown_grace if grace is None else grace / 1e9),
            "MESOS_FRAMEWORK_ID": work.framework_id,
            "MESOS_HTTP_COMMAND_EXECUTOR": "0",
            "MESOS_SANDBOX": str(sandbox),
            "MESOS_SLAVE_ID": agent_id,
            "MESOS_SLAVE_PID": f"slave(1)@{self._address}",
            "PWD": str(sandbox),
        }
        if own_executor(work) and not self._switch_user:
            result["MESOS_SWITCH_USER"] = "0"
        if work.executor.get("type") == "DEFAULT":
            # It fetches for its tasks.
            result["MESOS_FETCHER_STALL_TIMEOUT"] = duration(self._stall_timeout)
        if work.framework.get("checkpoint"):
            result["MESOS_RECOVERY_TIMEOUT"] = duration(self._recovery_timeout)
            result["MESOS_SUBSCRIPTION_BACKOFF_MAX"] = "2secs"
        if work.task is not None and resources:
            result["MESOS_ALLOCATION_ROLE"] = resources[0].get("allocation_info", {}).get("role", "*")
        return result
