"""What one instance needs next, read from its record and its wish: the step of every plan is derived from this.

    no record of a launch ───────────────────────────────> MustPlace ──launched──> Starting ──ready──> Rest
    task over, backoff running ──> Waits ──time──────────> MustPlace (in its holding)
    some tasks over, some alive; restart asked for ──────> MustKill ──all over──> MustPlace
    runs with another configuration ──> Outdated ──strategy lets it──> MustKill
    agent lost ──> Waits ──replace_after──> Overdue ──replacement cap lets it──> MustPlace (elsewhere)
    not wanted any more ──> MustKill ──all over──> MustRelease ──reservation gone──> MustDelete

Nothing here looks at other instances or at offers: what one may do *now* is decided by `sdk.plan.strategy` and
`sdk.core`.
"""

from dataclasses import dataclass

from sdk.core.snapshot import Progress
from sdk.model.ids import TaskId
from sdk.model.records import PodGoal, PodRecord, TaskRecord
from sdk.model.spec import Goal, OnUnreachable, TaskSpec
from sdk.model.status import TaskState
from sdk.plan.wish import PodWish


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """Everything is as it should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """Nothing can be done before something happens or `until` has come."""

    status: Progress
    message: str
    until: float | None = None
    reconcile: tuple[TaskId, ...] = ()
    """Tasks about which Mesos has been silent for too long once `until` has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MustKill:
    """These tasks have to end."""

    tasks: tuple[TaskId, ...]
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MustPlace:
    """It has to be launched: in its holding, or (`elsewhere`) wherever it fits."""

    elsewhere: bool
    message: str
    replacing: bool = False
    """It was chosen to be replaced: its old task may still come back and be adopted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outdated:
    """It runs with another configuration than the wanted one; `ready` tells whether it is of use meanwhile."""

    tasks: tuple[TaskId, ...]
    ready: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """Its agent has been lost for longer than the policy waits."""

    lost_for: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MustRelease:
    """Its tasks are over; its reservation has to be given back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MustDelete:
    """Nothing of it is left in the cluster (or, with a `note`, nothing that can be reached)."""

    note: str | None = None


Need = Rest | Waits | MustKill | MustPlace | Outdated | Overdue | MustRelease | MustDelete


def over(task: TaskRecord) -> bool:
    """The task will not run again under its id, as far as Mesos knows."""
    return task.status.state.terminal or task.status.state is TaskState.UNKNOWN


def task_ready(task: TaskRecord, spec: TaskSpec) -> bool:
    """The task runs and says that it is of use (when it says anything about that)."""
    if task.status.state is not TaskState.RUNNING or task.status.healthy is False:
        return False
    says = spec.health_check is not None or spec.reports_health
    return task.status.healthy is True or not says


def done(task: TaskRecord, spec: TaskSpec, wish: PodWish) -> bool:
    """A task that runs to completion has done so, and need not again."""
    if task.status.state is not TaskState.FINISHED:
        return False
    return spec.goal is Goal.ONCE or (spec.goal is Goal.FINISHED and task.config == wish.config)


def ready(record: PodRecord, wish: PodWish) -> bool:
    """All tasks of the instance run as wanted, whatever their configuration, on an agent that is there."""
    by_name = {task.name: task for task in record.tasks}
    if record.lost_at is not None:
        return False
    for spec in wish.spec.tasks:
        task = by_name.get(spec.name)
        if task is None or not (task_ready(task, spec) or done(task, spec, wish)):
            return False
    return True


def assess(record: PodRecord, wish: PodWish | None, now: float, *, patience: float) -> Need:
    """What the instance needs. `patience`: seconds after which a lost agent does not hold up a removal any more."""
    if wish is None or record.goal is PodGoal.DECOMMISSION:
        return _removal(record, now, patience)
    alive = tuple(task for task in record.tasks if not over(task))
    if record.lost_at is not None:
        return _lost(record, wish, now)
    alive_ids = tuple(task.task_id for task in alive)
    if alive and record.restart:
        return MustKill(tasks=alive_ids, message="is restarted on request")
    if alive:
        return _running(record, wish, alive)
    by_name = {task.name: task for task in record.tasks}
    if record.tasks and all(
        (task := by_name.get(spec.name)) is not None and done(task, spec, wish) for spec in wish.spec.tasks
    ):
        return Rest()
    if now < record.not_before:
        return Waits(
            status=Progress.DELAYED,
            message=f"{record.last_failure or 'failed'}; tried again in {record.not_before - now:.0f} s",
            until=record.not_before,
        )
    in_place = record.holding is not None and record.holding.resource_id is not None
    failed = f" after: {record.last_failure}" if record.last_failure and record.failures else ""
    if in_place and record.holding is not None:
        home = record.holding.hostname
        return MustPlace(elsewhere=False, message=f"waits for its resources on {home} to be offered again{failed}")
    return MustPlace(elsewhere=True, message=f"waits for an offer{failed}")


def _removal(record: PodRecord, now: float, patience: float) -> Need:
    alive = tuple(task for task in record.tasks if not over(task))
    reserved = record.holding is not None and record.holding.resource_id is not None
    if record.lost_at is not None and (alive or reserved):
        if now < record.lost_at + patience:
            return Waits(
                status=Progress.DELAYED,
                message=f"{_host(record)} is lost; removed without it in {record.lost_at + patience - now:.0f} s",
                until=record.lost_at + patience,
            )
        left = [f"task {task.task_id}" for task in alive]
        if record.holding is not None and reserved:
            left.append(f"reservation {record.holding.resource_id}")
        return MustDelete(note=f"{' and '.join(left)} left on {_host(record)}, which is lost")
    if alive:
        return MustKill(tasks=tuple(task.task_id for task in alive), message="is removed")
    return MustRelease() if reserved else MustDelete()


def _lost(record: PodRecord, wish: PodWish, now: float) -> Need:
    assert record.lost_at is not None
    since = max(0.0, now - record.lost_at)
    policy = wish.spec.recovery
    if policy.on_unreachable is OnUnreachable.WAIT:
        return Waits(status=Progress.DELAYED, message=f"{_host(record)} lost {since:.0f} s ago; waits for it")
    due = record.lost_at + policy.replace_after
    if now < due:
        message = f"{_host(record)} lost {since:.0f} s ago; replaced in {due - now:.0f} s"
        return Waits(status=Progress.DELAYED, message=message, until=due)
    return Overdue(lost_for=since)


def _running(record: PodRecord, wish: PodWish, alive: tuple[TaskRecord, ...]) -> Need:
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
        return Rest()
    silent = tuple(task for task in alive if not task.confirmed)
    if silent:
        until = min(task.launched_at for task in silent) + wish.spec.recovery.launch_timeout
        return Waits(
            status=Progress.STARTING,
            message=f"launched on {_host(record)}",
            until=until,
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
