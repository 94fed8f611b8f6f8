"""Tasks and groups that come to an agent: given to their executor, which is started first if it does not run.

Knows what makes an agent refuse them. How executors are talked to stands in `executors`.
"""

from sdk.local.core import executor_resources, executors, networks, updates
from sdk.local.core.agent_model import AgentState, AgentTask, ContainerAddress, ExecutorRun, Launch
from sdk.local.core.shared import shared
from sdk.local.core.wire import Json, ordered


def run_task(state: AgentState, message: Json, now: float) -> None:
    """RUN_TASK: give it to its executor, which is started first if it does not run."""
    framework_id = message["framework_info"]["id"]["value"]
    info: Json = message["task"]
    command = "executor" not in info
    executor = command_executor(framework_id, info) if command else info["executor"]
    task = AgentTask(
        framework_id=framework_id, info=info, executor_id=executor["executor_id"]["value"], command=command
    )
    _run(state, message["framework_info"], executor, [task], now)


def run_group(state: AgentState, message: Json, now: float) -> None:
    """RUN_TASK_GROUP: all its tasks go to one executor in one event, or none does."""
    framework_id = message["framework_info"]["id"]["value"]
    executor: Json = message["executor"]
    group = [info["task_id"]["value"] for info in message["tasks"]]
    tasks = [
        AgentTask(
            framework_id=framework_id,
            info=ordered("Task", info | {"executor": executor}),
            executor_id=executor["executor_id"]["value"],
            group=group,
        )
        for info in message["tasks"]
    ]
    _run(state, message["framework_info"], executor, tasks, now)


def _run(state: AgentState, framework: Json, executor: Json, tasks: list[AgentTask], now: float) -> None:
    framework_id = framework["id"]["value"]
    executors.know_framework(state, framework)
    if any((framework_id, task.task_id) in state.tasks for task in tasks):
        return
    for task in tasks:
        state.tasks[(framework_id, task.task_id)] = task
    if not executor_resources.has_reserved(state, executor, tasks):
        aware = any(item.get("type") == "PARTITION_AWARE" for item in framework.get("capabilities", ()))
        text = "The checkpointed resources being used by the task or task group are unknown to the agent"
        for task in tasks:
            name = "TASK_DROPPED" if aware else "TASK_LOST"
            content = updates.agent_status(state, task, name, "REASON_RESOURCES_UNKNOWN", text, now)
            updates.add(state, task, content, now)
        if not tasks[0].command and (framework_id, executor["executor_id"]["value"]) not in state.runs:
            # The master counts it as running since it sent the launch.
            executors.tell_exited(state, framework_id, executor["executor_id"]["value"], -1)
        return
    run = state.runs.get((framework_id, executor["executor_id"]["value"]))
    if run is not None and run.state == "TERMINATING":
        for task in tasks:
            content = updates.agent_status(
                state, task, "TASK_DROPPED", "REASON_EXECUTOR_TERMINATED", "Executor terminating", now
            )
            updates.add(state, task, content, now)
        return
    if run is not None:
        for task in tasks:
            updates.checkpoint_task(state, task)
        if run.stream is not None:
            executors.deliver(state, run, tasks)
        return
    container: Json = (tasks[0].info if tasks[0].command else executor).get("container", {})
    addresses: tuple[ContainerAddress, ...] = ()
    refusal: str | None = None
    try:
        addresses = networks.join(state, container)
    except networks.NoAddress as error:
        refusal = str(error)
    run = ExecutorRun(
        framework_id=framework_id,
        executor_id=executor["executor_id"]["value"],
        container_id=state.config.new_container_id(),
        info=executor,
        command=tasks[0].command,
        networks=[] if refusal else networks.told(container, addresses),
        # What is fetched counts: a server that never ends does not keep a task staging for ever.
        deadline=now + state.config.executor_registration_timeout,
    )
    state.runs[run.key] = run
    executors.checkpoint(state, run)
    for task in tasks:
        updates.checkpoint_task(state, task)
    state.out.append(
        Launch(
            container_id=run.container_id,
            framework_id=framework_id,
            executor_id=run.executor_id,
            executor=run.info,
            framework=framework,
            task=tasks[0].info if run.command else None,
            resources=executor_resources.used(run, tasks).json(),
            addresses=addresses,
            refusal=refusal,
        )
    )


def command_executor(framework_id: str, task: Json) -> Json:
    """The ExecutorInfo that the agent makes up for a command task."""
    command: Json = task["command"]
    shown = command.get("value", "")
    if command.get("shell", True):
        shown = f"sh -c '{shown}'"
    given: Json = next(iter(task.get("resources", ())), {})
    allocation = {"allocation_info": given["allocation_info"]} if "allocation_info" in given else {}
    return {
        "executor_id": task["task_id"],
        "framework_id": {"value": framework_id},
        "command": {name: part for name, part in command.items() if name in ("uris", "user", "environment")},
        "resources": [
            shared({"name": name, "type": "SCALAR", "scalar": {"value": value}} | allocation)
            for name, value in (("cpus", 0.1), ("mem", 32.0))
        ],
        "name": f"Command Executor (Task: {task['task_id']['value']}) (Command: {shown})",
        "source": task["task_id"]["value"],
    }
