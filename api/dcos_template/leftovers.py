"""What is published and not needed any more: bundles of pools that are gone, and parts that no head names.

Knows when each is removed, and that a process that has come in charge looks once for what the one before left. Does not
know what is published for a pool. Used by one thread, while it is in charge; LeadershipLost goes up to it.
"""

from collections.abc import Collection, Iterator

import structlog

from api.dcos_template.publish import Publisher
from api.dcos_template.windows import Change, Window
from sdk.clock import Clock
from sdk.errors import StorageUnavailable
from sdk.storage.connection import StorageConflict

#: Parts that nobody names any more are removed when there is nothing better to do, and not after every publishing.
COLLECT_AFTER = 2.0
_SWEEP_AGAIN = 1.0

log = structlog.get_logger()


class Leftovers:
    """Times are monotonic seconds."""

    def __init__(self, publisher: Publisher, clock: Clock) -> None:
        self._publisher = publisher
        self._clock = clock
        self._gone: dict[str, Window] = {}
        self._collect: dict[str, float] = {}
        self._swept = True

    def take_charge(self) -> None:
        """Another process may have left something."""
        self._swept = False

    def give_up_charge(self) -> None:
        """What others publish is theirs to tidy up."""
        self._collect.clear()

    def gone(self, name: str, now: float) -> None:
        """The pool is gone: its bundle goes too."""
        self._gone[name] = Window().touch(Change.STRUCTURE, now)

    def back(self, name: str) -> None:
        """There is a pool of that name."""
        self._gone.pop(name, None)

    def published(self, name: str) -> None:
        """There may be parts that no head of the pool names any more."""
        self._collect.setdefault(name, self._clock.monotonic() + COLLECT_AFTER)

    def hurry(self) -> None:
        """What made a removal fail may be over."""
        self._gone = {name: window.retry_now() for name, window in self._gone.items()}

    def dues(self) -> Iterator[float]:
        """When there is something to do."""
        if not self._swept:
            yield self._clock.monotonic() + _SWEEP_AGAIN
        yield from self._collect.values()
        yield from (window.due for window in self._gone.values() if window.due is not None)

    def sweep(self, pools: Collection[str], unreadable: Collection[str]) -> None:
        """Once in charge: look for what was published for pools that are gone meanwhile."""
        if self._swept:
            return
        try:
            published = self._publisher.pools()
        except StorageUnavailable as error:
            log.warning("The published bundles cannot be listed; trying again", error=str(error))
            return
        self._swept = True
        now = self._clock.monotonic()
        for name in published:
            if name in pools:
                self._collect.setdefault(name, now + COLLECT_AFTER)
            elif name not in unreadable and name not in self._gone:
                self.gone(name, now)

    def removable(self, now: float) -> list[str]:
        """The pools whose bundles are to be removed now."""
        return [name for name, window in self._gone.items() if window.due is not None and window.due <= now]

    def remove(self, name: str) -> bool:
        """Remove the bundle of a pool that is gone; False when that has to be tried again."""
        now = self._clock.monotonic()
        try:
            self._publisher.remove(name)
        except (StorageUnavailable, StorageConflict) as error:
            self._gone[name] = self._gone[name].publishing(now).failed(now)
            log.warning(f"Removing the bundle of pool {name} failed; trying again", pool=name, error=str(error))
            return False
        del self._gone[name]
        self._collect.pop(name, None)
        log.info(f"Removed the bundle of pool {name}, which is gone", pool=name)
        return True

    def collect(self, now: float) -> None:
        """Remove parts that no head names, of pools for which that is due."""
        for name in [name for name, at in self._collect.items() if at <= now]:
            del self._collect[name]
            try:
                removed = self._publisher.collect(name)
            except (StorageUnavailable, StorageConflict) as error:
                self.published(name)
                log.warning(f"Old parts of pool {name} could not be removed; trying again", pool=name, error=str(error))
            else:
                if removed:
                    log.debug("Removed parts that no head names", pool=name, nodes=removed)
