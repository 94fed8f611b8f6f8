"""The thread that turns changes of pools and tasks into what is published.

Knows the order of things: take what came in for a while, then do what is due, servers before everything else. A standby
follows pools and tasks too, so that it is warm. What fails is tried again for that pool only. Nothing is published
before the first complete list of tasks; afterwards a lost listener changes nothing (fail-static).
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import IntEnum

import structlog

from api.dcos_template.charge import Charge
from api.dcos_template.clerk import Clerk, Order
from api.dcos_template.compactor import Compactor
from api.dcos_template.context import Context
from api.dcos_template.guard import DEFAULT_PERCENT
from api.dcos_template.inbox import Inbox, TaskChange
from api.dcos_template.keeper import Keeper
from api.dcos_template.leftovers import Leftovers
from api.dcos_template.metrics import TemplateMetrics
from api.dcos_template.published import Published, load
from api.dcos_template.reporter import Reporter
from api.dcos_template.retired import Retired
from api.dcos_template.schedule import Schedule
from api.dcos_template.select import Rules, Selection
from api.dcos_template.server_lane import ServerLane
from api.dcos_template.state import Event, Phase, PoolState
from api.dcos_template.structure_lane import StructureLane
from api.dcos_template.touched import Touched
from api.dcos_template.trace import Stamps, Trace
from api.dcos_template.workshop import Workshop
from api.mesos_listener.replica import TaskChanges
from api.mesos_listener.task import TaskKey
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


class _What(IntEnum):
    """What is due for a pool; what comes first here is done first."""

    SERVERS = 0
    LOAD = 1
    STRUCTURE = 2
    REMOVE = 3
    COMPACT = 4
    REPORT = 5
    RETIRED = 6
    COLLECT = 7
    SWEEP = 8
    """Of no pool: the name is empty."""


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
            plan=self._plan,
        )
        self._keeper = Keeper(self._context.selection, clock, percent=hold_percent)
        self._leftovers = Leftovers(self._context, self._found_published)
        self._compactor = Compactor(self._context)
        self._retired = Retired(self._context)
        self._servers = ServerLane(self._context, self._keeper, self._retired, self._compactor)
        self._structures = StructureLane(self._context, self._leftovers)
        self._reporter = Reporter(self._context, self._keeper)
        pools = self._context.pools
        self._context.metrics.gauges(
            {
                "edgelb_template_pools": ("Pools", lambda: len(pools)),
                "edgelb_template_pools_refused": (
                    "Pools whose present version cannot be rendered",
                    lambda: sum(bool(state.refused) for state in list(pools.values())),
                ),
                "edgelb_template_pools_holding": (
                    "Pools that keep servers although Mesos does not name their tasks any more",
                    lambda: sum(state.hold is not None for state in list(pools.values())),
                ),
                "edgelb_template_tasks": ("Running tasks that are known", lambda: len(self._context.selection.tasks)),
            }
        )
        self._schedule = {what: Schedule[str]() for what in _What}
        self._unreadable: frozenset[str] = frozenset()
        self._have_pools = False
        self._have_tasks = False
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
                self._take_pools(*batch.pools)
            if batch.tasks:
                self._take_tasks(batch.tasks)
            if batch.complete and not self._have_tasks:
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
        dues = [at for schedule in self._schedule.values() if (at := schedule.next) is not None]
        now = self._clock.monotonic()
        return max(0.0, min([now + TURN, *dues]) - now)

    def _work(self) -> None:
        """Do what is due: servers of all pools first, then the rest for as long as servers may wait."""
        until = self._clock.monotonic() + TAKE_FOR
        for what, schedule in self._schedule.items():
            while self._context.charge is not None and (name := schedule.pop(self._clock.monotonic())) is not None:
                self._do(what, name)
                self._plan(name)
                if what is _What.SERVERS:
                    self._turned()  # a thousand pools at once, when this process comes in charge, take their time
                elif self._clock.monotonic() >= until:
                    return

    def _do(self, what: _What, name: str) -> None:
        if what is _What.REMOVE:
            self._leftovers.remove(name)
        elif what is _What.SWEEP:
            self._leftovers.sweep()
        state = self._context.pools.get(name)
        if state is None:
            return
        match what:
            case _What.SERVERS:
                self._servers.publish(name, state)
            case _What.LOAD:
                self._load(name, state)
            case _What.STRUCTURE:
                self._structures.publish(name, state)
            case _What.COMPACT:
                self._compactor.begin(name, state)
            case _What.REPORT:
                self._reporter.report(name, state)
            case _What.RETIRED:
                self._retired.look(name, state)
            case _What.COLLECT:
                self._leftovers.collect(name, state)

    def _plan(self, name: str) -> None:
        """When what is due for a pool, as it is now."""
        state, charged = self._context.pools.get(name), self._context.charge is not None
        dues: dict[_What, float | None] = dict.fromkeys(_What)
        if charged and self._have_pools:
            dues[_What.REMOVE] = self._leftovers.due(name)
        if charged and state is not None:
            if state.phase is Phase.UNKNOWN and not self._leftovers.is_leaving(name):
                dues[_What.LOAD] = state.loading.due
            if state.published is not None and self._have_tasks:
                dues[_What.SERVERS] = state.endpoints.due
                # Servers come first once, or a load balancer would start with none.
                if state.published.endpoints_node is not None:
                    dues[_What.STRUCTURE] = state.structure.due
                dues[_What.REPORT] = state.report_due
                dues[_What.COMPACT] = state.compact_due
                dues[_What.RETIRED] = state.retired_due
                dues[_What.COLLECT] = state.collect_due
        for what, at in dues.items():
            if what is not _What.SWEEP:
                self._schedule[what].set(name, at)

    def _sweep_in(self, seconds: float) -> None:
        due = self._clock.monotonic() + seconds
        self._schedule[_What.SWEEP].set("", due if self._context.charge is not None and self._have_pools else None)

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
            if self._have_tasks:
                self._servers.look_through(name, state)
        else:
            log.warning(f"What is published for pool {name} cannot be read; trying again", error=str(outcome))
            if not isinstance(outcome, StorageUnavailable):
                log.error(f"What is published for pool {name} cannot be read", exc_info=outcome)
            state.happens(Event.DOUBTED)
            state.loading = state.loading.failed(now)
        self._plan(name)

    def _found_published(self, names: Sequence[str] | None) -> None:
        """These are the pools for which something is published; None: that could not be found out."""
        for name in names or ():
            if name not in self._context.pools and name not in self._unreadable:
                self._leftovers.gone(name)
                self._plan(name)
        self._sweep_in(TURN if names is None else SWEEP_EVERY)

    # ------------------------------------------------------------ what came in

    def _tasks_are_complete(self) -> None:
        self._have_tasks = True
        pools = self._context.pools
        log.info("The list of running tasks is complete", tasks=len(self._context.selection.tasks), pools=len(pools))
        for name, state in pools.items():
            if state.published is not None:
                self._servers.look_through(name, state)
            self._plan(name)

    def _take_pools(self, view: PoolView, now: float) -> None:
        first, self._have_pools = not self._have_pools, True
        self._unreadable = frozenset(view.unreadable)
        pools, selection = self._context.pools, self._context.selection
        for name, stored in view.items():
            state = pools.get(name)
            if state is not None and state.stored == stored:
                continue
            if state is None:
                state = pools[name] = PoolState(stored)
                self._leftovers.back(name)
            else:
                state.change(stored)
            state.structure = state.structure.touch(now)
            state.changed = state.changed or self._clock.now()
            self._touch(selection.set_pool(stored.pool), now, Stamps(taken=state.changed))
            self._retired.changed(name, state)
            if state.pending:
                state.endpoints = state.endpoints.at_once(now)
            self._plan(name)
            self._turned()
        for name in [name for name in pools if name not in view and name not in self._unreadable]:
            self._retired.gone(name, pools[name])
            del pools[name]
            selection.remove_pool(name)
            self._reporter.forget(name)
            self._leftovers.gone(name)
            self._plan(name)
        if first:
            self._sweep_in(0.0)

    def _take_tasks(self, changes: Sequence[tuple[TaskKey, TaskChange]]) -> None:
        updated = [change.task for _, change in changes if change.task is not None]
        removed = [key for key, change in changes if change.task is None]
        missing = {key for key, change in changes if change.missing}
        now = min(change.arrived for _, change in changes)
        try:
            touched = self._context.selection.update(updated, removed, missing)
        except Exception:
            log.exception("A task could not be taken; it is left out, all others are taken", tasks=len(changes))
            for key, change in changes:
                self._take_alone(key, change)
            for name, state in self._context.pools.items():  # what those before it touched is not known any more
                if state.published is not None:
                    self._servers.look_through(name, state)
                    self._plan(name)
            return
        stamps = replace(changes[0][1].stamps, selected=self._clock.now())
        if touched:
            for key, change in changes:
                self._context.trace.selected([key.id], replace(change.stamps, selected=stamps.selected))
        self._touch(touched, now, stamps)
        concerned = {*self._keeper.release(self._context.pools, updated)}
        for name in concerned | self._retired.follow(updated, removed, missing):
            state = self._context.pools[name]
            state.endpoints = state.endpoints.at_once(now)
            self._plan(name)

    def _take_alone(self, key: TaskKey, change: TaskChange) -> None:
        selection = self._context.selection
        try:
            selection.update([change.task] if change.task else [], [] if change.task else [key])
        except Exception:
            log.exception("This task is left out", task=key.id, framework_id=key.framework_id)
            selection.update([], [key])

    def _touch(self, touched: Touched, now: float, stamps: Stamps) -> None:
        for name, moves in touched.items():
            state = self._context.pools.get(name)
            if state is None:
                continue
            if moves.told:
                state.report_soon(now)
            if self._context.charge is not None:
                state.missing.update(moves.missing)
            # What stands in ZooKeeper is compared as a whole once it is known.
            if state.published is not None:
                if not state.pending:
                    state.stamps = stamps
                state.pending |= moves.gained
                state.pending |= moves.lost
                if moves.lost:
                    state.endpoints = state.endpoints.at_once(now)
                elif moves.gained:
                    state.endpoints = state.endpoints.touch(now)
            self._plan(name)

    def _take_charge(self, epoch: int) -> None:
        pools = self._context.pools
        log.info("Publishing from now on", epoch=epoch, pools=len(pools))
        self._context.charge = Charge(self._context.zookeeper, self._lock, epoch)
        now = self._clock.monotonic()
        self._sweep_in(0.0)
        for name, state in pools.items():
            state.forget()
            self._retired.gone(name, state)
            state.loading = state.loading.retry_now()
            state.structure = state.structure.retry_now().succeeded().at_once(now)
            state.endpoints = state.endpoints.retry_now().succeeded()
            self._plan(name)

    def _give_up_charge(self) -> None:
        self._context.charge = None
        for name, state in self._context.pools.items():
            # Whoever is in charge now decides what is kept; when we are again, we begin with what it published.
            state.forget()
            self._retired.gone(name, state)
            self._plan(name)

    def _hurry(self) -> None:
        self._leftovers.hurry()
        for name, state in self._context.pools.items():
            state.loading = state.loading.retry_now()
            state.endpoints = state.endpoints.retry_now()
            state.structure = state.structure.retry_now()
            self._plan(name)
