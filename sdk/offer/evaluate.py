"""A requirement against the offers of one agent and role: a match with its operations, or every reason against it.

All stages always run, so that the refusal lists each unmet need and not only the first one.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sdk.core.effects import Launch, Operation, Reserve, TaskLaunch, Unreserve
from sdk.model.ids import ExecutorId, ResourceId, TaskId
from sdk.model.records import Holding, TaskRecord
from sdk.model.resources import MILLI, Offer, Resource
from sdk.model.spec import PortSpec, TaskSpec
from sdk.model.status import TaskState, TaskStatus
from sdk.offer.algebra import add, contain, excess
from sdk.offer.draw import Amounts, draw, plain
from sdk.offer.placement import refusals as placement_refusals
from sdk.offer.pool import Pool, ranges_of, scalar_of
from sdk.offer.ports import choose
from sdk.offer.requirement import Claimant, Requirement
from sdk.offer.reservation import Owner, reserved

MAINTENANCE_MARGIN = 3600.0
"""Seconds before an announced maintenance window in which nothing new is placed on the agent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The requirement fits: what to tell Mesos, what to store first, and what is left of the pool."""

    operations: tuple[Operation, ...]
    tasks: tuple[TaskRecord, ...]
    holding: Holding
    rest: Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The requirement does not fit; one sentence for each unmet need.

    Empty when the offer lacks what the instance holds: nothing is wrong with it, the right one has yet to come.
    """

    reasons: tuple[str, ...]


def evaluate(requirement: Requirement, pool: Pool, claimant: Claimant) -> Match | Refusal:
    """Whether the instance can run on what `pool` offers."""
    if requirement.holding is not None and not held(requirement.holding, pool, claimant):
        return Refusal(reasons=())
    reasons: list[str] = []
    if requirement.holding is None:
        reasons.extend(_place_reasons(requirement, pool, claimant))
    sources, missing_role = _sources(requirement, pool, claimant)
    if missing_role is not None:
        # Amounts of an agent that is out of the question would only be noise.
        return Refusal(reasons=(missing_role, *reasons))
    chosen: dict[str, Mapping[str, int]] = {}
    free = ranges_of(sources, "ports")
    offered = ranges_of([resource for offer in pool.offers for resource in offer.resources], "ports")
    given: set[int] = {port.number for task in requirement.tasks for port in task.ports if port.number}
    for task in requirement.tasks:
        choice = choose(
            task.ports,
            free,
            seed=f"{requirement.config}/{requirement.instance}/{pool.agent_id}/{task.name}",
            sticky=requirement.ports.get(task.name),
            excluded=[*(given | claimant.static_ports)],
            offered=offered,
        )
        chosen[task.name] = choice.numbers
        given.update(choice.numbers.values())
        reasons.extend(choice.refusals)
    wanted = _wanted(requirement.tasks, chosen)
    for name, amount in wanted.scalars():
        present = scalar_of(sources, name)
        if present < amount:
            reasons.append(f"{name}: wants {amount / MILLI}, offer has {present / MILLI}")
    if reasons:
        return Refusal(reasons=tuple(reasons))
    return _match(requirement, pool, claimant, sources, wanted, chosen)


def held(holding: Holding, pool: Pool, claimant: Claimant) -> bool:
    """Whether the pool offers all of the holding."""
    if holding.agent_id != pool.agent_id or holding.resource_id is None:
        return False
    return contain(pool.own(claimant.framework_id).get(holding.resource_id, ()), holding.resources)


def _place_reasons(requirement: Requirement, pool: Pool, claimant: Claimant) -> list[str]:
    reasons = list(placement_refusals(requirement.pod.constraints, pool.place, requirement.siblings))
    avoided = requirement.avoid.get(pool.hostname)
    if avoided is not None:
        reasons.append(avoided)
    if any(_near_maintenance(offer, claimant.now) for offer in pool.offers):
        reasons.append(f"{pool.hostname} is announced for maintenance")
    return reasons


def _near_maintenance(offer: Offer, now: float) -> bool:
    start, duration = offer.unavailability_start, offer.unavailability_duration
    if start is None or start > now + MAINTENANCE_MARGIN:
        return False
    return duration is None or start + duration > now


def _sources(requirement: Requirement, pool: Pool, claimant: Claimant) -> tuple[tuple[Resource, ...], str | None]:
    """What may be used, in the order in which it is taken: our own reservation, the static one, unreserved.

    Under a prereserved role the agent must hold something for that role; kinds that it holds unreserved (a disk that
    the agent detected itself, for example) may be added to it.
    """
    own: tuple[Resource, ...] = ()
    if requirement.holding is not None and requirement.holding.resource_id is not None:
        own = pool.own(claimant.framework_id).get(requirement.holding.resource_id, ())
    usable = plain(pool.resources)
    unreserved = tuple(resource for resource in usable if not resource.reservations)
    role = requirement.pod.prereserved_role
    if role is None:
        return (*own, *unreserved), None
    static = tuple(
        resource
        for resource in usable
        if len(resource.reservations) == 1
        and not resource.reservations[0].dynamic
        and resource.reservations[0].role == role
    )
    if not static and not own:
        return (), f"role {role} missing"
    return (*own, *static, *unreserved), None


def _wanted(tasks: Sequence[TaskSpec], chosen: Mapping[str, Mapping[str, int]]) -> Amounts:
    return Amounts(
        cpus=sum(task.cpus for task in tasks),
        mem=sum(task.mem for task in tasks),
        disk=sum(task.disk for task in tasks),
        ports=tuple(number for task in tasks for number in chosen[task.name].values()),
    )


def _match(
    requirement: Requirement,
    pool: Pool,
    claimant: Claimant,
    sources: tuple[Resource, ...],
    wanted: Amounts,
    chosen: Mapping[str, Mapping[str, int]],
) -> Match:
    old = requirement.holding
    resource_id = old.resource_id if old is not None else None
    own = pool.own(claimant.framework_id).get(resource_id, ()) if resource_id is not None else ()
    taken, _ = draw(sources, wanted)
    operations: list[Operation] = []
    if requirement.pod.role == "*":
        ready = taken  # nothing can be reserved for `*`
    else:
        resource_id = resource_id or ResourceId(claimant.new_id())
        owner = Owner(
            role=requirement.pod.role,
            principal=claimant.principal,
            framework_id=claimant.framework_id,
            service=requirement.service,
            pod=requirement.instance,
            resource_id=resource_id,
        )
        kept = excess(own, excess(own, taken))
        fresh = tuple(reserved(resource, owner) for resource in excess(taken, kept))
        surplus = excess(own, taken)
        if surplus:
            operations.append(Unreserve(resources=surplus))
        if fresh:
            operations.append(Reserve(resources=fresh))
        ready = add(kept, fresh)
    launches, records = _launches(requirement, pool, claimant, ready, chosen)
    operations.append(Launch(tasks=launches))
    place = pool.place
    return Match(
        operations=tuple(operations),
        tasks=records,
        holding=Holding(
            agent_id=pool.agent_id,
            hostname=pool.hostname,
            role=pool.role,
            resources=ready,
            resource_id=resource_id,
            region=place.region,
            zone=place.zone,
            attributes=place.attributes,
            confirmed=old is not None,
        ),
        # Surplus that is unreserved in this ACCEPT is not given to others in the same round.
        rest=pool.without(add(taken, excess(own, taken))),
    )


def _launches(
    requirement: Requirement,
    pool: Pool,
    claimant: Claimant,
    ready: tuple[Resource, ...],
    chosen: Mapping[str, Mapping[str, int]],
) -> tuple[tuple[TaskLaunch, ...], tuple[TaskRecord, ...]]:
    launches: list[TaskLaunch] = []
    records: list[TaskRecord] = []
    left = ready
    for task in requirement.tasks:
        name = f"{requirement.instance}-{task.name}"
        task_id = TaskId(f"{requirement.prefix}__{name}__{claimant.new_id()}")
        numbers = chosen[task.name]
        share, left = draw(left, Amounts(cpus=task.cpus, mem=task.mem, disk=task.disk, ports=tuple(numbers.values())))
        executor_id: ExecutorId | None = None
        executor_share: tuple[Resource, ...] = ()
        if task.executor is not None:
            executor_id = ExecutorId(task_id)
            executor_share, share = draw(share, Amounts(cpus=task.executor.cpus, mem=task.executor.mem))
        ports = tuple((port, numbers[port.name]) for port in task.ports)
        launches.append(
            TaskLaunch(
                task_id=task_id,
                name=name,
                agent_id=pool.agent_id,
                resources=share,
                command=task.command,
                executor=task.executor,
                executor_id=executor_id,
                executor_resources=executor_share,
                environment=_environment(requirement, task, ports, claimant),
                labels=(*task.labels, *task.volatile_labels),
                # Named ports reach other systems only through DiscoveryInfo.
                discovery_name=task.discovery_name or (name if ports else None),
                ports=ports,
                data=_data(requirement, task, task_id, numbers),
                health_check=task.health_check,
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
                address=pool.offers[0].address,
            )
        )
    return tuple(launches), tuple(records)


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
