"""What came in for the worker, until it is taken: the newest pools, orders, and of each task its last change.

However fast changes come, it holds at most one per task, and the worker takes them in slices, so that it gets to
publish in between. Changes are taken in the order in which their tasks changed first. Thread-safe.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from api.dcos_template.publishing.trace import NO_STAMPS, Stamps
from api.mesos_listener.replica import TaskChanges
from api.mesos_listener.task import Task, TaskKey
from scheduler.pools.stored.store import PoolView

T = TypeVar("T")


class TaskChange(NamedTuple):
    """The last change of a task: how it is now, or None when it runs no more; `missing`: nobody said that it ended.

    `arrived` is when the first of the changes came that this one stands for, `stamps` are its.
    """

    task: Task | None
    missing: bool
    arrived: float
    stamps: Stamps = NO_STAMPS


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What is taken at once, in this order: orders, pools, tasks."""

    orders: tuple[Callable[[], None], ...] = ()
    pools: tuple[PoolView, float] | None = None
    """The newest view and when it came."""
    tasks: tuple[tuple[TaskKey, TaskChange], ...] = ()
    complete: bool = False
    """Everything that the first list named has been taken, with this batch."""
    incomplete: bool = False
    """More tasks may run than are named: the master waits for agents."""
    more: bool = False
    stop: bool = False


class Inbox:
    """Filled by any thread, taken by one. Times are the caller's, in seconds of a clock that does not jump."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._orders: list[Callable[[], None]] = []
        self._pools: tuple[PoolView, float] | None = None
        self._tasks: dict[TaskKey, TaskChange] = {}
        self._first: int | None = None
        """How many tasks of the first list have not been taken yet; None: it has not come."""
        self._incomplete = self._was_incomplete = False
        self._news = False
        self._stop = False

    def order(self, carry_out: Callable[[], None]) -> None:
        """To be called on the worker's thread."""
        self.order_when(carry_out, lambda: True)

    def order_when(self, carry_out: Callable[[], None], at_once: Callable[[], bool]) -> None:
        """The same, unless it is not `at_once`: then when the thread comes round anyway. To wake it costs as much as
        most of what it does.
        """
        with self._changed:
            self._orders.append(carry_out)
            # Asked while the thread cannot begin to wait: what it waits for is known by then.
            if at_once():
                self._tell()

    def ask(self, question: Callable[[], T], patience: float) -> T | None:
        """What it answers on the worker's thread; None when that does not get to it within so many seconds."""
        answers: list[T] = []
        answered = threading.Event()

        def answer() -> None:
            answers.append(question())
            answered.set()

        self.order(answer)
        answered.wait(patience)
        return answers[0] if answers else None

    def pools(self, view: PoolView, now: float) -> None:
        """All pools; an earlier view that was not taken is of no use any more."""
        with self._changed:
            self._pools = (view, now if self._pools is None else self._pools[1])
            self._tell()

    def tasks(self, changes: TaskChanges, now: float, taken: float = 0.0) -> None:
        """Changes of tasks, which came at `taken` in epoch seconds; the first call has all of them."""
        stamps = Stamps(changes.event, changes.index, taken)
        with self._changed:
            for key in changes.removed:
                self._put(key, None, key in changes.missing, now, stamps)
            for task in changes.updated:
                self._put(task.key, task, False, now, stamps)
            if self._first is None:
                self._first = len(self._tasks)
            self._incomplete = changes.incomplete
            self._tell()

    def stop(self) -> None:
        """The next batch says `stop`."""
        with self._changed:
            self._stop = True
            self._tell()

    def wait(self, timeout: float | None) -> None:
        """Until there is something to take, at most `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._news or self._orders, timeout)

    def take(self, most: int) -> Batch:
        """All orders, the newest pools, and the changes of at most `most` tasks.

        Tasks that went missing together are taken together: how many they are decides what is believed.
        """
        with self._changed:
            keys: list[TaskKey] = []
            for key, change in self._tasks.items():
                if len(keys) >= most and not change.missing:
                    break
                keys.append(key)
            if self._first is not None:
                self._first = max(0, self._first - len(keys))
            more = len(keys) < len(self._tasks)
            # The view is whole once all that it names has been taken.
            self._was_incomplete = self._incomplete or (self._was_incomplete and more)
            batch = Batch(
                orders=tuple(self._orders),
                pools=self._pools,
                tasks=tuple((key, self._tasks.pop(key)) for key in keys),
                complete=self._first == 0,
                incomplete=self._was_incomplete,
                more=more,
                stop=self._stop,
            )
            self._orders.clear()
            self._pools = None
            if not self._tasks:
                self._tasks = {}  # a table that once was large stays so
            self._news = batch.more
            return batch

    def _put(self, key: TaskKey, task: Task | None, missing: bool, now: float, stamps: Stamps) -> None:
        waiting = self._tasks.get(key)
        if waiting is None:
            self._tasks[key] = TaskChange(task, missing, now, stamps)
        else:
            self._tasks[key] = waiting._replace(task=task, missing=missing)

    def _tell(self) -> None:
        self._news = True
        self._changed.notify_all()
