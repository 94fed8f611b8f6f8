"""The loop of a thread that takes what came in for a while, then does what is due, and comes round again.

Knows the order of things, and that it goes on whatever fails. Does not know what is done (the duties).
"""

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from api.dcos_template.inbox import Inbox, TaskChange
from api.mesos_listener.task import TaskKey
from scheduler.pools.stored.store import PoolView
from sdk.clock import Clock
from sdk.errors import LeadershipLost

#: The loop comes round at least so often, in seconds, also when nothing happens.
TURN = 1.0
#: Seconds for which its end is waited for.
_END = 10.0

log = structlog.get_logger()


class Duties(Protocol):
    """What is done on the thread."""

    @property
    def due(self) -> float | None:
        """When `work` has something to do, on the clock that does not jump."""

    def take_pools(self, view: PoolView, arrived: float) -> None:
        """All pools as they stand in ZooKeeper since `arrived`."""

    def take_tasks(self, changes: Sequence[tuple[TaskKey, TaskChange]]) -> None:
        """Changes of tasks."""

    def waits_for_agents(self, incomplete: bool) -> None:
        """Whether the master does, so that more tasks may run than are named."""

    def tasks_are_complete(self) -> None:
        """All tasks of the first list have been taken."""

    def give_up_charge(self) -> None:
        """Another process is in charge, or none."""

    def work(self) -> None:
        """Do what is due."""


class Loop:
    """`turned` is called whenever it comes round, at least every TURN seconds; `called` is for its log, what it is
    about. So many tasks are taken `at_once`, and more of them for as many seconds as `take_for`.
    """

    def __init__(
        self,
        inbox: Inbox,
        duties: Duties,
        clock: Clock,
        turned: Callable[[], None],
        *,
        name: str,
        called: str,
        at_once: int,
        take_for: float = 0.0,
    ) -> None:
        self._inbox = inbox
        self._duties = duties
        self._clock = clock
        self._turned = turned
        self._called = called
        self._at_once = at_once
        self._take_for = take_for
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing more and end."""
        self._inbox.stop()
        self._thread.join(_END)

    def _run(self) -> None:
        goes_on = True
        while goes_on:
            goes_on = self._attempt(self._turn)

    def _turn(self) -> bool:
        self._turned()
        self._inbox.wait(self._pause())
        if not self._take():
            return False
        self._duties.work()
        return True

    def _take(self) -> bool:
        """Take what came in, but not for longer than it may; False to stop."""
        until = self._clock.monotonic() + self._take_for
        while True:
            batch = self._inbox.take(self._at_once)
            if batch.stop:
                return False
            for order in batch.orders:
                # Whatever becomes of it, what came in with it is taken.
                self._attempt(order)
            if batch.pools is not None:
                self._duties.take_pools(*batch.pools)
            if batch.tasks:
                self._duties.take_tasks(batch.tasks)
            self._duties.waits_for_agents(batch.incomplete)
            if batch.complete:
                self._duties.tasks_are_complete()
            if not batch.more or self._clock.monotonic() >= until:
                return True

    def _attempt(self, step: Callable[[], object]) -> bool:
        """False to stop; what fails is told, and is no reason to."""
        try:
            return step() is not False
        except LeadershipLost as error:
            log.warning(f"Not in charge of {self._called} any more: {error}")
            self._duties.give_up_charge()
        except Exception:
            log.exception(f"Something about {self._called} failed; going on with the next change")
        return True

    def _pause(self) -> float:
        due = self._duties.due
        return TURN if due is None else min(TURN, max(0.0, due - self._clock.monotonic()))
