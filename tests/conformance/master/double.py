"""A scripted agent: it takes what the master sends, and reports what the recording's agent and executors reported."""

from dataclasses import dataclass, field
from typing import Any

from sdk.local.core import operations
from sdk.local.core.resources import Resources
from sdk.local.core.views import task_fields

Json = dict[str, Any]
TERMINAL = frozenset({"TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR", "TASK_LOST"})


@dataclass
class AgentDouble:
    """One agent; `say` hands its messages to the master."""

    info: Json
    agent_id: str = ""
    resources: Resources = field(default_factory=Resources)
    silent: bool = False
    connected: bool = False
    connections: int = 0
    registered: float = 0.0
    frameworks: dict[str, Json] = field(default_factory=dict)
    tasks: dict[tuple[str, str], Json] = field(default_factory=dict)
    executors: dict[tuple[str, str], Json] = field(default_factory=dict)
    operations: dict[str, Json] = field(default_factory=dict)

    @property
    def connection(self) -> str:
        """The name of its current connection."""
        return f"{self.info['hostname']}-{self.connections}"

    def hear(self, message: Json) -> list[Json]:
        """What it answers at once to a message of the master."""
        match message["type"]:
            case "PING":
                return [] if self.silent else [{"type": "PONG"}]
            case "REGISTERED":
                self.agent_id = message["agent_id"]["value"]
            case "UPDATE_FRAMEWORK":
                self._framework(message["framework_info"])
            case "RUN_TASK":
                self._framework(message["framework_info"])
                self._task(message["framework_info"], message["task"], message["task"].get("executor"))
            case "RUN_TASK_GROUP":
                self._framework(message["framework_info"])
                for task in message["tasks"]:
                    self._task(message["framework_info"], task, message["executor"])
            case "APPLY_OPERATION":
                return self._apply(message)
            case "SHUTDOWN_FRAMEWORK":
                gone = message["framework_id"]["value"]
                self.tasks = {key: task for key, task in self.tasks.items() if key[0] != gone}
                self.executors = {key: item for key, item in self.executors.items() if key[0] != gone}
        return []

    def _framework(self, info: Json) -> None:
        self.frameworks[info["id"]["value"]] = info

    def _task(self, framework: Json, task: Json, executor: Json | None) -> None:
        owner = framework["id"]["value"]
        self.tasks[(owner, task["task_id"]["value"])] = task_fields(task, owner, executor) | {"state": "TASK_STAGING"}
        if executor is not None:
            self.executors[(owner, executor["executor_id"]["value"])] = executor

    def _apply(self, message: Json) -> list[Json]:
        self.resources = operations.apply(self.resources, message["operation"])
        self.operations[message["operation_uuid"]] = message
        return [] if "id" in message["operation"] else [self.finished(message, {"state": "OPERATION_FINISHED"})]

    def finished(self, message: Json, status: Json) -> Json:
        """The message by which the agent reports the end of an operation."""
        head = {"type": "OPERATION_STATUS", "framework_id": message["framework_id"]}
        return head | {"operation_uuid": message["operation_uuid"], "status": status}

    def status(self, framework_id: str, status: Json, latest: str | None) -> Json:
        """The message that carries a status of a task."""
        task = self.tasks.get((framework_id, status["task_id"]["value"]))
        if task is not None:
            task["state"] = latest or status["state"]
            task["statuses"] = [*task.get("statuses", []), status]
            task["status_update_state"], task["status_update_uuid"] = status["state"], status["uuid"]
        content = {"type": "UPDATE", "framework_id": {"value": framework_id}, "status": status}
        return content | {"latest_state": latest or status["state"]}

    def registration(self) -> Json:
        """REGISTER or REREGISTER with all it has."""
        if not self.agent_id:
            self.resources = Resources.of(self.info["resources"])
            return {"type": "REGISTER", "agent_info": self.info}
        running = [task for task in self.tasks.values() if task["state"] not in TERMINAL or task.get("kept")]
        return {
            "type": "REREGISTER",
            "agent_info": self.info | {"id": {"value": self.agent_id}},
            "resources": self.resources.json(),
            "frameworks": list(self.frameworks.values()),
            "executors": [
                {"framework_id": {"value": owner}, "executor_info": executor}
                for (owner, _), executor in self.executors.items()
            ],
            "tasks": running,
            "operations": [{"operation_uuid": name} for name in self.operations],
        }
