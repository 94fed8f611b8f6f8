"""What came in for the worker."""

import threading

from hypothesis import given
from hypothesis import strategies as st

from api.dcos_template.inbox import Inbox
from api.mesos_listener.replica import TaskChanges
from api.mesos_listener.task import Task, TaskKey
from scheduler.pools.stored.store import PoolView
from tests.unit.api.dcos_template.pools import task

PATIENCE = 60.0


def key(number: int) -> TaskKey:
    return task(f"t{number}").key


def test_a_task_that_changes_again_waits_once_and_keeps_its_place() -> None:
    """However fast it changes, with the time of its first change."""
    inbox = Inbox()
    inbox.tasks(TaskChanges(revision=1, updated=(task("t1"), task("t2"))), 1.0)
    inbox.tasks(TaskChanges(revision=2, removed=(key(1),)), 2.0)
    inbox.tasks(TaskChanges(revision=3, updated=(task("t1", name="new"),)), 3.0)
    batch = inbox.take(1)
    ((taken, change),) = batch.tasks
    assert (taken, change.task, change.arrived) == (key(1), task("t1", name="new"), 1.0)
    assert (batch.more, batch.complete) == (True, False)
    assert [one for one, _ in inbox.take(5).tasks] == [key(2)]


def test_the_first_list_is_complete_when_its_last_task_is_taken() -> None:
    """And not when nothing waits any more: more may come all the time."""
    inbox = Inbox()
    assert not inbox.take(5).complete
    inbox.tasks(TaskChanges(revision=1, updated=tuple(task(f"t{n}") for n in range(10))), 1.0)
    assert not inbox.take(4).complete
    inbox.tasks(TaskChanges(revision=2, updated=(task("t99"),)), 1.0)
    assert not inbox.take(5).complete
    batch = inbox.take(1)
    assert (batch.complete, batch.more) == (True, True)


def test_an_empty_first_list_is_complete_at_once() -> None:
    """Known to be empty is not the same as unknown."""
    inbox = Inbox()
    inbox.tasks(TaskChanges(revision=1), 1.0)
    assert inbox.take(5).complete


def test_tasks_that_went_missing_together_are_taken_together() -> None:
    """How many they are decides what is believed."""
    inbox = Inbox()
    gone = tuple(key(n) for n in range(50))
    inbox.tasks(TaskChanges(revision=1, removed=gone, missing=frozenset(gone), updated=(task("t99"),)), 1.0)
    assert len(inbox.take(3).tasks) == 50


def test_orders_and_the_newest_pools_come_at_once() -> None:
    """Before tasks that were there first."""
    inbox, said = Inbox(), list[str]()
    inbox.tasks(TaskChanges(revision=1, updated=tuple(task(f"t{n}") for n in range(10))), 1.0)
    inbox.pools(PoolView({}, {"a": "x"}), 2.0)
    inbox.pools(PoolView({}, {"b": "x"}), 3.0)
    inbox.order(lambda: said.append("one"))
    inbox.order(lambda: said.append("two"))
    batch = inbox.take(1)
    for order in batch.orders:
        order()
    assert said == ["one", "two"]
    assert batch.pools == (PoolView({}, {"b": "x"}), 2.0)
    assert inbox.take(1).pools is None


CHANGES = st.lists(
    st.tuples(st.lists(st.tuples(st.integers(0, 5), st.sampled_from("abx")), max_size=4), st.integers(0, 3)),
    max_size=20,
)


@given(CHANGES)
def test_whatever_the_slices_the_end_is_the_same(steps: list[tuple[list[tuple[int, str]], int]]) -> None:
    """Nothing is lost by merging."""
    inbox, wanted, have = Inbox(), dict[TaskKey, Task](), dict[TaskKey, Task]()

    def take(most: int) -> None:
        for one, change in inbox.take(most).tasks:
            if change.task is None:
                have.pop(one, None)
            else:
                have[one] = change.task

    for changes, most in steps:
        last = dict(changes)
        updated = tuple(task(f"t{number}", name=name) for number, name in last.items() if name != "x")
        removed = tuple(key(number) for number, name in last.items() if name == "x")
        inbox.tasks(TaskChanges(revision=1, updated=updated, removed=removed), 0.0)
        wanted.update({one.key: one for one in updated})
        for one in removed:
            wanted.pop(one, None)
        take(most)
    take(1000)
    assert have == wanted


def test_a_view_is_whole_once_all_that_it_names_has_been_taken() -> None:
    """Until then what it does not name yet is not gone."""
    inbox = Inbox()
    inbox.tasks(TaskChanges(revision=1, updated=(task("t1"),), incomplete=True), 1.0)
    assert inbox.take(5).incomplete
    inbox.tasks(TaskChanges(revision=2, updated=tuple(task(f"t{n}") for n in range(4))), 2.0)
    assert [inbox.take(2).incomplete for _ in range(2)] == [True, False]
    inbox.tasks(TaskChanges(revision=3, incomplete=True), 3.0)
    assert inbox.take(2).incomplete


def test_what_nobody_waits_for_is_taken_with_the_next_that_comes() -> None:
    """It wakes nobody, and whoever is awake does not go to sleep beside it."""
    inbox, done = Inbox(), list[str]()
    woken = threading.Event()

    def sleep() -> None:
        inbox.wait(PATIENCE)
        woken.set()

    sleeper = threading.Thread(target=sleep, daemon=True)
    inbox.order_when(lambda: done.append("quiet"), lambda: False)
    inbox.wait(PATIENCE)
    for order in inbox.take(5).orders:
        order()
    assert done == ["quiet"]
    sleeper.start()
    inbox.order_when(lambda: done.append("at once"), lambda: True)
    assert woken.wait(PATIENCE)
    sleeper.join(PATIENCE)
