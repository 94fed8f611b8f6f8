"""What an earlier process of the agent stored, taken piece by piece: one damaged checkpoint costs what was in it, and
nothing else.

Knows the contents that `executors`, `updates`, `agent_operations` and `agent_registration` store, and what is to be
done about executors and tasks of which a part is lost. Whether executors are alive it cannot know.
"""

import json
from collections.abc import Mapping
from typing import Any

from sdk.local.core import executors, networks, updates
from sdk.local.core.agent_model import AgentOperation, AgentState, AgentTask, ExecutorRun
from sdk.local.core.resources import Resources
from sdk.local.core.wire import BadMessage, Json, convert


class Damaged(Exception):
    """A checkpoint is not what this agent writes; the text says what is wrong with it."""


def recover(state: AgentState, checkpoints: Mapping[str, Json], now: float) -> dict[str, str]:
    """Start from what an earlier process of this agent stored: its executors may still be alive.

    Returns why those that could not be used could not be. What this causes is among the outputs of the first `tick`.
    """
    damaged: dict[str, str] = {}
    for name, content in checkpoints.items():
        try:
            _take(state, name, content, now)
        except Damaged as error:
            damaged[name] = str(error)
    _find_identity(state)
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
    return damaged


def _take(state: AgentState, name: str, content: Any, now: float) -> None:
    """One checkpoint into the state, or Damaged and the state as it was."""
    if not isinstance(content, dict):
        raise Damaged("it is no object")
    try:
        # Halves of surrogate pairs can be written in JSON, but neither in files nor in their names.
        json.dumps(content, ensure_ascii=False).encode()
        _read(state, name.partition("/")[0], content, now)
    except BadMessage as error:
        raise Damaged(str(error)) from None
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        # Whatever does not fit, fits in none of its parts: nothing is set before all is read.
        raise Damaged(f"it does not fit: {error!r}") from None


def _read(state: AgentState, kind: str, content: Json, now: float) -> None:
    match kind:
        case "agent":
            draining = content.get("draining")
            if draining is not None and not isinstance(draining, dict):
                raise Damaged("'draining' is no object")
            state.agent_id, state.draining = _text(content, "agent_id"), draining
        case "resources":
            resources = Resources.of([convert("Resource", item) for item in content["resources"]])
            found = {}
            for item in content["operations"]:
                operation = AgentOperation(**item, retry_at=now, retry_delay=state.config.update_retry_min)
                if not isinstance(operation.status["uuid"]["value"], str):
                    raise Damaged("'operations' has a status without uuid")
                found[_text(item, "uuid")] = operation
            applied = dict.fromkeys(content["applied"])
            state.resources, state.applied, state.operations = resources, applied, found
        case "executor":
            run = ExecutorRun(**{field: part for field, part in content.items() if field != "agent_id"})
            convert("Executor", run.info)
            for field in ("framework_id", "executor_id", "container_id"):
                _text(content, field)
            if run.pid is not None and not isinstance(run.pid, int):
                raise Damaged("'pid' is no number")
            if not all(isinstance(ip, str) for ip in networks.ips(run)):
                raise Damaged("'networks' has an address that is no text")
            run.state = "RUNNING"
            run.deadline = now + state.config.executor_reregistration_timeout
            state.runs[run.key] = run
        case "framework":
            convert("FrameworkInfo", content)
            state.frameworks[content["id"]["value"]] = content
        case "task":
            task = AgentTask(**content)
            for status in (*task.statuses, *task.pending):
                convert("Status", status)
                _text(status, "uuid")
            _text(content, "framework_id")
            _text(content, "state")
            convert("Id", task.info["task_id"])
            if task.executor_id is not None:
                # A task of which only the id is known was never run here.
                convert("Task", task.info)
                _text(content, "executor_id")
            state.tasks[(task.framework_id, task.task_id)] = task
        case _:
            raise Damaged("nobody here writes such a checkpoint")


def _text(content: Json, name: str) -> str:
    value = content[name]
    if not isinstance(value, str):
        raise Damaged(f"'{name}' is no string")
    return value


def _find_identity(state: AgentState) -> None:
    """The agent's id from what runs under it, when its own checkpoint is lost: executors and tasks must not go with
    that one file.
    """
    if state.agent_id is not None:
        return
    for task in state.tasks.values():
        if "agent_id" in task.info:
            state.agent_id = str(task.info["agent_id"]["value"])
            return
    # Executors without tasks under an unknown id are nobody's; the surroundings end what they do not find here.
    state.runs.clear()
