"""The way of servers to ZooKeeper: what changed becomes operations in the log of its pool, with one write.

Knows in which order it happens and what is done when a write fails. Nothing here waits: neither for an answer, nor for
another pool, nor for the structure of any. Runs on the worker's thread, while in charge.
"""

from collections.abc import Iterator

import structlog

from api.dcos_template.context import Context
from api.dcos_template.due import What
from api.dcos_template.keeper import Keeper
from api.dcos_template.publishing.charge import Charge, Results
from api.dcos_template.publishing.compactor import Compactor
from api.dcos_template.publishing.journal import SEGMENT, Journal, Write, weight
from api.dcos_template.publishing.published import Published
from api.dcos_template.publishing.retired import Retired
from api.dcos_template.publishing.trace import Step
from api.dcos_template.selecting.servers import server_of
from api.dcos_template.selecting.touched import BackendKey, Spot
from api.dcos_template.state import NOTHING_UNSAID, Event, PoolState, Unsaid
from pool_executor.contract import Operation, Put, Remove, encode_blob
from sdk.errors import CorruptRecord, LeadershipLost, SdkError
from sdk.storage.connection import Create, Op, Set

#: So many first servers of a pool are not told one by one: they are the base of its log.
LARGE = 2_000

log = structlog.get_logger()


class ServerLane:
    """Of all pools."""

    def __init__(self, context: Context, keeper: Keeper, retired: Retired, compactor: Compactor) -> None:
        self._context = context
        self._keeper = keeper
        self._retired = retired
        self._compactor = compactor

    # ------------------------------------------------------------ what is known

    def look_through(self, name: str, state: PoolState) -> None:
        """What stands in ZooKeeper has been read: find every difference to what is wanted."""
        published = state.published
        assert published is not None
        selection, journal = self._context.selection, published.journal
        wanted = {Spot(backend, server) for backend, server, _ in selection.backends.endpoints(name)}
        there = {Spot(backend, server) for backend, ones in journal.servers.items() for server in ones}
        self._retired.look_through(name, state)
        if not state.taken_over:
            state.taken_over = True
            backends = {backend.name for backend in state.stored.pool.haproxy.backends}
            self._keeper.take_over(name, state, {spot for spot in there - wanted if spot.backend in backends})
        state.pending |= wanted | there
        state.endpoints = state.endpoints.idle().at_once(self._context.clock.monotonic())

    # ------------------------------------------------------------ publishing

    def publish(self, name: str, state: PoolState) -> None:
        """Write what changed; what fails is due again later."""
        published, charge = state.published, self._context.charge
        assert published is not None
        assert charge is not None
        clock = self._context.clock
        now = clock.monotonic()
        since = state.endpoints.since
        journal = published.journal
        if not journal.complete:  # the end of the compaction has it done
            state.endpoints = state.endpoints.publishing(now).succeeded()
            return
        if self._keeper.judge(name, state):
            state.report_soon(now)  # servers that are kept are no write that would bring the record about
        if not journal.sequence and len(state.pending) > LARGE:
            journal.begin_with(one for _, one in self._operations(name, state, journal) if one is not None)
            state.pending = set()
            state.endpoints = state.endpoints.publishing(now).succeeded()
            self._compactor.begin(name, state)
            return
        steps = self._change(name, state, journal)
        left, stamps = bool(state.pending), state.stamps
        if not steps and published.endpoints_node is not None and not journal.unsaved:
            state.endpoints = state.endpoints.publishing(now).succeeded()
            state.failing.pop(What.SERVERS, None)
            return
        state.endpoints = state.endpoints.publishing(now)
        if left:
            state.endpoints = state.endpoints.at_once(now)
        at = clock.now()
        write = journal.write(charge.epoch, {**stamps.told(), "published": at}, now, published.leaving)
        took = now - (since if since is not None else now)
        added = sum(step.added for step in steps)

        def done(outcome: Results | SdkError) -> None:
            stored = clock.now()
            # While no other change of the pool waits for it, nobody has to hear that it was written.
            self._context.order_when(
                lambda: self._context.attend(
                    What.SERVERS, name, lambda: self._written(name, state, published, charge, write, outcome)
                ),
                lambda: isinstance(outcome, SdkError) or state.endpoints.asked is not None,
            )
            if not isinstance(outcome, SdkError):
                self._context.trace.published(name, steps, at, stored)
                self._context.metrics.wrote_endpoints(added, len(steps) - added, stamps, at, stored)

        try:
            charge.write_soon(self._ops(name, published, write), done)
        except LeadershipLost:
            raise
        except SdkError as error:
            self._failed(name, state, error)
            return
        state.unsaid = Unsaid(
            added=state.unsaid.added + added,
            removed=state.unsaid.removed + len(steps) - added,
            longest=max(state.unsaid.longest, took),
        )

    def say(self, name: str, state: PoolState) -> None:
        """Tell the log what was written since the last time: a sentence for each change would cost as much as it."""
        unsaid, state.unsaid = state.unsaid, NOTHING_UNSAID
        if unsaid == NOTHING_UNSAID or state.published is None:
            return
        log.info(
            f"Pool {name}: {unsaid.added} servers added or changed, {unsaid.removed} removed",
            pool=name,
            sequence=state.published.journal.sequence,
            longest_ms=round(unsaid.longest * 1000, 1),
        )

    def _ops(self, name: str, published: Published, write: Write) -> list[Op]:
        paths = self._context.paths(name)
        ops: list[Op] = []
        if write.segment is not None:
            ops += [
                Create(paths.part(node), data)
                for node, data in encode_blob(write.segment)
                if node not in published.nodes
            ]
        node = published.endpoints_node
        ops.append(Create(paths.endpoints, write.data) if node is None else Set(paths.endpoints, write.data, node))
        return ops

    def _written(
        self,
        name: str,
        state: PoolState,
        published: Published,
        charge: Charge,
        write: Write,
        outcome: Results | SdkError,
    ) -> None:
        if not self._context.is_current(name, state, charge) or state.published is not published:
            return
        if isinstance(outcome, LeadershipLost):
            raise outcome
        if isinstance(outcome, SdkError):
            self._failed(name, state, outcome)
            return
        last = outcome[-1]
        published.endpoints_node = last if isinstance(last, int) else 0
        if write.segment is not None:
            published.nodes.update(node for node, _ in encode_blob(write.segment))
        now = self._context.clock.monotonic()
        state.endpoints = state.endpoints.succeeded()
        state.failing.pop(What.SERVERS, None)
        state.report_soon(now)
        self._compactor.wrote(name, state)
        self._context.plan(name)

    def _failed(self, name: str, state: PoolState, error: Exception) -> None:
        self._context.metrics.failed("endpoints")
        log.warning(f"Servers of pool {name} could not be written; trying again", pool=name, error=str(error))
        state.endpoints = state.endpoints.failed(self._context.clock.monotonic())
        # Whether it was written is not known: what stands there is read again.
        state.happens(Event.DOUBTED)
        self._context.plan(name)

    def failed(self, state: PoolState, error: Exception) -> None:
        """It failed as nobody expected: it is due again later, from what stands there then."""
        now = self._context.clock.monotonic()
        state.endpoints = state.endpoints.failed(now)
        state.happens(Event.DOUBTED)
        state.fails(What.SERVERS, error, now)

    # ------------------------------------------------------------ what changes

    def _change(self, name: str, state: PoolState, journal: Journal) -> list[Step]:
        """Bring the journal up to date, with as many operations as are written at once; which servers came and went."""
        size, done, steps = 0, [], list[Step]()
        for spot, operation in self._operations(name, state, journal):
            done.append(spot)
            if operation is None:
                continue
            if isinstance(operation, Put):
                task = operation.server.task
            else:
                known = journal.server(*spot)
                task = known.task if known is not None else ""
            journal.change(operation)
            size += weight(operation)
            steps.append(Step(task, spot, isinstance(operation, Put), journal.sequence))
            if size > SEGMENT:
                break
        if len(done) == len(state.pending):
            state.pending = set()  # one that once was large would be slow to look through for ever
        else:
            state.pending.difference_update(done)
        return steps

    def _operations(self, name: str, state: PoolState, journal: Journal) -> Iterator[tuple[Spot, Operation | None]]:
        """What has to be done for each server that may be another one; those that go come first."""
        selection, held, retired = self._context.selection, state.hold.kept if state.hold else {}, state.retired
        coming = []
        for spot in state.pending:
            wanted = selection.endpoint(BackendKey(name, spot.backend), spot.name)
            if wanted is not None:
                coming.append((spot, wanted))
                continue
            state.unwritable.pop(spot, None)
            known = journal.server(*spot)
            yield spot, Remove(*spot) if known is not None and spot not in held and spot not in retired else None
        for spot, wanted in coming:
            known = journal.server(*spot)
            try:
                taken = journal.numbers(spot.backend) if known is None else ()
                server = server_of(wanted, known, taken, spot.name)
            except CorruptRecord as error:
                state.unwritable[spot] = str(error)
                yield spot, Remove(*spot) if known is not None else None
                continue
            state.unwritable.pop(spot, None)
            yield spot, Put(spot.backend, server) if server != known else None
