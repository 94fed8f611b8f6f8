"""What an instance needs of which something runs, read from its record and its wish.

Its tasks are of two kinds. Those that are kept up and essential are launched, and launched again, together; each of the
others comes and goes without them: a job that runs to its end, a helper that the instance can do without.
"""

from collections.abc import Mapping
from dataclasses import replace

from sdk.model.records import PodRecord, TaskRecord
from sdk.model.spec import Goal
from sdk.model.status import TaskState
from sdk.plan.coming_up import ComingUp, coming_up
from sdk.plan.instance import after_failures, due_of, host_of, stopped
from sdk.plan.need import (
    Around,
    LacksPorts,
    LacksTasks,
    MustKill,
    Need,
    Outdated,
    Rest,
    Stopped,
    Waits,
    lacking_ports,
    missing,
    ready,
    task_ready,
)
from sdk.plan.progress import Progress
from sdk.plan.wish import PodWish


def running(record: PodRecord, wish: PodWish, alive: tuple[TaskRecord, ...], now: float, around: Around) -> Need:
    """What is to be done about it; `alive` are the tasks of it that are not over."""
    alive_ids = tuple(task.task_id for task in alive)
    specs = {spec.name: spec for spec in wish.spec.tasks}
    is_ready = ready(record, wish)
    if any(task.config != wish.config or task.name not in specs for task in alive):
        return Outdated(tasks=alive_ids, ready=is_ready)
    gone = missing(record, wish)
    together = tuple(task.task_id for task in alive if specs[task.name].goal is Goal.RUNNING)
    if together and (record.failed or any(not spec.apart for spec in gone)):
        return MustKill(tasks=together, message=record.last_failure or "one of its tasks is over")
    switched = [task for task in alive if task.paused is not (task.name in record.paused)]
    if switched:
        them = tuple(task.task_id for task in switched)
        all_of_them = any(not specs[task.name].apart for task in switched)
        word = "is resumed" if switched[0].paused else "is paused"
        return MustKill(tasks=together if all_of_them else them, message=f"{switched[0].name} {word} on request")
    if is_ready and around.behind:
        return Outdated(tasks=alive_ids, ready=True)
    watch = coming_up(wish, alive, now, around)
    if watch.late:
        late = tuple(task.task_id for task in watch.late)
        all_of_them = any(not specs[task.name].apart for task in watch.late)
        return MustKill(
            tasks=tuple(dict.fromkeys((*late, *(together if all_of_them else ())))), message=watch.why, late=late
        )
    if any(specs[task.name].essential for task in watch.stuck):
        return Stopped(message=f"{watch.why}; it stays so until its configuration changes, or on restart")
    refused = {spec.name: why for spec in gone if (why := stopped(record, spec, wish)) is not None}
    due = {spec.name: due_of(record, spec, wish) for spec in gone if spec.name not in refused}
    if due:
        return _launches(record, due, watch, is_ready, now)
    if refused:
        why = "; ".join(refused.values())
        message = f"{why}; not tried again until the configuration changes, or on restart"
        return _lacks(watch, Progress.ERROR, message, serves=is_ready)
    slow = tuple(task for task in alive if not task_ready(task, specs[task.name]))
    if is_ready and not slow:  # as nearly always
        ports = lacking_ports(record, wish)
        return LacksPorts(tasks=alive_ids, ports=ports) if ports else Rest()
    status, message = _starting(record, wish, slow or alive)
    if slow and all(task.paused and task.status.state is TaskState.RUNNING for task in slow):
        status, message = Progress.DELAYED, f"paused on {host_of(record)}, until it is resumed"
        message = message if is_ready else f"{', '.join(task.name for task in slow)} {message}"
    if not is_ready:
        return Waits(status=status, message=message, until=watch.until, reconcile=watch.silent)
    status = Progress.ERROR if watch.stuck else status
    return _lacks(watch, status, f"{', '.join(task.name for task in slow)} {message}", serves=True)


def _launches(record: PodRecord, due: Mapping[str, float], watch: ComingUp, serves: bool, now: float) -> LacksTasks:
    """Some of its tasks have to be launched beside the others, now or after a while."""
    begin = tuple(name for name, when in due.items() if when <= now)
    later = min((when for when in due.values() if when > now), default=None)
    if begin or later is None:
        waits = f"{'waits for its' if len(begin) == 1 else 'wait for their'} resources on {host_of(record)}"
        message = f"{', '.join(begin)} {waits} to be offered again{after_failures(record)}"
        found = _lacks(watch, Progress.PREPARED, message, serves=serves)
    else:
        message = f"{record.last_failure or 'failed'}; tried again in {later - now:.0f} s"
        found = _lacks(watch, Progress.DELAYED, message, serves=serves)
    times = [when for when in (later, watch.until) if when is not None]
    return replace(found, tasks=begin, until=min(times, default=None))


def _lacks(watch: ComingUp, status: Progress, message: str, *, serves: bool) -> LacksTasks:
    return LacksTasks(
        tasks=(), status=status, message=message, serves=serves, until=watch.until, reconcile=watch.silent
    )


def _starting(record: PodRecord, wish: PodWish, tasks: tuple[TaskRecord, ...]) -> tuple[Progress, str]:
    """How far these are that keep the instance from being ready."""
    host = host_of(record)
    if any(not task.confirmed or task.status.state is TaskState.STAGING for task in tasks):
        return Progress.STARTING, f"launched on {host}"
    specs = {spec.name: spec for spec in wish.spec.tasks}
    if all(task_ready(task, specs[task.name]) for task in tasks):
        jobs = ", ".join(task.name for task in tasks if specs[task.name].goal is not Goal.RUNNING)
        return Progress.STARTED, f"runs on {host}; waits for the end of {jobs}"
    said = next((f": {task.status.message}" for task in tasks if task.status.message), "")
    if any(task.status.state is not TaskState.RUNNING for task in tasks):
        return Progress.STARTING, f"starts on {host}{said}"
    checked = any(specs[task.name].readiness_check is not None for task in tasks)
    return Progress.STARTED, f"runs on {host}, not {'ready' if checked else 'healthy'} yet{said}"
