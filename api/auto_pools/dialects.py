"""The kinds of labels by which applications say what they want. Pure.

A task may speak several; each one puts it under a pool template. Does not know what labels mean.
"""

from collections.abc import Iterator

from api.auto_pools.app import app_of
from api.auto_pools.claim import Exposure
from api.mesos_listener.task import Task


def templates_of(task: Task) -> tuple[str, ...]:
    """Under which pool templates the task is, whether there are such or not."""
    return tuple(dict.fromkeys(exposure.template for exposure in _exposures(task)))


def read_under(template: str, task: Task) -> Exposure | None:
    """What the task asks for under this template; None when it is not under it."""
    return next((exposure for exposure in _exposures(task) if exposure.template == template), None)


def _exposures(task: Task) -> Iterator[Exposure]:
    if not task.labels:
        return
    # Those who know what labels mean know the schema of pools, which takes a fifth of a second to load.
    from api.auto_pools.labels import read_exposure
    from api.auto_pools.marathon_lb import read_marathon_lb

    exposure = read_exposure(task.labels)
    if exposure is not None:
        yield exposure
    app = app_of(task)
    if app is not None:
        exposure = read_marathon_lb(task.labels, app, tuple(port.name for port in task.ports))
        if exposure is not None:
            yield exposure
