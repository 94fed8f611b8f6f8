"""What is due for which pool, and when, by what is known of it. Runs on the worker's thread."""

from api.dcos_template.context import Context
from api.dcos_template.due import What
from api.dcos_template.publishing.leftovers import Leftovers
from api.dcos_template.schedule import Schedule
from api.dcos_template.state import Phase

_NEVER: dict[What, float | None] = dict.fromkeys([what for what in What if what is not What.SWEEP])


class Agenda:
    """Of all pools."""

    def __init__(self, context: Context, leftovers: Leftovers) -> None:
        self._context = context
        self._leftovers = leftovers
        self._schedules = {what: Schedule[str]() for what in What}
        self.have_pools = False
        """Whether all pools have been told."""
        self.have_tasks = False
        """Whether all tasks have been told: before that nothing is published."""

    @property
    def next(self) -> float | None:
        """When the first thing is due."""
        return min((at for schedule in self._schedules.values() if (at := schedule.next) is not None), default=None)

    def pop(self, what: What, now: float) -> str | None:
        """A pool for which this is due by now, and is not any more."""
        return self._schedules[what].pop(now)

    def plan(self, name: str) -> None:
        """When what is due for a pool, as it is now."""
        state, charged = self._context.pools.get(name), self._context.charge is not None
        dues = dict(_NEVER)
        if charged and self.have_pools:
            dues[What.REMOVE] = self._leftovers.due(name)
        if charged and state is not None:
            if state.phase is Phase.UNKNOWN and not self._leftovers.is_leaving(name):
                dues[What.LOAD] = state.loading.due
            if state.published is not None and self.have_tasks:
                dues[What.SERVERS] = state.endpoints.due
                # Servers come first once, or a load balancer would start with none.
                if state.published.endpoints_node is not None:
                    dues[What.STRUCTURE] = state.structure.due
                dues[What.REPORT] = state.report_due
                dues[What.COMPACT] = state.compact_due
                dues[What.RETIRED] = state.retired_due
                dues[What.COLLECT] = state.collect_due
        for what, at in dues.items():
            self._schedules[what].set(name, at)

    def sweep_in(self, seconds: float) -> None:
        due = self._context.clock.monotonic() + seconds
        self._schedules[What.SWEEP].set("", due if self._context.charge is not None and self.have_pools else None)
