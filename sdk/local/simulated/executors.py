"""The executors of one simulated agent: command, custom and default executors without processes, their tasks records.

Pure: outputs of the agent and the passing of time go in, calls of executors go to the agent, and what the agent has to
say to the master comes out. A task is STARTING at once, RUNNING after a delay, FINISHED after its life if it has one,
and KILLED when it is killed; the rules are those of `command_executor`. Custom executors end when they are told to.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from sdk.local.core.agent import Agent
from sdk.local.core.agent_model import AgentOutput, Destroy, Launch, Terminate, ToExecutor, ToMaster
from sdk.local.core.model import TERMINAL
from sdk.local.core.wire import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """How long the steps of a simulated task take, in seconds."""

    start: float | None = 0.1
    """From TASK_STARTING to TASK_RUNNING; None: when it is told to."""
    run: float | None = None
    """From TASK_RUNNING to TASK_FINISHED; None: until it is killed."""
    kill: float = 0.0
    """From the kill to TASK_KILLED."""


@dataclass(slots=True)
class _Task:
    info: Json
    group: tuple[str, ...]
    container: Json | None
    state: str = "TASK_STAGING"
    healthy: bool | None = None
    killing: bool = False


@dataclass(slots=True)
class _Run:
    """One executor; its stream has the name of its container."""

    framework_id: str
    executor_id: str
    container_id: str
    pid: int
    ends: bool
    """Whether it ends with its last task."""
    killing: bool = False
    """Whether its framework wants to hear of TASK_KILLING."""
    shutting: bool = False
    tasks: dict[str, _Task] = field(default_factory=dict)
    live: int = 0


class Executors:
    """All executors on one agent. `messages` takes what the agent wants carried out."""

    def __init__(self, agent: Agent, life: Life, new_uuid: Callable[[], str], new_id: Callable[[], str]) -> None:
        self._agent = agent
        self._life = life
        self._new_uuid = new_uuid
        self._new_id = new_id
        self._runs: dict[str, _Run] = {}
        self._owner: dict[tuple[str, str], str] = {}
        self._due: list[tuple[float, int, str, str, str]] = []
        self._order = 0
        self._pids = 1000
        self.ended = False
        """Whether the master ended this agent for good."""

    def next_due(self) -> float | None:
        """When the next step of a task is due."""
        return self._due[0][0] if self._due else None

    def messages(self, outputs: Iterable[AgentOutput], now: float) -> list[Json]:
        """Carry outputs of the agent out, and what they cause; what is left is for the master."""
        result: list[Json] = []
        todo = deque(outputs)
        while todo:
            output = todo.popleft()
            match output:
                case ToMaster(message=message):
                    result.append(message)
                case Launch():
                    todo.extend(self._launch(output, now))
                case ToExecutor(stream=stream, event=event):
                    run = self._runs.get(stream)
                    if run is not None:
                        todo.extend(self._on_event(run, event, now))
                case Destroy(container_id=container_id):
                    todo.extend(self._exit(container_id, 9, now))
                case Terminate():
                    self.ended = True
                case _:
                    # Nothing is kept across restarts, and there are no directories and no connections.
                    pass
        return result

    def tick(self, now: float) -> list[Json]:
        """Steps of tasks that are due."""
        result: list[Json] = []
        while self._due and self._due[0][0] <= now:
            _, _, container_id, task_id, state = heapq.heappop(self._due)
            run = self._runs.get(container_id)
            if run is not None and task_id in run.tasks:
                result += self.messages(self._step(run, task_id, state, now), now)
        return result

    def become(self, framework_id: str, task_id: str, state: str, now: float) -> list[Json]:
        """The task gets into that state by itself. Nothing for one that does not run here."""
        run = self._find(framework_id, task_id)
        return [] if run is None else self.messages(self._step(run, task_id, state, now), now)

    def check(self, framework_id: str, task_id: str, now: float) -> list[Json]:
        """The health of the task changes. Nothing for one that does not run or has no health check."""
        run = self._find(framework_id, task_id)
        if run is None:
            return []
        task = run.tasks[task_id]
        if task.state != "TASK_RUNNING" or task.killing or "health_check" not in task.info:
            return []
        task.healthy = not task.healthy
        reason = {"reason": "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED"}
        return self.messages(self._update(run, task, "TASK_RUNNING", now, **reason), now)

    def _find(self, framework_id: str, task_id: str) -> _Run | None:
        return self._runs.get(self._owner.get((framework_id, task_id), ""))

    def _after(self, delay: float, run: _Run, task_id: str, state: str, now: float) -> None:
        self._order += 1
        heapq.heappush(self._due, (now + delay, self._order, run.container_id, task_id, state))

    def _launch(self, output: Launch, now: float) -> list[AgentOutput]:
        self._pids += 1
        run = _Run(
            framework_id=output.framework_id,
            executor_id=output.executor_id,
            container_id=output.container_id,
            pid=self._pids,
            ends=output.task is not None or output.executor.get("type") == "DEFAULT",
        )
        self._runs[run.container_id] = run
        outputs = list(self._agent.launched(run.container_id, run.pid, now=now))
        return outputs + self._call(run, "SUBSCRIBE", {"subscribe": {}}, now)

    def _call(self, run: _Run, kind: str, content: Json, now: float) -> list[AgentOutput]:
        call: Json = {
            "type": kind,
            "framework_id": {"value": run.framework_id},
            "executor_id": {"value": run.executor_id},
        }
        self._agent.executor_call(call | content, now=now, new_stream=run.container_id)
        return list(self._agent.outputs())

    def _on_event(self, run: _Run, event: Json, now: float) -> list[AgentOutput]:
        match event["type"]:
            case "SUBSCRIBED":
                capabilities = event["subscribed"]["framework_info"].get("capabilities", ())
                run.killing = any(item.get("type") == "TASK_KILLING_STATE" for item in capabilities)
            case "LAUNCH":
                return self._start(run, [event["launch"]["task"]], now, nested=False)
            case "LAUNCH_GROUP":
                return self._start(run, event["launch_group"]["task_group"]["tasks"], now, nested=True)
            case "KILL":
                return self._kill(run, event["kill"]["task_id"]["value"], now)
            case "SHUTDOWN":
                return self._shutdown(run, now)
            case "ACKNOWLEDGED":
                return self._acknowledged(run, event["acknowledged"]["task_id"]["value"], now)
            case _:
                # A MESSAGE is the framework's affair: nobody here reads it.
                pass
        return []

    def _start(self, run: _Run, infos: list[Json], now: float, *, nested: bool) -> list[AgentOutput]:
        outputs: list[AgentOutput] = []
        names = [info["task_id"]["value"] for info in infos]
        for name, info in zip(names, infos, strict=True):
            if name in run.tasks:
                continue
            container = {"value": self._new_id(), "parent": {"value": run.container_id}} if nested else None
            task = _Task(info, tuple(names) if nested else (name,), container)
            run.tasks[name] = task
            run.live += 1
            self._owner[(run.framework_id, name)] = run.container_id
            outputs += self._update(run, task, "TASK_STARTING", now)
            if self._life.start is not None:
                self._after(self._life.start, run, name, "TASK_RUNNING", now)
        return outputs

    def _step(self, run: _Run, task_id: str, state: str, now: float) -> list[AgentOutput]:
        task = run.tasks[task_id]
        if task.state in TERMINAL or (task.killing and state != "TASK_KILLED"):
            return []
        if state == "TASK_RUNNING":
            if "health_check" in task.info:
                task.healthy = True
            if self._life.run is not None:
                self._after(self._life.run, run, task_id, "TASK_FINISHED", now)
            return self._update(run, task, state, now)
        if state == "TASK_KILLING":
            task.killing = True
            return self._update(run, task, state, now)
        message = {
            "TASK_FINISHED": "Command exited with status 0",
            "TASK_FAILED": "Command exited with status 1",
        }.get(state, "Command terminated with signal Terminated")
        outputs = self._update(run, task, state, now, message=message)
        if state == "TASK_FAILED":
            outputs += self._kill(run, task_id, now)
        return outputs

    def _kill(self, run: _Run, task_id: str, now: float) -> list[AgentOutput]:
        """A task is killed with all its group."""
        outputs: list[AgentOutput] = []
        named = run.tasks.get(task_id)
        for name in named.group if named is not None else ():
            task = run.tasks.get(name)
            if task is None or task.killing or task.state in TERMINAL:
                continue
            task.killing = True
            if run.killing:
                outputs += self._update(run, task, "TASK_KILLING", now)
            if self._life.kill > 0:
                self._after(self._life.kill, run, name, "TASK_KILLED", now)
            else:
                outputs += self._step(run, name, "TASK_KILLED", now)
        return outputs

    def _shutdown(self, run: _Run, now: float) -> list[AgentOutput]:
        run.shutting = True
        if not run.live:
            return self._exit(run.container_id, 0, now)
        outputs: list[AgentOutput] = []
        for task_id in list(run.tasks):
            outputs += self._kill(run, task_id, now)
        return outputs

    def _update(self, run: _Run, task: _Task, state: str, now: float, **more: str) -> list[AgentOutput]:
        task.state = state
        status: Json = {
            "task_id": task.info["task_id"],
            "state": state,
            "source": "SOURCE_EXECUTOR",
            "timestamp": now,
            "uuid": self._new_uuid(),
            **more,
        }
        if task.healthy is not None and state == "TASK_RUNNING":
            status["healthy"] = task.healthy
        if task.container is not None:
            ip = self._agent.state.config.info["ip"]
            status["container_status"] = {
                "container_id": task.container,
                "network_infos": [{"ip_addresses": [{"protocol": "IPv4", "ip_address": ip}]}],
                "executor_pid": run.pid,
            }
        return self._call(run, "UPDATE", {"update": {"status": status}}, now)

    def _acknowledged(self, run: _Run, task_id: str, now: float) -> list[AgentOutput]:
        """The agent has an update: of an ended task it was the last."""
        task = run.tasks.get(task_id)
        if task is None or task.state not in TERMINAL:
            return []
        del run.tasks[task_id]
        self._owner.pop((run.framework_id, task_id), None)
        run.live -= 1
        if run.live or not (run.ends or run.shutting):
            return []
        return self._exit(run.container_id, 0, now)

    def _exit(self, container_id: str, status: int, now: float) -> list[AgentOutput]:
        run = self._runs.pop(container_id, None)
        for task_id in run.tasks if run is not None else ():
            self._owner.pop((run.framework_id if run else "", task_id), None)
        return list(self._agent.exited(container_id, status, now=now))
