"""What is launched: the tasks of a requirement with all numbers decided, and what is stored of them first.

Knows how resources that are ready on an agent are shared among the tasks; whether there are enough is known before.
"""

import json
from collections.abc import Mapping, Sequence

from sdk.model.ids import ExecutorId, TaskId
from sdk.model.operations import TaskLaunch
from sdk.model.records import TaskRecord
from sdk.model.resources import Resource
from sdk.model.spec import PortSpec, TaskSpec
from sdk.model.status import TaskState, TaskStatus
from sdk.offer.draw import Amounts, draw
from sdk.offer.pool import Pool
from sdk.offer.requirement import Claimant, Requirement
from sdk.offer.reserving import Prepared

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
) -> tuple[tuple[TaskLaunch, ...], tuple[TaskRecord, ...]]:
    """The tasks to be launched, and their records; `prepared` is what they have on the agent."""
    tasks: list[TaskLaunch] = []
    records: list[TaskRecord] = []
    left = prepared.ready
    for task in requirement.tasks:
        name = f"{requirement.instance}-{task.name}"
        task_id = TaskId(f"{requirement.prefix}__{name}__{claimant.new_id()}")
        numbers = chosen[task.name]
        of_agent = ports_of_agent(task, numbers)
        share, left = draw(left, Amounts(cpus=task.cpus, mem=task.mem, disk=task.disk, ports=of_agent))
        executor_id: ExecutorId | None = None
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
                address=pool.offers[0].address if task.container.on_agents_network else None,
            )
        )
    return tuple(tasks), tuple(records)


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
        **{port_variable(port): str(number) for port, number in ports},
        **task.environment,
    }


def _data(requirement: Requirement, task: TaskSpec, task_id: TaskId, numbers: Mapping[str, int]) -> str | None:
    if task.executor is None and task.data is None:
        return None
    added = {"ports": dict(numbers), "pod": requirement.instance, "task_id": task_id}
    return json.dumps({**(task.data or {}), **added}, sort_keys=True)
