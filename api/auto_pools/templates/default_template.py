"""The pool template that is there from the beginning on, made once by whoever is in charge."""

from collections.abc import Callable

import structlog

from api.auto_pools.templates.template_store import TemplateStore
from api.dcos_template.publishing.clerk import Clerk
from sdk.clock import Clock
from sdk.storage.connection import ZooKeeper

#: Seconds until it is tried again.
_AGAIN = 2.0

log = structlog.get_logger()


class DefaultTemplate:
    """One thread uses it."""

    def __init__(self, zookeeper: ZooKeeper, root: str, clerk: Clerk, clock: Clock) -> None:
        self._make: Callable[[], bool] = TemplateStore(zookeeper, root).make_default
        self._clerk = clerk
        self._clock = clock
        self.due: float | None = None
        """When `make` has something to do, on the clock that does not jump."""

    def look(self) -> None:
        """It may not be there."""
        self.due = self._clock.monotonic()

    def forget(self) -> None:
        """Not in charge any more."""
        self.due = None

    def make(self) -> None:
        """Begin to make it, if it is time."""
        if self.due is not None and self.due <= self._clock.monotonic():
            self.due = None
            self._clerk.do(self._make, self._told)

    def _told(self, outcome: bool | Exception) -> None:
        if isinstance(outcome, Exception):
            log.warning(f"The default pool template could not be made; trying again: {outcome}")
            self.due = self._clock.monotonic() + _AGAIN
        elif outcome:
            log.info("The default pool template is made")
