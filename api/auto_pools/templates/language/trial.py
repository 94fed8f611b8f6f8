"""A text tried before it is stored: with two applications that are made up. Pure."""

from typing import NamedTuple

from api.auto_pools.templates.language.form import with_name
from api.auto_pools.templates.language.overlay import Overlay
from api.auto_pools.templates.language.program import Program
from api.auto_pools.templates.language.reading import read_meaning
from api.auto_pools.templates.language.specimen import specimen_pool, specimen_tasks
from api.auto_pools.templates.language.whole import chosen_tasks, made_pool
from scheduler.pools.model import Pool
from sdk.errors import InvalidSpec


class Trial(NamedTuple):
    """What came of it."""

    pool: Pool | None
    """None when the template wants none."""
    remarks: tuple[str, ...] = ()
    """Sentences about what real applications may have and these have not."""


def tried(name: str, text: str) -> Trial:
    """Raises InvalidSpec for a template that cannot be used."""
    program, tasks = Program(with_name(text, name)), specimen_tasks(name)
    if program.layered:
        meaning = read_meaning(program, name)
        failed = chosen_tasks(program, name, tasks).failed if "tasks" in meaning.printed else {}
        made = Overlay(program, name).over(specimen_pool(meaning.pool))
        made.require_frontends()
        rules = (problem.rule for problem in made.problems)
        return Trial(made.pool, _remarks([*failed.values(), *rules]))
    try:
        return Trial(made_pool(program, name, tasks).pool)
    except InvalidSpec as error:
        # What is printed when there is nothing to serve has to be right all the same.
        return Trial(made_pool(program, name, ()).pool, _remarks([str(error)]))


def _remarks(failed: list[str]) -> tuple[str, ...]:
    return tuple(f"with an application that was made up: {rule}" for rule in dict.fromkeys(failed))
