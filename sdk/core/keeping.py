"""Volumes that outlive their instance: which of them may be destroyed, and what is said about those that stay.

A volume is destroyed only when a record says so: its spec asked for it, and its instance is being removed, or was
replaced by an operator; or the framework ends, and its settings ask for it. All others stay on their agent, reserved
for our role, and are never touched again.
"""

from collections.abc import Iterable
from dataclasses import replace

from sdk.core.frame import Frame
from sdk.core.state import PodKey
from sdk.model.ids import ResourceId
from sdk.model.records import PodGoal, PodRecord
from sdk.model.resources import Resource
from sdk.model.volumes import VolumeRecord
from sdk.offer.reservation import POD, SERVICE
from sdk.plan.wish import PodWish


def releasable(frame: Frame, resource_id: ResourceId, resources: Iterable[Resource]) -> tuple[Resource, ...]:
    """Without the volumes that stay where they are."""
    resources = tuple(resources)
    if all(resource.volume is None for resource in resources):
        return resources  # as nearly always
    if frame.framework.uninstalling and frame.settings.destroy_volumes:
        return resources
    doomed = _doomed(frame, resource_id)
    return tuple(resource for resource in resources if resource.volume is None or resource.volume in doomed)


def _doomed(frame: Frame, resource_id: ResourceId) -> frozenset[str]:
    return frozenset(each.id for each, consent in _on_record(frame, resource_id) if each.destroy and consent)


def _on_record(frame: Frame, resource_id: ResourceId) -> Iterable[tuple[VolumeRecord, bool]]:
    """Volumes of a reservation, each with whether its instance has no use for it by anybody's wish."""
    key = frame.index.by_resource.get(resource_id)
    if key is not None:
        record = frame.pods[key]
        consent = _removed(frame, key, record)
        yield from ((each, consent) for each in (record.holding.volumes if record.holding is not None else ()))
    for other in frame.index.left.of(resource_id):
        record = frame.pods[other]
        consent = _removed(frame, other, record)
        for left in record.superseded:
            if left.resource_id == resource_id:
                yield from ((each, consent or left.replaced) for each in left.volumes)


def _removed(frame: Frame, key: PodKey, record: PodRecord) -> bool:
    """Whether it is on record that nobody wants the instance: a target that cannot be read says nothing of it."""
    target = frame.targets.get(key[0])
    return record.goal is PodGoal.DECOMMISSION or (target is not None and target.wish(record.pod, record.index) is None)


def as_wished(record: PodRecord, wish: PodWish | None) -> PodRecord:
    """The record with what its spec says now about the end of its volumes: it is not launched anew for that."""
    holding = record.holding
    if wish is None or holding is None or not holding.volumes:
        return record
    says = {(task.name, spec.name): spec.destroy for task in wish.spec.tasks for spec in task.volumes}
    volumes = tuple(replace(each, destroy=says.get((each.task, each.name), each.destroy)) for each in holding.volumes)
    return record if volumes == holding.volumes else replace(record, holding=replace(holding, volumes=volumes))


def stay(frame: Frame, resources: Iterable[Resource], hostname: str) -> None:
    """Volumes stay: it is said now, and at the end of an uninstall."""
    for resource in resources:
        if resource.volume is None or resource.volume in frame.removal.notes:
            continue
        innermost = resource.reservations[-1]
        whose = f"{innermost.label(SERVICE)}/{innermost.label(POD)}"
        sentence = f"volume {resource.volume} of {whose} stays on {hostname}, reserved for {innermost.role}"
        frame.removal.leave(resource.volume, sentence)
        frame.log("warning", sentence, volume=resource.volume)
