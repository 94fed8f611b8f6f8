"""A requirement against the offers of one agent and role: a match with its operations, or every reason against it.

All stages always run, so that the refusal lists each unmet need and not only the first one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sdk.model.ids import ResourceId
from sdk.model.leaving import near
from sdk.model.operations import Operation
from sdk.model.records import Holding, TaskRecord
from sdk.model.resources import MILLI, Resource
from sdk.offer.algebra import contain
from sdk.offer.draw import Amounts, draw, plain
from sdk.offer.launching import Numbers, launches, ports_of_agent
from sdk.offer.pool import Pool, Sources
from sdk.offer.ports import choose, choose_of_container
from sdk.offer.requirement import Claimant, PortKey, Requirement
from sdk.offer.reserving import in_place, prepare, unreserved
from sdk.offer.volumes import Choice
from sdk.offer.volumes import choose as choose_volumes


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
    notes: tuple[str, ...] = ()
    """Sentences about what stays as it is although something else is wanted."""


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
    volumes = _volumes(requirement, pool, claimant, sources)
    reasons.extend(volumes.refusals)
    if requirement.beside:
        absent = (each.spec.name for each in volumes.volumes if not each.there)
        reasons.extend(f"volume {name}: it is not offered" for name in absent)
    if reasons:
        return Refusal(reasons=tuple(reasons))
    match = _match(requirement, pool, claimant, sources, chosen, volumes)
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
    own = pool.own(claimant.framework_ids).get(holding.resource_id, ())
    names = {task.name for task in requirement.tasks}
    if not {each.id for each in holding.volumes if each.task in names}.issubset(each.volume for each in own):
        return False
    offered = Sources(resources=plain(own)).scalars
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
    disks = tuple(resource for resource in own if not resource.plain)
    if requirement.beside:
        return Sources(resources=plain(own), disks=disks)
    return Sources(resources=(*plain(own), *pool.static(role), *pool.unreserved), disks=(*disks, *pool.disks(role)))


def _wanted(requirement: Requirement, chosen: Numbers) -> Amounts:
    ports = tuple(number for task in requirement.tasks for number in ports_of_agent(task, chosen[task.name]))
    return replace(requirement.amounts, ports=ports)


def _volumes(requirement: Requirement, pool: Pool, claimant: Claimant, sources: Sources) -> Choice:
    """Out of what is left when the tasks have what they share."""
    if not requirement.has_volumes:
        return Choice()
    _, left = draw(sources.resources, requirement.amounts)
    choice = choose_volumes(
        requirement.tasks,
        () if requirement.holding is None else requirement.holding.volumes,
        (*sources.disks, *left),
        new_id=claimant.new_id,
        rigid=requirement.beside or pool.agent_id in claimant.rigid,
    )
    if requirement.beside and not all(each.there for each in choice.volumes):
        return Choice(refusals=("volumes are made only when all tasks are launched together",))
    return choice


def _match(
    requirement: Requirement, pool: Pool, claimant: Claimant, sources: Sources, numbers: Numbers, volumes: Choice
) -> Match:
    old = requirement.holding
    resource_id = old.resource_id if old is not None else None
    taken, _ = draw(sources.resources, _wanted(requirement, numbers))
    if requirement.beside and old is not None:
        prepared = in_place(old, taken, volumes.volumes)
        operations, records = launches(requirement, pool, claimant, prepared, numbers)
        return Match(operations=operations, tasks=records, holding=old, rest=pool.without(prepared.taken))
    if requirement.pod.role == "*":
        prepared = unreserved(taken)
    else:
        own = pool.own(claimant.framework_ids).get(resource_id, ()) if resource_id is not None else ()
        resource_id = resource_id or ResourceId(claimant.new_id())
        prepared = prepare(requirement, pool, claimant, resource_id, own, taken, volumes.volumes)
    operations, records = launches(requirement, pool, claimant, prepared, numbers)
    place = pool.place
    return Match(
        operations=(*prepared.operations, *operations),
        tasks=records,
        holding=Holding(
            agent_id=pool.agent_id,
            hostname=pool.hostname,
            role=pool.role,
            resources=prepared.held,
            resource_id=resource_id,
            region=place.region,
            zone=place.zone,
            attributes=place.attributes,
            confirmed=old is not None,
            operations=prepared.recorded,
            volumes=prepared.records,
        ),
        rest=pool.without(prepared.taken),
        notes=volumes.notes,
    )
