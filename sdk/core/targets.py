"""What services should be: a target that changed, was refused or withdrawn concerns its own service only.

What comes here has passed the door (`sdk.door`); whether it can be carried out is not known here.
"""

from sdk.core.events import TargetChanged, TargetRefused, TargetsListed, TargetWithdrawn
from sdk.core.frame import Frame
from sdk.core.maps import without
from sdk.core.settle import ensure_instances, target_removed
from sdk.plan.wish import target


def target_changed(frame: Frame, event: TargetChanged) -> None:
    """The service is to become this."""
    name = event.service
    if frame.framework.uninstalling or name in frame.troubles.broken:
        return
    with frame.apart(name, "taking its specification"):
        present = frame.targets.get(name)
        if present is None or present.spec != event.spec:
            frame.set_target(name, target(event.spec))
        frame.troubles.invalid = without(frame.troubles.invalid, name)
        ensure_instances(frame, name)


def target_refused(frame: Frame, event: TargetRefused) -> None:
    """The service stays as it was, and says why."""
    name = event.service
    if frame.framework.uninstalling or frame.troubles.invalid.get(name) == event.why:
        return
    frame.log("error", f"Service {name} keeps its old configuration: {event.why}", service=name)
    frame.troubles.invalid = frame.troubles.invalid.set(name, event.why)
    frame.touched.setdefault(name, set())


def target_withdrawn(frame: Frame, event: TargetWithdrawn) -> None:
    """The service is removed."""
    if not frame.framework.uninstalling:
        _withdraw(frame, event.service)


def targets_listed(frame: Frame, event: TargetsListed) -> None:
    """Every other service is removed."""
    if frame.framework.uninstalling:
        return
    for name in {*frame.targets, *frame.index.services, *frame.troubles.invalid}.difference(event.services):
        _withdraw(frame, name)


def _withdraw(frame: Frame, name: str) -> None:
    with frame.apart(name, "being withdrawn"):
        frame.troubles.invalid = without(frame.troubles.invalid, name)
        target_removed(frame, name)
