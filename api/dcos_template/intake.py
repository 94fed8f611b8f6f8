"""Changes of pools and tasks, taken into what is known of each pool.

Knows what a change touches and which lane it is for. Does not know when changes come, nor when anything is published.
Runs on the worker's thread.
"""

from collections.abc import Callable, Sequence
from functools import partial

import structlog

from api.dcos_template.context import Context
from api.dcos_template.due import What
from api.dcos_template.inbox import TaskChange
from api.dcos_template.keeper import Keeper
from api.dcos_template.publishing.leftovers import Leftovers
from api.dcos_template.publishing.reporter import Reporter
from api.dcos_template.publishing.retired import Retired
from api.dcos_template.publishing.trace import Stamps
from api.dcos_template.selecting.touched import Touched
from api.dcos_template.state import PoolState
from api.mesos_listener.task import TaskKey
from scheduler.pools.stored.store import PoolView

log = structlog.get_logger()


class Intake:
    """Of all pools. `turned` is called after each pool."""

    def __init__(
        self,
        context: Context,
        keeper: Keeper,
        retired: Retired,
        leftovers: Leftovers,
        reporter: Reporter,
        turned: Callable[[], None],
    ) -> None:
        self._context = context
        self._keeper = keeper
        self._retired = retired
        self._leftovers = leftovers
        self._reporter = reporter
        self._turned = turned
        self.unreadable: frozenset[str] = frozenset()
        """Pools whose nodes cannot be read: nothing of theirs is touched."""

    def pools(self, view: PoolView, now: float) -> None:
        """All pools as they stand in ZooKeeper now; what comes now came at `now`."""
        self.unreadable = frozenset(view.unreadable)
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
            state.selected = False
            self._context.attend(What.STRUCTURE, name, partial(self._pool, name, state, now))
            self._context.plan(name)
            self._turned()
        for name in [name for name in pools if name not in view and name not in self.unreadable]:
            self._retired.gone(name, pools[name])
            del pools[name]
            selection.remove_pool(name)
            self._reporter.forget(name)
            self._leftovers.gone(name)
            self._context.plan(name)

    def _pool(self, name: str, state: PoolState, now: float) -> None:
        state.structure = state.structure.touch(now)
        state.changed = state.changed or self._context.clock.now()
        self.select(name, state, now)
        if state.pending:
            state.endpoints = state.endpoints.at_once(now)

    def select(self, name: str, state: PoolState, now: float) -> None:
        """Select what this version of the pool wants."""
        touched = self._context.selection.set_pool(state.stored.pool)
        state.selected = True
        self._leave_out_odd()
        self._touch(touched, now, Stamps(taken=state.changed))
        self._retired.changed(name, state)

    def _leave_out_odd(self) -> set[TaskKey]:
        odd = self._context.selection.odd
        for key, error in odd.items():
            log.error(
                "A task could not be taken; it is left out", task=key.id, framework=key.framework_id, exc_info=error
            )
            self._context.metrics.failed("task")
        found = set(odd)
        odd.clear()
        return found

    def tasks(self, changes: Sequence[tuple[TaskKey, TaskChange]]) -> None:
        """Changes of tasks; one that cannot be taken costs no other."""
        updated = [change.task for _, change in changes if change.task is not None]
        removed = [key for key, change in changes if change.task is None]
        missing = {key for key, change in changes if change.missing}
        now = min(change.arrived for _, change in changes)
        selection = self._context.selection
        touched = selection.update(updated, removed, missing)
        if odd := self._leave_out_odd():
            updated = [task for task in updated if task.key not in odd]
        stamps = changes[0][1].stamps.and_selected(self._context.clock.now())
        if touched:
            for key, change in changes:
                self._context.trace.selected([key.id], change.stamps.and_selected(stamps.selected))
        self._touch(touched, now, stamps)
        concerned = {*self._keeper.release(self._context.pools, updated)}
        for name in concerned | self._retired.follow(updated, removed, missing):
            state = self._context.pools[name]
            state.endpoints = state.endpoints.at_once(now)
            self._context.plan(name)

    def waits_for_agents(self, incomplete: bool) -> None:
        """Whether the master does; when it does not any more, it is decided again what is kept."""
        over, self._keeper.incomplete = self._keeper.incomplete and not incomplete, incomplete
        if not over:
            return
        now = self._context.clock.monotonic()
        for name, state in self._context.pools.items():
            if state.hold is not None:
                state.endpoints = state.endpoints.at_once(now)
                self._context.plan(name)

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
            self._context.plan(name)
