"""What the template does for pools: all its rooms, and which of them is asked when something is due or has come in.

Knows what begins and ends with being in charge, with the first list of pools and with the first list of tasks. Does not
know threads, nor when the loop comes round (worker.py). Runs on the worker's thread.
"""

import gc
from collections.abc import Callable, Sequence
from functools import partial

import structlog

from api.dcos_template.agenda import Agenda
from api.dcos_template.context import Context
from api.dcos_template.due import What
from api.dcos_template.inbox import TaskChange
from api.dcos_template.intake import Intake
from api.dcos_template.keeper import Keeper
from api.dcos_template.publishing.charge import Charge
from api.dcos_template.publishing.compactor import Compactor
from api.dcos_template.publishing.leftovers import Leftovers
from api.dcos_template.publishing.loader import Loader
from api.dcos_template.publishing.reporter import Reporter
from api.dcos_template.publishing.retired import Retired
from api.dcos_template.publishing.server_lane import ServerLane
from api.dcos_template.publishing.structure_lane import StructureLane
from api.dcos_template.state import PoolState
from api.mesos_listener.task import TaskKey
from scheduler.pools.stored.store import PoolView
from sdk.errors import LeadershipLost

#: How long changes are taken before what is due is published, however many more are waiting.
TAKE_FOR = 0.005
#: Seconds between two looks for what is published for pools that are gone.
_SWEEP_EVERY = 60.0
#: Seconds until what failed and has no pause of its own is tried again.
_AGAIN = 5.0

log = structlog.get_logger()


class Duties:
    """For all pools. `lock` is the path of the leadership node; `turned` is called after each pool of many."""

    def __init__(self, context: Context, lock: str, hold_percent: int, turned: Callable[[], None]) -> None:
        self._context = context
        self._lock = lock
        self._turned = turned
        self._leftovers = Leftovers(context, self._found_published)
        self.agenda = Agenda(context, self._leftovers)
        context.plan = self.agenda.plan
        context.attend = self._attend
        self._keeper = Keeper(context.selection, context.clock, percent=hold_percent)
        self._compactor = Compactor(context)
        self._retired = Retired(context)
        self._servers = ServerLane(context, self._keeper, self._retired, self._compactor)
        self._structures = StructureLane(context, self._leftovers)
        self._reporter = Reporter(context, self._keeper)
        self._loader = Loader(context, self.agenda, self._servers)
        self._intake = Intake(context, self._keeper, self._retired, self._leftovers, self._reporter, turned)

    # ------------------------------------------------------------ what is due

    @property
    def due(self) -> float | None:
        """When `work` has something to do, on the clock that does not jump."""
        return self.agenda.next

    def work(self) -> None:
        """Do what is due: servers of all pools first, then the rest for as long as servers may wait."""
        context = self._context
        until = context.clock.monotonic() + TAKE_FOR
        for what in What:
            while context.charge is not None and (name := self.agenda.pop(what, context.clock.monotonic())) is not None:
                self._attend(what, name, partial(self._do, what, name))
                self.agenda.plan(name)
                if what is What.SERVERS:
                    self._turned()  # a thousand pools at once, when this process comes in charge, take their time
                elif context.clock.monotonic() >= until:
                    return

    def _attend(self, what: What, name: str, carry_out: Callable[[], None]) -> None:
        """One pool's trouble is its own: what fails as nobody expected is due again for it, after a pause."""
        try:
            carry_out()
        except LeadershipLost:
            raise
        except Exception as error:
            log.exception(f"{what.name.lower()} of pool {name} failed; trying again", pool=name)
            self._context.metrics.failed(what.name.lower())
            self._failed(what, name, error)
            self.agenda.plan(name)

    def _failed(self, what: What, name: str, error: Exception) -> None:
        if what is What.SWEEP:
            self.agenda.sweep_in(_AGAIN)
        elif what is What.REMOVE:
            self._leftovers.failed(name)
        state = self._context.pools.get(name)
        if state is None:
            return
        later = self._context.clock.monotonic() + _AGAIN
        match what:
            case What.SERVERS | What.COMPACT:
                self._servers.failed(state, error)
            case What.LOAD:
                self._loader.failed(state)
            case What.STRUCTURE:
                self._structures.failed(state, error)
            case What.REPORT:
                state.reporting, state.report_due = False, later
            case What.RETIRED:
                state.retired_due = later
            case What.COLLECT:
                self._leftovers.collecting_failed(state)

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
                self._loader.load(name, state)
            case What.STRUCTURE:
                self._select(name, state)
                self._structures.publish(name, state)
            case What.COMPACT:
                self._compactor.begin(name, state)
            case What.REPORT:
                self._servers.say(name, state)
                self._reporter.report(name, state)
            case What.RETIRED:
                self._retired.look(name, state)
            case What.COLLECT:
                self._leftovers.collect(name, state)

    def _select(self, name: str, state: PoolState) -> None:
        """Again, when it failed as the pool came; what was touched then is not known any more."""
        if not state.selected:
            self._intake.select(name, state, self._context.clock.monotonic())
            if state.published is not None:
                self._servers.look_through(name, state)

    def _found_published(self, names: Sequence[str] | None) -> None:
        """These are the pools for which something is published; None: that could not be found out."""
        for name in names or ():
            if name not in self._context.pools and name not in self._intake.unreadable:
                self._leftovers.gone(name)
                self.agenda.plan(name)
        self.agenda.sweep_in(_AGAIN if names is None else _SWEEP_EVERY)

    # ------------------------------------------------------------ what came in

    def take_pools(self, view: PoolView, arrived: float) -> None:
        """All pools as they stand in ZooKeeper since `arrived`."""
        self._intake.pools(view, arrived)
        if not self.agenda.have_pools:
            self.agenda.have_pools = True
            self.agenda.sweep_in(0.0)
            for name in self._context.pools:
                self.agenda.plan(name)

    def take_tasks(self, changes: Sequence[tuple[TaskKey, TaskChange]]) -> None:
        """Changes of tasks."""
        self._intake.tasks(changes)

    def waits_for_agents(self, incomplete: bool) -> None:
        """Whether the master does, so that more tasks may run than are named."""
        self._intake.waits_for_agents(incomplete)

    def tasks_are_complete(self) -> None:
        """All tasks of the first list have been taken."""
        if self.agenda.have_tasks:
            return
        self.agenda.have_tasks = True
        # Looking for garbage among tens of thousands of tasks that stay takes half a second, in which nothing is done.
        gc.freeze()
        pools = self._context.pools
        log.info("The list of running tasks is complete", tasks=len(self._context.selection.tasks), pools=len(pools))
        for name, state in pools.items():
            if state.published is not None:
                self._servers.look_through(name, state)
            self.agenda.plan(name)

    def take_charge(self, epoch: int) -> None:
        """This process publishes from now on."""
        pools = self._context.pools
        log.info("Publishing from now on", epoch=epoch, pools=len(pools))
        self._context.charge = Charge(self._context.zookeeper, self._lock, epoch)
        now = self._context.clock.monotonic()
        self.agenda.sweep_in(0.0)
        for name, state in pools.items():
            state.forget()
            self._retired.gone(name, state)
            state.loading = state.loading.retry_now()
            state.structure = state.structure.retry_now().succeeded().at_once(now)
            state.endpoints = state.endpoints.retry_now().succeeded()
            self.agenda.plan(name)

    def give_up_charge(self) -> None:
        """Another process publishes, or none."""
        self._context.charge = None
        for name, state in self._context.pools.items():
            # Whoever is in charge now decides what is kept; when we are again, we begin with what it published.
            state.forget()
            self._retired.gone(name, state)
            self.agenda.plan(name)

    def hurry(self) -> None:
        """What made things fail may be over: no pauses any more."""
        self._leftovers.hurry()
        for name, state in self._context.pools.items():
            state.loading = state.loading.retry_now()
            state.endpoints = state.endpoints.retry_now()
            state.structure = state.structure.retry_now()
            self.agenda.plan(name)
