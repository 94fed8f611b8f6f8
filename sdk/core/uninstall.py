"""Removing the framework itself: after the last instance is gone, TEARDOWN, and the proof that it was heard.

The proof is Mesos' refusal of the id (`Failed(removed=True)`): until it comes the driver subscribes again, and TEARDOWN
is repeated. The stored nodes go last, so that a crash at any point goes on where it was.
"""

from dataclasses import replace

from sdk.core.effects import Teardown
from sdk.core.frame import Frame
from sdk.core.state import Connection

TEARDOWN_AGAIN = 5.0


def uninstall_requested(frame: Frame) -> None:
    """Begin; there is no way back."""
    if frame.framework.uninstalling:
        return
    frame.set_framework(replace(frame.framework, uninstalling=True))
    frame.log("warning", "Uninstalling: all tasks are killed and all reservations released")
    for service in {*frame.targets, *frame.services.names()}:
        frame.touch(service)


def progress(frame: Frame) -> float | None:
    """Tear the framework down when nothing else is left; returns when to look again."""
    if not frame.framework.uninstalling or frame.uninstalled or frame.pods or frame.targets or frame.broken:
        return None
    gone = frame.connection is Connection.REMOVED
    if gone or frame.framework.framework_id is None:
        frame.delete_framework()
        frame.uninstalled = True
        frame.connection = Connection.REMOVED
        frame.error = None
        frame.teardown_due = None
        frame.log("info", "Uninstalled: no task, no reservation and no stored node is left", left=list(frame.notes))
        return None
    if not frame.subscribed:
        return None
    if frame.teardown_due is None or frame.teardown_due <= frame.now:
        frame.call(Teardown())
        frame.teardown_due = frame.now + TEARDOWN_AGAIN
    return frame.teardown_due
