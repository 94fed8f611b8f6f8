"""Executors as processes: sandboxes, environments, starting, watching and ending them, also across restarts of the
agent.

Every executor leads its own session and writes to files of its sandbox, so that it lives on when the agent dies. What
this module needs to find it again stands in one small file per container.
"""

import asyncio
import contextlib
import datetime
import json
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdk.local import processes, rlimits
from sdk.local.atomic import write_atomically
from sdk.local.core.agent_model import Launch
from sdk.local.core.executors import duration
from sdk.local.core.wire import Json
from sdk.local.fetcher import Cache, Fetcher, FetchFailed
from sdk.local.gate import start_gated
from sdk.local.isolation import Excess, MemoryGuard
from sdk.local.threads import in_thread
from sdk.local.unsupported import refusal
from sdk.local.volumes import BadVolume, component, show_container, show_persistent, volume_path
from sdk.local.web import encode

COMMAND_EXECUTOR = Path(__file__).with_name("command_executor.py")
_ADOPTED_POLL = 0.2


class LaunchFailed(Exception):
    """The executor could not be started; message and reason go into the statuses of its tasks."""

    def __init__(self, message: str, *, reason: str = "REASON_CONTAINER_LAUNCH_FAILED", dropped: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.dropped = dropped
        """Whether nothing of the executor came to be."""


@dataclass(slots=True, kw_only=True)
class Container:
    """One container: its sandbox and, once started, its leading process."""

    container_id: str
    sandbox: Path
    pid: int | None = None
    start: int | None = None
    child: bool = False
    """Whether this process started it and can wait for it."""
    excess: Excess | None = None
    """How it went beyond its memory."""


def sandbox_path(work_dir: Path, agent_id: str, framework_id: str, executor_id: str, container_id: str) -> Path:
    """The path of a sandbox, as deep as the real agent makes it."""
    ids = (component(name) for name in (agent_id, framework_id, executor_id, container_id))
    agent, framework, executor, container = ids
    return work_dir / "slaves" / agent / "frameworks" / framework / "executors" / executor / "runs" / container


def _refuse(work: Launch) -> None:
    """LaunchFailed for what this agent cannot give."""
    task = work.task or {}
    container = (work.task or work.executor).get("container", {})
    if container.get("type") == "DOCKER":
        raise LaunchFailed("Abnormal executor termination: unknown container", reason="REASON_EXECUTOR_TERMINATED")
    why = refusal(task.get("command") or work.executor.get("command", {}), container)
    if why is not None:
        raise LaunchFailed(f"Failed to launch container: {why}")


def _noted(file: Path) -> Json | None:
    """What was noted about a container; None when nothing was, or nothing that can be used."""
    try:
        content = json.loads(file.read_bytes())
        return {"pid": int(content["pid"]), "start": int(content["start"]), "sandbox": str(content["sandbox"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def own_executor(work: Launch) -> bool:
    """Whether the executor is the agent's own: for command tasks and for task groups."""
    return work.task is not None or work.executor.get("type") == "DEFAULT"


class Containers:
    """All containers of one agent.

    `on_exit` is called with the container id, the wait status (None when unknown) and what it had too much of.
    """

    def __init__(
        self,
        work_dir: Path,
        *,
        ip: str,
        port: int,
        recovery_timeout: float,
        shutdown_grace: float,
        on_exit: Callable[[str, int | None, Excess | None], None],
        switch_user: bool = True,
        fetcher_cache: Cache | None = None,
        fetcher_stall_timeout: float = 60.0,
        memory: MemoryGuard | None = None,
    ) -> None:
        self._work_dir = work_dir
        # Only root may start processes as somebody else.
        self._switch_user = switch_user and os.geteuid() == 0
        self._cache = fetcher_cache
        self._stall_timeout = fetcher_stall_timeout
        self._memory = memory
        self._meta = work_dir / "meta" / "containers"
        self._meta.mkdir(parents=True, exist_ok=True)
        self._address = f"{ip}:{port}"
        self._ip = ip
        self._recovery_timeout = recovery_timeout
        self._shutdown_grace = shutdown_grace
        self._on_exit = on_exit
        self.containers: dict[str, Container] = {}
        self._watching: dict[str, asyncio.Task[None]] = {}
        self._condemned: dict[str, asyncio.Event] = {}

    # --- starting -------------------------------------------------------------------------------------------------

    async def launch(self, work: Launch, agent_id: str) -> int:
        """Make the sandbox, fetch, start; returns the pid or raises LaunchFailed."""
        sandbox = sandbox_path(self._work_dir, agent_id, work.framework_id, work.executor_id, work.container_id)
        container = Container(container_id=work.container_id, sandbox=sandbox)
        self.containers[work.container_id] = container
        try:
            owner = self._owner(work, sandbox)
            sandbox.mkdir(parents=True)
            latest = sandbox.parent / "latest"
            latest.unlink(missing_ok=True)
            latest.symlink_to(work.container_id)
            _refuse(work)
            self._show_volumes(work, sandbox)
            await self._fetch(work, sandbox)
            self._start(container, work, agent_id, owner)
            self._watch(container)
        except (OSError, ValueError, rlimits.BadLimit) as error:
            # ValueError is Python's word for names and values that no process can get: zero bytes, `=` in a name.
            if container.pid is not None:
                # It runs, and could not be noted: after a restart nobody would know of it.
                await asyncio.to_thread(processes.kill_all, str(sandbox), container.pid)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(container.pid, 0)
            raise LaunchFailed(f"Failed to launch container: {error}") from error
        finally:
            if container.container_id not in self._watching:
                if self._memory is not None:
                    self._memory.end(work.container_id)
                self._forget(container)
        assert container.pid is not None
        return container.pid

    def _owner(self, work: Launch, sandbox: Path) -> pwd.struct_passwd | None:
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

    def _show_volumes(self, work: Launch, sandbox: Path) -> None:
        container = (work.task or work.executor).get("container", {})
        try:
            show_persistent(self._work_dir, work.resources, sandbox)
            # All below the sandbox is given to the command's user at the start.
            show_container(container, sandbox, None, lambda _: None)
        except BadVolume as error:
            raise LaunchFailed(f"Failed to launch container: {error}") from error

    def show_more(self, container_id: str, resources: list[Json]) -> None:
        """Show the persistent volumes of further tasks of a container that runs; BadVolume or OSError else."""
        container = self.containers.get(container_id)
        if container is not None:
            paths = show_persistent(self._work_dir, resources, container.sandbox)
            about = container.sandbox.stat()
            for path in paths:
                os.chown(path, about.st_uid, about.st_gid)

    async def _fetch(self, work: Launch, sandbox: Path) -> None:
        uris = work.executor.get("command", {}).get("uris", [])
        if not uris:
            return
        condemned = self._condemned[work.container_id] = asyncio.Event()
        fetching = in_thread(lambda: self._bring(work.container_id, uris, sandbox, condemned))
        ended = asyncio.ensure_future(condemned.wait())
        both: set[asyncio.Future[Any]] = {fetching, ended}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if condemned.is_set():
            # The thread notices at its next piece, or when the server has stalled long enough.
            raise LaunchFailed("Failed to launch container: Container destroyed while fetching")
        fetching.result()

    def _bring(self, container_id: str, uris: list[Json], sandbox: Path, condemned: asyncio.Event) -> None:
        with (sandbox / "stderr").open("a", encoding="utf-8") as log:

            def write(line: str) -> None:
                now = datetime.datetime.now(tz=datetime.UTC)
                # On a full disk there is no room to say so either; the status does.
                with contextlib.suppress(OSError):
                    log.write(f"I{now:%m%d %H:%M:%S.%f} fetcher] {line}\n")
                    log.flush()

            try:
                Fetcher(sandbox, write, self._cache, self._stall_timeout, condemned.is_set).fetch(uris)
            except FetchFailed as error:
                write(f"{error}")
                raise LaunchFailed(
                    f"Failed to launch container: Failed to fetch all URIs for container '{container_id}': {error}"
                ) from error

    def _start(self, container: Container, work: Launch, agent_id: str, owner: pwd.struct_passwd | None) -> None:
        arguments, executable = self._command(work)
        environment = self._environment(container, work, agent_id)
        with (container.sandbox / "stdout").open("ab") as out, (container.sandbox / "stderr").open("ab") as err:
            if owner is not None:
                for item in (container.sandbox, *container.sandbox.rglob("*")):
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
                "cwd": container.sandbox,
                "env": environment,
                "stdout": out,
                "stderr": err,
                "start_new_session": True,
            }
            limits = {} if own_executor(work) else work.executor.get("container", {})
            grouped = self._memory is not None and self._memory.make(container.container_id)
            if grouped or limits.get("rlimit_info"):

                def prepare(pid: int) -> None:
                    if self._memory is not None:
                        self._memory.enter(container.container_id, pid)
                    rlimits.apply(limits, pid)

                process = start_gated(arguments, executable, prepare, **options)
            else:
                process = subprocess.Popen(arguments, executable=executable, stdin=subprocess.DEVNULL, **options)
        container.pid = process.pid
        container.child = True
        # Its end is noticed through the pid; the Popen object would only warn about a process that it did not wait for.
        process.returncode = 0
        container.start = processes.start_time(process.pid)
        self._note(container)

    def _note(self, container: Container) -> None:
        content = {"pid": container.pid, "start": container.start, "sandbox": str(container.sandbox)}
        write_atomically(self._meta / f"{container.container_id}.json", encode(content))

    def _command(self, work: Launch) -> tuple[list[str], str | None]:
        if own_executor(work):
            # -I and -S: the executor must start fast and must not see what the task put into the environment.
            return [sys.executable, "-I", "-S", str(COMMAND_EXECUTOR)], None
        command: Json = work.executor["command"]
        if "value" not in command:
            raise LaunchFailed("Failed to launch container: The command of the executor has no value")
        if command.get("shell", True):
            return ["sh", "-c", command["value"]], "/bin/sh"
        return command.get("arguments") or [command["value"]], command["value"]

    def _environment(self, container: Container, work: Launch, agent_id: str) -> dict[str, str]:
        """What the agent itself has, as the real one passes it on, then the executor's own, then Mesos' variables."""
        own = ("MESOS_", "LIBPROCESS_", "PYTHON")
        result = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        variables = work.executor.get("command", {}).get("environment", {}).get("variables", ())
        if work.task is None:
            result |= {item["name"]: item.get("value", "") for item in variables}
        grace = work.executor.get("shutdown_grace_period", {}).get("nanoseconds")
        resources = work.executor.get("resources") or (work.task or {}).get("resources") or []
        result |= {
            "LIBPROCESS_IP": self._ip,
            "LIBPROCESS_PORT": "0",
            "MESOS_AGENT_ENDPOINT": self._address,
            "MESOS_CHECKPOINT": "1" if work.framework.get("checkpoint") else "0",
            "MESOS_DIRECTORY": str(container.sandbox),
            "MESOS_EXECUTOR_ID": work.executor_id,
            "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": duration(self._shutdown_grace if grace is None else grace / 1e9),
            "MESOS_FRAMEWORK_ID": work.framework_id,
            "MESOS_HTTP_COMMAND_EXECUTOR": "0",
            "MESOS_SANDBOX": str(container.sandbox),
            "MESOS_SLAVE_ID": agent_id,
            "MESOS_SLAVE_PID": f"slave(1)@{self._address}",
            "PWD": str(container.sandbox),
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

    # --- finding again --------------------------------------------------------------------------------------------

    def recover(self, container_id: str, sandbox: Path) -> bool:
        """Adopt a container of an earlier process of this agent; False when its executor is dead."""
        container = Container(container_id=container_id, sandbox=sandbox)
        self.containers[container_id] = container
        content = _noted(self._meta / f"{container_id}.json")
        if content is not None:
            container.pid, container.start = content["pid"], content["start"]
        else:
            # The agent died between starting the executor and noting its pid: its environment gives it away.
            found = [pid for pid in processes.members(str(sandbox)) if os.getsid(pid) == pid]
            if found:
                container.pid = min(found)
                container.start = processes.start_time(container.pid)
                self._note(container)
        if container.pid is not None and processes.start_time(container.pid) == container.start is not None:
            self._watch(container)
            return True
        processes.kill_all(str(sandbox), None)
        if self._memory is not None:
            self._memory.end(container_id)
        self._forget(container)
        return False

    def end_strangers(self) -> None:
        """End what runs in sandboxes of this agent and belongs to no container that was recovered: the checkpoint of
        its executor is lost, and nobody would ever end it.
        """
        for file in self._meta.glob("*.json"):
            if file.stem not in self.containers:
                content = _noted(file)
                if content is not None:
                    alive = processes.start_time(content["pid"]) == content["start"] is not None
                    processes.kill_all(content["sandbox"], content["pid"] if alive else None)
                file.unlink(missing_ok=True)

    # --- ending ---------------------------------------------------------------------------------------------------

    def destroy(self, container_id: str) -> None:
        """Kill everything in the container; `on_exit` follows."""
        container = self.containers.get(container_id)
        if container is None:
            asyncio.get_running_loop().call_soon(self._on_exit, container_id, None, None)
        elif container.pid is None:
            if container_id in self._condemned:
                self._condemned[container_id].set()
        else:
            processes.send([container.pid], signal.SIGKILL)

    def _watch(self, container: Container) -> None:
        self._watching[container.container_id] = asyncio.create_task(self._await_exit(container))

    async def _await_exit(self, container: Container) -> None:
        assert container.pid is not None
        await self._gone(container)
        status: int | None = None
        if container.child:
            with contextlib.suppress(ChildProcessError):
                _, status = os.waitpid(container.pid, 0)
        # What the executor left behind ends with it.
        await in_thread(lambda: self._sweep(container))
        self._forget(container)
        self._on_exit(container.container_id, status, container.excess)

    def _sweep(self, container: Container) -> None:
        processes.kill_all(str(container.sandbox), container.pid)
        if self._memory is not None:
            container.excess = self._memory.excess(container.container_id, container.sandbox, container.pid or 0)
            self._memory.end(container.container_id)

    async def _gone(self, container: Container) -> None:
        """Return when the leading process has ended."""
        assert container.pid is not None
        try:
            descriptor = os.pidfd_open(container.pid)
        except OSError:
            # No pidfd in this kernel or sandbox, or already gone: look at /proc.
            while processes.start_time(container.pid) == container.start is not None:
                await asyncio.sleep(_ADOPTED_POLL)
            return
        try:
            if processes.start_time(container.pid) != container.start:
                return
            loop = asyncio.get_running_loop()
            ended = asyncio.Event()
            loop.add_reader(descriptor, ended.set)
            try:
                await ended.wait()
            finally:
                loop.remove_reader(descriptor)
        finally:
            os.close(descriptor)

    def _forget(self, container: Container) -> None:
        self.containers.pop(container.container_id, None)
        self._watching.pop(container.container_id, None)
        self._condemned.pop(container.container_id, None)
        (self._meta / f"{container.container_id}.json").unlink(missing_ok=True)
