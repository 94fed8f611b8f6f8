"""The thread that turns changes of pools and tasks into what is published.

Knows the order of things: take what came in for a while, then do what is due, servers before everything else. A standby
follows pools and tasks too, so that it is warm. What fails is tried again for that pool only. Nothing is published
before the first complete list of tasks; afterwards a lost listener changes nothing (fail-static).
"""

import threading
from collections.abc import Callable, Sequence

import structlog

from api.dcos_template.agenda import Agenda, What
from api.dcos_template.charge import Charge
from api.dcos_template.clerk import Clerk, Order
from api.dcos_template.compactor import Compactor
from api.dcos_template.context import Context
from api.dcos_template.guard import DEFAULT_PERCENT
from api.dcos_template.inbox import Inbox
from api.dcos_template.intake import Intake
from api.dcos_template.keeper import Keeper
from api.dcos_template.leftovers import Leftovers
from api.dcos_template.metrics import TemplateMetrics
from api.dcos_template.published import Published, load
from api.dcos_template.reporter import Reporter
from api.dcos_template.retired import Retired
from api.dcos_template.select import Rules, Selection
from api.dcos_template.server_lane import ServerLane
from api.dcos_template.state import Event, Phase, PoolState
from api.dcos_template.structure_lane import StructureLane
from api.dcos_template.trace import Trace
from api.dcos_template.workshop import Workshop
from api.mesos_listener.replica import TaskChanges
from scheduler.pools.store import PoolView
from sdk.clock import Clock
from sdk.errors import LeadershipLost, StorageUnavailable
from sdk.storage.connection import ZooKeeper

#: How long changes are taken before what is due is published, however many more are waiting.
TAKE_FOR = 0.005
_TASKS_AT_ONCE = 16
#: The loop comes round at least so often, in seconds, also when nothing happens.
TURN = 1.0
#: Readings and writings that go on at once; those of servers need no thread.
_CLERKS = 4
#: Seconds between two looks for what is published for pools that are gone.
SWEEP_EVERY = 60.0

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
        self._lock = lock
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
            plan=lambda name: self._agenda.plan(name),
        )
        self._keeper = Keeper(self._context.selection, clock, percent=hold_percent)
        self._leftovers = Leftovers(self._context, self._found_published)
        self._compactor = Compactor(self._context)
        self._retired = Retired(self._context)
        self._servers = ServerLane(self._context, self._keeper, self._retired, self._compactor)
        self._structures = StructureLane(self._context, self._leftovers)
        self._reporter = Reporter(self._context, self._keeper)
        self._intake = Intake(
            self._context, self._keeper, self._retired, self._servers, self._leftovers, self._reporter, turned
        )
        counted, pools, selection = self._context.metrics, self._context.pools, self._context.selection
        counted.pools.set_function(lambda: len(pools))
        counted.pools_refused.set_function(lambda: sum(bool(state.refused) for state in list(pools.values())))
        counted.pools_holding.set_function(lambda: sum(state.hold is not None for state in list(pools.values())))
        counted.tasks.set_function(lambda: len(selection.tasks))
        self._agenda = Agenda(self._context, self._leftovers)
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
            if batch.stop:
                return False
            for order in batch.orders:
                self._carry_out(order)
            if batch.pools is not None:
                self._intake.pools(*batch.pools)
                if not self._agenda.have_pools:
                    self._agenda.have_pools = True
                    self._agenda.sweep_in(0.0)
                    for name in self._context.pools:
                        self._agenda.plan(name)
            if batch.tasks:
                self._intake.tasks(batch.tasks)
            self._intake.waits_for_agents(batch.incomplete)
            if batch.complete and not self._agenda.have_tasks:
                self._tasks_are_complete()
            if not batch.more or self._clock.monotonic() >= until:
                return True

    def _carry_out(self, order: Callable[[], None]) -> None:
        """Whatever becomes of it, what came in with it is taken."""
        try:
            order()
        except LeadershipLost as error:
            log.warning(f"Not in charge any more: {error}")
            self._give_up_charge()
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
                self._do(what, name)
                self._agenda.plan(name)
                if what is What.SERVERS:
                    self._turned()  # a thousand pools at once, when this process comes in charge, take their time
                elif self._clock.monotonic() >= until:
                    return

    def _do(self, what: What, name: str) -> None:
        if what is What.REMOVE:
            self._leftovers.remove(name)
        elif what is What.SWEEP:
            self._leftovers.sweep()
        state = self._context.pools.get(name)
        if state is None:
            return
        match what:
            case What.SERVERS:
                self._servers.publish(name, state)
            case What.LOAD:
                self._load(name, state)
            case What.STRUCTURE:
                self._structures.publish(name, state)
            case What.COMPACT:
                self._compactor.begin(name, state)
            case What.REPORT:
                self._reporter.report(name, state)
            case What.RETIRED:
                self._retired.look(name, state)
            case What.COLLECT:
                self._leftovers.collect(name, state)

    # ------------------------------------------------------------ what is published

    def _load(self, name: str, state: PoolState) -> None:
        charge = self._context.charge
        assert charge is not None
        state.happens(Event.LOAD)
        state.loading = state.loading.publishing(self._clock.monotonic())
        paths, zookeeper = self._context.paths(name), self._context.zookeeper
        self._context.clerk.do(
            lambda: load(zookeeper, paths, self._clock.monotonic),
            lambda outcome: self._loaded(name, state, charge, outcome),
        )

    def _loaded(self, name: str, state: PoolState, charge: Charge, outcome: Published | Exception) -> None:
        if not self._context.is_current(name, state, charge) or state.phase is not Phase.LOADING:
            return
        now = self._clock.monotonic()
        if isinstance(outcome, Published):
            state.happens(Event.LOADED)
            state.published, state.accepted = outcome, outcome.accepted
            state.loading = state.loading.succeeded()
            state.report_soon(now)
            if self._agenda.have_tasks:
                self._servers.look_through(name, state)
        else:
            log.warning(f"What is published for pool {name} cannot be read; trying again", error=str(outcome))
            if not isinstance(outcome, StorageUnavailable):
                log.error(f"What is published for pool {name} cannot be read", exc_info=outcome)
            state.happens(Event.DOUBTED)
            state.loading = state.loading.failed(now)
        self._agenda.plan(name)

    def _found_published(self, names: Sequence[str] | None) -> None:
        """These are the pools for which something is published; None: that could not be found out."""
        for name in names or ():
            if name not in self._context.pools and name not in self._intake.unreadable:
                self._leftovers.gone(name)
                self._agenda.plan(name)
        self._agenda.sweep_in(TURN if names is None else SWEEP_EVERY)

    # ------------------------------------------------------------ what came in

    def _tasks_are_complete(self) -> None:
        self._agenda.have_tasks = True
        pools = self._context.pools
        log.info("The list of running tasks is complete", tasks=len(self._context.selection.tasks), pools=len(pools))
        for name, state in pools.items():
            if state.published is not None:
                self._servers.look_through(name, state)
            self._agenda.plan(name)

    def _take_charge(self, epoch: int) -> None:
        pools = self._context.pools
        log.info("Publishing from now on", epoch=epoch, pools=len(pools))
        self._context.charge = Charge(self._context.zookeeper, self._lock, epoch)
        now = self._clock.monotonic()
        self._agenda.sweep_in(0.0)
        for name, state in pools.items():
            state.forget()
            self._retired.gone(name, state)
            state.loading = state.loading.retry_now()
            state.structure = state.structure.retry_now().succeeded().at_once(now)
            state.endpoints = state.endpoints.retry_now().succeeded()
            self._agenda.plan(name)

    def _give_up_charge(self) -> None:
        self._context.charge = None
        for name, state in self._context.pools.items():
            # Whoever is in charge now decides what is kept; when we are again, we begin with what it published.
            state.forget()
            self._retired.gone(name, state)
            self._agenda.plan(name)

    def _hurry(self) -> None:
        self._leftovers.hurry()
        for name, state in self._context.pools.items():
            state.loading = state.loading.retry_now()
            state.endpoints = state.endpoints.retry_now()
            state.structure = state.structure.retry_now()
            self._agenda.plan(name)
