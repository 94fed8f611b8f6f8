"""Tasks that a template lets take part or not, while they change and end."""

from collections.abc import Callable, Sequence

import pytest

from api.auto_pools.app import app_of
from api.auto_pools.making.statuses import RenderStatus, TaskStatus
from api.auto_pools.templates.language.questions import Chosen
from api.auto_pools.thread.choosing import LEFT_OUT, Choosing
from api.mesos_listener.task import Task, TaskKey
from sdk.errors import InvalidSpec


def task(name: str, state: str = "TASK_RUNNING") -> Task:
    return Task(id=name, framework_id="f", name=name, state=state)


A, B, C = (task(name) for name in "abc")


class World:
    """Who is asked, and who is told."""

    def __init__(self) -> None:
        self.questions: list[tuple[Sequence[Task], Callable[[Chosen | Exception], None]]] = []
        self.within: dict[TaskKey, Task] = {}
        self.failures = 0
        self.choosing = Choosing(lambda tasks, told: self.questions.append((tasks, told)), self._told, self._failed)

    def _told(self, updated: Sequence[Task], gone: object) -> None:
        for key in gone:  # type: ignore[attr-defined]
            self.within.pop(key, None)
        self.within |= {one.key: one for one in updated}

    def _failed(self) -> None:
        self.failures += 1

    def answer(self, *chosen: Task, **failed: str) -> Sequence[Task]:
        """The oldest question; what was asked."""
        tasks, told = self.questions.pop(0)
        told(Chosen(tasks=frozenset(one.key for one in chosen), failed={TaskKey("f", k): v for k, v in failed.items()}))
        return tasks


@pytest.fixture
def world() -> World:
    return World()


def test_only_chosen_tasks_take_part_and_the_others_say_why(world: World) -> None:
    """Nothing is known before the first answer."""
    world.choosing.feed([A, B, C], ())
    assert (world.within, world.choosing.complete) == ({}, False)
    assert world.answer(A, b="line 2") == (A, B, C)
    assert (world.within, world.choosing.complete) == ({A.key: A}, True)
    assert world.choosing.left_out == {B.key: TaskStatus(RenderStatus.RENDER_ERR, "line 2"), C.key: LEFT_OUT}


def test_what_changes_while_it_is_asked_about_is_asked_again(world: World) -> None:
    """All that changed meanwhile together; the older answer counts for it no more."""
    changed = task("a", "TASK_KILLING")
    world.choosing.feed([A, B], ())
    world.choosing.feed([changed], ())
    world.choosing.feed([C], ())
    assert len(world.questions) == 1
    world.answer(A, B)
    assert (world.within, world.choosing.complete) == ({B.key: B}, False)
    assert world.answer(C) == (changed, C)
    assert world.within == {B.key: B, C.key: C}
    assert world.choosing.left_out == {A.key: LEFT_OUT}


def test_a_task_that_ends_is_gone_at_once(world: World) -> None:
    """Whatever is answered afterwards."""
    world.choosing.feed([A, B], ())
    world.choosing.feed((), [A.key])
    world.answer(A)
    assert world.within == {}
    world.choosing.feed([B], ())
    world.answer(B)
    world.choosing.feed((), [B.key])
    assert (world.within, world.choosing.left_out, world.questions) == ({}, {}, [])


def test_a_block_that_fails_for_all_tasks_of_the_beginning_is_to_blame(world: World) -> None:
    """Later ones may be odd themselves."""
    world.choosing.feed([A, B], ())
    world.answer(a="line 1", b="line 1")
    assert (world.choosing.complete, world.choosing.problem, world.failures) == (False, "line 1", 1)
    world.choosing.look()
    world.answer(A, B)
    world.choosing.feed([C], ())
    world.answer(c="line 2")
    assert (world.choosing.complete, world.choosing.problem, world.within) == (True, "", {A.key: A, B.key: B})
    assert world.choosing.apps_left_out == {app_of(C)}


def test_all_that_was_asked_about_may_go_meanwhile(world: World) -> None:
    """The next question waits for the answer all the same."""
    world.choosing.feed([A], ())
    world.choosing.feed((), [A.key])
    world.choosing.feed([B], ())
    assert len(world.questions) == 1
    world.answer(A)
    assert world.answer(B) == (B,)
    assert world.within == {B.key: B}


def test_without_tasks_nothing_is_asked(world: World) -> None:
    """There is nothing to wait for."""
    world.choosing.feed((), ())
    assert (world.questions, world.choosing.complete) == ([], True)


@pytest.mark.parametrize(
    ("error", "told"), [(InvalidSpec("pool template", "no"), "pool template: no"), (OSError(), "OSError")]
)
def test_a_block_that_cannot_be_printed_changes_nothing_and_is_tried_again(
    world: World, error: Exception, told: str
) -> None:
    """With what came meanwhile."""
    world.choosing.feed([A], ())
    world.answer(A)
    changed = task("a", "TASK_KILLING")
    world.choosing.feed([changed], ())
    world.questions.pop(0)[1](error)
    assert (world.failures, world.choosing.problem, world.within) == (1, told, {A.key: A})
    world.choosing.look()
    assert world.answer(changed) == (changed,)
    assert (world.choosing.problem, world.within) == ("", {A.key: changed})
