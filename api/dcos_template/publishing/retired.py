"""Servers of backends that have left their pool, while load balancers may still send requests there.

A structure is taken by each instance in its own time, or never, when HAProxy refuses it. Until all have it, the tasks
behind the servers of the old backends are followed as before: those that end are removed at once, the others stay.
Knows when that is over. Runs on the worker's thread, while in charge; statuses are read on others.
"""

from collections.abc import Collection, Iterable
from typing import TypeVar

import structlog

from api.dcos_template.context import Context
from api.dcos_template.due import What
from api.dcos_template.guard import Place, places_of
from api.dcos_template.publishing.charge import Charge
from api.dcos_template.publishing.published import Published
from api.dcos_template.selecting.endpoint import standing
from api.dcos_template.selecting.touched import Spot
from api.dcos_template.state import PoolState
from api.mesos_listener.task import Task, TaskKey
from pool_executor.contract import Server, State, StructureStatus, decode_status
from sdk.errors import CorruptRecord
from sdk.storage.connection import ZooKeeper

#: Seconds between two looks at what the instances serve.
LOOK_EVERY = 1.0
#: So many looks in a row have to agree: an instance whose session has ended is not seen for a moment.
AGREEING = 3

log = structlog.get_logger()

_K = TypeVar("_K")
_V = TypeVar("_V")


class Retired:
    """Of all pools."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._by_task: dict[str, set[tuple[str, Spot]]] = {}
        self._by_place: dict[Place, set[tuple[str, Spot]]] = {}

    # ------------------------------------------------------------ who is retired

    def look_through(self, name: str, state: PoolState) -> None:
        """Find the servers of backends that the pool does not have; those whose tasks nobody knows may go."""
        published = state.published
        if published is None:
            return
        self._forget_all(name, state)
        backends = {backend.name for backend in state.stored.pool.haproxy.backends}
        left = {
            Spot(backend, server.name): server
            for backend, servers in published.journal.servers.items()
            if backend not in backends
            for server in servers.values()
        }
        known = self._context.selection.known({server.task for server in left.values()}) if left else set()
        for spot, server in left.items():
            if not server.task or server.task in known:
                self._add(name, state, spot, server)
        if state.retired:
            state.retired_agreed = 0
            state.retired_due = self._context.clock.monotonic() + LOOK_EVERY

    def changed(self, name: str, state: PoolState) -> None:
        """Another version of the pool has come."""
        before = set(state.retired)
        self.look_through(name, state)
        state.pending |= before - state.retired.keys()

    def _add(self, name: str, state: PoolState, spot: Spot, server: Server) -> None:
        state.retired[spot] = server
        if server.task:
            self._by_task.setdefault(server.task, set()).add((name, spot))
        self._by_place.setdefault((server.address, server.port), set()).add((name, spot))

    def _forget(self, name: str, state: PoolState, spot: Spot) -> None:
        server = state.retired.pop(spot)
        _discard(self._by_task, server.task, (name, spot))
        _discard(self._by_place, (server.address, server.port), (name, spot))

    def _forget_all(self, name: str, state: PoolState) -> None:
        for spot in list(state.retired):
            self._forget(name, state, spot)

    def gone(self, name: str, state: PoolState) -> None:
        """The pool is gone, or another process is in charge."""
        self._forget_all(name, state)
        state.retired_due = None

    # ------------------------------------------------------------ their tasks

    def follow(self, updated: Collection[Task], removed: Iterable[TaskKey], missing: Collection[TaskKey]) -> set[str]:
        """Let go what ended, and what another task has taken the place of; the pools that it concerns."""
        if not self._by_place:
            return set()
        over = [entry for key in removed if key not in missing for entry in self._by_task.get(key.id, ())]
        for task in updated:
            if standing(task) is not State.READY:
                over += self._by_task.get(task.id, ())
                continue
            for place in places_of(task):
                for entry in self._by_place.get(place, ()):
                    state = self._context.pools.get(entry[0])
                    if state is not None and state.retired[entry[1]].task != task.id:
                        over.append(entry)
        concerned = set[str]()
        for name, spot in over:
            state = self._context.pools.get(name)
            if state is not None and spot in state.retired:
                self._forget(name, state, spot)
                state.pending.add(spot)
                concerned.add(name)
        return concerned

    # ------------------------------------------------------------ when it is over

    def look(self, name: str, state: PoolState) -> None:
        """Look whether every instance serves the structure that does without them."""
        state.retired_due = None
        published, charge = state.published, self._context.charge
        if published is None or charge is None or not state.retired:
            return
        state.retired_due = self._context.clock.monotonic() + LOOK_EVERY
        head = published.structure
        if head is None or (head.pool_uid, head.pool_version) != state.stored.revision or state.structure.busy:
            state.retired_agreed = 0
            return
        zookeeper, path = self._context.zookeeper, f"{self._context.root.rstrip('/')}/instances/{name}"
        self._context.ask(
            What.RETIRED,
            name,
            lambda: _served(zookeeper, path),
            lambda outcome: self._looked(name, state, published, charge, head.order, outcome),
        )

    def _looked(
        self,
        name: str,
        state: PoolState,
        published: Published,
        charge: Charge,
        order: tuple[int, int],
        outcome: list[StructureStatus | None] | Exception,
    ) -> None:
        if not self._context.is_current(name, state, charge) or state.published is not published:
            return
        if isinstance(outcome, Exception):
            log.warning(f"The instances of pool {name} cannot be read; trying again", error=str(outcome))
            return
        agree = all(one is not None and (one.epoch, one.version) == order for one in outcome)
        state.retired_agreed = state.retired_agreed + 1 if agree else 0
        if state.retired_agreed < AGREEING:
            return
        count = len(state.retired)
        state.pending |= state.retired.keys()
        self._forget_all(name, state)
        state.retired_due = None
        state.endpoints = state.endpoints.at_once(self._context.clock.monotonic())
        log.info(f"All instances of pool {name} do without its old backends", pool=name, servers=count)
        self._context.plan(name)


def _served(zookeeper: ZooKeeper, path: str) -> list[StructureStatus | None]:
    """Which structure each instance serves; None for one that cannot be read."""
    found: list[StructureStatus | None] = []
    for task_id in zookeeper.children(path):
        node = zookeeper.get(f"{path}/{task_id}")
        if node is None:
            continue  # ended between the two reads
        try:
            found.append(decode_status(node[0]).structure)
        except CorruptRecord as error:
            log.warning("The status of an instance cannot be read", path=path, task_id=task_id, error=str(error))
            found.append(None)
    return found


def _discard(table: dict[_K, set[_V]], entry: _K, value: _V) -> None:
    if entry in table:
        table[entry].discard(value)
        if not table[entry]:
            del table[entry]
