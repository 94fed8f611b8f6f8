"""An agent around its core: carries out what `core.Agent` says, and tells it what executors, timers and the master do.

Knows streams of executors, timers and checkpoint files. Executors' processes are in `containers`, the connection to the
master in `agent_link`, and what its pages show in `agent_endpoints`.
"""

import argparse
import asyncio
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aiohttp import web

from sdk.local.access import guarded, read_credentials
from sdk.local.agent_endpoints import AgentEndpoints
from sdk.local.agent_limits import Limits
from sdk.local.agent_link import MasterLink
from sdk.local.agent_metrics import Counts
from sdk.local.checkpoints import Checkpoints
from sdk.local.clock import SteadyClock
from sdk.local.containers import Containers, sandbox_path
from sdk.local.core.agent import Agent
from sdk.local.core.agent_model import (
    AgentConfig,
    AgentOutput,
    Checkpoint,
    CloseExecutor,
    Destroy,
    Launch,
    Terminate,
    ToExecutor,
    ToMaster,
    Volumes,
)
from sdk.local.core.http import only
from sdk.local.core.wire import BadMessage, Json
from sdk.local.fault_endpoint import PATH as FAULTS
from sdk.local.fault_endpoint import fault_endpoint
from sdk.local.fault_values import AgentFaults
from sdk.local.fetcher import Cache
from sdk.local.isolation import Excess, isolators, memory_guard
from sdk.local.launcher import Launcher, LaunchFailed
from sdk.local.log import agent as log
from sdk.local.volumes import BadVolume, make_volume, remove_volume
from sdk.local.web import EventStream, Server, json_body, text

# For the end of what was killed.
_LEAVE = 5.0
_CHECKPOINT_RETRY = 1.0


class AgentServer:
    """One agent: carries out what the core says, and tells it what happens."""

    def __init__(self, options: argparse.Namespace, config: AgentConfig, clock: SteadyClock) -> None:
        self._clock = clock
        self._options = options
        self._work_dir: Path = options.work_dir
        self._meta: Path = self._work_dir / "meta"
        self._checkpoints = Checkpoints(self._meta, log)
        self.agent = Agent(config, now=clock.now(), checkpoints=self._checkpoints.load())
        for name, why in self.agent.damaged.items():
            self._checkpoints.set_aside(name, why)
        memory = memory_guard(isolators(options.isolation), self._work_dir, options.cgroups_root)
        self._containers = Containers(
            self._work_dir,
            Launcher(options, memory),
            on_exit=self._exited,
            fetcher_cache=Cache(self._work_dir / "fetch", options.fetcher_cache_size),
            fetcher_stall_timeout=options.fetcher_stall_timeout,
            memory=memory,
        )
        self._limits = Limits(options, self.agent.state, self._containers, memory, self._limited)
        self._streams: dict[str, EventStream] = {}
        self.faults = AgentFaults()
        self._link = MasterLink(
            options.master,
            self.faults,
            register=self.agent.registration,
            hear=self._master_message,
            lost=self.agent.master_disconnected,
            say=log,
        )
        self._counts = Counts()
        self._leaving: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._launches: set[asyncio.Task[None]] = set()
        self._recovered = asyncio.Event()
        self._ready = False
        self.ended = asyncio.Event()
        secrets = options.http_credentials
        shown = AgentEndpoints(options, self.agent.state, self._counts, clock.now, lambda: self._link.hostname)
        endpoints = {"/api/v1/executor": self._executor, FAULTS: self._change_faults, **shown.handlers()}
        credentials = read_credentials(secrets, "--http-credentials") if secrets else None
        self._server = Server(guarded(endpoints, credentials), "/slave(1)", any_origin=True)

    # --- carrying out ---------------------------------------------------------------------------------------------

    def _perform(self, outputs: Sequence[AgentOutput]) -> None:
        for output in outputs:
            match output:
                case ToMaster(message=message):
                    self._link.send(message)
                case ToExecutor(stream=name, event=event):
                    if event["type"] in ("LAUNCH", "LAUNCH_GROUP"):
                        self._make_room(name, event)
                    if name in self._streams:
                        self._send_to_executor(self._streams[name], event)
                case CloseExecutor(stream=name):
                    if name in self._streams:
                        self._streams[name].close()
                case Launch():
                    self._limits.apply()
                    task = asyncio.create_task(self._launch(output))
                    self._launches.add(task)
                    task.add_done_callback(self._launches.discard)
                case Destroy(container_id=container_id):
                    self._containers.destroy(container_id)
                case Volumes(kind=kind, volumes=volumes):
                    for volume in volumes:
                        try:
                            (make_volume if kind == "CREATE" else remove_volume)(self._work_dir, volume)
                        except OSError as error:
                            log(f"{kind} of a volume is done, but not its directory: {error}")
                case Checkpoint(name=name, content=content):
                    self._checkpoints.store(name, content)
                case Terminate(reason=reason):
                    if self._leaving is None:
                        log(f"ends because {reason}")
                        self._link.close()
                        patience = self._options.executor_shutdown_grace_period + _LEAVE
                        self._leaving = asyncio.create_task(self._leave(patience))
        if not self.agent.recovering:
            self._recovered.set()
        self._arm()

    def _make_room(self, stream: str, event: Json) -> None:
        """More tasks for an executor that runs: their volumes and their memory, before it hears of them."""
        run = next((run for run in self.agent.state.runs.values() if run.stream == stream), None)
        if run is None:
            return
        group = event.get("launch_group", {}).get("task_group", {}).get("tasks")
        for task in group or [event["launch"]["task"]]:
            try:
                self._containers.show_more(run.container_id, task.get("resources", []))
            except (BadVolume, OSError) as error:
                # The executor of a group looks for itself; what a custom executor does without is its own affair.
                log(f"task {task['task_id']['value']} goes without a volume: {error}")
        self._limits.apply()

    def _send_to_executor(self, stream: EventStream, event: Json) -> None:
        if not stream.is_cut:
            (stream.cut if self.faults.cuts() else stream.send)(event)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        due = self.agent.next_tick()
        delays = [] if due is None else [max(0.0, due - self._clock.now())]
        if self._checkpoints.late:
            delays.append(_CHECKPOINT_RETRY)
        if delays:
            delay = min(delays)
            self._timer = asyncio.get_running_loop().call_later(delay, self._tick)

    def _tick(self) -> None:
        self._checkpoints.catch_up()
        self._perform(self.agent.tick(now=self._clock.now()))

    async def _launch(self, work: Launch) -> None:
        agent_id = self.agent.state.agent_id
        assert agent_id is not None
        try:
            pid = await self._containers.launch(work, agent_id)
        except LaunchFailed as error:
            self._counts.launch_failed(str(error))
            self._perform(
                self.agent.launch_failed(
                    work.container_id, str(error), now=self._clock.now(), reason=error.reason, dropped=error.dropped
                )
            )
        except Exception as error:  # a bug of ours must end this task, not leave it staging for ever
            self._perform(self.agent.launch_failed(work.container_id, repr(error), now=self._clock.now()))
            raise
        else:
            self._counts.launched()
            self._perform(self.agent.launched(work.container_id, pid, now=self._clock.now()))

    def _exited(self, container_id: str, status: int | None, excess: Excess | None = None) -> None:
        if excess is not None:
            self._limits.exceeded(container_id, excess)
        self._perform(self.agent.exited(container_id, status, now=self._clock.now()))

    def _limited(self, container_id: str, reason: str, message: str, resources: list[Json]) -> None:
        self._perform(self.agent.limited(container_id, reason, message, resources))

    # --- life -----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Find the executors of an earlier process, then listen."""
        state = self.agent.state
        await self._server.start(self._options.ip, self._options.port)
        await self._limits.recover()
        for run in list(state.runs.values()):
            assert state.agent_id is not None
            sandbox = sandbox_path(self._work_dir, state.agent_id, run.framework_id, run.executor_id, run.container_id)
            if not self._containers.recover(run.container_id, sandbox):
                self._exited(run.container_id, None)
        await asyncio.to_thread(self._containers.end_strangers)
        self._ready = True
        self._counts.recovery_secs = self._clock.now() - state.started
        self._limits.start()
        self._tick()

    async def stop(self) -> None:
        """Stop serving; executors go on."""
        await self._limits.stop()
        if self._timer is not None:
            self._timer.cancel()
        await self._server.stop()

    async def unregister(self) -> None:
        """Say goodbye to the master and end all executors: SIGUSR1, as with the real agent."""
        self._perform(())
        self._link.send_now({"type": "UNREGISTER"})
        for container in list(self._containers.containers.values()):
            self._containers.destroy(container.container_id)
        deadline = self._clock.now() + _LEAVE
        while not self._link.idle and self._clock.now() < deadline:
            await asyncio.sleep(0.02)
        await self._leave(_LEAVE)

    async def _leave(self, patience: float) -> None:
        """End when all executors have: the next process in this work directory registers as a new agent, with the
        reservations of this one.

        Until then it keeps its id: whoever kills it meanwhile must find its executors again, to end them.
        """
        deadline = self._clock.now() + patience
        while self._containers.containers and self._clock.now() < deadline:
            await asyncio.sleep(0.02)
        for file in self._meta.rglob("*.json"):
            file.unlink(missing_ok=True)
        for name, content in self.agent.left_behind().items():
            self._checkpoints.store(name, content)
        self.ended.set()

    async def follow_master(self) -> None:
        """Work for the master, for ever."""
        await self._recovered.wait()
        await self._link.follow()
        # It leaves, and the connection is gone before the last executor.
        await self.ended.wait()

    # --- what comes in --------------------------------------------------------------------------------------------

    def _master_message(self, message: Any) -> None:
        try:
            outputs = self.agent.master_message(message, now=self._clock.now())
        except BadMessage as error:
            # A new connection would bring the same message again: it is dropped, and everything else goes on.
            log(str(error))
        else:
            self._counts.master_message(self.agent.state, message)
            self._perform(outputs)

    async def _change_faults(self, request: web.Request) -> web.StreamResponse:
        return await fault_endpoint(request, self.faults, lambda _names: self._link.faults_changed())

    async def _executor(self, request: web.Request) -> web.StreamResponse:
        only(request.method, "POST")
        call = await json_body(request)
        if not self._ready:
            return text(503, "Agent has not finished recovery")
        name = str(uuid.uuid4())
        subscribing = isinstance(call, dict) and call.get("type") == "SUBSCRIBE"
        stream = EventStream()
        if subscribing:
            self._streams[name] = stream
        elif isinstance(call, dict) and call.get("type") == "UPDATE" and isinstance(call.get("executor_id"), dict):
            self._limits.look(str(call["executor_id"].get("value")))
        result = self.agent.executor_call(call, now=self._clock.now(), new_stream=name)
        self._counts.executor_call(call, result.status)
        self._perform(self.agent.outputs())
        if not subscribing or result.status != 200:
            self._streams.pop(name, None)
            return text(result.status, result.text)
        try:
            return await stream.run(request, {})
        finally:
            del self._streams[name]
            self._perform(self.agent.executor_disconnected(name))
