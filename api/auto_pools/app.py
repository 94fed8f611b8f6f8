"""Which application a task belongs to: what stays the same when the task is started anew. Pure.

Does not know labels, nor how tasks come and go.
"""

from functools import lru_cache

from api.auto_pools.claim import App
from api.mesos_listener.task import Task
from scheduler.pools.words.texts import plain

_MOST_KNOWN = 16_384
#: Longer names stand in no pool.
_LONGEST = 512


def app_of(task: Task) -> App | None:
    """None where nothing that stays names it: its framework or the task itself has no name that a pool could hold."""
    framework = task.framework_name
    if task.marathon and task.marathon_id:
        name, container = task.marathon_id, task.marathon_container
    else:
        name, container = task.name, ""
    if max(len(framework), len(name), len(container)) > _LONGEST:
        return None
    return _app(framework, name, task.marathon and bool(task.marathon_id), container)


@lru_cache(maxsize=_MOST_KNOWN)
def _app(framework: str, name: str, marathon: bool, container: str) -> App | None:
    if not framework or not name or plain(framework) or plain(name) or plain(container):
        return None
    return App(framework, name, marathon, container)
