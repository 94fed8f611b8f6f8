"""Which applications would be worse off under another text of a pool template, and why. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from api.auto_pools.app import app_of
from api.auto_pools.making.statuses import RenderStatus, TaskStatus
from api.auto_pools.thread.choosing import LEFT_OUT
from api.mesos_listener.task import Task, TaskKey

_MOST_REASONS = 10
_MOST_NAMES = 3

Statuses = Mapping[TaskKey, TaskStatus]


def losses(tasks: Sequence[Task], before: Statuses, after: Statuses) -> Iterator[str]:
    """A sentence for each reason; those who have it already are not told again."""
    worse: dict[str, dict[str, int]] = {}
    for task in tasks:
        was, now = before.get(task.key), after.get(task.key)
        if now is None or now == was or (now.status is not RenderStatus.RENDER_ERR and now != LEFT_OUT):
            continue
        if was is not None and was.status is RenderStatus.RENDER_ERR and was.message == now.message:
            continue
        app = app_of(task)
        counted = worse.setdefault(now.message, {})
        name = app.name if app is not None else task.id
        counted[name] = counted.get(name, 0) + 1
    for message, apps in list(worse.items())[:_MOST_REASONS]:
        names = [f"{name} ({count} tasks)" if count > 1 else name for name, count in apps.items()]
        more = f" and {len(names) - _MOST_NAMES} more applications" if len(names) > _MOST_NAMES else ""
        yield f"{', '.join(names[:_MOST_NAMES])}{more}: {message}"
    if len(worse) > _MOST_REASONS:
        yield f"and {len(worse) - _MOST_REASONS} more reasons; edgelb pool-template render tells them of each task"
