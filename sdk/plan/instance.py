"""What is told of an instance, whether it runs or not: where it is, what failed, and whether and when it is tried
again.
"""

from sdk.model.records import PodRecord
from sdk.model.spec import TaskSpec
from sdk.plan.reasons import refused_for_good
from sdk.plan.wish import PodWish


def host_of(record: PodRecord) -> str:
    """The host name of its agent, as far as one is known."""
    if record.holding is not None:
        return record.holding.hostname
    return record.tasks[0].hostname if record.tasks else "its agent"


def due_of(record: PodRecord, spec: TaskSpec, wish: PodWish) -> float:
    """When one of its tasks may be launched; those that are launched together wait for the same."""
    if not spec.apart:
        return record.not_before
    task = next((task for task in record.tasks if task.name == spec.name), None)
    return 0.0 if task is None or task.config != wish.config else task.not_before


def stopped(record: PodRecord, spec: TaskSpec, wish: PodWish) -> str | None:
    """Why one of its tasks is not launched again as it is, None when it is."""
    task = next((task for task in record.tasks if task.name == spec.name), None)
    return None if task is None or task.config != wish.config else refused_for_good(task)


def after_failures(record: PodRecord) -> str:
    """` after: <what failed last>`, empty when nothing did."""
    failed = record.failures or any(task.failures for task in record.tasks)
    return f" after: {record.last_failure}" if record.last_failure and failed else ""
