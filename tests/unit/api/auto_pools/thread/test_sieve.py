"""Only what may concern auto pools gets through."""

from typing import Any

from api.auto_pools.thread.sieve import Sieve
from api.mesos_listener.replica import TaskChanges
from api.mesos_listener.task import Task, TaskKey
from tests.unit.api.dcos_template.pools import task

LABELS = (("edgelb.expose", "true"),)


def changes(*updated: Task, removed: tuple[str, ...] = (), **fields: Any) -> TaskChanges:
    return TaskChanges(revision=1, updated=updated, removed=tuple(TaskKey("f1", one) for one in removed), **fields)


def ids(found: TaskChanges | None) -> tuple[list[str], list[str]]:
    assert found is not None
    return [one.id for one in found.updated], [key.id for key in found.removed]


def test_the_first_list_is_told_although_nothing_of_it_matters() -> None:
    """From then on all tasks are known."""
    sieve = Sieve()
    assert ids(sieve.sift(changes(task("a"), task("b")))) == ([], [])
    assert sieve.sift(changes(task("c"))) is None


def test_tasks_with_labels_get_through_until_they_end() -> None:
    """Others never do."""
    sieve = Sieve()
    assert ids(sieve.sift(changes(task("a"), task("b", labels=LABELS)))) == (["b"], [])
    assert sieve.sift(changes(task("a", state="TASK_KILLING"), removed=("a",))) is None
    assert ids(sieve.sift(changes(task("b", labels=LABELS, state="TASK_KILLING"), task("c")))) == (["b"], [])
    assert ids(sieve.sift(changes(removed=("b", "c")))) == ([], ["b"])
    assert sieve.sift(changes(removed=("b",))) is None


def test_a_task_that_loses_its_labels_is_told_once() -> None:
    """As it is then."""
    sieve = Sieve()
    sieve.sift(changes(task("a", labels=LABELS)))
    assert ids(sieve.sift(changes(task("a")))) == (["a"], [])
    assert sieve.sift(changes(task("a"))) is None


def test_whether_agents_are_waited_for_is_told_when_it_changes() -> None:
    """Also without a task."""
    sieve = Sieve()
    sieve.sift(changes(incomplete=True))
    assert sieve.sift(changes(incomplete=True)) is None
    found = sieve.sift(changes(incomplete=False))
    assert found is not None
    assert not found.incomplete


def test_missing_are_those_that_get_through() -> None:
    """How many they are decides what is believed."""
    sieve = Sieve()
    sieve.sift(changes(task("a", labels=LABELS), task("b")))
    keys = frozenset({TaskKey("f1", "a"), TaskKey("f1", "b")})
    found = sieve.sift(changes(removed=("a", "b"), missing=keys))
    assert found is not None
    assert found.missing == {TaskKey("f1", "a")}
