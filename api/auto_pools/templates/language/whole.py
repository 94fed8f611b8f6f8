"""Templates that make the whole pool by themselves, and the block that says which tasks take part. Pure."""

from collections.abc import Iterable
from typing import Any

from api.auto_pools.templates.language.program import Program
from api.auto_pools.templates.language.questions import Chosen, Made
from api.auto_pools.templates.language.reading import values_of
from api.auto_pools.templates.language.views import task_view
from api.auto_pools.templates.stored_template import pool_of
from api.mesos_listener.task import Task, TaskKey
from api.sandbox import values_at
from scheduler.pools.problems import InvalidPool
from scheduler.pools.schema import load_pool
from sdk.errors import InvalidSpec

_LONGEST = 500
_MOST_FAILED = 10


def made_pool(program: Program, name: str, tasks: Iterable[Task]) -> Made:
    """What the template makes of these tasks, without a few at which it cannot be printed. Raises InvalidSpec."""
    left = {task.key: task for task in tasks}
    failed: dict[TaskKey, str] = {}
    first: InvalidSpec | None = None
    while True:
        try:
            made = _made(program, name, left.values())
        except InvalidSpec as found:
            key = _task_at(found)
            error = InvalidSpec(found.path, f"{found.rule} (task {key.id})") if key is not None else found
            first = first or error
            # Where it is most of them, it is the text.
            if key is None or key not in left or len(failed) >= min(_MOST_FAILED, len(left) - 1):
                raise first from None
            failed[key] = str(error)
            del left[key]
            continue
        return Made(pool=made.pool, failed={**made.failed, **failed})


def _made(program: Program, name: str, tasks: Iterable[Task]) -> Made:
    failed: dict[TaskKey, str] = {}
    wanted = [True]

    def fail(task: Any, message: object) -> str:
        failed[TaskKey(str(task["framework_id"]), str(task["id"]))] = str(message)[:_LONGEST]
        return ""

    def no_tasks() -> str:
        wanted.clear()
        return ""

    seen = sorted(tasks, key=lambda task: (task.framework_name, task.name, task.framework_id, task.id))
    values = {**values_of(name), "tasks": [*map(task_view, seen)], "fail": fail, "no_tasks": no_tasks}
    printed = program.whole(values, wanted=lambda: bool(wanted))
    if not wanted:
        return Made(pool=None, failed=failed)
    if printed is None:
        raise program.wrong("whole", values, (), "prints nothing; it must print a pool, or call no_tasks()")
    if not isinstance(printed, dict):
        raise program.wrong("whole", values, (), "must print a JSON object: a pool of version 2")
    if printed.get("name", pool_of(name)) != pool_of(name):
        raise program.wrong("whole", values, ("name",), f"name must be {pool_of(name)}, or be left out")
    try:
        return Made(pool=load_pool({**printed, "name": pool_of(name)}), failed=failed)
    except InvalidPool as error:
        problem = error.problems[0]
        raise program.wrong("whole", values, problem.steps, str(problem)) from error


def _task_at(error: InvalidSpec) -> TaskKey | None:
    """The task that the template was looking at, if it was at one."""
    for value in values_at(error.__cause__) if error.__cause__ is not None else ():
        if isinstance(value, dict) and {"framework_id", "id", "labels"} <= value.keys():
            return TaskKey(str(value["framework_id"]), str(value["id"]))
    return None


def chosen_tasks(program: Program, name: str, tasks: Iterable[Task]) -> Chosen:
    """Which of the tasks the block `tasks` lets take part."""
    chosen: set[TaskKey] = set()
    failed: dict[TaskKey, str] = {}
    for task in tasks:
        values = {**values_of(name), "task": task_view(task)}
        try:
            printed = program.block("tasks", values, f"task {task.id}")
            if not isinstance(printed, bool):
                raise program.wrong("tasks", values, (), f"block tasks must print true or false (task {task.id})")
        except InvalidSpec as error:
            failed[task.key] = str(error)
            continue
        if printed:
            chosen.add(task.key)
    return Chosen(tasks=frozenset(chosen), failed=failed)
