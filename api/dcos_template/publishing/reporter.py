"""What is wrong with each pool, on its way to ZooKeeper, and what people said about it, on its way back.

Knows when that is looked at and how often. Does not know how problems are found. Runs on the worker's thread, while in
charge; reading and writing is done on others, so that no server waits for a record.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import structlog

from api.dcos_template.context import Context
from api.dcos_template.due import What
from api.dcos_template.keeper import Keeper
from api.dcos_template.publishing.charge import Charge
from api.dcos_template.publishing.problem import Held, Problem, encode_problem
from api.dcos_template.publishing.published import Paths, Published, accepted_hold
from api.dcos_template.selecting.backends import LeftOut
from api.dcos_template.selecting.explainer import Explainer
from api.dcos_template.state import REPORT_EVERY, PoolState
from sdk.errors import LeadershipLost, StorageUnavailable
from sdk.storage.connection import Create, Delete, NodeExists, NoNode, Op, Set, StorageConflict, ZooKeeper

_FAILING = {What.SERVERS: "publish servers", What.STRUCTURE: "render or publish this version"}

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    problem: bytes | None
    accepted: float | None


class Reporter:
    """Of all pools."""

    def __init__(self, context: Context, keeper: Keeper) -> None:
        self._context = context
        self._keeper = keeper
        self._explainer = Explainer(context.selection, context.clock)

    def forget(self, name: str) -> None:
        """The pool is gone."""
        self._explainer.forget(name)

    def report(self, name: str, state: PoolState) -> None:
        """Write down what is wrong with a pool, or that nothing is, and look what was said about it."""
        now = self._context.clock.monotonic()
        published, charge = state.published, self._context.charge
        state.report_due = None
        if published is None or charge is None:
            state.report_due = now + REPORT_EVERY
            return
        if state.reporting:
            state.report_soon(now + REPORT_EVERY)
            return
        state.reported, state.reporting = now, True
        hold = state.hold
        problem = Problem.of(
            state.stored.revision,
            self._left_out(name, state),
            structure=state.refused,
            held=Held(since=hold.since, reason=hold.reason()) if hold else None,
            backends=self._explainer.explain(name, state.stored.revision, _without_servers(state)),
            failing=_failing(state),
        )
        wanted = None if problem is None else encode_problem(problem)
        # What keeps backends empty may change without touching this pool.
        if (again := self._explainer.look_again(name)) is not None:
            state.report_due = now + max(again, REPORT_EVERY)
        # What is held and its acceptance stay on record until the removal is published: whoever comes in charge before
        # that has to find both.
        settled = hold is None and not state.pending and not state.endpoints.busy
        told, accepted = published.problem, state.accepted
        if hold is None and not settled and published.held_since is not None:
            wanted = told
            state.report_soon(now)
        paths, zookeeper = self._context.paths(name), self._context.zookeeper
        held = hold is not None
        if wanted == told and not held and not (accepted is not None and settled):
            state.reporting = False
            return
        self._context.ask(
            What.REPORT,
            name,
            lambda: _write(zookeeper, charge, paths, told, wanted, held, accepted if settled else None),
            lambda outcome: self._reported(name, state, published, charge, outcome),
        )

    def _reported(
        self, name: str, state: PoolState, published: Published, charge: Charge, outcome: _Record | Exception
    ) -> None:
        state.reporting = False
        if not self._context.is_current(name, state, charge):
            return
        if isinstance(outcome, LeadershipLost):
            raise outcome
        now = self._context.clock.monotonic()
        if isinstance(outcome, Exception):
            state.report_soon(now)
            if isinstance(outcome, StorageUnavailable | StorageConflict):
                log.warning(f"What is wrong with pool {name} could not be written; trying again", error=str(outcome))
            else:
                log.error(f"What is wrong with pool {name} could not be written; trying again", exc_info=outcome)
        else:
            published.problem = outcome.problem
            if state.hold is not None:
                if self._keeper.accept(name, state, outcome.accepted):
                    state.endpoints = state.endpoints.at_once(now)
                state.report_soon(now)
            else:
                state.accepted = outcome.accepted
        self._context.plan(name)

    def _left_out(self, name: str, state: PoolState) -> Iterator[LeftOut]:
        yield from self._context.selection.left_out(name)
        for spot, reason in state.unwritable.items():
            yield LeftOut(spot.backend, "", f"no server line can hold it: {reason}")


def _failing(state: PoolState) -> str:
    return "; ".join(
        f"the template fails to {_FAILING[what]} and tries again: {error} (its log says more)"
        for what, error in sorted(state.failing.items())
    )


def _without_servers(state: PoolState) -> list[str]:
    """Backends that have none, those that a frontend uses first: only the first ones are explained."""
    published = state.published
    if published is None:
        return []
    haproxy = state.stored.pool.haproxy
    used = {backend for frontend in haproxy.frontends for backend in frontend.link_backend.backends}
    empty = {backend.name for backend in haproxy.backends} - published.journal.servers.keys()
    return sorted(empty, key=lambda backend: (backend not in used, backend))


def _write(
    zookeeper: ZooKeeper,
    charge: Charge,
    paths: Paths,
    told: bytes | None,
    wanted: bytes | None,
    held: bool,
    settled: float | None,
) -> _Record:
    if wanted != told:
        if wanted is None:
            op: Op = Delete(paths.problem)
        elif told is None:
            op = Create(paths.problem, wanted)
        else:
            op = Set(paths.problem, wanted)
        try:
            charge.write([op])
        except (NodeExists, NoNode):
            # Somebody made or removed it by hand: as is wanted now it is right again.
            _mend(zookeeper, charge, paths, wanted)
    if settled is not None:
        with contextlib.suppress(NoNode):
            charge.write([Delete(paths.acceptance)])
        return _Record(problem=wanted, accepted=None)
    return _Record(problem=wanted, accepted=accepted_hold(zookeeper, paths) if held else None)


def _mend(zookeeper: ZooKeeper, charge: Charge, paths: Paths, wanted: bytes | None) -> None:
    there = zookeeper.exists(paths.problem)
    if wanted is None:
        if there:
            charge.write([Delete(paths.problem)])
    else:
        charge.write([Set(paths.problem, wanted) if there else Create(paths.problem, wanted)])
