"""A requirement against the offers of one agent and role: a match with its operations, or every reason against it.

All stages always run, so that the refusal lists each unmet need and not only the first one.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sdk.model.ids import ExecutorId, ResourceId, TaskId
from sdk.model.leaving import near
from sdk.model.operations import Launch, Operation, Reserve, TaskLaunch, Unreserve
from sdk.model.records import Holding, TaskRecord
from sdk.model.resources import MILLI, Resource
from sdk.model.spec import PortSpec, TaskSpec
from sdk.model.status import TaskState, TaskStatus
from sdk.offer.algebra import add, contain, excess
from sdk.offer.draw import Amounts, draw
from sdk.offer.pool import Pool, Sources
from sdk.offer.ports import choose, choose_of_container
from sdk.offer.requirement import Claimant, PortKey, Requirement
from sdk.offer.reservation import Owner, reserved


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The requirement fits: what to tell Mesos, what to store first, and what is left of the pool."""

    operations: tuple[Operation, ...]
    tasks: tuple[TaskRecord, ...]
    holding: Holding
    rest: Pool
    lacks: frozenset[PortKey] = frozenset()
    """Optional ports that it does without."""
    without: tuple[str, ...] = ()
    """Sentences that say why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The requirement does not fit; one sentence for each unmet need.

    Empty when the offer lacks what the instance holds: nothing is wrong with it, the right one has yet to come.
    """

    reasons: tuple[str, ...]


def evaluate(requirement: Requirement, pool: Pool, claimant: Claimant) -> Match | Refusal:
    """Whether the instance can run on what `pool` offers."""
    if requirement.holding is not None and not _has_come(requirement, requirement.holding, pool, claimant):
        return Refusal(reasons=())
    reasons: list[str] = []
    if requirement.holding is None:
        reasons.extend(_place_reasons(requirement, pool, claimant))
    sources = _sources(requirement, pool, claimant)
    if sources is None:
        # Amounts of an agent that is out of the question would only be noise.
        return Refusal(reasons=(f"role {requirement.pod.prereserved_role} missing", *reasons))
    chosen, missing, without = _ports(requirement, pool, claimant, sources, refused=bool(reasons))
    reasons.extend(missing)
    has = {(task, port) for task, numbers in chosen.items() for port in numbers}
    if not missing and (requirement.keep - has or (requirement.gain and not requirement.gain & has)):
        reasons.extend(without)
    for name, amount in requirement.scalars:
        present = sources.scalars.get(name, 0)
        if present < amount:
            reasons.append(f"{name}: wants {amount / MILLI}, offer has {present / MILLI}")
    if reasons:
        return Refusal(reasons=tuple(reasons))
    match = _match(requirement, pool, claimant, sources.resources, _wanted(requirement, chosen), chosen)
    lacks = requirement.optional_ports - has
    return replace(match, lacks=lacks, without=tuple(without)) if lacks else match


def _ports(
    requirement: Requirement, pool: Pool, claimant: Claimant, sources: Sources, *, refused: bool
) -> tuple[dict[str, Mapping[str, int]], Sequence[str], Sequence[str]]:
    """Numbers by task and port name, why there are none, and why there are none for optional ports.

    `refused`: it does not run there anyway, so that only the reasons are of interest.
    """
    asked = (sources.ports, pool.offered_ports)
    known = requirement.port_refusals.get(asked)
    if known or (refused and known is not None):  # agents mostly offer the same ports
        return {}, known, ()
    chosen: dict[str, Mapping[str, int]] = {}
    missing: list[str] = []
    without: list[str] = []
    given: set[int] = {port.number for port in requirement.agent_ports if port.number}
    dynamic = sources.ports_without(claimant.static_ports)
    for task in requirement.tasks:
        if not task.container.on_agents_network:
            own = choose_of_container(task.ports)
            chosen[task.name] = own.numbers
            missing.extend(own.refusals)
            without.extend(own.without)
            continue
        choice = choose(
            task.ports,
            sources.ports,
            dynamic=dynamic,
            # The moment is a part of it: an instance that left a port behind must not get the same one again.
            seed=f"{requirement.config}/{requirement.instance}/{pool.agent_id}/{task.name}/{claimant.now}",
            sticky=requirement.ports.get(task.name),
            excluded=given,
            offered=pool.offered_ports,
        )
        chosen[task.name] = choice.numbers
        given.update(choice.numbers.values())
        missing.extend(choice.refusals)
        without.extend(choice.without)
    requirement.port_refusals[asked] = tuple(missing)
    return chosen, missing, without


def _has_come(requirement: Requirement, holding: Holding, pool: Pool, claimant: Claimant) -> bool:
    """Whether the pool offers what the instance holds, or enough of what the others of its tasks do not use."""
    if not requirement.beside:
        return held(holding, pool, claimant)
    if holding.agent_id != pool.agent_id:
        return False
    if holding.resource_id is None:
        return True
    offered = Sources(resources=pool.own(claimant.framework_ids).get(holding.resource_id, ())).scalars
    return all(offered.get(name, 0) >= amount for name, amount in requirement.scalars)


def held(holding: Holding, pool: Pool, claimant: Claimant) -> bool:
    """Whether the pool offers all of the holding."""
    if holding.agent_id != pool.agent_id or holding.resource_id is None:
        return False
    return contain(pool.own(claimant.framework_ids).get(holding.resource_id, ()), holding.resources)


def _place_reasons(requirement: Requirement, pool: Pool, claimant: Claimant) -> list[str]:
    place = pool.place
    reasons = list(requirement.rules.refusals(place, requirement.neighbours))
    if place.region not in (None, claimant.region) and claimant.region is not None and not requirement.any_region:
        reasons.append(f"region {place.region} is not {claimant.region}, the master's; no rule names another")
    avoided = requirement.avoid.get(pool.hostname)
    if avoided is not None:
        reasons.append(avoided)
    if any(near(start, duration, claimant.now) for start, duration in pool.windows):
        reasons.append(f"{pool.hostname} is announced for maintenance")
    return reasons


def _sources(requirement: Requirement, pool: Pool, claimant: Claimant) -> Sources | None:
    """What may be used: our own reservation first; None when the agent holds nothing for the prereserved role."""
    role = requirement.pod.prereserved_role
    holding = requirement.holding
    own: tuple[Resource, ...] = ()
    if holding is not None and holding.resource_id is not None:
        own = pool.own(claimant.framework_ids).get(holding.resource_id, ())
    if not own:
        return pool.sources(role)
    if requirement.beside:
        return Sources(resources=own)
    return Sources(resources=(*own, *pool.static(role), *pool.unreserved))


def _wanted(requirement: Requirement, chosen: Mapping[str, Mapping[str, int]]) -> Amounts:
    ports = tuple(number for task in requirement.tasks for number in _of_agent(task, chosen[task.name]))
    return replace(requirement.amounts, ports=ports)


def _of_agent(task: TaskSpec, numbers: Mapping[str, int]) -> tuple[int, ...]:
    """Those of the task's ports that the agent has to offer."""
    return tuple(numbers.values()) if task.container.on_agents_network else ()


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
    own = pool.own(claimant.framework_ids).get(resource_id, ()) if resource_id is not None else ()
    taken, _ = draw(sources, wanted)
    if requirement.beside and old is not None:
        launches, records = _launches(requirement, pool, claimant, add(taken, ()), chosen)
        operation = Launch(tasks=launches)
        return Match(operations=(operation,), tasks=records, holding=old, rest=pool.without(taken))
    operations: list[Operation] = []
    if requirement.pod.role == "*":
        ready = taken  # nothing can be reserved for `*`
    else:
        resource_id = resource_id or ResourceId(claimant.new_id())
        owner = Owner(
            role=requirement.pod.role,
            principal=claimant.principal,
            framework_id=claimant.framework_ids[0],
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
        ports_of_agent = _of_agent(task, numbers)
        share, left = draw(left, Amounts(cpus=task.cpus, mem=task.mem, disk=task.disk, ports=ports_of_agent))
        executor_id: ExecutorId | None = None
        executor_share: tuple[Resource, ...] = ()
        if task.executor is not None:
            executor_id = ExecutorId(task_id)
            executor_share, share = draw(share, Amounts(cpus=task.executor.cpus, mem=task.executor.mem))
        ports = tuple((port, numbers[port.name]) for port in task.ports if port.name in numbers)
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
                container=task.container,
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
                address=pool.offers[0].address if task.container.on_agents_network else None,
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
