"""The question why an application is exposed or not, as the template process answers it.

Asks the threads that know, for no longer than they let somebody wait; only tasks that are asked for are looked at.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from api.auto_pools.dialects import Dialects
from api.auto_pools.templates.stored_template import pool_of
from api.mesos_listener.task import Task, TaskKey
from api.why.facts import facts
from api.why.search import search

Json = dict[str, Any]
_USUAL = Dialects()
Services = Callable[[Sequence[TaskKey]], Mapping[TaskKey, Sequence[Mapping[str, Any]]] | None]
Statuses = Callable[[str, Sequence[TaskKey]], Mapping[str, Any] | None]


def tell(
    text: str,
    tasks: Iterable[Task],
    *,
    complete: bool,
    services: Services,
    statuses: Statuses,
    dialects: Dialects = _USUAL,
) -> Json:
    """What is known of the tasks that are meant; `statuses` tells how they stand under a template, by pools."""
    found = search(list(tasks), text)
    keys = [task.key for task in found.tasks]
    selected = services(keys) if keys else {}
    templates = dict.fromkeys(template for task in found.tasks for template in dialects.templates_of(task))
    known = {template: (statuses(template, keys) or {}).get(pool_of(template)) for template in templates}
    return {
        "total": found.total,
        "near": list(found.near),
        "complete": complete,
        "tasks": [
            facts(
                task,
                None if selected is None else selected.get(task.key, ()),
                {template: _status(known[template], task) for template in dialects.templates_of(task)},
                dialects,
            )
            for task in found.tasks
        ],
    }


def _status(pool: Mapping[str, Any] | None, task: Task) -> Json | None:
    if pool is None:
        return None
    status: Json | None = pool["statuses"].get(task.framework_id, {}).get(task.id)
    return status or {"status": "NEW", "message": f"its labels were not looked at yet: {pool['message']}", "uris": []}
