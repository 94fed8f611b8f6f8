"""Which tasks, executors and task groups the master refuses, and with which words.

Knows the checks of Mesos and their order; knows no offers beyond the resources it is given.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from sdk.local.core.container_validation import command_problem, container_problem
from sdk.local.core.model import Agent, Framework
from sdk.local.core.resources import Resources, reservation_role, text
from sdk.local.core.validation import id_problem
from sdk.local.core.wire import Json

# Less than this no executor of a task group may have (MIN_CPUS, MIN_MEM), in thousandths.
_MIN_CPUS, _MIN_MEM = 10, 32_000


def task_problem(framework: Framework, agent: Agent, task: Json, available: Resources) -> str | None:
    """Why a task may not be launched on `agent` with `available` left of the offers, or None."""
    if why := _first(_of_any_task(framework, agent, task)):
        return why
    if ("executor" in task) == ("command" in task):
        return "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present"
    executor: Json | None = task.get("executor")
    needed = Resources.of(task["resources"])
    if executor is not None:
        if why := executor_problem(executor, framework, agent):
            return why
        if executor.get("type", "CUSTOM") != "CUSTOM":
            return "'ExecutorInfo.type' must be 'CUSTOM'"
        own = executor.get("resources", [])
        if (shared := _shared(own)) is not None:
            return f"Executor resources {shared} should not contain any shared resources"
        if _overlap(task["resources"], own):
            return (
                f"There are overlapping resources in the task resources {needed} "
                f"and executor resources {Resources.of(own)}"
            )
        if why := _persistence_problem([*task["resources"], *own]):
            return f"Task and its executor use duplicate persistence ID: {why}"
        if (framework.framework_id, executor["executor_id"]["value"]) not in agent.executors:
            needed = needed + Resources.of(own)
    if not available.contains(needed):
        return f"Total resources {needed} required by task and its executor is more than available {available}"
    return None


def group_problem(
    framework: Framework, agent: Agent, executor: Json, tasks: Sequence[Json], available: Resources
) -> str | None:
    """Why a task group may not be launched, or None."""
    seen: set[str] = set()
    for task in tasks:
        if why := _group_task_problem(framework, agent, executor, task, seen):
            return f"Task '{task['task_id']['value']}' is invalid: {why}"
    if why := executor_problem(executor, framework, agent):
        return why
    if "type" not in executor:
        return "'ExecutorInfo.type' must be set"
    if executor.get("container", {}).get("type") == "DOCKER":
        return "Docker ContainerInfo is not supported on the executor"
    own = Resources.of(executor.get("resources"))
    name = executor["executor_id"]["value"]
    scalars = own.scalars()
    if scalars.get("cpus", 0) < _MIN_CPUS:
        have = f"{scalars['cpus'] / 1000:g}" if "cpus" in scalars else "None"
        return f"Executor '{name}' uses less CPUs ({have}) than the minimum required ({_MIN_CPUS / 1000:g})"
    if scalars.get("mem", 0) < _MIN_MEM:
        have = f"{scalars['mem'] / 1000:g}" if "mem" in scalars else "None"
        return f"Executor '{name}' uses less memory ({have}) than the minimum required ({_MIN_MEM // 1000}MB)"
    if "disk" not in scalars:
        return f"Executor '{name}' uses no disk"
    everything = [*executor.get("resources", []), *(item for task in tasks for item in task["resources"])]
    if why := _persistence_problem(everything):
        return f"Task group and executor use duplicate persistence ID: {why}"
    if _overlap(executor.get("resources", []), *(task["resources"] for task in tasks)):
        return (
            f"There are overlapping resources in the task group's task resources "
            f"{Resources.of(item for task in tasks for item in task['resources'])} and/or executor resources {own}"
        )
    running = (framework.framework_id, name) in agent.executors
    needed = Resources() if running else own
    for task in tasks:
        needed = needed + Resources.of(task["resources"])
    if not available.contains(needed):
        return f"Total resources {needed} required by task group and its executor are more than available {available}"
    return None


def _group_task_problem(framework: Framework, agent: Agent, executor: Json, task: Json, seen: set[str]) -> str | None:
    task_id = task["task_id"]["value"]
    # The real master aborts on a repeated id within a group.
    if task_id in seen:
        return f"Task has duplicate ID: {task_id}"
    seen.add(task_id)
    if why := _first(_of_any_task(framework, agent, task)):
        return why
    if task.get("executor", executor) != executor:
        return f"The `ExecutorInfo` of task '{task_id}' is different from executor '{executor['executor_id']['value']}'"
    container = task.get("container", {})
    if container.get("network_infos") and task.get("health_check", {}).get("type") in ("HTTP", "TCP"):
        return "HTTP and TCP health checks are not supported for nested containers not joining parent's network"
    if container.get("type") == "DOCKER":
        return "Docker ContainerInfo is not supported on the task"
    if task.get("limits") and container.get("linux_info", {}).get("share_cgroups", True):
        return (
            "Resource limits may only be set for tasks within a task group when the 'share_cgroups' field is set to "
            "'false'."
        )
    return None


def executor_problem(executor: Json, framework: Framework, agent: Agent) -> str | None:
    """Why an ExecutorInfo may not run on the agent, or None."""
    return _first(_of_executor(executor, framework, agent))


def _first(problems: Iterator[str | None]) -> str | None:
    return next((why for why in problems if why is not None), None)


def _of_any_task(framework: Framework, agent: Agent, task: Json) -> Iterator[str | None]:
    """The checks of a task but for its executor, in the order of Mesos."""
    # What is no resource at all is refused before anything else is looked at.
    yield _syntax_problem([*task.get("resources", []), *task.get("executor", {}).get("resources", [])])
    task_id = task["task_id"]["value"]
    yield id_problem(task_id)
    if task_id in framework.tasks:
        yield f"Task has duplicate ID: {task_id}"
    if task_id in framework.unreachable:
        yield f"Task reuses the ID of an unreachable task: {task_id}"
    if task["agent_id"]["value"] != agent.agent_id:
        yield f"Task uses invalid agent {task['agent_id']['value']} while agent {agent.agent_id} is expected"
    if task.get("kill_policy", {}).get("grace_period", {}).get("nanoseconds", 0) < 0:
        yield "Task's 'kill_policy.grace_period' must be non-negative"
    if task.get("max_completion_time", {}).get("nanoseconds", 0) < 0:
        yield "Task's `max_completion_time` must be non-negative"
    for name, what in (("check", "check"), ("health_check", "health check")):
        if name in task and (why := _check_problem(task[name], what)):
            yield f"Task uses invalid {what}: {why}"
    if not task.get("resources"):
        yield "Task uses no resources"
        return
    yield from _semantics(task["resources"], "Task", "Invalid task resources")
    if "command" in task and (why := command_problem(task["command"])):
        yield f"Task's `CommandInfo` is invalid: {why}"
    if "container" in task and (why := container_problem(task["container"])):
        yield f"Task's `ContainerInfo` is invalid: {why}"
    yield _limits_problem(task)


def _of_executor(executor: Json, framework: Framework, agent: Agent) -> Iterator[str | None]:
    kind = executor.get("type")
    if kind == "DEFAULT":
        if "command" in executor:
            yield "'ExecutorInfo.command' must not be set for 'DEFAULT' executor"
        container = executor.get("container")
        if container is not None and container["type"] != "MESOS":
            yield "'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor"
    elif kind in (None, "CUSTOM"):
        if "command" not in executor:
            yield "'ExecutorInfo.command' must be set for 'CUSTOM' executor"
    else:
        yield "Unknown executor type"
    executor_id = executor["executor_id"]["value"]
    yield id_problem(executor_id)
    if executor.get("shutdown_grace_period", {}).get("nanoseconds", 0) < 0:
        yield "ExecutorInfo's 'shutdown_grace_period' must be non-negative"
    if "command" in executor and (why := command_problem(executor["command"])):
        yield f"Executor's `CommandInfo` is invalid: {why}"
    if "container" in executor and (why := container_problem(executor["container"])):
        yield f"Executor's `ContainerInfo` is invalid: {why}"
    named = executor.get("framework_id", {}).get("value", framework.framework_id)
    if named != framework.framework_id:
        yield f"ExecutorInfo has an invalid FrameworkID (Actual: {named} vs Expected: {framework.framework_id})"
    resources = executor.get("resources", [])
    yield _syntax_problem(resources)
    yield from _semantics(resources, "Executor", "Invalid executor resources")
    running = agent.executors.get((framework.framework_id, executor_id))
    if running is not None and running.info != executor:
        yield (
            "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.\n"
            f"------------------------------------------------------------\nExisting ExecutorInfo:\n{running.info}\n"
            f"------------------------------------------------------------\nTask's ExecutorInfo:\n{executor}\n"
            "------------------------------------------------------------\n"
        )


def _syntax_problem(resources: list[Json]) -> str | None:
    """Why one of these is no resource, or None."""
    for item in resources:
        if item["type"] not in ("SCALAR", "RANGES", "SET"):
            return f"Resource '{item['name']}' is invalid: Unsupported resource type"
        if item["type"].lower() not in item:
            return f"Resource '{item['name']}' is invalid: Invalid {item['type'].lower()} resource"
        if item["type"] == "SCALAR" and item["scalar"]["value"] < 0:
            return f"Resource '{text(item)}' is invalid: Invalid scalar resource: value <= 0"
        if item["type"] == "RANGES":
            spans = [(span["begin"], span["end"]) for span in item["ranges"].get("range", ())]
            if any(begin > end for begin, end in spans):
                return f"Resource '{item['name']}' is invalid: Invalid ranges resource: begin > end"
    return None


def _semantics(resources: list[Json], who: str, head: str) -> Iterator[str | None]:
    """What cannot be used together or at all, of a task or an executor."""
    for item in resources:
        if item["name"] == "gpus" and round(item.get("scalar", {}).get("value", 0.0) * 1000) % 1000:
            rule = "The 'gpus' resource must be an unsigned integer"
            yield f"{who} uses invalid resources: Invalid 'gpus' resource: {rule}"
        if why := _disk_problem(item):
            yield f"{who} uses invalid resources: Invalid DiskInfo: {why}"
    if why := _persistence_problem(resources):
        yield f"{who} uses duplicate persistence ID: {why}"
    roles = list(dict.fromkeys(item.get("allocation_info", {}).get("role", "*") for item in resources))
    if len(roles) > 1:
        yield (
            f"{head}: The resources have multiple allocation roles ('{roles[1]}' and '{roles[0]}') "
            "but only one allocation role is allowed"
        )
    for name in dict.fromkeys(item["name"] for item in resources):
        if len({"revocable" in item for item in resources if item["name"] == name}) > 1:
            yield (
                f"{who} mixes revocable and non-revocable resources: "
                f"Cannot use both revocable and non-revocable '{name}' at the same time"
            )


def _disk_problem(item: Json) -> str | None:
    disk: Json | None = item.get("disk")
    if disk is None:
        return None
    if "persistence" not in disk:
        if "volume" in disk:
            return "Non-persistent volume not supported"
        return None if "source" in disk else "DiskInfo is set but empty"
    if "revocable" in item:
        return "Persistent volumes cannot be created from revocable resources"
    if reservation_role(item) == "*":
        return "Persistent volumes cannot be created from unreserved resources"
    if "volume" not in disk:
        return "Expecting 'volume' to be set for persistent volume"
    if "host_path" in disk["volume"]:
        return "Expecting 'host_path' to be unset for persistent volume"
    why = id_problem(disk["persistence"]["id"])
    return None if why is None else f"Invalid persistence ID for persistent volume: {why}"


def _persistence_problem(resources: Sequence[Json]) -> str | None:
    """Volumes of one role must have different ids; the same shared volume may be named twice."""
    seen: dict[tuple[str, str], Json] = {}
    for item in resources:
        persistence = item.get("disk", {}).get("persistence")
        if persistence is None:
            continue
        key = (reservation_role(item), persistence["id"])
        if key in seen and not ("shared" in item and seen[key] == item):
            return f"Persistence ID '{persistence['id']}' is not unique"
        seen[key] = item
    return None


def _shared(resources: list[Json]) -> Resources | None:
    return Resources.of(resources) if any("shared" in item for item in resources) else None


def _overlap(*parts: list[Json]) -> bool:
    """Whether the same port or item of a set is asked for twice."""
    ranges: dict[str, list[tuple[int, int]]] = {}
    items: dict[str, list[str]] = {}
    for part in parts:
        # Within one task the same port twice is one port.
        own = Resources.of(part)
        for name in dict.fromkeys(item["name"] for item in part):
            ranges.setdefault(name, []).extend(own.spans(name))
            items.setdefault(name, []).extend(
                sorted(
                    {value for item in part if item["name"] == name for value in item.get("set", {}).get("item", ())}
                )
            )
    for spans in ranges.values():
        spans.sort()
        if any(later[0] <= earlier[1] for earlier, later in pairwise(spans)):
            return True
    return any(len(values) != len(set(values)) for values in items.values())


def _check_problem(check: Json, what: str) -> str | None:
    kind = check.get("type")
    if kind is None:
        return f"{'HealthCheck' if what == 'health check' else 'CheckInfo'} must specify 'type'"
    if kind not in ("COMMAND", "HTTP", "TCP"):
        return f"'{kind}' is not a valid {what} type"
    if kind.lower() not in check:
        return f"Expecting '{kind.lower()}' to be set for {kind} {what}"
    if kind == "COMMAND":
        command: Json = check["command"] if what == "health check" else check["command"]["command"]
        if "value" not in command:
            wanted = "'shell command'" if command.get("shell", True) else "'executable path'"
            return f"Command {what} must contain {wanted}"
        if why := command_problem(command):
            return f"{what.capitalize()}'s `CommandInfo` is invalid: {why}"
    if kind == "HTTP":
        http = check["http"]
        if what == "health check" and http.get("scheme", "http") not in ("http", "https"):
            return f"Unsupported HTTP health check scheme: '{http['scheme']}'"
        if not http.get("path", "/").startswith("/"):
            return f"The path '{http['path']}' of HTTP {what} must start with '/'"
    for name in ("delay_seconds", "grace_period_seconds", "interval_seconds", "timeout_seconds"):
        if check.get(name, 0) < 0:
            return f"Expecting '{name}' to be non-negative"
    return None


def _limits_problem(task: Json) -> str | None:
    limits: Json = task.get("limits", {})
    if set(limits) - {"cpus", "mem"}:
        return "Only cpus and mem may be included in a task's resource limits"
    wanted = Resources.of(task["resources"]).scalars()
    for name, called, article in (("cpus", "CPU", "cpu"), ("mem", "memory", "memory")):
        if name not in limits:
            continue
        if name not in wanted:
            return f"When a {called} limit is specified, a {called} request must also be specified"
        if round(limits[name]["value"] * 1000) < wanted[name]:
            return f"The {article} limit must be greater than or equal to the {article} request"
    return None
