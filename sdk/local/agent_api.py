"""The v1 operator API of an agent: what it runs, what it is, and files of sandboxes.

Only reads. Calls that change a container (launching nested ones, attaching, waiting) are not part of this agent and are
refused with 501, as the real one refuses what it was not built with.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sdk.local.agent_views import containers, executor_info, nested_containers
from sdk.local.core import classic
from sdk.local.core.agent_model import AgentState, AgentTask
from sdk.local.core.agent_registration import reported_task
from sdk.local.core.metrics import get_metrics
from sdk.local.core.outputs import Answer
from sdk.local.core.views import public_agent_info
from sdk.local.core.wire import Json
from sdk.local.files import Files

NOT_HERE = (
    "LAUNCH_NESTED_CONTAINER", "WAIT_NESTED_CONTAINER", "KILL_NESTED_CONTAINER", "REMOVE_NESTED_CONTAINER",
    "LAUNCH_NESTED_CONTAINER_SESSION", "ATTACH_CONTAINER_INPUT", "ATTACH_CONTAINER_OUTPUT", "LAUNCH_CONTAINER",
    "WAIT_CONTAINER", "KILL_CONTAINER", "REMOVE_CONTAINER", "ADD_RESOURCE_PROVIDER_CONFIG",
    "UPDATE_RESOURCE_PROVIDER_CONFIG", "REMOVE_RESOURCE_PROVIDER_CONFIG", "MARK_RESOURCE_PROVIDER_GONE",
    "PRUNE_IMAGES", "SET_LOGGING_LEVEL",
)  # fmt: skip


class AgentApi:
    """Answers calls to /api/v1 from the state of one agent."""

    def __init__(
        self,
        state: AgentState,
        work_dir: Path,
        files: Files,
        metrics: Callable[[], Mapping[str, float]],
        flags: Mapping[str, str],
    ) -> None:
        self._state = state
        self._work_dir = work_dir
        self._files = files
        self._metrics = metrics
        self._flags = flags

    def call(self, call: Any, now: float) -> Answer:
        """One call."""
        if not isinstance(call, dict):
            return Answer(status=400, text="Failed to convert JSON into Call protobuf: Expecting a JSON object")
        kind = call.get("type")
        if isinstance(kind, str) and kind in NOT_HERE:
            return Answer(status=501, text=f"{kind} is not implemented by the agents of the embedded Mesos")
        if kind == "GET_CONTAINERS":
            return self._containers(call, now)
        make = self._makers().get(kind) if isinstance(kind, str) else None
        if make is not None:
            assert isinstance(kind, str)
            return Answer(status=200, body={"type": kind, kind.lower(): make(now)})
        if kind in ("LIST_FILES", "READ_FILE"):
            return self._file_call(kind, call)
        if kind == "GET_RESOURCE_PROVIDERS" or kind == "GET_OPERATIONS":
            return Answer(status=200, body={"type": kind, kind.lower(): self._operations(kind)})
        return Answer(status=400, text="Failed to validate agent::Call: Expecting 'type' to be present")

    def _makers(self) -> dict[str, Callable[[float], Json]]:
        return {
            "GET_HEALTH": lambda _: {"healthy": True},
            "GET_FLAGS": lambda _: {
                "flags": [{"name": name, "value": value} for name, value in sorted(self._flags.items())]
            },
            "GET_VERSION": lambda _: {
                "version_info": {
                    name: classic.BUILD[name]
                    for name in ("version", "build_date", "build_time", "build_user", "git_sha")
                    if name in classic.BUILD
                }
            },
            "GET_METRICS": lambda _: get_metrics(self._metrics()),
            "GET_LOGGING_LEVEL": lambda _: {"level": 0},
            "GET_STATE": lambda _: {
                "get_tasks": self._tasks(),
                "get_executors": self._executors(),
                "get_frameworks": self._frameworks(),
            },
            "GET_FRAMEWORKS": lambda _: self._frameworks(),
            "GET_EXECUTORS": lambda _: self._executors(),
            "GET_TASKS": lambda _: self._tasks(),
            "GET_AGENT": lambda _: {"agent_info": self._agent_info()},
        }

    def _containers(self, call: Json, now: float) -> Answer:
        """GET_CONTAINERS: those of executors, and with `show_nested` those of the tasks of groups in them."""
        wanted = call.get("get_containers") or {}
        nested = wanted.get("show_nested", False) if isinstance(wanted, dict) else None
        if not isinstance(nested, bool):
            text = "Failed to convert JSON into Call protobuf: Not expecting such a value for field 'show_nested'"
            return Answer(status=400, text=text)
        found = containers(self._state, now) + (nested_containers(self._state) if nested else [])
        return Answer(status=200, body={"type": "GET_CONTAINERS", "get_containers": {"containers": found}})

    def _agent_info(self) -> Json:
        known = {"id": {"value": self._state.agent_id}} if self._state.agent_id is not None else {}
        return public_agent_info(self._state.config.info | known, checkpoint=False)

    def _operations(self, kind: str) -> Json:
        if kind != "GET_OPERATIONS" or not self._state.operations:
            return {}
        return {
            "operations": [
                {
                    "framework_id": {"value": item.framework_id},
                    "agent_id": {"value": self._state.agent_id},
                    "latest_status": item.status,
                    "uuid": {"value": item.uuid},
                }
                for item in self._state.operations.values()
            ]
        }

    def _tasks(self) -> Json:
        state = self._state

        def some(tasks: list[AgentTask]) -> list[Json]:
            return [reported_task(task) for task in tasks]

        known = [task for task in state.tasks.values() if task.executor_id is not None]
        return {
            "pending_tasks": [],
            "queued_tasks": some([task for task in known if not task.delivered and not task.terminal]),
            "launched_tasks": some([task for task in known if task.delivered and not task.terminal]),
            "terminated_tasks": some([task for task in known if task.terminal]),
            "completed_tasks": some(state.completed_tasks),
        }

    def _executors(self) -> Json:
        state = self._state
        return {
            "executors": [{"executor_info": executor_info(run)} for run in state.runs.values()],
            "completed_executors": [{"executor_info": executor_info(run)} for run in state.completed_runs],
        }

    def _frameworks(self) -> Json:
        return {
            "frameworks": [{"framework_info": info} for info in self._state.frameworks.values()],
            "completed_frameworks": [],
        }

    # --- files ----------------------------------------------------------------------------------------------------

    def _file_call(self, kind: str, call: Json) -> Answer:
        content = call.get(kind.lower())
        head = "Failed to convert JSON into Call protobuf"
        if not isinstance(content, dict):
            return Answer(status=400, text=f"Failed to validate agent::Call: Expecting '{kind.lower()}' to be present")
        path = content.get("path")
        if not isinstance(path, str):
            return Answer(status=400, text=f"{head}: Missing required fields: {kind.lower()}.path")
        numbers: dict[str, int] = {}
        for name in ("offset", "length"):
            value = content.get(name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                return Answer(status=400, text=f"{head}: Not expecting {value!r} for field '{name}'")
            numbers[name] = value
        if kind == "READ_FILE" and "offset" not in numbers:
            return Answer(status=400, text=f"{head}: Missing required fields: read_file.offset")
        return self._files.call({"type": kind, kind.lower(): {"path": path, **numbers}})
