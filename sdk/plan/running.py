"""What an instance needs of which something runs, read from its record and its wish."""

from sdk.model.records import PodRecord, TaskRecord
from sdk.model.status import TaskState
from sdk.plan.instance import host_of
from sdk.plan.need import (
    Around,
    LacksPorts,
    MustKill,
    Need,
    Outdated,
    Rest,
    Waits,
    done,
    lacking_ports,
    over,
    ready,
)
from sdk.plan.progress import Progress
from sdk.plan.wish import PodWish


def running(record: PodRecord, wish: PodWish, alive: tuple[TaskRecord, ...], now: float, around: Around) -> Need:
    """What is to be done about it; `alive` are the tasks of it that are not over."""
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
            message=f"launched on {host_of(record)}",
            until=launched + (max(0.0, now - launched) // every + 1) * every,
            reconcile=tuple(task.task_id for task in silent),
        )
    running = all(task.status.state is TaskState.RUNNING for task in alive)
    said = next((task.status.message for task in alive if task.status.message), None)
    return Waits(
        status=Progress.STARTED if running else Progress.STARTING,
        message=(f"runs on {host_of(record)}, not healthy yet" if running else f"starts on {host_of(record)}")
        + (f": {said}" if said else ""),
    )
