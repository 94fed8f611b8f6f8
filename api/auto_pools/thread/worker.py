"""The thread of auto pools: labels of tasks and pool templates come in, pools go out.

Knows what it hears and from whom. A standby follows tasks, templates and pools as well, so that it is warm. Does not
know the order of things (loop.py), nor what is done for a template (makers.py).
"""

from collections.abc import Callable, Collection, Sequence

from api.auto_pools.templates.task_page import TaskPage, page_of
from api.auto_pools.templates.template_store import TemplateView
from api.auto_pools.thread.context import Context, Rules
from api.auto_pools.thread.makers import Makers
from api.auto_pools.thread.sieve import Sieve
from api.dcos_template.inbox import Inbox
from api.dcos_template.loop import Loop
from api.dcos_template.publishing.clerk import Clerk
from api.mesos_listener.replica import TaskChanges
from api.mesos_listener.task import TaskKey
from scheduler.pools.stored.own_writings import OwnWritings
from scheduler.pools.stored.store import PoolView
from sdk.clock import Clock
from sdk.net.address import is_address
from sdk.storage.connection import ZooKeeper

#: Tasks that are taken before the loop comes round.
_TASKS_AT_ONCE = 256
#: Readings and writings that go on at once, and those for pool templates that have to be printed.
_CLERKS = 2
_PRINTERS = 4
#: Seconds for which somebody who asks is let wait.
_PATIENCE = 4.0


class AutoPoolWorker:
    """The `on_...` methods may be called from any thread and return at once; `on_tasks` from one alone."""

    def __init__(
        self,
        zookeeper: ZooKeeper,
        root: str,
        lock: str,
        clock: Clock,
        *,
        turned: Callable[[], None],
        cluster: Callable[[], int],
        own: OwnWritings,
        rules: Rules | None = None,
    ) -> None:
        """`lock` is the path of the leadership node, `cluster` tells how many tasks run in all. `turned` is called
        whenever the loop comes round, at least every TURN seconds. `own` is told of pools that are written: whoever
        watches them here need not read them."""
        self._clock = clock
        self._inbox = Inbox()
        self._sieve = Sieve()
        self._clerk = Clerk("auto-pools", _CLERKS, self._inbox.order)
        self._printer = Clerk("auto-pools-printer", _PRINTERS, self._inbox.order)
        self._context = Context(
            clock=clock, clerk=self._clerk, printer=self._printer, rules=rules or Rules(), cluster=cluster
        )
        self._makers = Makers(self._context, zookeeper, root, lock, self._inbox.order, own)
        self._loop = Loop(
            self._inbox, self._makers, clock, turned, name="auto-pools", called="auto pools", at_once=_TASKS_AT_ONCE
        )

    # ------------------------------------------------------------ from other threads

    def start(self) -> None:
        """Begin to work."""
        self._loop.start()

    def stop(self) -> None:
        """Begin nothing more and end."""
        self._loop.stop()
        self._clerk.stop()
        self._printer.stop()
        self._context.interpreter.stop()

    def on_tasks(self, changes: TaskChanges) -> None:
        """Changes of the running tasks; the first call has all of them."""
        sifted = self._sieve.sift(changes)
        if sifted is not None:
            self._inbox.tasks(sifted, self._clock.monotonic())

    def on_pools(self, view: PoolView) -> None:
        """All pools as they stand in ZooKeeper now."""
        self._inbox.pools(view, self._clock.monotonic())

    def on_templates(self, view: TemplateView) -> None:
        """All pool templates as they stand in ZooKeeper now."""
        self._inbox.order(lambda: self._makers.take_templates(view))

    def on_gained(self, epoch: int) -> None:
        """This process is in charge."""
        self._inbox.order(lambda: self._makers.take_charge(epoch))

    def on_lost(self) -> None:
        """This process is not in charge any more."""
        self._inbox.order(self._makers.give_up_charge)

    def on_connected(self) -> None:
        """ZooKeeper is back: do not wait any longer with what failed without it."""
        self._inbox.order(self._makers.hurry)

    def status(
        self, template: str, addresses: Sequence[str] = (), tasks: Collection[TaskKey] | None = None
    ) -> dict[str, object] | None:
        """How it stands with a template and these tasks (None: all), by its pool; None when the thread does not get to
        answer.

        The pool's load balancers are at `addresses`.
        """
        at = [address for address in addresses if is_address(address)]
        return self._inbox.ask(lambda: self._makers.status(template, at, tasks), _PATIENCE)

    def exposed(self, template: str, first: int) -> TaskPage | None:
        """A page of the tasks under a template, whether there is such a template or not; None when the thread does not
        get to answer.
        """
        context = self._context

        def page() -> TaskPage:
            tasks = context.roster.under(template)
            return page_of(tasks, first, complete=context.complete, dialects=context.rules.dialects)

        return self._inbox.ask(page, _PATIENCE)
