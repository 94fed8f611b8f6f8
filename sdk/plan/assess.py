"""What one instance needs next, read from its record and its wish: the step of every plan is derived from this.

    no record of a launch ───────────────────────────────> MustPlace ──launched──> Starting ──ready──> Rest
    task over, backoff running ──> Waits ──time──────────> MustPlace (in its holding)
    some tasks over, some alive; restart asked for ──────> MustKill ──all over──> MustPlace
    runs with another configuration ──> Outdated ──strategy lets it──> MustKill
    runs without optional ports ──> LacksPorts ──an offer holds some──> MustKill, or MustPlace (elsewhere)
    agent lost ──> Waits ──replace_after──> Overdue ──budget of replacements lets it──> MustPlace (elsewhere)
    agent goes into maintenance ──> Overdue ──budget lets it──> MustPlace (elsewhere; the old task serves until then)
    agent drained ──> MustPlace (elsewhere, at once: Mesos ends the old task)
    not wanted any more ──> MustKill ──all over──> MustRelease ──all reservations gone──> MustDelete

Nothing here looks at other instances or at offers: what one may do *now* is decided by `sdk.plan.strategy` and
`sdk.core`.
"""

from sdk.model.leaving import Leaving
from sdk.model.records import PodGoal, PodRecord, TaskRecord
from sdk.model.status import TaskState
from sdk.plan.need import (
    Around,
    LacksPorts,
    LeftBehind,
    MustDelete,
    MustKill,
    MustPlace,
    MustRelease,
    Need,
    Outdated,
    Overdue,
    Rest,
    Waits,
    done,
    lacking_ports,
    over,
    ready,
    waits_for_agent,
)
from sdk.plan.progress import Progress
from sdk.plan.wish import PodWish


def assess(record: PodRecord, wish: PodWish | None, now: float, around: Around) -> Need:
    """What the instance needs."""
    if wish is None or record.goal is PodGoal.DECOMMISSION:
        return _removal(record, now, around)
    if finished(record, wish):
        return Rest()
    waits = waits_for_agent(record, wish)
    if around.leaving is not None and around.leaving.acts(now) and not waits:
        leaves = _leave(record, now, around.leaving)
        if leaves is not None:
            return leaves
    alive = tuple(task for task in record.tasks if not over(task))
    if record.lost_at is not None:
        return _lost(record, wish, now)
    alive_ids = tuple(task.task_id for task in alive)
    if alive and record.restart:
        return MustKill(tasks=alive_ids, message="is restarted on request")
    if alive:
        return _running(record, wish, alive, now, around)
    if now < record.not_before and not _outdated(record, wish):
        return _backing_off(record, now)
    in_place = record.holding is not None and record.holding.resource_id is not None
    failed = f" after: {record.last_failure}" if record.last_failure and record.failures else ""
    if in_place and record.holding is not None:
        home = record.holding.hostname
        return MustPlace(elsewhere=False, message=f"waits for its resources on {home} to be offered again{failed}")
    return MustPlace(elsewhere=True, message=f"waits for an offer{failed}")


def finished(record: PodRecord, wish: PodWish) -> bool:
    """All that it had to do is done."""
    by_name = {task.name: task for task in record.tasks}
    return bool(record.tasks) and all(
        (task := by_name.get(spec.name)) is not None and done(task, spec, wish) for spec in wish.spec.tasks
    )


def _outdated(record: PodRecord, wish: PodWish) -> bool:
    """Nothing of it was launched with the wanted configuration: what went wrong before says nothing about that one."""
    return bool(record.tasks) and all(task.config != wish.config for task in record.tasks)


def _backing_off(record: PodRecord, now: float) -> Need:
    return Waits(
        status=Progress.DELAYED,
        message=f"{record.last_failure or 'failed'}; tried again in {record.not_before - now:.0f} s",
        until=record.not_before,
    )


def _removal(record: PodRecord, now: float, around: Around) -> Need:
    alive = tuple(task for task in record.tasks if not over(task))
    holding = record.holding
    # A holding without resources (of an instance that had finished, for example) is never offered.
    reserved = holding is not None and holding.resource_id is not None and bool(holding.resources)
    if alive and record.lost_at is None:
        return MustKill(tasks=tuple(task.task_id for task in alive), message="is removed")
    left: dict[str, LeftBehind] = {}
    hosts: dict[str, None] = {}
    due: list[float] = []
    if record.lost_at is not None and (alive or reserved):
        until = record.lost_at + around.patience
        if now < until:
            due.append(until)
        else:
            host = f"left on {_host(record)}, which is lost"
            left.update({task.task_id: _left(task.task_id, f"task {task.task_id} {host}") for task in alive})
            if holding is not None and holding.resource_id is not None and reserved:
                resource_id = holding.resource_id
                left[resource_id] = _left(resource_id, f"reservation {resource_id} {host}", reserved=True)
    elif reserved:
        hosts[_host(record)] = None
    lost = bool(due)
    for entry in record.superseded:
        if entry.ended and entry.resource_id is None:
            continue
        where = entry.hostname or entry.agent_id
        until = around.quiet_since.get(entry.agent_id, now) + around.patience
        if now < until:
            hosts[where] = None
            due.append(until)
            continue
        host = f"left on {where}, which is lost or offers nothing"
        if not entry.ended:
            left[entry.task_id] = _left(entry.task_id, f"task {entry.task_id} {host}")
        if entry.resource_id is not None:
            left[entry.resource_id] = _left(
                entry.resource_id, reserved=True, sentence=f"reservation {entry.resource_id} {host}"
            )
    if hosts:
        return MustRelease(hosts=tuple(hosts), until=min(due, default=None))
    if lost:
        return Waits(
            status=Progress.DELAYED,
            message=f"{_host(record)} is lost; removed without it in {due[0] - now:.0f} s",
            until=due[0],
        )
    return MustDelete(left=tuple(left.values()))


def _left(name: str, sentence: str, *, reserved: bool = False) -> LeftBehind:
    return LeftBehind(id=name, sentence=sentence, reserved=reserved)


def _leave(record: PodRecord, now: float, leaving: Leaving) -> Need | None:
    """How the instance leaves; None when it is best launched again where it was, and moves from there."""
    alive = any(not over(task) for task in record.tasks)
    if not leaving.drained:
        if record.lost_at is None and (not alive or record.restart):
            return None  # every other agent may be announced as well, and this one is still there
        return Overdue(why=leaving.sentence, since=record.lost_at or leaving.start or now)
    if not alive and record.lost_at is None and now < record.not_before:
        return _backing_off(record, now)
    return MustPlace(elsewhere=True, message=f"{leaving.sentence}; waits for an offer of another agent")


def _lost(record: PodRecord, wish: PodWish, now: float) -> Need:
    assert record.lost_at is not None
    since = max(0.0, now - record.lost_at)
    policy = wish.spec.recovery
    if waits_for_agent(record, wish):
        return Waits(status=Progress.DELAYED, message=f"{_host(record)} lost {since:.0f} s ago; waits for it")
    due = record.lost_at + policy.replace_after
    if now < due:
        message = f"{_host(record)} lost {since:.0f} s ago; replaced in {due - now:.0f} s"
        return Waits(status=Progress.DELAYED, message=message, until=due)
    return Overdue(why=f"{_host(record)} lost {since:.0f} s ago", since=record.lost_at)


def _running(record: PodRecord, wish: PodWish, alive: tuple[TaskRecord, ...], now: float, around: Around) -> Need:
    alive_ids = tuple(task.task_id for task in alive)
    by_name = {task.name: task for task in record.tasks}
    wanted = {spec.name for spec in wish.spec.tasks}
    outdated = any(task.config != wish.config for task in alive)
    present = all(
        (task := by_name.get(spec.name)) is not None and (not over(task) or done(task, spec, wish))
        for spec in wish.spec.tasks
    )
    if outdated or not wanted.issuperset(task.name for task in alive):
        return Outdated(tasks=alive_ids, ready=ready(record, wish))
    if not present:
        return MustKill(tasks=alive_ids, message=record.last_failure or "one of its tasks is over")
    if ready(record, wish):
        if around.behind:
            return Outdated(tasks=alive_ids, ready=True)
        lacks = lacking_ports(record, wish)
        return LacksPorts(tasks=alive_ids, ports=lacks) if lacks else Rest()
    # "It is staged" is no sign that anything begins: the answer to one question does not end the asking.
    silent = tuple(task for task in alive if not task.confirmed or task.status.state is TaskState.STAGING)
    if silent:
        launched = min(task.launched_at for task in silent)
        every = max(1.0, wish.spec.recovery.launch_timeout)
        return Waits(
            status=Progress.STARTING,
            message=f"launched on {_host(record)}",
            until=launched + (max(0.0, now - launched) // every + 1) * every,
            reconcile=tuple(task.task_id for task in silent),
        )
    running = all(task.status.state is TaskState.RUNNING for task in alive)
    said = next((task.status.message for task in alive if task.status.message), None)
    return Waits(
        status=Progress.STARTED if running else Progress.STARTING,
        message=(f"runs on {_host(record)}, not healthy yet" if running else f"starts on {_host(record)}")
        + (f": {said}" if said else ""),
    )


def _host(record: PodRecord) -> str:
    if record.holding is not None:
        return record.holding.hostname
    return record.tasks[0].hostname if record.tasks else "its agent"
