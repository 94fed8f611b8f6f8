"""After every event: look again at the instances that changed or whose time has come, and do what can be done now.

Placing needs offers and happens in `sdk.core.offers`; here instances are created, killed, put in line for replacement
and deleted. Only services in which something changed are looked at.
"""

from collections.abc import Iterable
from dataclasses import replace

from sdk.core import leaving, replacing, succession, widening
from sdk.core.frame import Frame
from sdk.core.holdings import end_releases, outgrow_role
from sdk.core.state import PodKey, State, agent_of
from sdk.core.updating import update
from sdk.model.records import PodGoal, PodRecord
from sdk.model.spec import OnUnreachable
from sdk.plan.assess import assess
from sdk.plan.need import (
    Around,
    LacksPorts,
    MustDelete,
    MustKill,
    MustPlace,
    MustRelease,
    Need,
    Outdated,
    Overdue,
    Waits,
    ready,
)

ROUNDS = 20
"""More rounds than any chain of needs is long; reaching it is a bug, not a busy cluster."""


def settle(frame: Frame) -> None:
    """Bring needs up to date and act on them until nothing changes any more."""
    _time_has_come(frame)
    for _ in range(ROUNDS):
        replacing.wake_the_others(frame)
        if not frame.dirty and not frame.touched:
            return
        dirty, frame.dirty = frame.dirty, set()
        for key in dirty:
            with frame.apart(key[0], f"looking at {key[1]}"):
                _assess(frame, key)
            frame.touched.setdefault(key[0], set()).add(key)
        touched, frame.touched = frame.touched, {}
        for service, keys in sorted(touched.items()):
            with frame.apart(service, "coordinating its instances"):
                _coordinate(frame, service, keys)
    raise AssertionError(f"needs do not settle: {sorted(frame.dirty)}")


def _time_has_come(frame: Frame) -> None:
    if frame.needs_due is not None and frame.needs_due <= frame.now:
        waits = [
            (key, need.until)
            for key, need in frame.needs.items()
            if isinstance(need, Waits | MustRelease) and need.until
        ]
        for key in [key for key, until in waits if until <= frame.now]:
            frame.dirty.add(key)
            need = frame.needs[key]
            for task_id in need.reconcile if isinstance(need, Waits) else ():
                frame.reconcile(task_id)
        frame.needs_due = min((until for _, until in waits if until > frame.now), default=None)
    for service, due in list(frame.updates_due.items()):
        if due <= frame.now:
            del frame.updates_due[service]
            frame.touched.setdefault(service, set())
    for key, since in list(frame.waiting_since.items()):
        _agent_silent(frame, key, since)
    leaving.time_has_come(frame)
    replacing.time_has_come(frame)
    succession.time_has_come(frame)
    if frame.subscribed:
        end_releases(frame)


def _agent_silent(frame: Frame, key: PodKey, since: float) -> None:
    """An agent that does not offer what we hold on it, nor anything else, is as lost as one that Mesos reports."""
    record, due = frame.pods[key], silence_ends(frame, key, since)
    if due is not None and due <= frame.now and record.holding is not None:
        host = record.holding.hostname
        frame.log("warning", f"{record.name}: no offer of {host} for {frame.now - since:.0f} s, taken for lost")
        frame.waiting_since.pop(key)
        frame.put(replace(record, lost_at=since))


def silence_ends(frame: Frame, key: PodKey, since: float) -> float | None:
    """When the agent of an instance that waits for its reservation counts as lost; None when never."""
    record, wish = frame.pods[key], frame.wish(key)
    waits = wish is not None and wish.spec.recovery.on_unreachable is OnUnreachable.WAIT
    if not frame.subscribed or record.holding is None or record.lost_at is not None or waits:
        return None
    return since + frame.settings.silent_agent


def _assess(frame: Frame, key: PodKey) -> None:
    record = frame.pods.get(key)
    if record is None:
        return
    need = assess(record, frame.wish(key), frame.now, around(frame, key))
    if (known := _remembered(frame, key, record, need)) != record:
        frame.put(known)
        record = known
    if isinstance(need, MustPlace) and outgrow_role(frame, record):
        return  # looked at again in the next round, as it is now
    old = frame.needs.get(key)
    if isinstance(need, LacksPorts):
        need = widening.remembered(need, old)
    elif isinstance(need, Overdue | Outdated) and isinstance(old, MustPlace) and type(old.instead) is type(need):
        need = replace(old, instead=need)  # it is looking for a place already; whether it goes on is decided below
    frame.set_need(key, need)
    held = isinstance(need, MustRelease) or (isinstance(need, MustPlace) and not need.elsewhere)
    if held:
        if key not in frame.waiting_since:
            frame.waiting_since[key] = frame.now
    else:
        frame.waiting_since.pop(key, None)
    if not isinstance(need, MustPlace):
        frame.refusals.pop(key, None)


def around(state: Frame | State, key: PodKey) -> Around:
    """What instance `key` needs to know beside its record and its wish."""
    record = state.pods[key]
    agent_id = agent_of(record)
    since = state.waiting_since.get(key)
    quiet = (
        {}
        if since is None
        else {left.agent_id: max(since, state.heard.get(left.agent_id, 0.0)) for left in record.superseded}
    )
    return Around(
        patience=state.settings.removal_patience,
        leaving=state.leaving.get(agent_id) if agent_id is not None else None,
        quiet_since=quiet,
    )


def _remembered(frame: Frame, key: PodKey, record: PodRecord, need: Need) -> PodRecord:
    """The record with the facts about now that later decisions need; what served at the old place is ended."""
    wish = frame.wish(key)
    is_ready = wish is not None and ready(record, wish)
    elsewhere = isinstance(need, MustPlace) and need.elsewhere and need.instead is None
    displaced = record.deployed is not None and (elsewhere or record.lost_at is not None)
    since = (record.displaced_since or record.lost_at or frame.now) if displaced else None
    ready_since = (record.ready_since or frame.now) if is_ready else None
    succeeded = wish is None or succession.proven(frame, wish, ready_since)
    if succeeded:
        for left in record.superseded:
            if not left.ended and (left.serving or wish is None):
                frame.kill(left.task_id, left.agent_id)
    return replace(
        record,
        ready_since=ready_since,
        displaced_since=since,
        replacing_since=None if is_ready else record.replacing_since,
        excused=record.excused and not is_ready,
        avoid=tuple(each for each in record.avoid if each.until > frame.now) if is_ready else record.avoid,
        superseded=tuple(replace(left, serving=False) for left in record.superseded)
        if succeeded
        else record.superseded,
    )


def ensure_instances(frame: Frame, service: str) -> None:
    """A record for each instance that the target wants."""
    target = frame.targets.get(service)
    if target is None or frame.framework.uninstalling:
        return
    for pod in target.spec.pods:
        for index in range(pod.count):
            key = (service, f"{pod.name}-{index}")
            record = frame.pods.get(key)
            if record is None:
                frame.put(PodRecord(service=service, pod=pod.name, index=index))
            elif record.goal is PodGoal.DECOMMISSION:
                frame.put(replace(record, goal=PodGoal.RUNNING))


def _coordinate(frame: Frame, service: str, keys: Iterable[PodKey]) -> None:
    # Highest index first: what is removed by a scale-down goes in the order in which it came.
    for key in sorted((key for key in keys if key in frame.pods), key=lambda key: (-frame.pods[key].index, key)):
        record = frame.pods[key]
        match frame.needs.get(key):
            case MustKill(tasks=tasks):
                agent = {task.task_id: task.agent_id for task in record.tasks}
                for task_id in tasks:
                    frame.kill(task_id, agent.get(task_id))
            case MustDelete(left=left):
                for each in left:
                    frame.log("warning", f"{service}/{record.name} removed: {each.sentence}", service=service)
                    frame.notes[each.id] = f"{service}/{record.name}: {each.sentence}"
                frame.remove(key)
    queued = frame.queued.get(service)
    kinds = {(frame.pods[key].pod, _in_line_as(frame.needs[key])) for key in queued}
    for pod, kind in sorted(kinds, key=lambda found: (found[0], found[1].__name__)):
        if kind is Outdated:
            update(frame, service, pod)
        elif kind is LacksPorts:
            widening.take_turns(frame, service, pod)
        else:
            replacing.take_turns(frame, service, pod)
    unwanted = service not in frame.targets or frame.framework.uninstalling
    known = service in frame.before.targets or service in frame.before.services
    if unwanted and known and not frame.services.get(service):
        frame.targets.pop(service, None)
        frame.delete_service(service)


def _in_line_as(need: Need) -> type:
    return type(need.instead if isinstance(need, MustPlace) else need)


def target_removed(frame: Frame, service: str) -> None:
    """The plugin does not want the service any more: remembered in the records, so that a restart goes on with it."""
    frame.targets.pop(service, None)
    frame.touched.setdefault(service, set())
    for key in tuple(frame.services.get(service)):
        record = frame.pods[key]
        if record.goal is not PodGoal.DECOMMISSION:
            frame.put(replace(record, goal=PodGoal.DECOMMISSION))
