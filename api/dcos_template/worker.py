"""The thread that turns changes of pools and tasks into what is published.

Knows what it hears and from whom. A standby follows pools and tasks too, so that it is warm. Nothing is published
before the first complete list of tasks; afterwards a lost listener changes nothing (fail-static). Does not know the
order of things (loop.py), nor what is done for a pool (duties.py).
"""

from collections.abc import Callable, Sequence

from api.dcos_template.context import Context
from api.dcos_template.duties import TAKE_FOR, Duties
from api.dcos_template.guard import DEFAULT_PERCENT
from api.dcos_template.inbox import Inbox
from api.dcos_template.loop import Loop
from api.dcos_template.metrics import TemplateMetrics
from api.dcos_template.publishing.clerk import Clerk, Order
from api.dcos_template.publishing.trace import Trace
from api.dcos_template.rendering.workshop import Workshop
from api.dcos_template.selecting.asking import services_told
from api.dcos_template.selecting.selection import Rules, Selection
from api.mesos_listener.replica import TaskChanges
from api.mesos_listener.task import TaskKey
from scheduler.pools.stored.store import PoolView
from sdk.clock import Clock
from sdk.storage.connection import ZooKeeper

_TASKS_AT_ONCE = 16
#: Readings and writings that go on at once; those of servers need no thread.
_CLERKS = 4
#: Seconds for which somebody who asks is let wait.
_PATIENCE = 4.0


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
        self._inbox = Inbox()
        self._context = Context(
            zookeeper=zookeeper,
            root=root,
            clock=clock,
            order_when=self._inbox.order_when,
            clerk=Clerk("clerk", _CLERKS, self._inbox.order),
            workshop=workshop(self._inbox.order),
            selection=Selection(rules),
            trace=trace or Trace(),
            metrics=metrics or TemplateMetrics(),
        )
        self._duties = Duties(self._context, lock, hold_percent, turned)
        counted, pools, selection = self._context.metrics, self._context.pools, self._context.selection
        counted.pools.set_function(lambda: len(pools))
        counted.pools_refused.set_function(lambda: sum(bool(state.refused) for state in list(pools.values())))
        counted.pools_holding.set_function(lambda: sum(state.hold is not None for state in list(pools.values())))
        counted.tasks.set_function(lambda: len(selection.tasks))
        self._loop = Loop(
            self._inbox,
            self._duties,
            clock,
            turned,
            name="template-worker",
            called="pools",
            at_once=_TASKS_AT_ONCE,
            take_for=TAKE_FOR,
        )

    # ------------------------------------------------------------ from other threads

    def start(self) -> None:
        """Begin to work."""
        self._context.workshop.prepare()
        self._loop.start()

    def stop(self) -> None:
        """Begin nothing more and end."""
        self._loop.stop()
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
