"""What comes of a pool template for some tasks, once and without anything around: to try one.

Goes the way that the template process goes: blocks, claims, policy, the rules of pools. Does not store anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from api.auto_pools.dialects import Dialects
from api.auto_pools.making.auto_pool import AutoPool
from api.auto_pools.making.statuses import RenderStatus, TaskStatus
from api.auto_pools.templates.language.meaning import CALLED, OVERLAID, Meaning
from api.auto_pools.templates.printer import Printer
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
    printer: Printer,
    template: StoredTemplate,
    tasks: Sequence[Task],
    dialects: Dialects = _USUAL,
    *,
    strict: bool = True,
) -> Outcome:
    """Raises InvalidSpec for a template that cannot be used; one that is `strict` has to be printed for each frontend,
    and not just for any.
    """
    meaning = printer.meaning(template)
    under = [task for task in tasks if dialects.read_under(template.name, task) is not None]
    if meaning.whole:
        made = printer.made(template, under)
        said = {key: TaskStatus(RenderStatus.RENDER_ERR, why) for key, why in made.failed.items()}
        return Outcome(pool=made.pool, statuses={**{task.key: _MADE for task in under}, **said})
    left_out: dict[TaskKey, TaskStatus] = {}
    if "tasks" in meaning.printed:
        chosen = printer.chosen(template, under)
        if under and len(chosen.failed) == len(under):
            # Then the block is to blame, and not the tasks.
            line, _, rule = next(iter(chosen.failed.values())).partition(": ")
            raise InvalidSpec(line, rule)
        left_out = {task.key: LEFT_OUT for task in under if task.key not in chosen.tasks}
        left_out |= {key: TaskStatus(RenderStatus.RENDER_ERR, why) for key, why in chosen.failed.items()}
        under = [task for task in under if task.key in chosen.tasks]
    read = partial(dialects.read_under, template.name)
    auto = AutoPool(template.name, read, base=meaning.pool, policy=meaning.policy)
    auto.update(under, (), 0.0)
    pool = _sound(printer, template, meaning, auto, strict)
    return Outcome(pool=pool, statuses={**auto.statuses(), **left_out})


_MADE = TaskStatus(RenderStatus.OK, "the template makes the pool of the tasks by itself")


def _sound(printer: Printer, template: StoredTemplate, meaning: Meaning, auto: AutoPool, strict: bool) -> Pool | None:
    """The pool without claims that break its rules."""
    while (pool := auto.pool()) is not None:
        problems: Sequence[Problem] = ()
        if meaning.printed & OVERLAID:
            overlaid = printer.overlaid(template, pool)
            if strict:
                overlaid.require_frontends()
            pool, problems = overlaid.pool, overlaid.problems
        by_template = bool(problems)
        problems = problems or tuple(checks.pool_problems(pool))
        if not problems:
            return pool
        refused = [auto.refuse(problem.path, problem.rule, by_template=by_template) for problem in problems]
        if not any(refused):
            raise InvalidSpec(CALLED, f"makes a pool that breaks a rule: {problems[0]}")
    return None
