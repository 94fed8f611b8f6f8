"""The thread that turns changes of pools and tasks into published bundles.

Knows the order of things: take what came in for a while, wait for the window of each pool, have published what is due
(output.py) while in charge. A standby follows pools and tasks too, so that it is warm. What fails is tried again for
that pool only. Nothing is published before the first complete list of tasks; afterwards a lost listener changes nothing
(fail-static).
"""

import threading
from collections.abc import Callable, Sequence

import structlog

from api.dcos_template.guard import DEFAULT_PERCENT
from api.dcos_template.inbox import Inbox, TaskChange
from api.dcos_template.keeper import Keeper
from api.dcos_template.leftovers import Leftovers
from api.dcos_template.output import Output
from api.dcos_template.publish import Publisher
from api.dcos_template.records import Records
from api.dcos_template.select import Rules, Selection
from api.dcos_template.state import PoolState
from api.dcos_template.touched import Touched
from api.dcos_template.windows import Change
from api.mesos_listener.client import TaskChanges
from api.mesos_listener.task import TaskKey
from scheduler.pools.store import PoolView
from sdk.clock import Clock
from sdk.errors import LeadershipLost

#: How long changes are taken before what is due is published, however many more are waiting.
TAKE_FOR = 0.005
_TASKS_AT_ONCE = 16
#: The loop comes round at least so often, in seconds, also when nothing happens.
TURN = 1.0

log = structlog.get_logger()


class Worker:
    """The `on_...` methods may be called from any thread and return at once."""

    def __init__(
        self,
        publisher: Publisher,
        records: Records,
        clock: Clock,
        *,
        turned: Callable[[], None],
        rules: Rules | None = None,
        hold_percent: int = DEFAULT_PERCENT,
    ) -> None:
        """`turned` is called on the worker's thread whenever its loop comes round, at least every TURN seconds."""
        self._publisher = publisher
        self._records = records
        self._clock = clock
        self._turned = turned
        self._inbox = Inbox()
        self._selection = Selection(rules)
        self._keeper = Keeper(publisher, records, self._selection, clock, percent=hold_percent)
        self._output = Output(publisher, records, self._selection, self._keeper, clock)
        self._pools: dict[str, PoolState] = {}
        self._leftovers = Leftovers(publisher, clock)
        self._unreadable: frozenset[str] = frozenset()
        self._have_pools = False
        self._have_tasks = False
        self._leading = False
        self._task_revision = 0
        self._thread = threading.Thread(target=self._run, name="template-worker", daemon=True)

    # ------------------------------------------------------------ from other threads

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is being published and end."""
        self._inbox.stop()
        self._thread.join(10.0)

    def on_pools(self, view: PoolView) -> None:
        """All pools as they stand in ZooKeeper now."""
        self._inbox.pools(view, self._clock.monotonic())

    def on_tasks(self, changes: TaskChanges) -> None:
        """Changes of the running tasks; the first call has all of them."""
        self._inbox.tasks(changes, self._clock.monotonic())

    def on_gained(self, epoch: int) -> None:
        """This process is in charge."""
        self._inbox.order(lambda: self._take_charge(epoch))

    def on_lost(self) -> None:
        """This process is not in charge any more."""
        self._inbox.order(self._give_up_charge)

    def on_connected(self) -> None:
        """ZooKeeper is back: do not wait any longer with what failed without it."""
        self._inbox.order(self._hurry)

    # ------------------------------------------------------------ the loop

    def _run(self) -> None:
        while True:
            try:
                self._turned()
                self._inbox.wait(self._pause())
                if not self._take():
                    return
                if self._leading:
                    self._work()
            except LeadershipLost as error:
                log.warning(f"Not in charge any more: {error}")
                self._give_up_charge()
            except Exception:
                log.exception("The template's loop failed; going on with the next change")

    def _take(self) -> bool:
        """Take what came in, but not for longer than TAKE_FOR; False to stop."""
        until = self._clock.monotonic() + TAKE_FOR
        while True:
            batch = self._inbox.take(_TASKS_AT_ONCE)
            for carry_out in batch.orders:
                carry_out()
            if batch.stop:
                return False
            if batch.pools is not None:
                self._take_pools(*batch.pools)
            if batch.tasks:
                self._task_revision = batch.revision
                self._take_tasks(batch.tasks)
            if batch.complete and not self._have_tasks:
                self._have_tasks = True
                count = len(self._selection.tasks)
                log.info("The list of running tasks is complete", tasks=count, pools=len(self._pools))
            if not batch.more or self._clock.monotonic() >= until:
                return True

    def _pause(self) -> float:
        if not self._leading:
            return TURN
        dues = [self._clock.monotonic() + TURN, *(due for due, _ in self._dues()), *self._leftovers.dues()]
        dues += [state.report_due for state in self._pools.values() if state.report_due is not None]
        return max(0.0, min(dues) - self._clock.monotonic())

    def _dues(self) -> list[tuple[float, str]]:
        if not self._have_tasks:
            return []
        return [(due, name) for name, state in self._pools.items() if (due := state.window.due) is not None]

    def _work(self) -> None:
        if self._have_pools:
            self._leftovers.sweep(self._pools, self._unreadable)
        now = self._clock.monotonic()
        due = sorted(one for one in self._dues() if one[0] <= now)
        for _, name in due:
            if self._output.publish(name, self._pools[name], self._task_revision):
                self._leftovers.published(name)
            self._turned()  # a thousand pools at once, when this process comes in charge, take their time
        for name in self._leftovers.removable(now):
            if self._leftovers.remove(name):
                self._output.forget(name)
            self._turned()
        self._report(now)
        if not due:
            self._leftovers.collect(now)

    def _report(self, now: float) -> None:
        """Write down what is wrong with pools; like taking, not for longer than servers may wait for it."""
        until = self._clock.monotonic() + TAKE_FOR
        due = [(state.report_due, name) for name, state in self._pools.items() if state.report_due is not None]
        for at, name in sorted(due):
            if at > now or self._clock.monotonic() >= until:
                return
            self._output.report(name, self._pools[name])

    # ------------------------------------------------------------ what came in

    def _take_pools(self, view: PoolView, now: float) -> None:
        self._have_pools = True
        self._unreadable = frozenset(view.unreadable)
        for name, stored in view.items():
            state = self._pools.get(name)
            if state is not None and state.stored == stored:
                continue
            self._leftovers.back(name)
            if state is None:
                state = self._pools[name] = PoolState(stored)
            else:
                state.change(stored)
            state.window = state.window.touch(Change.STRUCTURE, now)
            self._selection.set_pool(stored.pool)
            self._turned()
        for name in [name for name in self._pools if name not in view and name not in self._unreadable]:
            del self._pools[name]
            self._selection.remove_pool(name)
            self._leftovers.gone(name, now)

    def _take_tasks(self, changes: Sequence[tuple[TaskKey, TaskChange]]) -> None:
        updated = [change.task for _, change in changes if change.task is not None]
        removed = [key for key, change in changes if change.task is None]
        missing = {key for key, change in changes if change.missing}
        now = min(change.arrived for _, change in changes)
        try:
            touched = self._selection.update(updated, removed, missing)
        except Exception:
            log.exception("A task could not be taken; it is left out, all others are taken", tasks=len(changes))
            for key, change in changes:
                self._take_alone(key, change)
            for state in self._pools.values():  # what those before it touched is not known any more
                state.stale, state.window = None, state.window.touch(Change.LOST, now)
            return
        self._touch(touched, now)
        self._keeper.release(self._pools.values(), updated, now)

    def _take_alone(self, key: TaskKey, change: TaskChange) -> None:
        try:
            self._selection.update([change.task] if change.task else [], [] if change.task else [key])
        except Exception:
            log.exception("This task is left out", task=key.id, framework_id=key.framework_id)
            self._selection.update([], [key])

    def _touch(self, touched: Touched, now: float) -> None:
        for backends, change in ((touched.lost, Change.LOST), (touched.gained, Change.GAINED)):
            for key in backends:
                state = self._pools.get(key.pool)
                if state is None:
                    continue
                if state.stale is not None:
                    state.stale.add(key.backend)
                state.window = state.window.touch(change, now)
        for key, endpoints in touched.missing.items():
            if (state := self._pools.get(key.pool)) is not None and state.rendering is not None:
                state.missing.setdefault(key.backend, set()).update(endpoints)
        for name in touched.told:
            self._pools[name].report_soon(now)

    def _take_charge(self, epoch: int) -> None:
        log.info("Publishing bundles from now on", epoch=epoch, pools=len(self._pools))
        self._publisher.forget()
        self._records.forget()
        self._leading = True
        self._leftovers.take_charge()
        now = self._clock.monotonic()
        for state in self._pools.values():
            state.window = state.window.retry_now().touch(Change.LOST, now)

    def _give_up_charge(self) -> None:
        self._leading = False
        self._publisher.forget()
        self._records.forget()
        self._leftovers.give_up_charge()
        for state in self._pools.values():
            # Whoever is in charge now decides what is kept; when we are again, we begin with what it published.
            state.forget()

    def _hurry(self) -> None:
        for state in self._pools.values():
            state.window = state.window.retry_now()
        self._leftovers.hurry()
