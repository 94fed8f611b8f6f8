"""The base of a pool's log made anew, a few servers at a time and beside all changes.

Knows when that is due and in which order parts and head are written. Runs on the worker's thread; texts are made and
written on others.
"""

import structlog

from api.dcos_template.context import Context
from api.dcos_template.due import What
from api.dcos_template.publishing.charge import Charge
from api.dcos_template.publishing.journal import Compaction
from api.dcos_template.publishing.leftovers import COLLECT_AFTER
from api.dcos_template.publishing.published import Paths, Published, write_parts
from api.dcos_template.state import PoolState
from pool_executor.contract import Blob, Server, encode_shard, encode_shards
from sdk.errors import StorageUnavailable
from sdk.storage.connection import StorageConflict, ZooKeeper

#: Seconds without a change after which the base is brought up to date.
QUIET = 1.0
#: Servers whose texts are made in one go.
_SLICE = 2_000
_AGAIN = 5.0

log = structlog.get_logger()

_Copies = dict[int, dict[str, dict[str, Server]]]


class Compactor:
    """Of all pools."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def wrote(self, name: str, state: PoolState) -> None:
        """A head of the pool was written: sooner or later a new base is due."""
        if state.published is None or state.compaction is not None:
            return
        journal = state.published.journal
        if journal.wants_compaction:
            self.begin(name, state)
        elif journal.behind:
            state.compact_due = self._context.clock.monotonic() + QUIET

    def begin(self, name: str, state: PoolState) -> None:
        """Make a new base."""
        state.compact_due = None
        published, charge = state.published, self._context.charge
        if published is None or charge is None or state.compaction is not None:
            return
        if state.collecting:  # parts that the base would need may be among those that go
            state.compact_due = self._context.clock.monotonic() + QUIET
            return
        state.compaction = published.journal.start_compaction()
        self._go_on(name, state, published, charge, state.compaction)

    def _go_on(self, name: str, state: PoolState, published: Published, charge: Charge, compaction: Compaction) -> None:
        journal, copies, size = published.journal, _Copies(), 0
        for number in [number for number in compaction.shards if number not in compaction.blobs]:
            copies[number] = journal.copy_of(compaction.shards[number])
            size += sum(map(len, copies[number].values()))
            if size >= _SLICE:
                break
        paths, there = self._context.paths(name), frozenset(published.nodes)
        zookeeper = self._context.zookeeper
        if copies:
            self._context.ask(
                What.COMPACT,
                name,
                lambda: _write_shards(zookeeper, paths, copies, there),
                lambda outcome: self._wrote_shards(name, state, published, charge, compaction, outcome),
            )
            return
        listed = encode_shards(shards) if (shards := journal.shards_with(compaction)) else None
        blob = None if listed is None else Blob.of(listed)
        self._context.ask(
            What.COMPACT,
            name,
            lambda: write_parts(zookeeper, paths, [] if listed is None else [listed], there),
            lambda outcome: self._wrote_list(name, state, published, charge, compaction, blob, outcome),
        )

    def _wrote_shards(
        self,
        name: str,
        state: PoolState,
        published: Published,
        charge: Charge,
        compaction: Compaction,
        outcome: "tuple[dict[int, Blob | None], set[str]] | Exception",
    ) -> None:
        if not self._counts(name, state, published, charge):
            return
        if isinstance(outcome, Exception):
            self._failed(name, state, published, compaction, outcome)
            return
        blobs, nodes = outcome
        compaction.blobs.update(blobs)
        published.nodes |= nodes
        self._go_on(name, state, published, charge, compaction)

    def _wrote_list(
        self,
        name: str,
        state: PoolState,
        published: Published,
        charge: Charge,
        compaction: Compaction,
        listed: Blob | None,
        outcome: set[str] | Exception,
    ) -> None:
        if not self._counts(name, state, published, charge):
            return
        if isinstance(outcome, Exception):
            self._failed(name, state, published, compaction, outcome)
            return
        published.nodes |= outcome
        published.journal.finish_compaction(compaction, listed)
        state.compaction = None
        now = self._context.clock.monotonic()
        state.endpoints = state.endpoints.at_once(now)
        # Whose parts the base before had, and whatever else nobody names: the structure may never be written again.
        state.collect_due = now + COLLECT_AFTER if state.collect_due is None else state.collect_due
        self._context.plan(name)

    def _counts(self, name: str, state: PoolState, published: Published, charge: Charge) -> bool:
        return self._context.is_current(name, state, charge) and state.published is published

    def _failed(
        self, name: str, state: PoolState, published: Published, compaction: Compaction, error: Exception
    ) -> None:
        if not isinstance(error, StorageUnavailable | StorageConflict):
            log.error(f"The base of pool {name} could not be made; trying again", pool=name, exc_info=error)
        else:
            log.warning(f"The base of pool {name} could not be written; trying again", pool=name, error=str(error))
        published.journal.abandon_compaction(compaction)
        state.compaction = None
        state.compact_due = self._context.clock.monotonic() + _AGAIN
        self._context.plan(name)


def _write_shards(
    zookeeper: ZooKeeper, paths: Paths, copies: _Copies, there: frozenset[str]
) -> tuple[dict[int, Blob | None], set[str]]:
    texts = {number: encode_shard(servers) if servers else None for number, servers in copies.items()}
    written = write_parts(zookeeper, paths, [text for text in texts.values() if text is not None], there)
    return {number: None if text is None else Blob.of(text) for number, text in texts.items()}, written
