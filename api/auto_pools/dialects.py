"""The kinds of labels by which applications say what they want. Pure.

A task may speak several; each one puts it under a pool template. Does not know what labels mean.
"""

from api.auto_pools.claim import Exposure
from api.auto_pools.labels import read_exposure
from api.mesos_listener.task import Task


def templates_of(task: Task) -> tuple[str, ...]:
    """Under which pool templates the task is, whether there are such or not."""
    exposure = read_exposure(task.labels)
    return () if exposure is None else (exposure.template,)


def read_under(template: str, task: Task) -> Exposure | None:
    """What the task asks for under this template; None when it is not under it."""
    exposure = read_exposure(task.labels)
    return exposure if exposure is not None and exposure.template == template else None
