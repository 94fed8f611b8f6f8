"""Removing the framework itself: after the last instance is gone, TEARDOWN, and the proof that it was heard.

The proof is Mesos' refusal of the id (`Failed(removed=True)`): until it comes the driver subscribes again, and TEARDOWN
is repeated. The stored nodes go last, so that a crash at any point goes on where it was.
"""

from dataclasses import replace

from sdk.core.effects import Reconcile, Teardown
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
        what = "the framework is gone" if frame.notes else "no task, no reservation and no stored node is left"
        frame.log("info", f"Uninstalled: {what}", left=list(frame.notes.values()))
        return None
    if not frame.subscribed:
        return None
    if frame.teardown_due is None and (due := _last_look(frame)) is not None:
        return due
    if frame.teardown_due is None or frame.teardown_due <= frame.now:
        frame.call(Teardown())
        frame.teardown_due = frame.now + TEARDOWN_AGAIN
    return frame.teardown_due


def _last_look(frame: Frame) -> float | None:
    """What runs or is reserved and is on no record would stay for ever: ended and released first.

    Returns when to look again, None when nothing is left or nobody waits any longer.
    """
    if frame.final_since is None:
        frame.final_since = frame.now
        frame.call(Reconcile(tasks=()))
        frame.sweep(frame.settings.final_sweep)
    if frame.kills:  # their reservations are offered when they have ended
        frame.sweep_until = max(frame.sweep_until, frame.now + frame.settings.final_sweep)
    patience = max(frame.settings.removal_patience, 2 * frame.settings.final_sweep)
    if frame.now >= frame.final_since + patience:
        return None
    if frame.released or frame.kills:
        return frame.now + 1.0
    return frame.sweep_until if frame.now < frame.sweep_until else None
