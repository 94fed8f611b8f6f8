"""An agent as one object without I/O: messages of the master, calls and exits of executors and time go in, outputs come
out.

    agent = Agent(AgentConfig(info={...}, new_uuid=..., new_container_id=...), now=0.0)
    message = agent.registration()                       # first message on a new connection to a master
    outputs = agent.master_message({"type": "RUN_TASK", ...}, now=0.0)

Messages of the master: REGISTERED {agent_id}, REREGISTERED {agent_id, reconcile}, PING, RUN_TASK {framework_info,
task}, RUN_TASK_GROUP {framework_info, executor, tasks}, KILL_TASK {framework_id, task_id, kill_policy?}, ACKNOWLEDGE
{framework_id, task_id, uuid}, APPLY_OPERATION {framework_id, operation_uuid, operation}, ACKNOWLEDGE_OPERATION
{framework_id, operation_id, uuid}, FRAMEWORK_MESSAGE {framework_id, executor_id, data}, SHUTDOWN_EXECUTOR
{framework_id, executor_id}, SHUTDOWN_FRAMEWORK {framework_id}, UPDATE_FRAMEWORK {framework_info}, DRAIN {config:
{max_grace_period?}}, REACTIVATE, SHUTDOWN {text}.
"""

from collections.abc import Mapping
from typing import Any

from sdk.local.core import agent_operations, executor_calls, executors, recovery, updates
from sdk.local.core.agent_messages import usable
from sdk.local.core.agent_model import (
    AgentConfig,
    AgentOutput,
    AgentState,
    AgentTask,
    Checkpoint,
    Destroy,
    ExecutorRun,
    Terminate,
    ToExecutor,
)
from sdk.local.core.outputs import Answer
from sdk.local.core.resources import Resources
from sdk.local.core.views import task_fields
from sdk.local.core.wire import BadMessage, Json, convert


class Agent:
    """One agent. `state` may be read by anybody and is changed only by these methods."""

    def __init__(self, config: AgentConfig, *, now: float, checkpoints: Mapping[str, Json] | None = None) -> None:
        self.state = AgentState(config=config, started=now, resources=Resources.of(config.info["resources"]))
        self.damaged: dict[str, str] = {}
        """Checkpoints that could not be used, with the reason; all others were."""
        if checkpoints:
            self._recover(checkpoints, now)

    def _take(self) -> tuple[AgentOutput, ...]:
        outputs = tuple(self.state.out)
        self.state.out.clear()
        return outputs

    def _recover(self, checkpoints: Mapping[str, Json], now: float) -> None:
        """Start from what an earlier process of this agent stored: its executors may still be alive.

        What this causes is among the outputs of the first `tick`.
        """
        state = self.state
        for name, content in checkpoints.items():
            try:
                recovery.take(state, name, content, now)
            except recovery.Damaged as error:
                self.damaged[name] = str(error)
        recovery.find_identity(state)
        used = {run.framework_id for run in state.runs.values()} | {item.framework_id for item in state.tasks.values()}
        for framework_id in set(state.frameworks) - used:
            executors.forget_framework(state, framework_id)
        for run in state.runs.values():
            if run.framework_id not in state.frameworks:
                executors.destroy(state, run)
        for task in list(state.tasks.values()):
            if not task.terminal and (task.framework_id, task.executor_id or "") not in state.runs:
                # The checkpoint of its executor was lost, and the executor is ended as nobody's.
                reason, text = "REASON_EXECUTOR_TERMINATED", "Executor terminated"
                updates.add(state, task, updates.agent_status(state, task, "TASK_FAILED", reason, text, now), now)
        if state.runs:
            state.recover_until = now + state.config.executor_reregistration_timeout

    @property
    def recovering(self) -> bool:
        """Whether executors of an earlier process of this agent are still awaited; it registers afterwards."""
        return self.state.recover_until is not None

    # --- the master -----------------------------------------------------------------------------------------------

    def registration(self) -> Json:
        """The first message on a new connection to a master."""
        state = self.state
        state.registered = False
        if state.agent_id is None:
            return {"type": "REGISTER", "agent_info": state.config.info}
        # Tasks of which only the id is known were never run here; the master asks about them.
        alive = [task for task in state.tasks.values() if task.executor_id and (task.pending or not task.terminal)]
        named = {run.framework_id for run in state.runs.values()} | {task.framework_id for task in alive}
        return {
            "type": "REREGISTER",
            "agent_info": state.config.info | {"id": {"value": state.agent_id}},
            "resources": state.resources.json(),
            "frameworks": [state.frameworks[name] for name in sorted(named) if name in state.frameworks],
            "executors": [
                {"framework_id": {"value": run.framework_id}, "executor_info": run.info}
                for run in state.runs.values()
                if not run.command
            ],
            "tasks": [reported_task(task) for task in alive],
            "operations": [{"operation_uuid": uuid} for uuid in state.applied],
        }

    def master_disconnected(self) -> None:
        """The connection to the master ended; everything goes on, updates wait."""
        self.state.registered = False

    def master_message(self, message: Any, *, now: float) -> tuple[AgentOutput, ...]:
        """One message of the master; BadMessage, with nothing changed, when it is none that an agent can use."""
        message = usable(message)
        state = self.state
        match message["type"]:
            case "REGISTERED" | "REREGISTERED":
                self._registered(message, now)
            case "PING":
                updates.to_master(state, {"type": "PONG"})
            case "RUN_TASK":
                executors.run_task(state, message, now)
            case "RUN_TASK_GROUP":
                executors.run_group(state, message, now)
            case "KILL_TASK":
                executors.kill_task(state, message, now)
            case "ACKNOWLEDGE":
                task = updates.acknowledged(state, message, now)
                if task is not None:
                    self._settled(task)
            case "APPLY_OPERATION":
                agent_operations.apply(state, message, now)
            case "ACKNOWLEDGE_OPERATION":
                agent_operations.acknowledged(state, message)
            case "FRAMEWORK_MESSAGE":
                run = state.runs.get((message["framework_id"]["value"], message["executor_id"]["value"]))
                if run is not None and run.stream is not None:
                    event = {"type": "MESSAGE", "message": {"data": message["data"]}}
                    state.out.append(ToExecutor(stream=run.stream, event=event))
            case "SHUTDOWN_EXECUTOR":
                run = state.runs.get((message["framework_id"]["value"], message["executor_id"]["value"]))
                if run is not None:
                    executors.shutdown(state, run, now)
            case "SHUTDOWN_FRAMEWORK":
                self._shutdown_framework(message["framework_id"]["value"], now)
            case "UPDATE_FRAMEWORK":
                framework: Json = message["framework_info"]
                if framework["id"]["value"] in state.frameworks:
                    executors.know_framework(state, framework)
                    updates.flush(state, now, framework["id"]["value"])
            case "DRAIN":
                self._drain(message["config"], now)
            case "REACTIVATE":
                state.draining = None
                self._checkpoint_identity()
            case "SHUTDOWN":
                for framework_id in {run.framework_id for run in state.runs.values()}:
                    self._shutdown_framework(framework_id, now)
                state.out.append(Terminate(reason=message.get("text", "the master says so")))
        return self._take()

    def _checkpoint_identity(self) -> None:
        content: Json = {"agent_id": self.state.agent_id}
        if self.state.draining is not None:
            content["draining"] = self.state.draining
        self.state.out.append(Checkpoint(name="agent", content=content))

    def _drain(self, config: Json, now: float) -> None:
        """Kill everything, each task with at most the given grace; what ends of it says why."""
        state = self.state
        state.draining = config
        self._checkpoint_identity()
        limit = _nanoseconds(config.get("max_grace_period"))
        for task in list(state.tasks.values()):
            if task.terminal:
                continue
            message: Json = {"framework_id": {"value": task.framework_id}, "task_id": task.info["task_id"]}
            own = task.info.get("kill_policy", {}).get("grace_period")
            if limit is not None:
                grace = limit if own is None else min(limit, own["nanoseconds"])
                message["kill_policy"] = {"grace_period": {"nanoseconds": grace}}
            executors.kill_task(state, message, now)

    def _registered(self, message: Json, now: float) -> None:
        state = self.state
        state.registered = True
        if state.agent_id is None:
            state.agent_id = message["agent_id"]["value"]
            self._checkpoint_identity()
        updates.flush(state, now)
        for item in message.get("reconcile", ()):
            key = (item["framework_id"]["value"], item["task_id"]["value"])
            if key in state.tasks:
                continue
            task = AgentTask(framework_id=key[0], info={"task_id": item["task_id"]}, executor_id=None)
            state.tasks[key] = task
            name = "TASK_DROPPED" if item.get("partition_aware") else "TASK_LOST"
            text = "Reconciliation: task unknown to the agent"
            updates.add(state, task, updates.agent_status(state, task, name, "REASON_RECONCILIATION", text, now), now)

    def _settled(self, task: AgentTask) -> None:
        """The last update of a task is acknowledged."""
        state = self.state
        updates.forget_task(state, task)
        run = state.runs.get((task.framework_id, task.executor_id or ""))
        if run is not None and run.command and run.stream is None and run.state != "TERMINATING":
            # Its command executor never came (back) to hear of the end.
            executors.destroy(state, run)

    def _shutdown_framework(self, framework_id: str, now: float) -> None:
        """The framework is gone: nobody will acknowledge anything of it any more."""
        state = self.state
        executors.forget_framework(state, framework_id)
        for run in [run for run in state.runs.values() if run.framework_id == framework_id]:
            executors.shutdown(state, run, now)
        for task in [task for task in state.tasks.values() if task.framework_id == framework_id]:
            if (framework_id, task.executor_id or "") not in state.runs:
                updates.forget_task(state, task)
            else:
                task.pending.clear()
                task.retry_at = None
        agent_operations.forget_framework(state, framework_id)

    # --- executors ------------------------------------------------------------------------------------------------

    def executor_call(self, call: Any, *, now: float, new_stream: str = "") -> Answer:
        """One POST to /api/v1/executor; 200 for a SUBSCRIBE, whose events go to `new_stream`.

        Take `outputs()` afterwards.
        """
        try:
            message = convert("ExecutorCall", call)
        except BadMessage as error:
            return Answer(status=400, text=f"Failed to convert JSON into Call protobuf: {error}")
        problem = executor_calls.problem(message)
        if problem is not None:
            return Answer(status=400, text=f"Failed to validate Executor::Call: {problem}")
        kind = message["type"]
        framework_id, executor_id = message["framework_id"]["value"], message["executor_id"]["value"]
        run = self.state.runs.get((framework_id, executor_id))
        if framework_id not in self.state.frameworks and run is not None and run.stream is not None:
            # The executor says its last words after a TEARDOWN; a real agent takes them and tells nobody.
            return Answer(status=202)
        if framework_id not in self.state.frameworks or run is None:
            what = "Framework" if framework_id not in self.state.frameworks else "Executor"
            return Answer(status=400, text=f"{what} cannot be found")
        if kind == "SUBSCRIBE":
            executors.subscribe(self.state, run, message, new_stream, now)
            self._check_recovered(now)
            return Answer(status=200)
        if run.stream is None:
            return Answer(status=403, text="Executor is not subscribed")
        if kind == "UPDATE":
            content: Json = message["update"]["status"]
            problem = executor_calls.update_problem(content, framework_id, executor_id)
            if problem is not None:
                return Answer(status=400, text=f"Failed to validate Executor::Call: {problem}")
            executors.on_update(self.state, run, content, now)
        elif kind == "MESSAGE":
            updates.to_master(
                self.state,
                {
                    "type": "MESSAGE",
                    "framework_id": message["framework_id"],
                    "executor_id": message["executor_id"],
                    "data": message["message"]["data"],
                },
            )
        return Answer(status=202)

    def outputs(self) -> tuple[AgentOutput, ...]:
        """What the last `executor_call` caused."""
        return self._take()

    def executor_disconnected(self, stream: str) -> tuple[AgentOutput, ...]:
        """An executor's stream ended: it may come back any time; if its process is gone, `exited` tells."""
        for run in self.state.runs.values():
            if run.stream == stream:
                run.stream = None
        return self._take()

    def launched(self, container_id: str, pid: int, *, now: float) -> tuple[AgentOutput, ...]:  # noqa: ARG002 - as all that happens
        """The executor of that container was started."""
        run = self._run(container_id)
        if run is None:
            self.state.out.append(Destroy(container_id=container_id))
            return self._take()
        run.pid = pid
        executors.checkpoint(self.state, run)
        if run.state == "TERMINATING":
            self.state.out.append(Destroy(container_id=container_id))
        return self._take()

    def launch_failed(
        self,
        container_id: str,
        message: str,
        *,
        now: float,
        reason: str = "REASON_CONTAINER_LAUNCH_FAILED",
        dropped: bool = False,
    ) -> tuple[AgentOutput, ...]:
        """The executor could not be started; `message` goes into its tasks' statuses as it is."""
        run = self._run(container_id)
        if run is not None:
            if run.why is None:
                run.why, run.dropped = (reason, message), dropped
            executors.exited(self.state, run, None, now)
        return self._take()

    def limited(self, container_id: str, reason: str, message: str, resources: list[Json]) -> tuple[AgentOutput, ...]:
        """An executor with its tasks uses more of `resources` than it may: it is ended."""
        run = self._run(container_id)
        if run is not None and run.state != "TERMINATING":
            run.limitation = resources
            executors.destroy(self.state, run, (reason, message))
        return self._take()

    def exited(self, container_id: str, status: int | None, *, now: float) -> tuple[AgentOutput, ...]:
        """All of that container is gone; `status` is the wait status of the executor, None when nobody could wait for
        it.
        """
        run = self._run(container_id)
        if run is not None:
            executors.exited(self.state, run, status, now)
            self._check_recovered(now)
        return self._take()

    def _run(self, container_id: str) -> ExecutorRun | None:
        return next((run for run in self.state.runs.values() if run.container_id == container_id), None)

    # --- time -----------------------------------------------------------------------------------------------------

    def _check_recovered(self, now: float) -> None:
        state = self.state
        if state.recover_until is None:
            return
        waiting = any(run.stream is None and run.state == "RUNNING" for run in state.runs.values())
        if now >= state.recover_until or not waiting:
            state.recover_until = None

    def tick(self, *, now: float) -> tuple[AgentOutput, ...]:
        """What is due by now: retries, executors that did not come or end in time."""
        executors.tick(self.state, now)
        updates.tick(self.state, now)
        self._check_recovered(now)
        return self._take()

    def next_tick(self) -> float | None:
        """The time of the next thing that is due, None when nothing is."""
        state = self.state
        due = [run.deadline for run in state.runs.values() if run.deadline is not None]
        due += [
            run.heartbeat_at for run in state.runs.values() if run.stream is not None and run.heartbeat_at is not None
        ]
        due += [task.retry_at for task in state.tasks.values() if task.retry_at is not None]
        due += [operation.retry_at for operation in state.operations.values()]
        if state.recover_until is not None:
            due.append(state.recover_until)
        return min(due, default=None)


# In the order of the .proto file, as Mesos prints a Task.
_TASK_FIELDS = (
    "name", "task_id", "framework_id", "executor_id", "agent_id", "state", "resources", "statuses",
    "status_update_state", "status_update_uuid", "labels", "discovery", "container", "user", "health_check",
)  # fmt: skip


def reported_task(task: AgentTask) -> Json:
    """The Task message of an agent's task, for its registration and for operators."""
    content = task_fields(task.info, task.framework_id, task.info.get("executor")) | {"state": task.state}
    if task.statuses:
        content["statuses"] = list(task.statuses)
        # The one under way, or the newest when the scheduler has them all.
        told = task.pending[0] if task.pending else task.statuses[-1]
        content |= {"status_update_state": told["state"], "status_update_uuid": told["uuid"]}
    first = {name: content[name] for name in _TASK_FIELDS if name in content}
    return first | {name: part for name, part in content.items() if name not in first}


def _nanoseconds(duration: str | dict[str, int] | None) -> int | None:
    """A duration of the operator API: `{"seconds": 2}` as recorded, or `"2s"` as protobuf's JSON has it."""
    if isinstance(duration, str):
        return int(float(duration.rstrip("s")) * 1e9)
    if isinstance(duration, dict):
        return int(duration.get("seconds", 0) * 1e9) + int(duration.get("nanoseconds", duration.get("nanos", 0)))
    return None
