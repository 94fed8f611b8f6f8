"""Generated pools whose pool template is gone: they go, too.

Knows what is left of a template and when it is looked for. One thread uses it, while it is in charge.
"""

from collections.abc import Mapping
from functools import partial

import structlog

from api.auto_pools.templates.stored_template import pool_of
from api.auto_pools.templates.template_store import TemplateView
from api.auto_pools.thread.writer import Writer
from api.dcos_template.publishing.clerk import Clerk
from scheduler.pools.model import MADE, PoolType
from scheduler.pools.stored.record import StoredPool
from sdk.clock import Clock
from sdk.errors import LeadershipLost

#: Seconds until what failed is tried again.
_AGAIN = 5.0

log = structlog.get_logger()


class Orphans:
    """Of all templates."""

    def __init__(self, clerk: Clerk, clock: Clock) -> None:
        self._clerk = clerk
        self._clock = clock
        self._gone: set[str] = set()
        self._busy: set[str] = set()
        self.due: float | None = None
        """When `remove` has something to look at, on the clock that does not jump."""

    def gone(self, template: str) -> None:
        """There is no such template any more."""
        self._gone.add(template)
        self.look()

    def look(self) -> None:
        """Something may be left."""
        self.due = self._clock.monotonic()

    def forget(self) -> None:
        """Not in charge any more."""
        self._gone, self._busy, self.due = set(), set(), None

    def remove(self, writer: Writer, templates: TemplateView, pools: Mapping[str, StoredPool]) -> None:
        """Begin to remove what is left, if it is time to look."""
        if self.due is None or self.due > self._clock.monotonic():
            return
        self.due = None
        for name, stored in pools.items():
            if stored.pool.type is PoolType.DYNAMIC:
                self._gone.add(name.removeprefix(MADE))
        self._gone -= {*templates, *templates.unreadable}
        for template in self._gone - self._busy:
            self._busy.add(template)
            known = pools.get(pool_of(template))
            self._clerk.do(partial(_removed, writer, template, known), partial(self._told, template))

    def _told(self, template: str, outcome: Exception | None) -> None:
        self._busy.discard(template)
        if outcome is None:
            self._gone.discard(template)
            return
        if isinstance(outcome, LeadershipLost):
            raise outcome
        log.warning(f"The pool of the pool template {template}, which is gone, stays for now: {outcome}")
        self.due = self._clock.monotonic() + _AGAIN


def _removed(writer: Writer, template: str, known: StoredPool | None) -> None:
    if known is not None and known.pool.type is PoolType.DYNAMIC:
        writer.delete(known)
        log.info(f"Pool {known.pool.name} is deleted with its pool template", pool=known.pool.name)
    writer.delete_ledger(template)
    writer.forget(template)
