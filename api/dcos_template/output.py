"""One pool on its way to ZooKeeper: rendered, published, and what is wrong with it told.

Knows what a pool's bundle is made of and what is done when it cannot be made or stored. Does not know when that happens
(worker.py). Used by one thread, while it is in charge; LeadershipLost goes up to it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import structlog

from api.dcos_template.endpoint import Endpoint
from api.dcos_template.explainer import Explainer
from api.dcos_template.guard import Hold, with_kept
from api.dcos_template.keeper import Keeper, tell
from api.dcos_template.problem import Held, Problem, encode_problem
from api.dcos_template.publish import Published, Publisher
from api.dcos_template.records import Records
from api.dcos_template.rendering import Difference, difference, render_pool, update_endpoints
from api.dcos_template.select import LeftOut, Selection
from api.dcos_template.state import REPORT_EVERY, PoolState
from api.dcos_template.touched import BackendKey
from sdk.clock import Clock
from sdk.errors import InvalidSpec, LeadershipLost, StorageUnavailable
from sdk.storage.connection import StorageConflict

log = structlog.get_logger()


class Output:
    """Every method may raise LeadershipLost."""

    def __init__(
        self,
        publisher: Publisher,
        records: Records,
        selection: Selection,
        keeper: Keeper,
        clock: Clock,
    ) -> None:
        self._publisher = publisher
        self._records = records
        self._selection = selection
        self._keeper = keeper
        self._clock = clock
        self._explainer = Explainer(selection, clock)

    # ------------------------------------------------------------ publishing

    def publish(self, name: str, state: PoolState, task_revision: int) -> bool:
        """Render what changed and store it; True when something new was written. What fails is due again later."""
        now = self._clock.monotonic()
        since = state.window.since
        state.window = state.window.publishing(now)
        try:
            changed = self._render(name, state)
            rendering = state.rendering
            assert rendering is not None
            outcome = self._publisher.publish(
                name, rendering.texts, rendering.ports, state.stored.revision, task_revision
            )
        except InvalidSpec as error:
            # Only another pool can help, or other tasks: no use in trying again before one of them changes.
            state.stale = None
            if state.refused != str(error):
                log.error(
                    f"Pool {name} cannot be rendered; its last bundle stays: {error}", pool=name, field=error.path
                )
            state.refused = str(error)
            state.report_soon(now)
            return False
        except LeadershipLost as error:
            log.warning(f"Not publishing pool {name}: {error}", pool=name)
            state.window = state.window.failed(now)
            raise
        except (StorageUnavailable, StorageConflict) as error:
            self._publisher.forget_pool(name)
            state.window = state.window.failed(now)
            log.warning(f"Publishing pool {name} failed; trying again", pool=name, error=str(error))
            return False
        except Exception:
            log.exception(f"Pool {name} could not be rendered or published; trying again", pool=name)
            self._publisher.forget_pool(name)
            state.stale = None
            state.window = state.window.failed(now)
            return False
        state.refused = ""
        state.window = state.window.succeeded()
        state.report_soon(now)
        if not outcome.written:
            log.debug("Nothing new to publish", pool=name, version=outcome.head.version)
            return False
        took = self._clock.monotonic() - (since if since is not None else now)
        _log_published(name, outcome, changed, took)
        return True

    def _render(self, name: str, state: PoolState) -> "_Changed":
        before, stale = state.rendering, None if state.rendering is None else state.stale
        wanted = self._selected(name, stale)
        if before is None:
            after = render_pool(state.stored.pool, wanted)
            hold = self._keeper.first(name, state, after, wanted)
            if hold is not None:
                after, _ = update_endpoints(after, _with_all_kept(hold, wanted, hold.kept.keys()))
            reason, found = "first rendering", difference(None, after)
        else:
            hold = self._keeper.again(name, state)
            if stale is None:
                after = render_pool(
                    state.stored.pool, _with_all_kept(hold, wanted, wanted.keys() | (hold.kept.keys() if hold else ()))
                )
                reason, found = "pool changed", difference(before, after)
            else:
                if hold != state.hold:
                    moved = {one for each in (hold, state.hold) if each for one in each.kept}
                    wanted = self._selected(name, stale | moved)
                after, found = update_endpoints(before, _with_all_kept(hold, wanted, wanted.keys()))
                reason = "endpoints changed"
        tell(name, state.hold, hold)
        state.hold, state.missing = hold, {}
        state.rendering, state.stale = after, set()
        return _Changed.of(reason, found)

    def _selected(self, name: str, backends: set[str] | None) -> dict[str, tuple[Endpoint, ...]]:
        if backends is None:
            return self._selection.endpoints(name)
        return {one: self._selection.endpoints_of(BackendKey(name, one)) for one in sorted(backends)}

    def forget(self, name: str) -> None:
        """Know nothing of a pool whose bundle was removed."""
        self._records.forget_pool(name)
        self._explainer.forget(name)

    # ------------------------------------------------------------ what is wrong

    def report(self, name: str, state: PoolState) -> None:
        """Write down what is wrong with a pool, or that nothing is."""
        now = self._clock.monotonic()
        state.report_due, state.reported = None, now
        try:
            if self._keeper.accepted(name, state, now):
                # What is held and its acceptance stay on record until the removal is published: whoever comes in charge
                # before that has to find both. Publishing has it looked at again.
                return
            hold = state.hold
            problem = Problem.of(
                state.stored.revision.version,
                self._left_out(name, state),
                structure=state.refused,
                held=Held(since=hold.since, reason=hold.reason()) if hold else None,
                backends=self._explainer.explain(name, state.stored.revision, _without_servers(state)),
            )
            self._records.write_problem(name, None if problem is None else encode_problem(problem))
            if hold is None:
                self._records.forget_acceptance(name)
            # What keeps backends empty may change without touching this pool.
            if (again := self._explainer.look_again(name)) is not None:
                state.report_due = now + max(again, REPORT_EVERY)
        except (StorageUnavailable, StorageConflict) as error:
            self._records.forget_pool(name)
            state.report_soon(now)
            log.warning(f"What is wrong with pool {name} could not be written; trying again", error=str(error))
        if state.hold is not None:
            state.report_soon(now)

    def _left_out(self, name: str, state: PoolState) -> Iterator[LeftOut]:
        yield from self._selection.left_out(name)
        if state.rendering is not None:
            for backend, endpoints in state.rendering.unwritable.items():
                yield from (LeftOut(backend, "", f"no server line can hold {one.host[:80]!a}") for one in endpoints)


def _without_servers(state: PoolState) -> list[str]:
    """Backends that have none, those that a frontend uses first: only the first ones are explained."""
    if state.rendering is None:
        return []
    frontends = state.stored.pool.haproxy.frontends
    used = {name for frontend in frontends for name in frontend.link_backend.backends}
    empty = [name for name, backend in state.rendering.backends.items() if not backend.servers]
    return sorted(empty, key=lambda name: (name not in used, name))


def _with_all_kept(
    hold: Hold | None, wanted: Mapping[str, tuple[Endpoint, ...]], backends: Iterable[str]
) -> dict[str, tuple[Endpoint, ...]]:
    return {one: with_kept(hold, one, wanted.get(one, ())) for one in backends}


def _log_published(name: str, outcome: Published, changed: "_Changed", took: float) -> None:
    log.info(
        f"Published version {outcome.head.version} of pool {name}: "
        f"{changed.servers_added} servers added, {changed.servers_removed} removed",
        pool=name,
        version=outcome.head.version,
        epoch=outcome.head.epoch,
        reason=changed.reason,
        servers_added=changed.servers_added,
        servers_removed=changed.servers_removed,
        parts_written=outcome.parts_written,
        bytes_written=outcome.bytes_written,
        ms_since_event=round(took * 1000, 1),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Changed:
    """Why a pool is published, for the log."""

    reason: str
    servers_added: int
    servers_removed: int

    @classmethod
    def of(cls, reason: str, found: Difference) -> "_Changed":
        return cls(reason=reason, servers_added=found.servers_added, servers_removed=found.servers_removed)
