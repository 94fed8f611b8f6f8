"""Which application a task belongs to: what stays the same when the task is started anew. Pure.

Does not know labels, nor how tasks come and go.
"""

from api.auto_pools.claim import App
from api.mesos_listener.task import Task
from scheduler.pools.texts import plain


def app_of(task: Task) -> App | None:
    """None where nothing that stays names it: its framework or the task itself has no name that a pool could hold."""
    framework = task.framework_name
    if task.marathon and task.marathon_id:
        name, container = task.marathon_id, task.marathon_container
    else:
        name, container = task.name, ""
    if not framework or not name or plain(framework) or plain(name) or plain(container):
        return None
    return App(framework, name, task.marathon and bool(task.marathon_id), container)
