"""What is asked of a process that prints pool templates, and what it answers. Values only."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from api.mesos_listener.task import Task, TaskKey
from scheduler.pools.model import Pool
from scheduler.pools.problems import Problem
from sdk.errors import InvalidSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What the template means: Meaning."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choose:
    """Which of the tasks the block `tasks` lets take part: Chosen."""

    name: str
    text: str
    tasks: Sequence[Task]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlie:
    """The pool with what the blocks `frontend`, `backend` and `service` print: Overlaid."""

    name: str
    text: str
    pool: Pool
    proven: bool = False
    """Whether the text has been printed for such a pool before: applications are to blame then for what it cannot be
    printed for, also when it is everything."""
    without: frozenset[str] = frozenset()
    """Blocks that are not printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Make:
    """What a whole template makes of the tasks: Made."""

    name: str
    text: str
    tasks: Sequence[Task]


Question = Read | Choose | Overlie | Make


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The pool that a template made, None for none; `failed` are tasks of which it says why they are not in it."""

    pool: Pool | None
    failed: dict[TaskKey, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The tasks that take part; `failed` are those for which the block could not be printed, with the reason."""

    tasks: frozenset[TaskKey]
    failed: dict[TaskKey, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlaid:
    """A pool with what blocks print; `problems` are of frontends and backends for which they print nothing of use."""

    pool: Pool
    problems: tuple[Problem, ...] = ()
    everywhere: bool = False
    """Whether there is one of all frontends, or of all backends."""

    def require_frontends(self) -> None:
        """Raises InvalidSpec for a problem of a frontend: all who share it would be concerned."""
        for problem in self.problems:
            if problem.steps[:2] == ("haproxy", "frontends"):
                line, _, rule = problem.rule.partition(": ")
                raise InvalidSpec(line, rule)
