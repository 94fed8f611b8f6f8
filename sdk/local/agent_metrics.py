"""/metrics/snapshot of an agent: every name that a real one has, made of what is counted and what can be seen.

Only reads and counts. Of things that do not exist here (garbage collection of sandboxes, provisioner, resource
providers, GPUs, revocable resources) there are none, hence zeros.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sdk.local.core import executor_resources
from sdk.local.core.agent_model import AgentState
from sdk.local.core.metrics import system
from sdk.local.core.resources import Resources
from sdk.local.core.wire import Json

_NONE = (
    "containerizer/mesos/container_destroy_errors", "containerizer/mesos/provisioner/bind/remove_rootfs_errors",
    "containerizer/mesos/provisioner/remove_container_errors", "gc/path_removals_failed", "gc/path_removals_pending",
    "gc/path_removals_succeeded", "resource_provider_manager/events/disconnect",
    "resource_provider_manager/events/subscribe", "resource_provider_manager/subscribed",
    "slave/executor_directory_max_allowed_age_secs", "slave/executors_preempted", "slave/recovery_errors",
)  # fmt: skip
_COUNTED = (
    "containerizer/fetcher/task_fetches_failed", "containerizer/fetcher/task_fetches_succeeded",
    "slave/container_launch_errors", "slave/invalid_framework_messages", "slave/invalid_status_updates",
    "slave/valid_framework_messages", "slave/valid_status_updates",
)  # fmt: skip
_STATES = ("STAGING", "STARTING", "RUNNING", "KILLING", "FINISHED", "FAILED", "KILLED", "LOST", "GONE")


@dataclass(slots=True)
class Counts:
    """What the process around an agent's core counts and measures."""

    found: Counter[str] = field(default_factory=Counter)
    recovery_secs: float = 0.0

    def launched(self) -> None:
        """An executor was started, after its URIs were fetched."""
        self.found["containerizer/fetcher/task_fetches_succeeded"] += 1

    def launch_failed(self, message: str) -> None:
        """An executor could not be started."""
        self.found["slave/container_launch_errors"] += 1
        if "fetch" in message:
            self.found["containerizer/fetcher/task_fetches_failed"] += 1

    def executor_call(self, call: Any, status: int) -> None:
        """A call of an executor was answered with that status."""
        if isinstance(call, dict) and call.get("type") == "UPDATE":
            self.found[f"slave/{'valid' if status == 202 else 'invalid'}_status_updates"] += 1

    def master_message(self, state: AgentState, message: Json) -> None:
        """A message of the master came in."""
        if message["type"] == "FRAMEWORK_MESSAGE":
            run = state.runs.get((message["framework_id"]["value"], message["executor_id"]["value"]))
            reachable = run is not None and run.stream is not None
            self.found[f"slave/{'valid' if reachable else 'invalid'}_framework_messages"] += 1


def metrics(
    state: AgentState,
    now: float,
    counts: Counts,
    *,
    cache: Path | None = None,
    cache_size: int = 0,
    computer: Json | None = None,
) -> dict[str, float]:
    """All metrics by name. `cache` is the directory of the fetcher's cache, `computer` the load and memory."""
    used = Resources()
    for run in state.runs.values():
        alive = [task for task in state.tasks_of(run) if not task.terminal]
        used = used + executor_resources.used(run, alive).unallocated()
    runs = Counter(run.state for run in state.runs.values())
    result: dict[str, float] = {
        "slave/uptime_secs": now - state.started,
        "slave/recovery_time_secs": counts.recovery_secs,
        "slave/registered": float(state.registered),
        "slave/frameworks_active": float(len(state.frameworks)),
        "slave/executors_registering": float(runs["STARTING"]),
        "slave/executors_running": float(runs["RUNNING"]),
        "slave/executors_terminating": float(runs["TERMINATING"]),
        "slave/executors_terminated": float(len(state.completed_runs)),
        "containerizer/fetcher/cache_size_total_bytes": float(cache_size),
        "containerizer/fetcher/cache_size_used_bytes": float(_size(cache)),
    }
    result |= dict.fromkeys(_NONE, 0.0)
    result |= {name: float(counts.found[name]) for name in _COUNTED}
    tasks = Counter(task.state for task in (*state.tasks.values(), *state.completed_tasks))
    result |= {f"slave/tasks_{name.lower()}": float(tasks[f"TASK_{name}"]) for name in _STATES}
    for name in ("cpus", "mem", "disk", "gpus"):
        have, taken = state.resources.scalar(name) / 1000, used.scalar(name) / 1000
        result |= {f"slave/{name}_total": have, f"slave/{name}_used": taken}
        result[f"slave/{name}_percent"] = taken / have if have else 0.0
        result |= {f"slave/{name}_revocable_{what}": 0.0 for what in ("total", "used", "percent")}
    if computer:
        result |= system(computer)
    return dict(sorted(result.items()))


def _size(directory: Path | None) -> int:
    if directory is None or not directory.is_dir():
        return 0
    total = 0
    for item in directory.iterdir():
        # It may be removed between the listing and this.
        if item.is_file():
            total += item.stat(follow_symlinks=False).st_size
    return total
