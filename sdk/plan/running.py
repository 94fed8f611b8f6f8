"""What an instance needs of which something runs, read from its record and its wish.

Its tasks are of two kinds. Those that are kept up and essential are launched, and launched again, together; each of the
others comes and goes without them: a job that runs to its end, a helper that the instance can do without.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sdk.model.ids import TaskId
from sdk.model.records import PodRecord, TaskRecord
from sdk.model.spec import Goal
from sdk.model.status import TaskState
from sdk.plan.instance import after_failures, due_of, host_of, stopped
from sdk.plan.need import (
    Around,
    LacksPorts,
    LacksTasks,
    MustKill,
    Need,
    Outdated,
    Rest,
    Waits,
    alone,
    lacking_ports,
    missing,
    ready,
    task_ready,
)
from sdk.plan.progress import Progress
from sdk.plan.wish import PodWish


@dataclass(frozen=True, slots=True, kw_only=True)
class _Silence:
    """Tasks of which nothing is heard, and when Mesos is asked about them (again)."""

    tasks: tuple[TaskId, ...]
    until: float


def running(record: PodRecord, wish: PodWish, alive: tuple[TaskRecord, ...], now: float, around: Around) -> Need:
    """What is to be done about it; `alive` are the tasks of it that are not over."""
    alive_ids = tuple(task.task_id for task in alive)
    specs = {spec.name: spec for spec in wish.spec.tasks}
    is_ready = ready(record, wish)
    if any(task.config != wish.config or task.name not in specs for task in alive):
        return Outdated(tasks=alive_ids, ready=is_ready)
    gone = missing(record, wish)
    together = tuple(task.task_id for task in alive if specs[task.name].goal is Goal.RUNNING)
    if together and any(not alone(spec) for spec in gone):
        return MustKill(tasks=together, message=record.last_failure or "one of its tasks is over")
    if is_ready and around.behind:
        return Outdated(tasks=alive_ids, ready=True)
    silence = _silence(wish, alive, now)
    refused = {spec.name: why for spec in gone if (why := stopped(record, spec, wish)) is not None}
    due = {spec.name: due_of(record, spec, wish) for spec in gone if spec.name not in refused}
    if due:
        return _launches(record, due, silence, is_ready, now)
    if refused:
        return _refused(refused, silence, is_ready)
    if is_ready:
        return _serving(record, wish, alive, silence)
    if silence is not None:
        message = f"launched on {host_of(record)}"
        return Waits(status=Progress.STARTING, message=message, until=silence.until, reconcile=silence.tasks)
    slow = tuple(task for task in alive if not task_ready(task, specs[task.name]))
    if not slow:  # its jobs are not done
        jobs = ", ".join(task.name for task in alive if specs[task.name].goal is not Goal.RUNNING)
        return Waits(status=Progress.STARTED, message=f"runs on {host_of(record)}; waits for the end of {jobs}")
    status, message = _starting(record, slow)
    return Waits(status=status, message=message)


def _silence(wish: PodWish, alive: tuple[TaskRecord, ...], now: float) -> _Silence | None:
    # "It is staged" is no sign that anything begins: the answer to one question does not end the asking.
    silent = tuple(task for task in alive if not task.confirmed or task.status.state is TaskState.STAGING)
    if not silent:
        return None
    launched = min(task.launched_at for task in silent)
    every = max(1.0, wish.spec.recovery.launch_timeout)
    until = launched + (max(0.0, now - launched) // every + 1) * every
    return _Silence(tasks=tuple(task.task_id for task in silent), until=until)


def _launches(
    record: PodRecord, due: dict[str, float], silence: _Silence | None, serves: bool, now: float
) -> LacksTasks:
    """Some of its tasks have to be launched beside the others, now or after a while."""
    begin = tuple(name for name, when in due.items() if when <= now)
    later = [when for when in due.values() if when > now]
    times = [*later, *([silence.until] if silence is not None else ())]
    waits = f"{'waits for its' if len(begin) == 1 else 'wait for their'} resources on {host_of(record)}"
    found = LacksTasks(
        tasks=begin,
        status=Progress.PREPARED,
        message=f"{', '.join(begin)} {waits} to be offered again{after_failures(record)}",
        serves=serves,
        until=min(times, default=None),
        reconcile=silence.tasks if silence is not None else (),
    )
    if begin:
        return found
    message = f"{record.last_failure or 'failed'}; tried again in {min(later) - now:.0f} s"
    return replace(found, status=Progress.DELAYED, message=message)


def _refused(refused: Mapping[str, str], silence: _Silence | None, serves: bool) -> LacksTasks:
    """Mesos does not run some of its tasks as they are; the others go on."""
    return LacksTasks(
        tasks=(),
        status=Progress.ERROR,
        message=f"{'; '.join(refused.values())}; not tried again until the configuration changes, or on restart",
        serves=serves,
        until=silence.until if silence is not None else None,
        reconcile=silence.tasks if silence is not None else (),
    )


def _serving(record: PodRecord, wish: PodWish, alive: tuple[TaskRecord, ...], silence: _Silence | None) -> Need:
    """It is of use; a task that it can do without may be on its way."""
    specs = {spec.name: spec for spec in wish.spec.tasks}
    slow = tuple(task for task in alive if not task_ready(task, specs[task.name]))
    if slow:
        status, message = _starting(record, slow)
        return LacksTasks(
            tasks=(),
            status=status,
            message=f"{', '.join(task.name for task in slow)} {message}",
            serves=True,
            until=silence.until if silence is not None else None,
            reconcile=silence.tasks if silence is not None else (),
        )
    ports = lacking_ports(record, wish)
    return LacksPorts(tasks=tuple(task.task_id for task in alive), ports=ports) if ports else Rest()


def _starting(record: PodRecord, tasks: tuple[TaskRecord, ...]) -> tuple[Progress, str]:
    all_run = all(task.status.state is TaskState.RUNNING for task in tasks)
    said = next((task.status.message for task in tasks if task.status.message), None)
    message = f"runs on {host_of(record)}, not healthy yet" if all_run else f"starts on {host_of(record)}"
    return Progress.STARTED if all_run else Progress.STARTING, message + (f": {said}" if said else "")
