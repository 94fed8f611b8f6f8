"""What comes of a pool template for some tasks, once and without anything around: to try one.

Goes the way that the template process goes: blocks, claims, policy, the rules of pools. Does not store anything.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from api.auto_pools.dialects import Dialects
from api.auto_pools.making.auto_pool import AutoPool
from api.auto_pools.making.statuses import RenderStatus, TaskStatus
from api.auto_pools.templates.interpreter import Interpreter
from api.auto_pools.templates.language.meaning import CALLED, OVERLAID, Meaning
from api.auto_pools.templates.stored_template import StoredTemplate
from api.auto_pools.thread.choosing import LEFT_OUT
from api.mesos_listener.task import Task, TaskKey
from scheduler.pools import checks
from scheduler.pools.model import Pool
from scheduler.pools.problems import Problem
from sdk.errors import InvalidSpec

_USUAL = Dialects()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The pool, None when there would be none, and what of each task under the template became."""

    pool: Pool | None
    statuses: dict[TaskKey, TaskStatus]


def outcome(
    interpreter: Interpreter, template: StoredTemplate, tasks: Sequence[Task], dialects: Dialects = _USUAL
) -> Outcome:
    """Raises InvalidSpec for a template that cannot be used."""
    meaning = interpreter.meaning(template)
    under = [task for task in tasks if dialects.read_under(template.name, task) is not None]
    if meaning.whole:
        made = interpreter.made(template, under)
        said = {key: TaskStatus(RenderStatus.RENDER_ERR, why) for key, why in made.failed.items()}
        return Outcome(pool=made.pool, statuses={**{task.key: _MADE for task in under}, **said})
    left_out: dict[TaskKey, TaskStatus] = {}
    if "tasks" in meaning.printed:
        chosen = interpreter.chosen(template, under)
        left_out = {task.key: LEFT_OUT for task in under if task.key not in chosen.tasks}
        left_out |= {key: TaskStatus(RenderStatus.RENDER_ERR, why) for key, why in chosen.failed.items()}
        under = [task for task in under if task.key in chosen.tasks]
    read = partial(dialects.read_under, template.name)
    auto = AutoPool(template.name, read, base=meaning.pool, policy=meaning.policy)
    auto.update(under, (), 0.0)
    pool = _sound(interpreter, template, meaning, auto)
    return Outcome(pool=pool, statuses={**auto.statuses(), **left_out})


_MADE = TaskStatus(RenderStatus.OK, "the template makes the pool of the tasks by itself")


def _sound(interpreter: Interpreter, template: StoredTemplate, meaning: Meaning, auto: AutoPool) -> Pool | None:
    """The pool without claims that break its rules."""
    while (pool := auto.pool()) is not None:
        problems: Iterable[Problem] = ()
        if meaning.printed & OVERLAID:
            overlaid = interpreter.overlaid(template, pool)
            pool, problems = overlaid.pool, overlaid.problems
        problem = next(iter(problems or checks.pool_problems(pool)), None)
        if problem is None:
            return pool
        if not auto.refuse(problem.path, problem.rule):
            raise InvalidSpec(CALLED, f"makes a pool that breaks a rule: {problem}")
    return None
