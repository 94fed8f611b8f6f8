"""What the template process knows of one task, as JSON. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.auto_pools.claim import LabelProblem
from api.auto_pools.dialects import Dialects
from api.auto_pools.making.statuses import sentence
from api.mesos_listener.task import LIVE_STATES, RUNNING, Task

Json = dict[str, Any]
_USUAL = Dialects()


def facts(
    task: Task,
    services: Sequence[Mapping[str, Any]] | None,
    statuses: Mapping[str, Json | None],
    dialects: Dialects = _USUAL,
) -> Json:
    """`services` are those that select it, None where nobody got to say; `statuses` those under each pool template."""
    return {
        "id": task.id,
        "frameworkId": task.framework_id,
        "framework": task.framework_name,
        "name": task.name,
        "app": task.marathon_id if task.marathon else task.name,
        "state": task.state,
        "waits": _waits(task),
        "notes": list(task.notes),
        "services": None if services is None else list(services),
        "templates": {template: statuses.get(template) for template in dialects.templates_of(task)},
        "unexposed": _unexposed(task, dialects),
    }


def _waits(task: Task) -> str:
    """Why it gets no requests whatever selects it; empty when it could."""
    if task.leaving:
        return "it is ending (TASK_KILLING)"
    if task.state != RUNNING:
        return f"it is not running yet ({task.state})" if task.state in LIVE_STATES else f"it has ended ({task.state})"
    if task.healthy is False:
        return "its health check fails"
    if task.healthy is None and task.health_checked:
        return "its health check has not passed yet"
    return ""


def _unexposed(task: Task, dialects: Dialects) -> str:
    """Why its labels expose nothing; empty when they do."""
    # As in dialects.py: labels know the schema of pools, which takes its time to load.
    from api.auto_pools.labels import unexposed
    from api.auto_pools.marathon_lb import unserved

    if dialects.templates_of(task):
        return ""
    problems: list[LabelProblem | None] = [unexposed(task.labels), unserved(task.labels, dialects.groups)]
    return "; ".join(sentence(problem) for problem in problems if problem is not None)
