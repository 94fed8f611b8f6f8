"""The tasks with labels, by the pool templates under which they are. Pure.

A task is kept whether there is such a template or not: there may be one later. Does not know what else labels say.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from api.mesos_listener.task import Task, TaskKey


@dataclass(slots=True)
class Moves:
    """What changed under one template."""

    updated: list[Task] = field(default_factory=list)
    removed: list[TaskKey] = field(default_factory=list)


class Roster:
    """`templates` tells under which ones a task is: none, one, or several where it speaks several dialects."""

    def __init__(self, templates: Callable[[Task], Collection[str]]) -> None:
        self._templates = templates
        self._of: dict[TaskKey, tuple[str, ...]] = {}
        self._tasks: dict[str, dict[TaskKey, Task]] = {}

    def under(self, template: str) -> Collection[Task]:
        """The tasks of a template."""
        return self._tasks.get(template, {}).values()

    def templates_of(self, key: TaskKey) -> tuple[str, ...]:
        """Under which templates the task is."""
        return self._of.get(key, ())

    @property
    def templates(self) -> Collection[str]:
        """Those under which there are tasks."""
        return self._tasks.keys()

    def update(self, updated: Iterable[Task], removed: Iterable[TaskKey]) -> dict[str, Moves]:
        """Take changes; what they mean to each template that they concern."""
        moves: dict[str, Moves] = {}
        for key in removed:
            for template in self._of.pop(key, ()):
                self._leave(template, key, moves)
        for task in updated:
            key = task.key
            before, now = self._of.get(key, ()), tuple(self._templates(task))
            for template in before:
                if template not in now:
                    self._leave(template, key, moves)
            for template in now:
                self._tasks.setdefault(template, {})[key] = task
                moves.setdefault(template, Moves()).updated.append(task)
            if now:
                self._of[key] = now
            else:
                self._of.pop(key, None)
        return moves

    def _leave(self, template: str, key: TaskKey, moves: dict[str, Moves]) -> None:
        moves.setdefault(template, Moves()).removed.append(key)
        tasks = self._tasks[template]
        tasks.pop(key, None)
        if not tasks:
            del self._tasks[template]
