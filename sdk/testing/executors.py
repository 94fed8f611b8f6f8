"""Played executors: what a task does after its agent was told to launch it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How tasks of one name go. Times in seconds; None: never."""

    registers: bool = True
    """False: the executor is started but never subscribes; its agent gives it up."""
    runs_after: float = 0.0
    """From LAUNCH to TASK_RUNNING."""
    fails_after: float | None = None
    """From TASK_RUNNING to TASK_FAILED."""
    finishes_after: float | None = None
    kill_takes: float = 0.5
    """From KILL to TASK_KILLED."""
    lingers: float = 0.2
    """From the end of the task to the end of its executor, whose resources are in use until then."""
    healthy: bool | None = None
    """What TASK_RUNNING says."""
    healthy_after: float | None = None
    """From TASK_RUNNING to the update that says healthy."""
    passes: bool | None = None
    """What its readiness check finds at first."""
    passes_after: float | None = None
    """From TASK_RUNNING to the update that says that it passes."""
    message: str = ""


@dataclass(slots=True, kw_only=True)
class PlayedTask:
    """A task inside an executor."""

    task_id: str
    name: str
    info: Json
    state: str = "TASK_STAGING"
    group: int | None = None
    """What it ends with, and under an executor that others of other groups share."""


@dataclass(slots=True, kw_only=True)
class PlayedExecutor:
    """One executor process; `say` hands a call to its agent."""

    container_id: str
    framework_id: str
    executor_id: str
    say: Callable[[Json], None]
    later: Callable[[float, Callable[[], None]], None]
    """Do something after so many seconds, unless the process has ended before."""
    end: Callable[[int], None]
    """End the process with a wait status."""
    behaviour: Callable[[str], Behaviour]
    new_uuid: Callable[[], str]
    tasks: dict[str, PlayedTask] = field(default_factory=dict)
    unacknowledged: list[Json] = field(default_factory=list)
    _groups: int = 0

    def call(self, kind: str, body: Json) -> None:
        """One call to the agent."""
        self.say(
            {
                "type": kind,
                "framework_id": {"value": self.framework_id},
                "executor_id": {"value": self.executor_id},
                kind.lower(): body,
            }
        )

    def subscribe(self) -> None:
        """SUBSCRIBE, at the start or after the agent came back."""
        tasks = [task.info for task in self.tasks.values() if task.state == "TASK_STAGING"]
        updates = [{"status": status} for status in self.unacknowledged]
        self.call("SUBSCRIBE", {"unacknowledged_tasks": tasks, "unacknowledged_updates": updates})

    def event(self, event: Json) -> None:
        """One event of the agent."""
        match event["type"]:
            case "LAUNCH":
                self._launch(event["launch"]["task"])
            case "LAUNCH_GROUP":
                self._groups += 1
                for info in event["launch_group"]["task_group"]["tasks"]:
                    self._launch(info, self._groups)
            case "KILL":
                task = self.tasks.get(event["kill"]["task_id"]["value"])
                if task is not None:
                    self._kill(task)
            case "SHUTDOWN":
                for task in list(self.tasks.values()):
                    self.finish(task, "TASK_KILLED", "Executor is shutting down")
                self.later(0.0, lambda: self.end(0))
            case "ACKNOWLEDGED":
                uuid = event["acknowledged"]["uuid"]
                self.unacknowledged = [status for status in self.unacknowledged if status["uuid"] != uuid]

    def _kill(self, task: PlayedTask) -> None:
        """A group is ended as a whole."""
        for each in (task, *self._neighbours(task)):
            if each.state != "TASK_KILLING":
                self.update(each, "TASK_KILLING")
                wait = self.behaviour(each.name).kill_takes
                self.later(wait, partial(self.finish, each, "TASK_KILLED", "Command terminated with signal Killed"))

    def _neighbours(self, task: PlayedTask) -> list[PlayedTask]:
        if task.group is None:
            return []
        return [each for each in self.tasks.values() if each.group == task.group and each is not task]

    def _launch(self, info: Json, group: int | None = None) -> None:
        task = PlayedTask(task_id=info["task_id"]["value"], name=info["name"], info=info, group=group)
        if task.task_id in self.tasks:
            return
        self.tasks[task.task_id] = task
        self.update(task, "TASK_STARTING")
        self.later(self.behaviour(task.name).runs_after, lambda: self._run(task))

    def _run(self, task: PlayedTask) -> None:
        if task.state != "TASK_STARTING":
            return
        behaviour = self.behaviour(task.name)
        self.update(task, "TASK_RUNNING", healthy=behaviour.healthy, passes=behaviour.passes)
        if behaviour.healthy_after is not None:
            self.later(behaviour.healthy_after, lambda: self._healthy(task))
        if behaviour.passes_after is not None:
            self.later(behaviour.passes_after, lambda: self._passes(task))
        if behaviour.fails_after is not None:
            self.later(
                behaviour.fails_after,
                lambda: self.finish(task, "TASK_FAILED", behaviour.message or "Command exited with status 1"),
            )
        if behaviour.finishes_after is not None:
            self.later(
                behaviour.finishes_after, lambda: self.finish(task, "TASK_FINISHED", "Command exited with status 0")
            )

    def _healthy(self, task: PlayedTask) -> None:
        if task.state == "TASK_RUNNING":
            self.update(task, "TASK_RUNNING", healthy=True)

    def _passes(self, task: PlayedTask) -> None:
        if task.state == "TASK_RUNNING":
            self.update(task, "TASK_RUNNING", passes=True)

    def update(
        self,
        task: PlayedTask,
        state: str,
        message: str = "",
        *,
        healthy: bool | None = None,
        passes: bool | None = None,
    ) -> None:
        """UPDATE of a task."""
        task.state = state
        status: Json = {
            "task_id": {"value": task.task_id},
            "state": state,
            "source": "SOURCE_EXECUTOR",
            "uuid": self.new_uuid(),
        }
        if message:
            status["message"] = message
        if healthy is not None:
            status["healthy"] = healthy
        if passes is not None:
            status["check_status"] = {"type": "COMMAND", "command": {"exit_code": 0 if passes else 1}}
        self.unacknowledged.append(status)
        self.call("UPDATE", {"status": status})

    def finish(self, task: PlayedTask, state: str, message: str) -> None:
        """The task ends, with its group unless all is well, and after the last one, a moment later, the executor."""
        if self.tasks.pop(task.task_id, None) is None:
            return
        self.update(task, state, message)
        if state != "TASK_FINISHED":
            for each in self._neighbours(task):
                self._kill(each)
        if not self.tasks:
            self.later(self.behaviour(task.name).lingers, self._leave)

    def _leave(self) -> None:
        if not self.tasks:
            self.end(0)
