"""What services should be: a target that changed, was refused or withdrawn concerns its own service only.

What comes here has passed the door (`sdk.door`); whether it can be carried out is not known here.
"""

from dataclasses import replace

from sdk.core.configurations import drop_target
from sdk.core.events import TargetChanged, TargetRefused, TargetsListed, TargetWithdrawn
from sdk.core.frame import Frame
from sdk.core.maps import without
from sdk.core.rollback import forget_versions, take_published
from sdk.core.troubles import Kind, Part
from sdk.model.records import PodGoal, PodRecord


def target_refused(frame: Frame, event: TargetRefused) -> None:
    """The service stays as it was, and says why."""
    name = event.service
    if frame.framework.uninstalling or frame.troubles.invalid.get(name) == event.why:
        return
    frame.log("error", f"Service {name} keeps its old configuration: {event.why}", service=name)
    frame.troubles.refuse(name, event.why)
    frame.touched.setdefault(name, set())


def targets_listed(frame: Frame, event: TargetsListed) -> None:
    """Every other service is removed; one that cannot be stored holds up its own removal only."""
    troubles = frame.troubles
    known = {*frame.targets, *frame.index.services, *troubles.invalid, *troubles.targetless, *troubles.pending}
    for name in sorted(known - event.services):
        withdrawn = TargetWithdrawn(service=name)
        if troubles.unstorable(name, frame.now):
            troubles.pending = troubles.pending.set(name, withdrawn)
        else:
            take(frame, withdrawn)


def take(frame: Frame, event: TargetChanged | TargetWithdrawn) -> None:
    """The service is to become this, or is to be removed. A service that is left alone gets another chance."""
    if frame.framework.uninstalling:
        return
    name = event.service
    frame.troubles.release(name, frame.now)
    frame.troubles.pending = frame.troubles.pending.set(name, event)
    with frame.apart(name, Part(Kind.TAKING)):
        match event:
            case TargetChanged():
                _change(frame, event)
            case TargetWithdrawn():
                frame.troubles.accept(name)
                _remove(frame, name)
        frame.troubles.pending = without(frame.troubles.pending, name)


def _change(frame: Frame, event: TargetChanged) -> None:
    name = event.service
    take_published(frame, event.spec)
    if name in frame.troubles.targetless:
        frame.touch(name)
    frame.troubles.accept(name)
    _ensure_instances(frame, name)


def _ensure_instances(frame: Frame, service: str) -> None:
    """A record for each instance that the target wants."""
    target = frame.targets.get(service)
    if target is None or frame.framework.uninstalling:
        return
    for pod in target.spec.pods:
        for index in range(pod.count):
            key = (service, f"{pod.name}-{index}")
            record = frame.pods.get(key)
            if key in frame.troubles.broken:
                continue
            if record is None:
                frame.put(PodRecord(service=service, pod=pod.name, index=index))
            elif record.goal is PodGoal.DECOMMISSION:
                frame.put(replace(record, goal=PodGoal.RUNNING))


def _remove(frame: Frame, service: str) -> None:
    """The plugin does not want the service any more: remembered in the records, so that a restart goes on with it."""
    drop_target(frame, service)
    forget_versions(frame, service)
    frame.touched.setdefault(service, set())
    for key in frame.index.services.of(service):
        record = frame.pods[key]
        if record.goal is not PodGoal.DECOMMISSION:
            frame.put(replace(record, goal=PodGoal.DECOMMISSION))
