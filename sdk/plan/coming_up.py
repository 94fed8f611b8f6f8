"""How long tasks take to come up: when Mesos is asked about them, and which of them took too long."""

from collections.abc import Iterator
from dataclasses import dataclass

from sdk.model.ids import TaskId
from sdk.model.readiness import OnNotReady
from sdk.model.records import TaskRecord
from sdk.model.status import TaskState
from sdk.plan.need import Around, task_ready
from sdk.plan.wish import PodWish

_NOT_BEGUN = (TaskState.STAGING, TaskState.STARTING)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComingUp:
    """What there is to do about the tasks of an instance that are not up."""

    silent: tuple[TaskId, ...] = ()
    """Mesos is asked about them (again)."""
    until: float | None = None
    """When that is, or the first of them is late."""
    late: tuple[TaskRecord, ...] = ()
    """They are ended: they do not run, or are not ready in time."""
    stuck: tuple[TaskRecord, ...] = ()
    """They are not ready in time, which is for somebody to look at."""
    why: str = ""
    """A sentence about those that are late, or else about those that are stuck."""


def coming_up(wish: PodWish, alive: tuple[TaskRecord, ...], now: float, around: Around) -> ComingUp:
    """About the tasks that are not over.

    Time before the present subscription does not count: what is on record may be as old as that.
    """
    specs = {spec.name: spec for spec in wish.spec.tasks}
    slow = tuple(task for task in alive if not task.ending and not task_ready(task, specs[task.name]))
    if not slow:
        return ComingUp()  # as nearly always
    # "It is staged" is no sign that anything begins: the answer to one question does not end the asking.
    silent = tuple(task for task in slow if not task.confirmed or task.status.state is TaskState.STAGING)
    times: list[float] = []
    if silent:
        launched = min(task.launched_at for task in silent)
        every = max(1.0, wish.spec.recovery.launch_timeout)
        times.append(launched + (max(0.0, now - launched) // every + 1) * every)
    due = {} if around.told_since is None else dict(_deadlines(wish, slow, around.told_since))
    passed = [task for task in slow if due.get(task.task_id, now + 1) <= now]
    fails = wish.spec.recovery.on_not_ready is OnNotReady.FAIL
    stuck = tuple(task for task in passed if fails and task.status.state is TaskState.RUNNING)
    late = tuple(task for task in passed if task not in stuck)
    times.extend(when for when in due.values() if when > now)
    return ComingUp(
        silent=tuple(task.task_id for task in silent),
        until=min(times, default=None),
        late=late,
        stuck=stuck,
        why="; ".join(_sentence(task, now) for task in late or stuck),
    )


def _deadlines(wish: PodWish, slow: tuple[TaskRecord, ...], since: float) -> Iterator[tuple[TaskId, float]]:
    policy = wish.spec.recovery
    for task in slow:
        if task.status.state in _NOT_BEGUN:
            yield task.task_id, max(task.launched_at, since) + policy.start_timeout
        elif task.paused or policy.ready_timeout is None or policy.on_not_ready is OnNotReady.WAIT:
            continue
        elif task.status.state is TaskState.RUNNING and not task.was_ready:
            yield task.task_id, max(task.changed_at, since) + policy.ready_timeout


def _sentence(task: TaskRecord, now: float) -> str:
    if task.status.state is TaskState.RUNNING:
        found = f"{task.name} is not ready {now - task.changed_at:.0f} s after its start on {task.hostname}"
    else:
        found = f"{task.name} does not run {now - task.launched_at:.0f} s after its launch on {task.hostname}"
    return found + (f": {task.status.message}" if task.status.message else "")
