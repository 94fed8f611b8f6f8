"""Executors as processes: sandboxes, fetching, starting, watching and ending them, also across restarts of the
agent.

Every executor leads its own session and writes to files of its sandbox, so that it lives on when the agent dies. What
this module needs to find it again stands in one small file per container. How one is started is in `launcher`.
"""

import asyncio
import contextlib
import datetime
import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdk.local import processes, rlimits
from sdk.local.atomic import write_atomically
from sdk.local.core.agent_model import Launch
from sdk.local.core.wire import Json
from sdk.local.fetcher import Cache, Fetcher, FetchFailed
from sdk.local.isolation import Excess, MemoryGuard
from sdk.local.launcher import Launcher, LaunchFailed
from sdk.local.threads import in_thread
from sdk.local.volumes import component, show_persistent
from sdk.local.web import encode

_ADOPTED_POLL = 0.2


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


def _noted(file: Path) -> Json | None:
    """What was noted about a container; None when nothing was, or nothing that can be used."""
    try:
        content = json.loads(file.read_bytes())
        return {"pid": int(content["pid"]), "start": int(content["start"]), "sandbox": str(content["sandbox"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None


class Containers:
    """All containers of one agent.

    `on_exit` is called with the container id, the wait status (None when unknown) and what it had too much of.
    """

    def __init__(
        self,
        work_dir: Path,
        launcher: Launcher,
        *,
        on_exit: Callable[[str, int | None, Excess | None], None],
        fetcher_cache: Cache | None,
        fetcher_stall_timeout: float,
        memory: MemoryGuard | None,
    ) -> None:
        self._work_dir = work_dir
        self._launcher = launcher
        self._cache = fetcher_cache
        self._stall_timeout = fetcher_stall_timeout
        self._memory = memory
        self._meta = work_dir / "meta" / "containers"
        self._meta.mkdir(parents=True, exist_ok=True)
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
            owner = self._launcher.owner(work, sandbox)
            sandbox.mkdir(parents=True)
            latest = sandbox.parent / "latest"
            latest.unlink(missing_ok=True)
            latest.symlink_to(work.container_id)
            self._launcher.furnish(work, sandbox)
            await self._fetch(work, sandbox)
            container.pid = self._launcher.start(work, sandbox, agent_id, owner)
            container.child = True
            container.start = processes.start_time(container.pid)
            self._note(container)
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

    def _note(self, container: Container) -> None:
        content = {"pid": container.pid, "start": container.start, "sandbox": str(container.sandbox)}
        write_atomically(self._meta / f"{container.container_id}.json", encode(content))

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
