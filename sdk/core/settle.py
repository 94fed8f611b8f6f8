"""After every event: look again at the instances that changed or whose time has come, and do what can be done now.

Placing needs offers and happens in `sdk.core.offers`; here instances are created, killed, put in line for replacement
and deleted. Only services in which something changed are looked at.
"""

from collections.abc import Iterable
from dataclasses import replace

from sdk.core.frame import Frame
from sdk.core.holdings import end_releases, outgrow_role
from sdk.core.state import PodKey
from sdk.model.records import PodGoal, PodRecord
from sdk.plan.need import (
    MustDelete,
    MustKill,
    MustPlace,
    MustRelease,
    Outdated,
    Overdue,
    Waits,
    assess,
)
from sdk.plan.strategy import replace_now, update_now
from sdk.plan.wish import PodWish

ROUNDS = 20
"""More rounds than any chain of needs is long; reaching it is a bug, not a busy cluster."""


def settle(frame: Frame) -> None:
    """Bring needs up to date and act on them until nothing changes any more."""
    _time_has_come(frame)
    for _ in range(ROUNDS):
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
        waits = [(key, need.until) for key, need in frame.needs.items() if isinstance(need, Waits) and need.until]
        frame.dirty.update(key for key, until in waits if until <= frame.now)
        frame.needs_due = min((until for _, until in waits if until > frame.now), default=None)
    for service, due in list(frame.updates_due.items()):
        if due <= frame.now:
            del frame.updates_due[service]
            frame.touched.setdefault(service, set())
    for key, since in list(frame.waiting_since.items()):
        _agent_silent(frame, key, since)
    if frame.subscribed:
        end_releases(frame)


def _agent_silent(frame: Frame, key: PodKey, since: float) -> None:
    """An agent that does not offer what we hold on it, nor anything else, is as lost as one that Mesos reports."""
    record = frame.pods[key]
    if frame.subscribed and record.lost_at is None and since + frame.settings.silent_agent <= frame.now:
        host = record.holding.hostname if record.holding is not None else "its agent"
        frame.log("warning", f"{record.name}: no offer of {host} for {frame.now - since:.0f} s, taken for lost")
        del frame.waiting_since[key]
        frame.put(replace(record, lost_at=since))


def _assess(frame: Frame, key: PodKey) -> None:
    record = frame.pods.get(key)
    if record is None:
        return
    need = assess(record, frame.wish(key), frame.now, patience=frame.settings.removal_patience)
    if isinstance(need, MustPlace) and outgrow_role(frame, record):
        return  # looked at again in the next round, as it is now
    if isinstance(need, Waits) and need.until is not None and need.until <= frame.now:
        for task_id in need.reconcile:
            frame.reconcile(task_id)
        need = replace(need, until=None)
    old = frame.needs.get(key)
    if isinstance(need, Overdue) and isinstance(old, MustPlace) and old.replacing:
        need = old  # it is already in line; `_replace` decides again below
    frame.set_need(key, need)
    held = isinstance(need, MustRelease) or (isinstance(need, MustPlace) and not need.elsewhere)
    if held:
        if key not in frame.waiting_since:
            frame.waiting_since[key] = frame.now
    else:
        frame.waiting_since.pop(key, None)
    if not isinstance(need, MustPlace):
        frame.refusals.pop(key, None)


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
            case MustDelete(note=note):
                if note is not None:
                    frame.log("warning", f"{service}/{record.name} removed: {note}", service=service)
                    frame.notes = (*frame.notes, f"{service}/{record.name}: {note}")
                frame.remove(key)
    queued = frame.queued.get(service)
    outdated = {frame.pods[key].pod for key in queued if isinstance(frame.needs[key], Outdated)}
    overdue = {frame.pods[key].pod for key in queued if not isinstance(frame.needs[key], Outdated)}
    for pod in sorted(outdated):
        _update(frame, service, pod)
    for pod in sorted(overdue):
        _replace(frame, service, pod)
    unwanted = service not in frame.targets or frame.framework.uninstalling
    known = service in frame.before.targets or service in frame.before.services
    if unwanted and known and not frame.services.get(service):
        frame.targets.pop(service, None)
        frame.delete_service(service)


def _of_type(frame: Frame, service: str, pod: str) -> list[tuple[PodKey, PodRecord]]:
    keys = frame.unrest.get(service)
    return [(key, frame.pods[key]) for key in sorted(keys) if frame.pods[key].pod == pod]


def _update(frame: Frame, service: str, pod: str) -> None:
    """Rolling update: end as many outdated instances as the strategy allows."""
    wish = frame.targets[service].pods[pod]
    waiting: dict[int, Outdated] = {}
    keys: dict[int, PodKey] = {}
    unavailable = in_progress = 0
    for key, record in _of_type(frame, service, pod):
        if frame.wish(key) is None:
            continue
        need = frame.needs[key]
        if isinstance(need, Outdated):
            if any(task_id in frame.kills for task_id in need.tasks):
                unavailable += 1
                in_progress += 1
                continue
            waiting[record.index] = need
            keys[record.index] = key
            unavailable += record.deployed is not None and not need.ready
        elif record.deployed is not None:
            unavailable += 1
            in_progress += record.deployed != wish.config and record.lost_at is None
    if not waiting:
        return
    proving = _proving(frame, service, pod, wish)
    if proving:
        due = min([*proving, *([frame.updates_due[service]] if service in frame.updates_due else [])])
        frame.updates_due[service] = due
    unavailable += len(proving)
    in_progress += len(proving)
    for index in update_now(wish.spec.update, waiting, unavailable, in_progress):
        record = frame.pods[keys[index]]
        frame.log("info", f"{service}/{record.name} is restarted with its new configuration", service=service)
        agent = {task.task_id: task.agent_id for task in record.tasks}
        for task_id in waiting[index].tasks:
            frame.kill(task_id, agent.get(task_id))


def _proving(frame: Frame, service: str, pod: str, wish: PodWish) -> list[float]:
    """Until when the instances that have just become ready with the new configuration have to prove themselves."""
    found: list[float] = []
    for key in frame.services.get(service) - frame.unrest.get(service):
        record = frame.pods[key]
        if record.pod == pod and record.tasks and all(task.config == wish.config for task in record.tasks):
            until = max(task.changed_at for task in record.tasks) + wish.spec.update.min_ready
            if until > frame.now:
                found.append(until)
    return found


def _replace(frame: Frame, service: str, pod: str) -> None:
    """Replacement of instances on lost agents: as many as may be under way, the longest lost first."""
    overdue: dict[int, float] = {}
    keys: dict[int, PodKey] = {}
    in_progress = 0
    for key, record in _of_type(frame, service, pod):
        need = frame.needs[key]
        replacing = isinstance(need, MustPlace) and need.replacing
        if record.lost_at is not None and (isinstance(need, Overdue) or replacing):
            overdue[record.index] = frame.now - record.lost_at
            keys[record.index] = key
        elif record.superseded and record.tasks and record.tasks[0].launched_at >= record.superseded[-1].since:
            in_progress += not isinstance(need, MustDelete | MustRelease)
    chosen = replace_now(overdue, in_progress)
    for index, key in keys.items():
        record = frame.pods[key]
        host = record.tasks[0].hostname if record.tasks else "its agent"
        if index not in chosen:
            frame.set_need(key, Overdue(lost_for=overdue[index]))
        elif not isinstance(frame.needs[key], MustPlace):
            frame.log("warning", f"{service}/{record.name} is replaced: {host} is lost", service=service)
            message = f"{host} is lost; waits for an offer of another agent"
            frame.set_need(key, MustPlace(elsewhere=True, message=message, replacing=True))


def target_removed(frame: Frame, service: str) -> None:
    """The plugin does not want the service any more: remembered in the records, so that a restart goes on with it."""
    frame.targets.pop(service, None)
    frame.touched.setdefault(service, set())
    for key in tuple(frame.services.get(service)):
        record = frame.pods[key]
        if record.goal is not PodGoal.DECOMMISSION:
            frame.put(replace(record, goal=PodGoal.DECOMMISSION))
