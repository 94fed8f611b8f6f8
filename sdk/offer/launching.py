"""What is launched: the tasks of a requirement with all numbers decided, and what is stored of them first.

Knows how resources that are ready on an agent are shared among the tasks; whether there are enough is known before.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sdk.model.group import GroupSpec
from sdk.model.ids import ExecutorId, TaskId
from sdk.model.operations import Launch, LaunchGroup, TaskLaunch
from sdk.model.records import TaskRecord
from sdk.model.resources import Resource
from sdk.model.spec import CommandSpec, PortSpec, TaskSpec
from sdk.model.status import TaskState, TaskStatus
from sdk.offer.draw import Amounts, draw
from sdk.offer.pool import Pool
from sdk.offer.requirement import Claimant, Requirement
from sdk.offer.reserving import Prepared

_NOTHING = "exec sleep 2147483647"
"""What runs in the place of a paused task."""

Numbers = Mapping[str, Mapping[str, int]]
"""Of ports, by the names of task and port."""


def ports_of_agent(task: TaskSpec, numbers: Mapping[str, int]) -> tuple[int, ...]:
    """Those of the task's ports that the agent has to offer."""
    return tuple(numbers.values()) if task.container.on_agents_network else ()


def launches(
    requirement: Requirement,
    pool: Pool,
    claimant: Claimant,
    prepared: Prepared,
    chosen: Numbers,
) -> tuple[tuple[Launch, ...], tuple[TaskRecord, ...]]:
    """What launches the tasks, and their records; `prepared` is what they have on the agent."""
    tasks: list[TaskLaunch] = []
    records: list[TaskRecord] = []
    left = prepared.ready
    group = requirement.pod.group
    shared: _Shared | None = None
    if group is not None:
        shared, left = _shared(requirement, group, prepared, claimant)
    for wanted in requirement.tasks:
        paused = wanted.name in requirement.paused
        task = _paused(wanted) if paused else wanted
        name = f"{requirement.instance}-{task.name}"
        task_id = TaskId(f"{requirement.prefix}__{name}__{claimant.new_id()}")
        numbers = chosen[task.name]
        of_agent = ports_of_agent(task, numbers)
        share, left = draw(left, Amounts(cpus=task.cpus, mem=task.mem, disk=task.disk, ports=of_agent))
        executor_id: ExecutorId | None = None if shared is None else shared.executor_id
        executor_share: tuple[Resource, ...] = ()
        if task.executor is not None:
            executor_id = ExecutorId(task_id)
            executor_share, share = draw(share, Amounts(cpus=task.executor.cpus, mem=task.executor.mem))
        ports = tuple((port, numbers[port.name]) for port in task.ports if port.name in numbers)
        tasks.append(
            TaskLaunch(
                task_id=task_id,
                name=name,
                agent_id=pool.agent_id,
                resources=(*share, *(prepared.volumes[(task.name, volume.name)] for volume in task.volumes)),
                command=task.command,
                executor=task.executor,
                executor_id=executor_id,
                executor_resources=executor_share,
                container=task.container,
                environment=_environment(requirement, task, ports, claimant),
                labels=(*task.labels, *task.volatile_labels),
                # Named ports reach other systems only through DiscoveryInfo.
                discovery_name=task.discovery_name or (name if ports else None),
                ports=ports,
                data=_data(requirement, task, task_id, numbers),
                health_check=task.health_check,
                readiness_check=task.readiness_check,
                limits=task.limits,
                kill_grace=task.kill_grace,
            )
        )
        records.append(
            TaskRecord(
                name=task.name,
                task_id=task_id,
                agent_id=pool.agent_id,
                hostname=pool.hostname,
                config=requirement.config,
                status=TaskStatus(task_id=task_id, state=TaskState.STAGING, agent_id=pool.agent_id),
                launched_at=claimant.now,
                changed_at=claimant.now,
                ports=dict(numbers),
                executor_id=executor_id,
                paused=paused,
                address=pool.offers[0].address if task.container.on_agents_network else None,
            )
        )
    return (Launch(tasks=tuple(tasks)),) if shared is None else _groups(requirement, tasks, shared), tuple(records)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    """The executor of a task group."""

    executor_id: ExecutorId
    resources: tuple[Resource, ...]
    shutdown_grace: float


def _shared(
    requirement: Requirement, group: GroupSpec, prepared: Prepared, claimant: Claimant
) -> tuple[_Shared, tuple[Resource, ...]]:
    """The executor, and what is left for the tasks.

    Mesos takes one that runs for the same only when nothing of it differs: its resources are those with which it came,
    the first of all that is held.
    """
    amounts = Amounts(cpus=group.cpus, mem=group.mem, disk=group.disk)
    running = requirement.executor_id if requirement.beside else None
    share, left = draw(prepared.held if running else prepared.ready, amounts)
    name = running or ExecutorId(f"{requirement.prefix}__{requirement.instance}__{claimant.new_id()}")
    shared = _Shared(executor_id=name, resources=share, shutdown_grace=group.shutdown_grace)
    return shared, prepared.ready if running else left


def _groups(requirement: Requirement, tasks: Sequence[TaskLaunch], shared: _Shared) -> tuple[Launch, ...]:
    """Mesos ends a group as a whole: those that are launched together are one, each of the others is one of its own."""
    apart = {f"{requirement.instance}-{spec.name}" for spec in requirement.pod.tasks if spec.apart}
    together = tuple(task for task in tasks if task.name not in apart)
    groups = [*([together] if together else []), *((task,) for task in tasks if task.name in apart)]
    return tuple(
        LaunchGroup(
            tasks=group,
            executor_id=shared.executor_id,
            executor_resources=shared.resources,
            shutdown_grace=shared.shutdown_grace,
        )
        for group in groups
    )


def _paused(task: TaskSpec) -> TaskSpec:
    """In its place, with all that it has, but doing nothing: nobody checks it, and its own executor does not run."""
    own = task.command or (None if task.executor is None else task.executor.command)
    command = CommandSpec(value=_NOTHING, user=None if own is None else own.user)
    return replace(
        task, command=command, executor=None, data=None, health_check=None, readiness_check=None, reports_health=False
    )


def port_variable(port: PortSpec) -> str:
    """The environment variable that tells a task the number of `port`."""
    if port.env is not None:
        return port.env
    return "PORT_" + "".join(character if character.isalnum() else "_" for character in port.name.upper())


def _environment(
    requirement: Requirement, task: TaskSpec, ports: Sequence[tuple[PortSpec, int]], claimant: Claimant
) -> dict[str, str]:
    return {
        "FRAMEWORK_NAME": claimant.framework_name,
        "SERVICE_NAME": requirement.service,
        "POD_INSTANCE": requirement.instance,
        "POD_INSTANCE_INDEX": str(requirement.index),
        "TASK_NAME": f"{requirement.instance}-{task.name}",
        **{port_variable(port): str(port.inside(number, task.container)) for port, number in ports},
        **task.environment,
    }


def _data(requirement: Requirement, task: TaskSpec, task_id: TaskId, numbers: Mapping[str, int]) -> str | None:
    if task.executor is None and task.data is None:
        return None
    added = {"ports": dict(numbers), "pod": requirement.instance, "task_id": task_id}
    return json.dumps({**(task.data or {}), **added}, sort_keys=True)
