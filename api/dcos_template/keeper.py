"""Servers that a pool keeps although Mesos does not name their tasks any more, from the first doubt to the last server.

Knows when the guard (guard.py) is asked, what a process that has just come in charge takes over from the one before,
and what lets servers go. Does not know how they are published. Used by one thread, while it is in charge.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import structlog

from api.dcos_template.guard import DEFAULT_PERCENT, Hold, Place, judge, places_of, without
from api.dcos_template.selecting.endpoint import Endpoint
from api.dcos_template.selecting.selection import Selection
from api.dcos_template.selecting.servers import endpoint_of
from api.dcos_template.selecting.touched import BackendKey, Spot
from api.dcos_template.state import PoolState
from api.mesos_listener.task import Task
from sdk.clock import Clock

log = structlog.get_logger()


class Keeper:
    """Decides for all pools. `percent` of a pool's servers may go unexplained at once; 0: nothing is ever kept."""

    def __init__(self, selection: Selection, clock: Clock, *, percent: int = DEFAULT_PERCENT) -> None:
        self._selection = selection
        self._clock = clock
        self._percent = percent
        self.incomplete = False
        """The master waits for agents: what this process took over may run there, however little it is."""
        # Where all tasks are, of one generation of the selection: many pools may ask for it at once.
        self._taken: tuple[int, frozenset[Place]] = (-1, frozenset())

    def take_over(self, name: str, state: PoolState, gone: Collection[Spot]) -> None:
        """Doubt about what the process that was in charge before has published and nobody names to this one.

        It may have known tasks that are not named to this one. Not so when it published another version of the pool:
        then its services may have been others.
        """
        published = state.published
        if self._percent <= 0 or published is None or published.structure is None:
            return
        if (published.structure.pool_uid, published.structure.pool_version) != state.stored.revision:
            return
        missing: dict[Spot, Endpoint] = {}
        for spot in gone:
            server = published.journal.server(*spot)
            endpoint = endpoint_of(server) if server is not None else None
            if endpoint is not None and endpoint.task:
                missing[spot] = endpoint
        if missing:
            since = published.held_since or self._clock.now()
            self._decide(name, state, missing, since, waiting=self.incomplete)

    def judge(self, name: str, state: PoolState) -> bool:
        """What is held of a pool from now on; True when it is something else than before."""
        missing, state.missing = state.missing, {}
        if not missing and state.hold is None:
            return False
        waiting = self.incomplete and state.hold is not None
        return self._decide(name, state, missing, self._clock.now(), waiting=waiting)

    def release(self, pools: Mapping[str, PoolState], named: Sequence[Task]) -> Iterator[str]:
        """Do not keep servers at places where one of these tasks runs; the names of the pools that it concerns."""
        holding = {name: state for name, state in pools.items() if state.hold is not None}
        taken = _places(named) if holding else frozenset[Place]()
        for name, state in holding.items():
            if state.hold is not None and self._let_go(name, state, without(state.hold, taken)):
                yield name

    def accept(self, name: str, state: PoolState, accepted: float | None) -> bool:
        """Do not keep what somebody said may go; True when there is such."""
        state.accepted = accepted
        if state.hold is None or accepted != state.hold.since:
            return False
        log.info(f"The removal of servers of pool {name} was accepted", pool=name, servers=state.hold.count)
        return self._let_go(name, state, None)

    def _decide(
        self, name: str, state: PoolState, missing: Mapping[Spot, Endpoint], now: float, *, waiting: bool
    ) -> bool:
        after = judge(
            state.hold,
            missing,
            lambda spot: self._selection.endpoint(BackendKey(name, spot.backend), spot.name) is not None,
            self._selection.backends.count(name),
            percent=self._percent,
            cluster_is_empty=not self._selection.tasks,
            waiting=waiting,
            now=now,
        )
        if after is not None and after != state.hold:
            after = without(after, self._places())
        if after is not None and state.accepted == after.since:
            after = None
        return self._let_go(name, state, after)

    def _let_go(self, name: str, state: PoolState, after: Hold | None) -> bool:
        """Hold that from now on; True when it is something else than before."""
        before = state.hold
        if after == before:
            return False
        kept = after.kept if after is not None else {}
        state.pending |= {spot for spot in (before.kept if before is not None else {}) if spot not in kept}
        state.hold = after
        if after is not None and before is None:
            log.warning(
                f"Pool {name}: {after.reason()}. If they are gone for good: edgelb accept-removal {name}",
                pool=name,
                servers=after.count,
            )
        elif after is None:
            log.info(f"No server of pool {name} is kept any more without a task", pool=name)
        return True

    def _places(self) -> frozenset[Place]:
        generation = self._selection.tasks.generation
        if self._taken[0] != generation:
            self._taken = (generation, _places(self._selection.tasks))
        return self._taken[1]


def _places(tasks: Iterable[Task]) -> frozenset[Place]:
    return frozenset(place for task in tasks for place in places_of(task))
