"""The thread that turns changes of pools and tasks into what is published.

Knows the order of things: take what came in for a while, then do what is due, servers before everything else. A standby
follows pools and tasks too, so that it is warm. Nothing is published before the first complete list of tasks;
afterwards a lost listener changes nothing (fail-static). Does not know what is done for a pool (duties.py).
"""

import threading
from collections.abc import Callable, Sequence

import structlog

from api.dcos_template.asking import services_told
from api.dcos_template.clerk import Clerk, Order
from api.dcos_template.context import Context
from api.dcos_template.due import What
from api.dcos_template.duties import Duties
from api.dcos_template.guard import DEFAULT_PERCENT
from api.dcos_template.inbox import Inbox
from api.dcos_template.metrics import TemplateMetrics
from api.dcos_template.select import Rules, Selection
from api.dcos_template.trace import Trace
from api.dcos_template.workshop import Workshop
from api.mesos_listener.replica import TaskChanges
from api.mesos_listener.task import TaskKey
from scheduler.pools.store import PoolView
from sdk.clock import Clock
from sdk.errors import LeadershipLost
from sdk.storage.connection import ZooKeeper

#: How long changes are taken before what is due is published, however many more are waiting.
TAKE_FOR = 0.005
_TASKS_AT_ONCE = 16
#: The loop comes round at least so often, in seconds, also when nothing happens.
TURN = 1.0
#: Readings and writings that go on at once; those of servers need no thread.
_CLERKS = 4
#: Seconds for which somebody who asks is let wait.
_PATIENCE = 4.0

log = structlog.get_logger()


class Worker:
    """The `on_...` methods may be called from any thread and return at once."""

    def __init__(
        self,
        zookeeper: ZooKeeper,
        root: str,
        lock: str,
        clock: Clock,
        *,
        turned: Callable[[], None],
        rules: Rules | None = None,
        hold_percent: int = DEFAULT_PERCENT,
        workshop: Callable[[Order], Workshop] = Workshop,
        trace: Trace | None = None,
        metrics: TemplateMetrics | None = None,
    ) -> None:
        """`lock` is the path of the leadership node. `turned` is called on the worker's thread whenever its loop comes
        round, at least every TURN seconds."""
        self._clock = clock
        self._turned = turned
        self._inbox = Inbox()
        self._context = Context(
            zookeeper=zookeeper,
            root=root,
            clock=clock,
            order=self._inbox.order,
            clerk=Clerk("clerk", _CLERKS, self._inbox.order),
            workshop=workshop(self._inbox.order),
            selection=Selection(rules),
            trace=trace or Trace(),
            metrics=metrics or TemplateMetrics(),
        )
        self._duties = Duties(self._context, lock, hold_percent, turned)
        self._agenda = self._duties.agenda
        counted, pools, selection = self._context.metrics, self._context.pools, self._context.selection
        counted.pools.set_function(lambda: len(pools))
        counted.pools_refused.set_function(lambda: sum(bool(state.refused) for state in list(pools.values())))
        counted.pools_holding.set_function(lambda: sum(state.hold is not None for state in list(pools.values())))
        counted.tasks.set_function(lambda: len(selection.tasks))
        self._thread = threading.Thread(target=self._run, name="template-worker", daemon=True)

    # ------------------------------------------------------------ from other threads

    def start(self) -> None:
        """Begin to work."""
        self._context.workshop.prepare()
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing more and end."""
        self._inbox.stop()
        self._thread.join(10.0)
        self._context.clerk.stop()
        self._context.workshop.stop()

    def on_pools(self, view: PoolView) -> None:
        """All pools as they stand in ZooKeeper now."""
        self._inbox.pools(view, self._clock.monotonic())

    def on_tasks(self, changes: TaskChanges) -> None:
        """Changes of the running tasks; the first call has all of them."""
        self._inbox.tasks(changes, self._clock.monotonic(), self._clock.now())

    def on_gained(self, epoch: int) -> None:
        """This process is in charge."""
        self._inbox.order(lambda: self._duties.take_charge(epoch))

    def on_lost(self) -> None:
        """This process is not in charge any more."""
        self._inbox.order(self._duties.give_up_charge)

    def on_connected(self) -> None:
        """ZooKeeper is back: do not wait any longer with what failed without it."""
        self._inbox.order(self._duties.hurry)

    def services_of(self, tasks: Sequence[TaskKey]) -> dict[TaskKey, list[dict[str, object]]] | None:
        """What each of these tasks is by the services that select it; None when the thread does not get to answer."""
        return self._inbox.ask(lambda: {key: services_told(self._context.selection, key) for key in tasks}, _PATIENCE)

    # ------------------------------------------------------------ the loop

    def _run(self) -> None:
        while True:
            try:
                self._turned()
                self._inbox.wait(self._pause())
                if not self._take():
                    return
                self._work()
            except LeadershipLost as error:
                log.warning(f"Not in charge any more: {error}")
                self._duties.give_up_charge()
            except Exception:
                log.exception("The template's loop failed; going on with the next change")

    def _take(self) -> bool:
        """Take what came in, but not for longer than TAKE_FOR; False to stop."""
        until = self._clock.monotonic() + TAKE_FOR
        while True:
            batch = self._inbox.take(_TASKS_AT_ONCE)
            if batch.stop:
                return False
            for order in batch.orders:
                self._carry_out(order)
            if batch.pools is not None:
                self._duties.take_pools(*batch.pools)
            if batch.tasks:
                self._duties.take_tasks(batch.tasks)
            self._duties.waits_for_agents(batch.incomplete)
            if batch.complete:
                self._duties.tasks_are_complete()
            if not batch.more or self._clock.monotonic() >= until:
                return True

    def _carry_out(self, order: Callable[[], None]) -> None:
        """Whatever becomes of it, what came in with it is taken."""
        try:
            order()
        except LeadershipLost as error:
            log.warning(f"Not in charge any more: {error}")
            self._duties.give_up_charge()
        except Exception:
            log.exception("What was to be done failed; going on with the next change")

    def _pause(self) -> float:
        now = self._clock.monotonic()
        due = self._agenda.next
        return max(0.0, TURN if due is None else min(TURN, due - now))

    def _work(self) -> None:
        """Do what is due: servers of all pools first, then the rest for as long as servers may wait."""
        until = self._clock.monotonic() + TAKE_FOR
        for what in What:
            while (
                self._context.charge is not None
                and (name := self._agenda.pop(what, self._clock.monotonic())) is not None
            ):
                self._duties.do(what, name)
                self._agenda.plan(name)
                if what is What.SERVERS:
                    self._turned()  # a thousand pools at once, when this process comes in charge, take their time
                elif self._clock.monotonic() >= until:
                    return
