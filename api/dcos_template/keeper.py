"""Servers that a pool keeps although Mesos does not name their tasks any more, from the first doubt to the last server.

Knows when the guard (guard.py) is asked, what a process that has just come in charge takes over from the one before,
and what lets servers go. Does not know how a pool is rendered. Used by one thread, while it is in charge. What reads
from ZooKeeper may raise StorageUnavailable.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

import structlog

from api.dcos_template.endpoint import Endpoint
from api.dcos_template.guard import DEFAULT_PERCENT, Backends, Hold, Place, judge, without
from api.dcos_template.problem import decode_problem
from api.dcos_template.publish import Publisher
from api.dcos_template.records import Records
from api.dcos_template.rendering import Rendering
from api.dcos_template.select import Selection
from api.dcos_template.state import PoolState
from api.dcos_template.windows import Change
from api.mesos_listener.task import Task
from sdk.clock import Clock
from sdk.errors import CorruptRecord

log = structlog.get_logger()


class Keeper:
    """Decides for all pools. `percent` of a pool's servers may go unexplained at once; 0: nothing is ever kept."""

    def __init__(
        self,
        publisher: Publisher,
        records: Records,
        selection: Selection,
        clock: Clock,
        *,
        percent: int = DEFAULT_PERCENT,
    ) -> None:
        self._publisher = publisher
        self._records = records
        self._selection = selection
        self._clock = clock
        self._percent = percent
        # Where all tasks are, of one generation of the selection: many pools may ask for it at once.
        self._taken: tuple[int, frozenset[Place]] = (-1, frozenset())

    def first(
        self, name: str, state: PoolState, fresh: Rendering, selected: Mapping[str, Sequence[Endpoint]]
    ) -> Hold | None:
        """What is held of a pool that is rendered for the first time.

        The process that was in charge before may have known tasks that are not named to this one.
        """
        if self._percent <= 0:
            return None
        published = self._publisher.endpoints(name, state.stored.revision, fresh.texts)
        gone = {one: ends - set(selected.get(one, ())) for one, ends in published.items()}
        if not any(gone.values()):
            return None
        return self._judge(name, None, gone, self._held_since(name) or self._clock.now())

    def again(self, name: str, state: PoolState) -> Hold | None:
        """What is held of a pool from now on."""
        if not state.missing and state.hold is None:
            return None
        return self._judge(name, state.hold, state.missing, self._clock.now())

    def release(self, states: Collection[PoolState], named: Sequence[Task], now: float) -> None:
        """Do not keep servers at places where one of these tasks runs."""
        holding = [state for state in states if state.hold is not None]
        taken = _places(named) if holding else frozenset[Place]()
        for state in holding:
            if state.hold is not None:
                _let_go(state, without(state.hold, taken), now)

    def accepted(self, name: str, state: PoolState, now: float) -> bool:
        """Do not keep what somebody said may go; True when there is such."""
        if state.hold is None or self._records.accepted(name) != state.hold.since:
            return False
        log.info(f"The removal of servers of pool {name} was accepted", pool=name, servers=state.hold.count)
        _let_go(state, None, now)
        return True

    def _judge(self, name: str, hold: Hold | None, missing: Backends, now: float) -> Hold | None:
        after = judge(
            hold,
            missing,
            self._selection.endpoints(name),
            percent=self._percent,
            cluster_is_empty=not self._selection.tasks,
            now=now,
        )
        if after is not None and after != hold:
            after = without(after, self._places())
        if after is not None and self._records.accepted(name) == after.since:
            return None
        return after

    def _held_since(self, name: str) -> float | None:
        data = self._records.problem(name)
        try:
            problem = decode_problem(name, data) if data else None
        except CorruptRecord:
            return None  # it is written anew in a moment
        return problem.held.since if problem and problem.held else None

    def _places(self) -> frozenset[Place]:
        generation = self._selection.generation
        if self._taken[0] != generation:
            self._taken = (generation, _places(self._selection.tasks))
        return self._taken[1]


def tell(name: str, before: Hold | None, after: Hold | None) -> None:
    """Log that a pool begins to keep servers, or keeps none any more."""
    if after is not None and before is None:
        log.warning(
            f"Pool {name}: {after.reason()}. If they are gone for good: edgelb accept-removal {name}",
            pool=name,
            servers=after.count,
        )
    elif before is not None and after is None:
        log.info(f"No server of pool {name} is kept any more without a task", pool=name)


def _let_go(state: PoolState, after: Hold | None, now: float) -> None:
    if state.hold is None or after == state.hold:
        return
    if state.stale is not None:
        state.stale |= state.hold.kept.keys()
    state.hold = after
    state.window = state.window.touch(Change.LOST, now)


def _places(tasks: Iterable[Task]) -> frozenset[Place]:
    """The addresses and ports at which tasks are."""
    found = set[Place]()
    for task in tasks:
        for port in task.ports:
            found.add((task.agent_address, port.number))
            found.update((address, port.container_port or port.number) for address in task.addresses)
    return frozenset(found)
