"""What the thread of auto pools does: which template is touched by what came in, and what is done when it is due.

Knows what a change of tasks, templates and pools touches, and what begins and ends with being in charge: a standby only
collects. Does not know what labels mean (auto_pool.py), nor how pools get to ZooKeeper (publisher.py). One thread uses
it.
"""

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

import structlog

from api.auto_pools.templates.default_template import DefaultTemplate
from api.auto_pools.templates.template_store import TemplateView
from api.auto_pools.thread.acceptances import Acceptances
from api.auto_pools.thread.answers import status_of
from api.auto_pools.thread.context import Context
from api.auto_pools.thread.generated import Generated
from api.auto_pools.thread.orphans import Orphans
from api.auto_pools.thread.publisher import Publisher
from api.auto_pools.thread.roster import Moves
from api.auto_pools.thread.writer import Writer
from api.dcos_template.inbox import TaskChange
from api.dcos_template.publishing.clerk import Order
from api.mesos_listener.task import TaskKey
from scheduler.pools.model import MADE
from scheduler.pools.stored.own_writings import OwnWritings
from scheduler.pools.stored.store import PoolView
from sdk.storage.connection import ZooKeeper

log = structlog.get_logger()
NOTHING = frozenset[TaskKey]()


class Makers:
    """For all templates. `lock` is the path of the leadership node, `own` is told of pools that are written."""

    def __init__(
        self, context: Context, zookeeper: ZooKeeper, root: str, lock: str, order: Order, own: OwnWritings
    ) -> None:
        self._context = context
        self._own = own
        self._zookeeper = zookeeper
        self._root = root
        self._lock = lock
        self._publisher = Publisher(context)
        self._orphans = Orphans(context.clerk, context.clock)
        self._default = DefaultTemplate(zookeeper, root, context.clerk, context.clock)
        self._acceptances = Acceptances(zookeeper, root, order, self._accepted)

    # ------------------------------------------------------------ what came in

    def take_templates(self, view: TemplateView) -> None:
        """All pool templates as they stand in ZooKeeper now."""
        context = self._context
        context.templates = view
        if context.writer is None:
            return
        for name, template in view.items():
            state = context.made.get(name)
            if state is None or state.template != template:
                self._publisher.begin(context.writer, template)
        for name in [name for name in context.made if name not in view and name not in view.unreadable]:
            del context.made[name]
            self._orphans.gone(name)
        self._orphans.look()

    def take_pools(self, view: PoolView, _arrived: float) -> None:
        """All pools as they stand in ZooKeeper now."""
        context = self._context
        before, pools = context.pools or {}, {name: view[name] for name in view if name.startswith(MADE)}
        context.pools = pools
        for state in context.made.values():
            known, told = before.get(state.pool), pools.get(state.pool)
            if known is not None and told is not None and known.revision == told.revision:
                pools[state.pool] = known  # it shares with what claims make what did not change
            elif known is not told:
                state.sure = False
                state.lane = state.lane.at_once(context.clock.monotonic())
        self._orphans.look()

    def take_tasks(self, changes: Sequence[tuple[TaskKey, TaskChange]]) -> None:
        """Changes of tasks."""
        context = self._context
        updated = [change.task for _, change in changes if change.task is not None]
        removed = [key for key, change in changes if change.task is None]
        missing = frozenset(key for key, change in changes if change.missing)
        for name, moves in context.roster.update(updated, removed).items():
            state = context.made.get(name)
            if state is not None:
                context.attend(name, partial(self._feed, state, moves, missing))

    def waits_for_agents(self, incomplete: bool) -> None:
        """Whether the master does; when it does not any more, it is decided again what is kept."""
        context = self._context
        over, context.incomplete = context.incomplete and not incomplete, incomplete
        for state in context.made.values() if over else ():
            context.attend(state.name, partial(self._feed, state, Moves(), NOTHING))

    def tasks_are_complete(self) -> None:
        """All tasks of the first list have been taken."""
        if not self._context.complete:
            self._context.complete = True
            self.hurry()

    def take_charge(self, epoch: int) -> None:
        """This process writes from now on."""
        self.give_up_charge()
        context = self._context
        context.writer = Writer(self._zookeeper, self._root, self._lock, epoch, self._own)
        for template in (context.templates or {}).values():
            self._publisher.begin(context.writer, template)
        self._orphans.look()
        if context.rules.default_template:
            self._default.look()

    def give_up_charge(self) -> None:
        """Another process writes, or none."""
        self._context.writer, self._context.made = None, {}
        self._orphans.forget()
        self._default.forget()
        self._acceptances.look_for(())

    def hurry(self) -> None:
        """What made things fail may be over: no pauses any more."""
        now = self._context.clock.monotonic()
        for state in self._context.made.values():
            state.lane = state.lane.retry_now().at_once(now)
        if self._context.writer is not None:
            self._orphans.look()

    def status(self, template: str, addresses: Sequence[str], tasks: Collection[TaskKey] | None) -> dict[str, Any]:
        """How it stands with a template and these tasks, None for all; nothing where there is none that is known, or
        while not in charge.
        """
        state = self._context.made.get(template)
        return {} if state is None else status_of(state, addresses, tasks)

    def _feed(self, state: Generated, moves: Moves, missing: frozenset[TaskKey]) -> None:
        """What became of tasks under a template, as far as it is believed; they are all fed when it begins."""
        context, core = self._context, state.core
        if core is None:
            return
        state.moved = True
        now = context.clock.now()
        gone = state.believed(
            moves,
            missing,
            here=len(context.roster.under(state.name)),
            percent=context.rules.hold_percent,
            cluster_is_empty=not context.cluster(),
            waiting=context.incomplete,
            now=now,
        )
        if core.choosing is not None:
            core.choosing.feed(moves.updated, gone)
        elif core.made.update(moves.updated, gone, now) or core.meaning.whole:
            state.lane = state.lane.touch(context.clock.monotonic())

    def _accepted(self, pool: str) -> None:
        """What is in doubt is gone, somebody says."""
        for state in self._context.made.values():
            if state.pool == pool and state.core is not None and state.in_doubt:
                log.info(f"The removal of what is in doubt of pool {pool} was accepted", pool=pool)
                gone = state.accept()
                if state.core.choosing is not None:
                    state.core.choosing.feed((), gone)
                state.core.made.update((), gone, self._context.clock.now())
                state.lane = state.lane.at_once(self._context.clock.monotonic())

    # ------------------------------------------------------------ what is due

    @property
    def due(self) -> float | None:
        """When `work` has something to do, on the clock that does not jump."""
        dues = [self._default.due]
        if self._knows_all:
            dues += [self._orphans.due, *map(self._due_of, self._context.made.values())]
        return min((due for due in dues if due is not None), default=None)

    def work(self) -> None:
        """Do what is due."""
        context, writer = self._context, self._context.writer
        self._default.make()
        if writer is None or context.pools is None or context.templates is None:
            return
        mono = context.clock.monotonic()
        for state in list(context.made.values()):
            due = self._due_of(state)
            if due is not None and due <= mono:
                context.attend(state.name, partial(self._publisher.publish, writer, state))
        self._orphans.remove(writer, context.templates, context.pools)
        self._acceptances.look_for({state.pool for state in context.made.values() if state.in_doubt})

    @property
    def _knows_all(self) -> bool:
        """Whether it is in charge, and knows what there is."""
        return self._context.writer is not None and None not in (self._context.pools, self._context.templates)

    def _due_of(self, state: Generated) -> float | None:
        """A change is to be written, or the grace of an application ends."""
        if state.lane.due is not None or state.lane.busy or state.core is None:
            return state.lane.due
        grace, again = state.core.made.due, state.try_again
        ends = None if grace is None else grace - self._context.clock.now() + self._context.clock.monotonic()
        return min((due for due in (ends, again) if due is not None), default=None)
