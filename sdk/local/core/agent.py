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

from sdk.local.core import agent_operations, agent_registration, executor_calls, executors, launches, recovery, updates
from sdk.local.core.agent_draining import drain
from sdk.local.core.agent_messages import usable
from sdk.local.core.agent_model import (
    AgentConfig,
    AgentOutput,
    AgentState,
    AgentTask,
    Destroy,
    ExecutorRun,
    Terminate,
    ToExecutor,
)
from sdk.local.core.outputs import Answer
from sdk.local.core.resources import Resources
from sdk.local.core.wire import BadMessage, Json, convert


class Agent:
    """One agent. `state` may be read by anybody and is changed only by these methods."""

    def __init__(self, config: AgentConfig, *, now: float, checkpoints: Mapping[str, Json] | None = None) -> None:
        self.state = AgentState(config=config, started=now, resources=Resources.of(config.info["resources"]))
        self.damaged = recovery.recover(self.state, checkpoints, now) if checkpoints else {}
        """Checkpoints that could not be used, with the reason; all others were."""

    def _take(self) -> tuple[AgentOutput, ...]:
        outputs = tuple(self.state.out)
        self.state.out.clear()
        return outputs

    @property
    def recovering(self) -> bool:
        """Whether executors of an earlier process of this agent are still awaited; it registers afterwards."""
        return self.state.recover_until is not None

    # --- the master -----------------------------------------------------------------------------------------------

    def registration(self) -> Json:
        """The first message on a new connection to a master."""
        return agent_registration.message(self.state)

    def left_behind(self) -> dict[str, Json]:
        """The checkpoints that stay when this agent has ended for good."""
        return agent_operations.left_behind(self.state)

    def master_disconnected(self) -> None:
        """The connection to the master ended; everything goes on, updates wait."""
        self.state.registered = False

    def master_message(self, message: Any, *, now: float) -> tuple[AgentOutput, ...]:
        """One message of the master; BadMessage, with nothing changed, when it is none that an agent can use."""
        state = self.state
        if not state.config.trusting:
            message = usable(message)
        match message["type"]:
            case "REGISTERED" | "REREGISTERED":
                agent_registration.registered(state, message, now)
            case "PING":
                updates.to_master(state, {"type": "PONG"})
            case "RUN_TASK":
                launches.run_task(state, message, now)
            case "RUN_TASK_GROUP":
                launches.run_group(state, message, now)
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
                drain(state, message["config"], now)
            case "REACTIVATE":
                state.draining = None
                agent_registration.checkpoint(state)
            case "SHUTDOWN":
                for framework_id in {run.framework_id for run in state.runs.values()}:
                    self._shutdown_framework(framework_id, now)
                state.out.append(Terminate(reason=message.get("text", "the master says so")))
        return self._take()

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
