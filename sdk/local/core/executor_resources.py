"""What the executors of an agent and their tasks have and may use.

Knows resources of infos, tasks' limits among them; whether anybody keeps to them is seen elsewhere.
"""

from sdk.local.core.agent_model import AgentState, AgentTask, ExecutorRun
from sdk.local.core.resources import Resources
from sdk.local.core.wire import Json

UNLIMITED = 2**50
"""Thousandths of a megabyte: no machine has as much."""


def has_reserved(state: AgentState, executor: Json, tasks: list[AgentTask]) -> bool:
    """Whether the agent has the dynamic reservations and volumes that these are to use: an operation may have failed,
    or not have arrived, that the master took for done.
    """
    given = [*executor.get("resources", ()), *(item for task in tasks for item in task.info.get("resources", ()))]
    reserved = [
        item
        for item in given
        if "persistence" in item.get("disk", {})
        or any(entry.get("type") == "DYNAMIC" for entry in item.get("reservations", ()))
    ]
    return state.resources.contains(Resources.of(reserved).unallocated())


def used(run: ExecutorRun, tasks: list[AgentTask]) -> Resources:
    """What an executor and these tasks of it may use."""
    total = Resources.of(run.info.get("resources"))
    for task in tasks:
        total = total + Resources.of(task.info.get("resources"))
    return total


def memory_limit(state: AgentState, run: ExecutorRun) -> int:
    """Bytes that an executor and its tasks may have: a task's limit where it has one, else what it asked for."""
    total = Resources.of(run.info.get("resources")).scalar("mem")
    for task in state.tasks_of(run):
        if not task.terminal:
            total += _task_memory(task)
    return int(total / 1000 * 1024 * 1024)


def _task_memory(task: AgentTask) -> int:
    """Thousandths of a megabyte."""
    limits = task.info.get("limits")
    scalar = limits.get("mem") if isinstance(limits, dict) else None
    limit = scalar.get("value") if isinstance(scalar, dict) else None
    # "Infinity" is how protobuf's JSON writes a task without limit.
    if limit in ("Infinity", float("inf")):
        return UNLIMITED
    if isinstance(limit, (int, float)) and not isinstance(limit, bool) and 0 <= limit < UNLIMITED / 1000:
        return round(limit * 1000)
    return Resources.of(task.info.get("resources")).scalar("mem")
