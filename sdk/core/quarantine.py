"""A service in which something fails by a defect, or cannot be stored, is left alone for a while, longer each time.

Facts about its instances are still recorded; nothing is decided about them until the pause is over, or the plugin says
anew what the service should be. All other services go on.
"""

from sdk.core.events import StoringFailed
from sdk.core.frame import Frame
from sdk.core.targets import take
from sdk.core.troubles import Kind, Part


def storing_failed(frame: Frame, event: StoringFailed) -> None:
    """Leave the services alone."""
    part = Part(Kind.STORING)
    for service, why in sorted(event.services.items()):
        frame.fault(service, part, f"{part} fails: {why}")
    if event.target is not None:
        frame.troubles.pending = frame.troubles.pending.set(event.target.service, event.target)


def resume(frame: Frame) -> None:
    """Look again at the services whose pause is over."""
    for service in frame.troubles.resumed(frame.now):
        pending = frame.troubles.pending.get(service)
        if pending is not None:
            take(frame, pending)
        frame.touch(service)
