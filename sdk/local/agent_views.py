"""The classic JSON endpoints of an agent: /state, /monitor/statistics, and what /files attaches.

Only reads.
"""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from sdk.local.containers import sandbox_path
from sdk.local.core import classic, executor_resources
from sdk.local.core.agent_model import AgentState, AgentTask, ExecutorRun
from sdk.local.core.agent_registration import reported_task
from sdk.local.core.resources import Resources
from sdk.local.core.views import AGENT_CAPABILITIES, with_role
from sdk.local.core.wire import Json, ordered
from sdk.local.launcher import COMMAND_EXECUTOR
from sdk.local.processes import members


def _tasks_of(tasks: list[AgentTask], run: ExecutorRun) -> list[AgentTask]:
    return [task for task in tasks if task.framework_id == run.framework_id and task.executor_id == run.executor_id]


def _executor(state: AgentState, run: ExecutorRun, work_dir: Path) -> Json:
    live = state.tasks_of(run)
    ended = _tasks_of(state.completed_tasks, run)
    shown = live or ended
    resources = shown[0].info.get("resources", []) if shown else run.info.get("resources", [])
    result: Json = {
        "id": run.executor_id,
        "name": run.info.get("name", ""),
        "source": run.info.get("source", ""),
        "container": run.container_id,
        "directory": str(
            sandbox_path(work_dir, state.agent_id or "", run.framework_id, run.executor_id, run.container_id)
        ),
        "resources": classic.quantities(_in_use(state, run)),
    }
    if resources:
        result["role"] = resources[0].get("allocation_info", {}).get("role", "*")
    labels = shown[0].info.get("labels") if run.command and shown else run.info.get("labels")
    if labels:
        result["labels"] = labels.get("labels", [])
    if not run.command:
        result["type"] = run.info.get("type", "CUSTOM")
    result |= {
        "tasks": [classic.task(reported_task(task)) for task in live if task.delivered],
        "queued_tasks": [classic.task(reported_task(task)) for task in live if not task.delivered],
        "completed_tasks": [classic.task(reported_task(task)) for task in ended],
    }
    return result


def _executors(state: AgentState, framework_id: str, work_dir: Path) -> Json:
    live = [run for run in state.runs.values() if run.framework_id == framework_id]
    ended = [run for run in state.completed_runs if run.framework_id == framework_id]
    return {
        "executors": [_executor(state, run, work_dir) for run in live],
        "completed_executors": [_executor(state, run, work_dir) for run in ended],
    }


def _framework(state: AgentState, info: Json, framework_id: str, work_dir: Path) -> Json:
    return {
        "id": framework_id,
        "name": info.get("name", ""),
        "user": info.get("user", ""),
        "failover_timeout": info.get("failover_timeout", 0.0),
        "checkpoint": info.get("checkpoint", False),
        "hostname": info.get("hostname", ""),
        "roles": info.get("roles", []),
        **_executors(state, framework_id, work_dir),
    }


def agent_state(
    state: AgentState, work_dir: Path, flags: Mapping[str, str] | None = None, master_hostname: str = ""
) -> Json:
    """/state of the agent."""
    info = state.config.info
    split = classic.by_reservation(state.resources)
    unreserved = split.pop("*", Resources())
    runs = [*state.runs.values(), *state.completed_runs]
    frameworks: list[Json] = []
    for framework_id, framework in state.frameworks.items():
        frameworks.append(_framework(state, framework, framework_id, work_dir))
    allocated = Resources()
    for run in state.runs.values():
        # The master does not charge for the agent's own executors, so they are no allocation.
        allocated = allocated + (Resources() if run.command else Resources.of(run.info.get("resources")))
    for task in state.tasks.values():
        allocated = allocated + (Resources() if task.terminal else Resources.of(task.info.get("resources")))
    used = classic.by_reservation(allocated.unallocated())
    used_unreserved = used.pop("*", Resources())
    gone = sorted({run.framework_id for run in runs} - set(state.frameworks))
    return {
        **classic.BUILD,
        "start_time": state.started,
        "id": state.agent_id or "",
        "pid": f"slave(1)@{info['ip']}:{info['port']}",
        "hostname": info["hostname"],
        "capabilities": list(AGENT_CAPABILITIES),
        **({"domain": info["domain"]} if "domain" in info else {}),
        "resources": classic.quantities(state.resources),
        "reserved_resources": {role: classic.quantities(part) for role, part in split.items()},
        "unreserved_resources": classic.quantities(unreserved),
        "reserved_resources_full": {role: with_role(part) for role, part in split.items()},
        "unreserved_resources_full": with_role(unreserved),
        "reserved_resources_allocated": {role: classic.quantities(part) for role, part in used.items()},
        "unreserved_resources_allocated": classic.quantities(used_unreserved),
        "resource_providers": [],
        "attributes": classic.attributes(info),
        "master_hostname": master_hostname,
        "log_dir": str(work_dir),
        "flags": dict(flags or {}),
        "frameworks": frameworks,
        "completed_frameworks": [
            _framework(state, state.completed_frameworks.get(framework_id, {}), framework_id, work_dir)
            for framework_id in gone
        ],
    }


def attached(state: AgentState, work_dir: Path) -> dict[str, Path]:
    """The sandboxes under their real names and the ones that the web UI uses, and the agent's log."""
    found: dict[str, Path] = {}
    for run in (*state.completed_runs, *state.runs.values()):
        path = sandbox_path(work_dir, state.agent_id or "", run.framework_id, run.executor_id, run.container_id)
        found[str(path)] = path
        found[str(path.parent / "latest")] = path
        found[f"/frameworks/{run.framework_id}/executors/{run.executor_id}/runs/latest"] = path
    return found | {"/slave/log": work_dir / "log"}


def _statistics(state: AgentState, run: ExecutorRun, pid: int, now: float) -> Json:
    """ResourceStatistics of a container: what it has used and what it may use."""
    ticks = os.sysconf("SC_CLK_TCK")
    page = os.sysconf("SC_PAGE_SIZE")
    user = system = rss = 0
    for member in members(None, pid):
        try:
            with open(f"/proc/{member}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        user, system, rss = user + int(fields[11]), system + int(fields[12]), rss + int(fields[21])
    used = _in_use(state, run)
    requested = int(used.scalar("mem") / 1000 * 1024 * 1024)
    return {
        "timestamp": now,
        "cpus_user_time_secs": user / ticks,
        "cpus_system_time_secs": system / ticks,
        "cpus_soft_limit": used.scalar("cpus") / 1000,
        "mem_limit_bytes": executor_resources.memory_limit(state, run),
        "mem_soft_limit_bytes": requested,
        "mem_rss_bytes": rss * page,
    }


def _in_use(state: AgentState, run: ExecutorRun) -> Resources:
    return executor_resources.used(run, [task for task in state.tasks_of(run) if not task.terminal])


def _live(state: AgentState) -> list[tuple[ExecutorRun, int]]:
    return [(run, run.pid) for run in state.runs.values() if run.pid is not None]


def statistics(state: AgentState, now: float) -> list[Json]:
    """/monitor/statistics: processor time and memory of each executor with all that it started."""
    return [
        {
            "executor_id": run.executor_id,
            "executor_name": run.info.get("name", ""),
            "framework_id": run.framework_id,
            "source": run.info.get("source", ""),
            "statistics": dict(sorted(_statistics(state, run, pid, now).items())),
        }
        for run, pid in _live(state)
    ]


def _container_status(run: ExecutorRun, pid: int) -> Json:
    return {"container_id": {"value": run.container_id}, "executor_pid": pid}


def container_list(state: AgentState, now: float) -> list[Json]:
    """/containers."""
    return [
        {"container_id": run.container_id} | entry | {"status": _container_status(run, pid)}
        for (run, pid), entry in zip(_live(state), statistics(state, now), strict=True)
    ]


def containers(state: AgentState, now: float) -> list[Json]:
    """The containers of GET_CONTAINERS."""
    return [
        {
            "framework_id": {"value": run.framework_id},
            "executor_id": {"value": run.executor_id},
            "executor_name": run.info.get("name", ""),
            "container_id": {"value": run.container_id},
            "container_status": _container_status(run, pid),
            "resource_statistics": _statistics(state, run, pid, now),
        }
        for run, pid in _live(state)
    ]


def nested_containers(state: AgentState) -> list[Json]:
    """The containers of tasks of groups, as their executors told of them; without figures, which are the parents'."""
    found = []
    for run in state.runs.values():
        for task in state.tasks_of(run):
            if task.terminal:
                continue
            told = [status.get("container_status", {}) for status in task.statuses]
            about = next((item for item in reversed(told) if "parent" in item.get("container_id", {})), None)
            if about is not None:
                found.append(
                    {
                        "framework_id": {"value": run.framework_id},
                        "executor_id": {"value": run.executor_id},
                        "executor_name": run.info.get("name", ""),
                        "container_id": about["container_id"],
                        "container_status": {
                            name: about[name] for name in ("container_id", "executor_pid") if name in about
                        },
                    }
                )
    return found


def executor_info(run: ExecutorRun) -> Json:
    """The ExecutorInfo as operators see it: that of a command task names the agent's own executor."""
    if not run.command:
        return run.info
    name = COMMAND_EXECUTOR.name
    command = {"shell": False, "value": str(COMMAND_EXECUTOR), "arguments": [name]}
    return ordered("Executor", run.info | {"command": command})


def over_quota(state: AgentState, work_dir: Path) -> list[tuple[str, str, list[Json]]]:
    """Container, message and exceeded resources of each executor whose sandbox holds more than its disk resources.

    Persistent volumes have room of their own.
    """
    found = []
    for run in list(state.runs.values()):
        infos = [run.info, *(task.info for task in state.tasks_of(run))]
        disks = [
            item
            for info in infos
            for item in info.get("resources", ())
            if item["name"] == "disk" and "persistence" not in item.get("disk", {})
        ]
        if not disks or run.pid is None:
            continue
        quota = sum(item["scalar"]["value"] for item in disks)
        sandbox = sandbox_path(work_dir, state.agent_id or "", run.framework_id, run.executor_id, run.container_id)
        used = disk_usage(sandbox)
        if used > quota * 1024 * 1024:
            message = f"Disk usage ({used // 1024}KB) exceeds quota ({quota:g}MB)"
            found.append((run.container_id, message, [disks[0] | {"scalar": {"value": quota}}]))
    return found


def disk_usage(directory: Path) -> int:
    """Bytes that the files below a directory take on disk; what links point to is elsewhere."""
    total = 0
    for folder, _, names in os.walk(directory):
        for name in (".", *names):
            with contextlib.suppress(FileNotFoundError):
                total += os.lstat(os.path.join(folder, name)).st_blocks * 512  # noqa: PTH118 - many files
    return total
