"""Which tasks take part, where the block `tasks` of a pool template says so.

The block is printed by another process, for all tasks together that changed while it was at work. Knows that tasks
change and end meanwhile. Does not know how tasks become claims. One thread uses it.
"""

from collections.abc import Callable, Collection, Iterable, Sequence

from api.auto_pools.app import app_of
from api.auto_pools.claim import App
from api.auto_pools.making.statuses import RenderStatus, TaskStatus
from api.auto_pools.templates.language.questions import Chosen
from api.mesos_listener.task import Task, TaskKey
from sdk.errors import InvalidSpec

LEFT_OUT = TaskStatus(RenderStatus.OK, "does not take part: the block tasks of the pool template says so")

Ask = Callable[[Sequence[Task], Callable[[Chosen | Exception], None]], None]
"""Has the block printed for some tasks, and tells later what it said."""
Told = Callable[[Sequence[Task], Collection[TaskKey]], None]
"""Takes tasks that take part as they are now, and the keys of those that do not any more."""


class Choosing:
    """Of one template with its text. `failed` is called when the block could not be printed at all: `look` tries again,
    and so does the next change."""

    def __init__(self, ask: Ask, told: Told, failed: Callable[[], None]) -> None:
        self._ask, self._told, self._failed = ask, told, failed
        self._waiting: dict[TaskKey, Task] = {}
        self._asked: dict[TaskKey, Task] | None = None
        """What is asked about now; None: nothing."""
        self._left_out: dict[TaskKey, tuple[App | None, TaskStatus]] = {}
        self.complete = False
        """The tasks of the beginning have been chosen."""
        self.problem = ""
        """Why the block could not be printed."""
        self.is_to_blame = False
        """Whether that is the block's own fault, and asking again does not help."""

    @property
    def left_out(self) -> dict[TaskKey, TaskStatus]:
        """The tasks that do not take part, with what is to be said of them."""
        return {key: status for key, (_, status) in self._left_out.items()}

    @property
    def apps_left_out(self) -> set[App | None]:
        """Their applications."""
        return {app for app, _ in self._left_out.values()}

    def feed(self, updated: Iterable[Task], gone: Collection[TaskKey]) -> None:
        """Tasks came, changed or went."""
        for key in gone:
            self._waiting.pop(key, None)
            self._left_out.pop(key, None)
            if self._asked is not None:
                self._asked.pop(key, None)
        if gone:
            self._told((), gone)
        self._waiting |= {task.key: task for task in updated}
        self.look()

    def look(self) -> None:
        """Ask what waits for an answer, unless there is a question already."""
        if self._asked is not None:
            return
        if not self._waiting:
            self.complete = True
            return
        self._asked, self._waiting = self._waiting, {}
        self._ask(tuple(self._asked.values()), self._answered)

    def _answered(self, outcome: Chosen | Exception) -> None:
        # Without those that went meanwhile, and those that changed: they are asked about again.
        asked, self._asked = self._asked or {}, None
        current = {key: task for key, task in asked.items() if key not in self._waiting}
        self.problem = self._problem(current, outcome)
        self.is_to_blame = bool(self.problem) and isinstance(outcome, Chosen | InvalidSpec)
        if isinstance(outcome, Exception) or self.problem:
            self._waiting = {**current, **self._waiting}
            self._failed()
            return
        chosen = [task for key, task in current.items() if key in outcome.tasks]
        others = {key: task for key, task in current.items() if key not in outcome.tasks}
        for task in chosen:
            self._left_out.pop(task.key, None)
        for key, task in others.items():
            why = outcome.failed.get(key)
            status = LEFT_OUT if why is None else TaskStatus(RenderStatus.RENDER_ERR, why)
            self._left_out[key] = (app_of(task), status)
        self._told(chosen, others.keys())
        self.look()

    def _problem(self, asked: Collection[TaskKey], outcome: Chosen | Exception) -> str:
        """Why the block cannot be printed. One that fails for all tasks of the beginning is to blame, not they."""
        if isinstance(outcome, Exception):
            return str(outcome) if isinstance(outcome, InvalidSpec) else type(outcome).__name__
        if not self.complete and asked and outcome.failed.keys() >= set(asked):
            return next(iter(outcome.failed.values()))
        return ""
