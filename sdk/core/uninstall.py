"""Removing the framework itself: after the last instance is gone, TEARDOWN, and the proof that it was heard.

The proof is Mesos' refusal of the id (`Failed(removed=True)`): until it comes the driver subscribes again, and TEARDOWN
is repeated. The stored nodes go last, so that a crash at any point goes on where it was.
"""

from dataclasses import replace

from immutables import Map

from sdk.core.effects import ListReservations, Reconcile, Teardown
from sdk.core.events import ReservationsListed
from sdk.core.frame import Frame
from sdk.core.keeping import releasable, stay
from sdk.core.state import Connection
from sdk.model.ids import ResourceId
from sdk.offer.algebra import excess
from sdk.offer.reservation import by_resource_id

TEARDOWN_AGAIN = 5.0


def uninstall_requested(frame: Frame) -> None:
    """Begin; there is no way back."""
    if frame.framework.uninstalling:
        return
    frame.set_framework(replace(frame.framework, uninstalling=True))
    frame.log("warning", "Uninstalling: all tasks are killed and all reservations released")
    for service in sorted({*frame.targets, *frame.index.services}):
        frame.touch(service)


def progress(frame: Frame) -> float | None:
    """Tear the framework down when nothing else is left; returns when to look again."""
    if (
        not frame.framework.uninstalling
        or frame.removal.uninstalled
        or frame.pods
        or frame.targets
        or frame.troubles.broken
    ):
        return None
    gone = frame.connection is Connection.REMOVED
    if gone or frame.framework.framework_id is None:
        frame.delete_framework()
        frame.removal.uninstalled = True
        frame.link.connection = Connection.REMOVED
        frame.link.error = None
        frame.removal.teardown_due = None
        what = "the framework is gone" if frame.removal.notes else "no task, no reservation and no stored node is left"
        frame.log("info", f"Uninstalled: {what}", left=frame.removal.sentences())
        return None
    if not frame.subscribed:
        return None
    if frame.removal.teardown_due is None and (due := _last_look(frame)) is not None:
        return due
    if frame.removal.teardown_due is None or frame.removal.teardown_due <= frame.now:
        frame.call(Teardown())
        frame.removal.teardown_due = frame.now + TEARDOWN_AGAIN
    return frame.removal.teardown_due


def _last_look(frame: Frame) -> float | None:
    """What runs or is reserved and is on no record would stay for ever: ended and released first.

    Returns when to look again, None when nothing is left or nobody waits any longer.
    """
    if frame.removal.final_since is None:
        frame.removal.final_since = frame.now
        frame.call(Reconcile(tasks=()))
        frame.sweep(frame.settings.final_sweep)
        _list(frame)
    if frame.calls.kills or frame.removal.listed:  # reservations of tasks are offered when these have ended
        frame.roles.watch(frame.now + frame.settings.final_sweep)
    patience = max(frame.settings.removal_patience, 2 * frame.settings.final_sweep)
    if frame.now >= frame.removal.final_since + patience:
        for resource_id, host in frame.removal.listed.items():
            frame.removal.leave(resource_id, f"reservation {resource_id} left on {host}, which does not offer it")
        return None
    if frame.removal.listed and frame.removal.list_due <= frame.now:
        _list(frame)
    if frame.reservations.releases or frame.calls.kills or frame.removal.listed:
        return frame.now + 1.0
    return frame.roles.sweep_until if frame.now < frame.roles.sweep_until else None


def _list(frame: Frame) -> None:
    """Offers show what is free to be offered; the master knows the rest, too."""
    frame.call(ListReservations())
    frame.removal.list_due = frame.now + frame.settings.final_sweep


def reservations_listed(frame: Frame, event: ReservationsListed) -> None:
    """What the master knows of ours: the framework does not end before it is gone, or not waited for any more."""
    ids = frame.framework.ids
    listed: dict[ResourceId, str] = {}
    for agent in event.agents:
        for resource_id, resources in by_resource_id(agent.resources, ids).items():
            free = releasable(frame, resource_id, resources)
            stay(frame, excess(resources, free), agent.hostname)
            if free:
                listed[resource_id] = agent.hostname
    frame.removal.listed = Map(listed)
