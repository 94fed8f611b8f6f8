"""The kinds of labels by which applications say what they want. Pure.

A task may speak several; each one puts it under pool templates. Does not know what labels mean.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from api.auto_pools.app import app_of
from api.auto_pools.balancer_groups import BalancerGroups
from api.auto_pools.claim import App, Exposure
from api.mesos_listener.task import Labels, Task


@dataclass(frozen=True, slots=True)
class Dialects:
    """All that are understood; `groups` are those of Marathon-LB."""

    groups: BalancerGroups = field(default=BalancerGroups())

    def templates_of(self, task: Task) -> tuple[str, ...]:
        """Under which pool templates the task is, whether there are such or not."""
        return tuple(dict.fromkeys(self._templates(task)))

    def read_under(self, template: str, task: Task) -> Exposure | None:
        """What the task asks for under this template; None when it is not under it."""
        if not task.labels:
            return None
        read = _readers()
        exposure = read.ours(task.labels)
        if exposure is not None and exposure.template == template:
            return exposure
        app = app_of(task) if template in read.templates_of_marathon_lb(task.labels, self.groups) else None
        if app is None:
            return None
        return read.marathon_lb(task.labels, app, tuple(port.name for port in task.ports), template, self.groups)

    def _templates(self, task: Task) -> Iterator[str]:
        if not task.labels:
            return
        read = _readers()
        exposure = read.ours(task.labels)
        if exposure is not None:
            yield exposure.template
        templates = read.templates_of_marathon_lb(task.labels, self.groups)
        if templates and app_of(task) is not None:
            yield from templates


class _Readers(NamedTuple):
    """Those who know what labels mean."""

    ours: Callable[[Labels], Exposure | None]
    marathon_lb: Callable[[Labels, App, tuple[str, ...], str, BalancerGroups], Exposure | None]
    templates_of_marathon_lb: Callable[[Labels, BalancerGroups], tuple[str, ...]]


@cache
def _readers() -> _Readers:
    # They know the schema of pools, which takes a fifth of a second to load.
    from api.auto_pools.labels import read_exposure
    from api.auto_pools.marathon_lb import read_marathon_lb, templates_under

    return _Readers(read_exposure, read_marathon_lb, templates_under)
