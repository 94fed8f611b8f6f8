"""What has to be done so that an instance has on an agent what it is to run in: one ACCEPT's worth of operations.

    UNRESERVE what it holds and needs no more ─> RESERVE what it lacks ─> CREATE, grow and shrink its volumes

Which resources are taken is decided before; all that is reserved carries our labels, and one id for each holding.
Volumes that it has and does not use are left alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sdk.model.ids import FrameworkId, OperationId, ResourceId
from sdk.model.operations import Change, Create, GrowVolume, Reserve, ShrinkVolume, Unreserve
from sdk.model.records import Holding, OperationKind, OperationRecord
from sdk.model.resources import Disk, Resource
from sdk.model.volumes import VolumeRecord
from sdk.offer.algebra import add, excess, subtract
from sdk.offer.pool import Pool
from sdk.offer.requirement import Claimant, Requirement
from sdk.offer.reservation import Owner, reserved
from sdk.offer.reservation import resource_id as id_of
from sdk.offer.volumes import Chosen

VolumeKey = tuple[str, str]
"""Names of task and volume."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The outcome: what is held afterwards, and how it gets there."""

    operations: tuple[Change, ...] = ()
    ready: tuple[Resource, ...]
    """What tasks share, without volumes."""
    volumes: Mapping[VolumeKey, Resource] = field(default_factory=dict)
    held: tuple[Resource, ...]
    """All of the holding."""
    records: tuple[VolumeRecord, ...] = ()
    taken: tuple[Resource, ...]
    """What the pool has no more."""

    @property
    def recorded(self) -> tuple[OperationRecord, ...]:
        """Operations on which the launch rests, and whose outcome Mesos tells."""
        return tuple(
            OperationRecord(operation_id=each.operation_id, kind=kind)
            for each in self.operations
            if each.operation_id is not None and (kind := _KINDS.get(type(each))) is not None
        )


_KINDS: Mapping[type, OperationKind] = {
    Reserve: OperationKind.RESERVE,
    Create: OperationKind.CREATE,
    GrowVolume: OperationKind.GROW_VOLUME,
    ShrinkVolume: OperationKind.SHRINK_VOLUME,
}


def unreserved(taken: tuple[Resource, ...]) -> Prepared:
    """Nothing can be reserved for `*`: tasks take what is free."""
    return Prepared(ready=taken, held=taken, taken=taken)


def in_place(holding: Holding, taken: tuple[Resource, ...], chosen: Sequence[Chosen]) -> Prepared:
    """Some of its tasks are launched beside the others: they take what they had, and nothing changes."""
    there = [each for each in chosen if each.there]
    return Prepared(
        ready=add(taken, ()),
        volumes={
            (each.task, each.spec.name): replace(each.disk, disk=replace(each.disk.disk or Disk(), path=each.spec.path))
            for each in there
        },
        held=holding.resources,
        records=holding.volumes,
        taken=add(taken, [each.disk for each in there]),
    )


def prepare(
    requirement: Requirement,
    pool: Pool,
    claimant: Claimant,
    resource_id: ResourceId,
    own: Sequence[Resource],
    taken: tuple[Resource, ...],
    chosen: Sequence[Chosen],
) -> Prepared:
    """`own` is what is reserved for the instance, `taken` what its tasks share, `chosen` are its volumes."""
    owner = Owner(
        role=requirement.pod.role,
        principal=claimant.principal,
        framework_id=claimant.framework_ids[0],
        service=requirement.service,
        pod=requirement.instance,
        resource_id=resource_id,
    )
    disks = _Disks(owner, claimant.framework_ids, chosen)
    loose = tuple(resource for resource in own if resource.volume is None)
    used = add(taken, disks.parts)
    surplus = excess(loose, used)
    kept = excess(loose, surplus)
    fresh = tuple(reserved(resource, owner) for resource in excess(used, kept))
    operations: list[Change] = []
    if surplus:
        operations.extend(Unreserve(resources=each) for each in by_provider(surplus))
    for each in by_provider(fresh):
        operations.append(Reserve(resources=each, operation_id=_new_id(pool, claimant)))
    for each in by_provider(disks.made.values()):
        operations.append(Create(volumes=each, operation_id=_new_id(pool, claimant)))
    operations.extend(replace(each, operation_id=_new_id(pool, claimant)) for each in disks.resized)
    operations.extend(Unreserve(resources=each) for each in by_provider(disks.freed))
    ready = subtract(add(kept, fresh), disks.reserved_parts)
    chosen_ids = {each.id for each in chosen}
    idle = tuple(resource for resource in own if resource.volume is not None and resource.volume not in chosen_ids)
    return Prepared(
        operations=tuple(operations),
        ready=ready,
        volumes=disks.volumes,
        held=(*ready, *disks.volumes.values(), *idle),
        records=_records(requirement, chosen),
        # Surplus that is unreserved in this ACCEPT is not given to others in the same round.
        taken=add(add(used, surplus), [each.disk for each in chosen if each.there]),
    )


class _Disks:
    """What the chosen volumes come to."""

    def __init__(self, owner: Owner, framework_ids: Sequence[FrameworkId], chosen: Sequence[Chosen]) -> None:
        self.parts: list[Resource] = []
        """What is taken of disks, as the offers hold it."""
        self.reserved_parts: list[Resource] = []
        """The same as ours."""
        self.made: dict[VolumeKey, Resource] = {}
        self.volumes: dict[VolumeKey, Resource] = {}
        """All, as tasks find them."""
        self.resized: list[GrowVolume | ShrinkVolume] = []
        self.freed: list[Resource] = []
        for each in chosen:
            key = (each.task, each.spec.name)
            part = each.addition if each.there else each.disk
            if part is not None:
                ours = id_of(part, framework_ids) == owner.resource_id
                self.parts.append(part)
                self.reserved_parts.append(part if ours else reserved(part, owner))
            if not each.there:
                self.volumes[key] = self.made[key] = _volume(self.reserved_parts[-1], each, owner.principal)
                continue
            volume = each.disk
            size = volume.scalar or 0
            if part is not None:
                self.resized.append(GrowVolume(volume=volume, addition=self.reserved_parts[-1]))
                volume = replace(volume, scalar=size + (part.scalar or 0))
            elif each.shrinks:
                self.resized.append(ShrinkVolume(volume=volume, subtract=each.shrinks))
                self.freed.append(emptied(replace(volume, scalar=each.shrinks)))
                volume = replace(volume, scalar=size - each.shrinks)
            disk = volume.disk or Disk()
            self.volumes[key] = replace(volume, disk=replace(disk, path=each.spec.path))


def _volume(disk: Resource, chosen: Chosen, principal: str | None) -> Resource:
    source = None if disk.disk is None else disk.disk.source
    made = Disk(source=source, persistence=chosen.id, principal=principal, path=chosen.spec.path)
    return replace(disk, disk=made)


def emptied(volume: Resource) -> Resource:
    """The disk of a volume that is no volume any more."""
    source = None if volume.disk is None else volume.disk.source
    return replace(volume, disk=None if source is None else Disk(source=source))


def by_provider(resources: Iterable[Resource]) -> Iterator[tuple[Resource, ...]]:
    """One operation concerns resources of one provider."""
    found: dict[str | None, list[Resource]] = {}
    for resource in resources:
        found.setdefault(resource.provider_id, []).append(resource)
    return (tuple(group) for group in found.values())


def _new_id(pool: Pool, claimant: Claimant) -> OperationId | None:
    """None where the agent would refuse it."""
    return None if pool.agent_id in claimant.mute else OperationId(claimant.new_id())


def _records(requirement: Requirement, chosen: Iterable[Chosen]) -> tuple[VolumeRecord, ...]:
    """Those that it has, used now or not, and the new ones."""
    old = () if requirement.holding is None else requirement.holding.volumes
    found = {each.id: each for each in old}
    for each in chosen:
        new = VolumeRecord(task=each.task, name=each.spec.name, id=each.id)
        found[each.id] = replace(found.get(each.id, new), destroy=each.spec.destroy)
    return tuple(found.values())
