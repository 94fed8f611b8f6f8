"""What is published and not needed any more: everything of pools that are gone, and parts that no head names.

Knows when each is removed, and that a process that has come in charge looks once for what the one before left. Does not
know what is published for a pool. Runs on the worker's thread, while in charge; removals are done on others, behind the
check of the epoch, so that a process that lost the lock takes nothing away that its successor needs.
"""

from collections.abc import Callable, Sequence

import structlog

from api.dcos_template.context import Context
from api.dcos_template.due import What
from api.dcos_template.publishing.charge import Charge
from api.dcos_template.publishing.published import Paths, Published
from api.dcos_template.state import PoolState
from api.dcos_template.windows import Lane
from pool_executor.contract import decode_structure
from sdk.errors import CorruptRecord, LeadershipLost, StorageUnavailable
from sdk.storage.connection import Delete, NoNode, NotEmpty, StorageConflict, ZooKeeper

#: One packet must stay small; names of parts are short.
_DELETES_AT_ONCE = 100
_REMOVALS = 5
#: Parts that nobody names any more are removed so long after a head was written, and not after each one.
COLLECT_AFTER = 2.0

log = structlog.get_logger()


class Leftovers:
    """Of all pools. `found` is called with the names of pools for which something is published, or None."""

    def __init__(self, context: Context, found: Callable[[Sequence[str] | None], None]) -> None:
        self._context = context
        self._found = found
        self._gone: dict[str, Lane] = {}
        self._highest: dict[str, int] = {}

    # ------------------------------------------------------------ pools that are gone

    def sweep(self) -> None:
        """Look for what was published for pools that are gone meanwhile, once all pools are known."""
        charge, zookeeper = self._context.charge, self._context.zookeeper
        base = self._context.paths("").base

        def listed(outcome: list[str] | Exception) -> None:
            if self._context.charge is not charge:
                return
            if isinstance(outcome, Exception):
                log.warning("What is published cannot be listed; trying again", error=str(outcome))
                self._found(None)
            else:
                self._found(outcome)

        self._context.ask(What.SWEEP, "", lambda: zookeeper.children(base), listed)

    def gone(self, name: str) -> None:
        """The pool is gone: what is published for it goes too."""
        lane = self._gone.get(name) or Lane(window=0.0, limit=0.0)
        self._gone[name] = lane.at_once(self._context.clock.monotonic())

    def back(self, name: str) -> None:
        """There is a pool of that name: what is not being removed yet is its own."""
        if not self.is_leaving(name):
            self._gone.pop(name, None)

    def hurry(self) -> None:
        """What made a removal fail may be over."""
        self._gone = {name: lane.retry_now() for name, lane in self._gone.items()}

    def due(self, name: str) -> float | None:
        """When the nodes of a pool that is gone are to be removed."""
        lane = self._gone.get(name)
        return None if lane is None else lane.due

    def is_leaving(self, name: str) -> bool:
        """Whether nodes of an earlier pool of that name are being removed at this moment."""
        lane = self._gone.get(name)
        return lane is not None and lane.busy

    def remove(self, name: str) -> None:
        """Remove everything of a pool that is gone."""
        charge = self._context.charge
        assert charge is not None
        self._gone[name] = self._gone[name].publishing(self._context.clock.monotonic())
        paths, zookeeper = self._context.paths(name), self._context.zookeeper
        self._context.ask(
            What.REMOVE,
            name,
            lambda: _remove(zookeeper, charge, paths),
            lambda outcome: self._removed(name, charge, outcome),
        )

    def failed(self, name: str) -> None:
        """The removal failed as nobody expected: it is due again later."""
        if name in self._gone:
            self._gone[name] = self._gone[name].failed(self._context.clock.monotonic())

    def _removed(self, name: str, charge: Charge, outcome: int | Exception) -> None:
        lane = self._gone.get(name)
        if lane is None:
            return
        now = self._context.clock.monotonic()
        if isinstance(outcome, int):
            self._highest[name] = max(outcome, self._highest.get(name, 0))
            del self._gone[name]
            log.info(f"Removed what was published for pool {name}, which is gone", pool=name)
        else:
            if name in self._context.pools:  # it is back: what is left is read, and goes on as its own
                del self._gone[name]
            else:
                self._gone[name] = lane.failed(now)
            log.warning(f"Removing what was published for pool {name} failed", error=str(outcome))
            if isinstance(outcome, LeadershipLost) and self._context.charge is charge:
                raise outcome
        self._context.plan(name)

    def highest(self, name: str) -> int:
        """The highest version of a structure that was removed: a pool that is made again counts on from there.

        An instance that outlives the moment would take new heads for old ones.
        """
        return self._highest.get(name, 0)

    # ------------------------------------------------------------ parts that no head names

    def collect(self, name: str, state: PoolState) -> None:
        """Remove parts that no head of the pool names."""
        state.collect_due = None
        published, charge = state.published, self._context.charge
        if published is None or charge is None or state.collecting:
            return
        if state.structure.busy or state.compaction is not None:  # parts are on their way to a head
            state.collect_due = self._context.clock.monotonic() + COLLECT_AFTER
            return
        state.collecting = True
        paths, zookeeper = self._context.paths(name), self._context.zookeeper
        self._context.ask(
            What.COLLECT,
            name,
            lambda: zookeeper.children(paths.parts),
            lambda outcome: self._listed(name, state, published, charge, outcome),
        )

    def collecting_failed(self, state: PoolState) -> None:
        """It failed as nobody expected: it is due again later."""
        state.collecting = False
        if state.published is not None:
            state.published.leaving = frozenset()
        state.collect_due = self._context.clock.monotonic() + COLLECT_AFTER

    def _listed(
        self, name: str, state: PoolState, published: Published, charge: Charge, outcome: list[str] | Exception
    ) -> None:
        if not self._context.is_current(name, state, charge) or state.published is not published:
            return
        if isinstance(outcome, Exception):
            self._collected(name, state, published, charge, outcome)
            return
        keep = published.names()
        waste = [node for node in outcome if node.partition(".")[0] not in keep]
        published.nodes.difference_update(waste)
        published.leaving = frozenset(node.partition(".")[0] for node in waste)
        paths = self._context.paths(name)
        self._context.ask(
            What.COLLECT,
            name,
            lambda: _delete(charge, [paths.part(node) for node in waste]),
            lambda outcome: self._collected(name, state, published, charge, outcome),
        )

    def _collected(
        self, name: str, state: PoolState, published: Published, charge: Charge, outcome: Exception | None
    ) -> None:
        if not self._context.is_current(name, state, charge) or state.published is not published:
            return
        state.collecting, published.leaving = False, frozenset()
        if isinstance(outcome, LeadershipLost):
            raise outcome
        if isinstance(outcome, Exception):
            if isinstance(outcome, StorageUnavailable | StorageConflict):
                log.warning(f"Old parts of pool {name} could not be removed; trying again", error=str(outcome))
            else:
                log.error(f"Old parts of pool {name} could not be removed; trying again", exc_info=outcome)
            state.collect_due = self._context.clock.monotonic() + COLLECT_AFTER
        self._context.plan(name)


def _delete(charge: Charge, paths: Sequence[str]) -> None:
    for start in range(0, len(paths), _DELETES_AT_ONCE):
        charge.write([Delete(path) for path in paths[start : start + _DELETES_AT_ONCE]])


def _remove(zookeeper: ZooKeeper, charge: Charge, paths: Paths) -> int:
    """Remove the nodes of a pool; the answer is the version of its structure."""
    version = 0
    found = zookeeper.get(paths.structure)
    if found is not None:
        try:
            version = decode_structure(found[0]).version
        except CorruptRecord as error:
            log.warning("The structure of a pool that is gone cannot be read", pool=paths.pool, error=str(error))
    # A process that was in charge before us may be writing its last parts, or somebody is removing too.
    for attempt in range(_REMOVALS, 0, -1):
        try:
            _remove_tree(zookeeper, charge, paths.top)
        except (NotEmpty, NoNode):
            if attempt == 1:
                raise
        else:
            break
    return version


def _remove_tree(zookeeper: ZooKeeper, charge: Charge, path: str) -> None:
    """The node and all below it, whoever made them; behind the fence, so not ZooKeeper's own recursive deletion."""
    names = zookeeper.children(path)
    for start in range(0, len(names), _DELETES_AT_ONCE):
        batch = [f"{path}/{name}" for name in names[start : start + _DELETES_AT_ONCE]]
        try:
            charge.write([Delete(each) for each in batch])
        except NotEmpty:
            for each in batch:
                _remove_tree(zookeeper, charge, each)
    if zookeeper.exists(path):
        charge.write([Delete(path)])
