"""The way from ZooKeeper to what is known of a pool: what is published for it is read before anything is written.

Knows when that is begun and what is done when it fails. Does not know what the nodes look like (published.py). Runs on
the worker's thread, while in charge; reading is done on others.
"""

import gc

import structlog

from api.dcos_template.agenda import Agenda
from api.dcos_template.context import Context
from api.dcos_template.due import What
from api.dcos_template.publishing.charge import Charge
from api.dcos_template.publishing.published import Published, load
from api.dcos_template.publishing.server_lane import LARGE, ServerLane
from api.dcos_template.state import Event, Phase, PoolState
from sdk.errors import StorageUnavailable

log = structlog.get_logger()


class Loader:
    """Of all pools."""

    def __init__(self, context: Context, agenda: Agenda, servers: ServerLane) -> None:
        self._context = context
        self._agenda = agenda
        self._servers = servers

    def load(self, name: str, state: PoolState) -> None:
        """Begin to read what is published for a pool."""
        charge = self._context.charge
        assert charge is not None
        state.happens(Event.LOAD)
        state.loading = state.loading.publishing(self._context.clock.monotonic())
        paths, zookeeper, clock = self._context.paths(name), self._context.zookeeper, self._context.clock
        self._context.ask(
            What.LOAD,
            name,
            lambda: load(zookeeper, paths, clock.monotonic),
            lambda outcome: self._loaded(name, state, charge, outcome),
        )

    def _loaded(self, name: str, state: PoolState, charge: Charge, outcome: Published | Exception) -> None:
        if not self._context.is_current(name, state, charge) or state.phase is not Phase.LOADING:
            return
        now = self._context.clock.monotonic()
        if isinstance(outcome, Published):
            state.happens(Event.LOADED)
            state.published, state.accepted = outcome, outcome.accepted
            state.loading = state.loading.succeeded()
            if outcome.journal.count >= LARGE:
                gc.freeze()  # they stay; see where the tasks are complete
            state.report_soon(now)
            if self._agenda.have_tasks:
                self._servers.look_through(name, state)
        else:
            log.warning(f"What is published for pool {name} cannot be read; trying again", error=str(outcome))
            if not isinstance(outcome, StorageUnavailable):
                log.error(f"What is published for pool {name} cannot be read", exc_info=outcome)
            self.failed(state)
        self._context.plan(name)

    def failed(self, state: PoolState) -> None:
        """Nothing is known of what is published; it is read again after a pause."""
        state.happens(Event.DOUBTED)
        state.loading = state.loading.failed(self._context.clock.monotonic())
