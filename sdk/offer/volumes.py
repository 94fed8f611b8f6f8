"""Which disks the volumes of an instance are: those that it has, and those of an offer that fit the new ones.

    ROOT   a part of the disk that all share
    PATH   a part of one of the directories that operators gave to Mesos; the smallest that is large enough
    MOUNT  a file system as a whole; the smallest that is large enough

A volume that is there is never given up here: it grows or shrinks where that is possible, or stays as it is, and why is
said. What has to be done for all that is in `sdk.offer.reserving`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sdk.model.resources import MILLI, Resource
from sdk.model.spec import TaskSpec
from sdk.model.volumes import DiskType, VolumeRecord, VolumeSpec
from sdk.offer.algebra import excess


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A volume of a task, and the disk that it is made of."""

    task: str
    spec: VolumeSpec
    id: str
    disk: Resource
    """As the offers hold it; where the volume is there, the volume itself."""
    addition: Resource | None = None
    """What it grows by."""
    shrinks: int = 0
    """Thousandths of a MB by which it gets smaller."""

    @property
    def there(self) -> bool:
        """Whether nothing has to be made."""
        return self.disk.volume is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """All volumes of an instance, or why there are none."""

    volumes: tuple[Chosen, ...] = ()
    refusals: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """Sentences about volumes that stay as they are although something else is wanted."""


def choose(
    tasks: Iterable[TaskSpec],
    known: Iterable[VolumeRecord],
    resources: Sequence[Resource],
    *,
    new_id: Callable[[], str],
    rigid: bool,
) -> Choice:
    """Volumes for `tasks` out of `resources`, what is held before what is free.

    `known` are those that the instance has on this agent; `rigid`: the agent cannot change the size of volumes.
    """
    there = {resource.volume: resource for resource in resources if resource.volume is not None}
    ids: Mapping[tuple[str, str], str] = {(each.task, each.name): each.id for each in known}
    chosen: list[Chosen] = []
    refusals: list[str] = []
    notes: list[str] = []
    left: Sequence[Resource] = [resource for resource in resources if resource.volume is None]
    for task in tasks:
        for spec in task.volumes:
            present = there.get(ids.get((task.name, spec.name), ""))
            if present is not None:
                found = _resized(task.name, spec, present, left, rigid=rigid)
            else:
                found = _made(task.name, spec, left, new_id)
            if isinstance(found, str):
                refusals.append(found)
                continue
            choice, note = found
            chosen.append(choice)
            if note:
                notes.append(note)
            used = choice.addition if choice.there else choice.disk
            if used is not None:
                left = excess(left, [used])
    return Choice(volumes=tuple(chosen), refusals=tuple(refusals), notes=tuple(notes))


def _made(task: str, spec: VolumeSpec, left: Iterable[Resource], new_id: Callable[[], str]) -> tuple[Chosen, str] | str:
    fitting = [resource for resource in left if _is_of(resource, spec)]
    large = [resource for resource in fitting if (resource.scalar or 0) >= spec.size]
    if not large:
        largest = max((resource.scalar or 0 for resource in fitting), default=0)
        kind = f"{spec.type} disk" + (f" of profile {' or '.join(spec.profiles)}" if spec.profiles else "")
        wants = f"volume {spec.name}: wants {spec.size / MILLI} MB of a {kind}"
        return f"{wants}, offer has {f'{largest / MILLI} in one' if largest else 'none'}"
    disk = large[0] if spec.type is DiskType.ROOT else min(large, key=lambda resource: resource.scalar or 0)
    part = disk if disk.whole else replace(disk, scalar=spec.size)
    return Chosen(task=task, spec=spec, id=f"{spec.name}-{new_id()}", disk=part), ""


def _is_of(resource: Resource, spec: VolumeSpec) -> bool:
    if resource.name != "disk" or resource.extra is not None:
        return False
    source = None if resource.disk is None else resource.disk.source
    if source is None:
        return spec.type is DiskType.ROOT and not spec.profiles and resource.plain
    return source.type == spec.type and (not spec.profiles or source.profile in spec.profiles)


def _resized(
    task: str, spec: VolumeSpec, volume: Resource, left: Iterable[Resource], *, rigid: bool
) -> tuple[Chosen, str] | str:
    same = Chosen(task=task, spec=spec, id=volume.volume or "", disk=volume)
    size = volume.scalar or 0
    source = None if volume.disk is None else volume.disk.source
    kind = DiskType.ROOT.value if source is None else source.type
    if kind != spec.type:
        return same, f"volume {spec.name} stays on its {kind} disk instead of a {spec.type} one: its data is there"
    mount = kind == DiskType.MOUNT
    if size == spec.size or (mount and size > spec.size):
        return same, ""
    has = f"volume {spec.name} stays at {size / MILLI} MB instead of {spec.size / MILLI}"
    if mount:
        return same, f"{has}: it is a file system of its own"
    if volume.provider_id is not None:
        return same, f"{has}: who provides its disk cannot change its size"
    if rigid:
        return same, f"{has}: the agent cannot change the size of volumes"
    if size > spec.size:
        return replace(same, shrinks=size - spec.size), ""
    # Only what is reserved alike can be added.
    stacks = (volume.reservations, volume.reservations[:-1])
    alike = [
        resource
        for resource in left
        if resource.name == "disk"
        and resource.extra is None
        and resource.reservations in stacks
        and (None if resource.disk is None else resource.disk.source) == source
    ]
    more = spec.size - size
    addition = next((resource for resource in alike if (resource.scalar or 0) >= more), None)
    if addition is None:
        largest = max((resource.scalar or 0 for resource in alike), default=0)
        return f"volume {spec.name}: wants {more / MILLI} MB more, offer has {largest / MILLI}"
    return replace(same, addition=replace(addition, scalar=more)), ""
