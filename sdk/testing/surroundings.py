"""What surrounds a process in a story: time, the storage as it reaches it, a plugin that says what the story says."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from sdk.errors import InvalidSpec, StorageUnavailable
from sdk.model.spec import ServiceSpec
from sdk.plugin import Host, Targets
from sdk.runner.term import Term
from sdk.storage.memory_persister import MemoryPersister
from sdk.storage.persister import Check, Write
from sdk.testing.cluster import Cluster
from sdk.testing.faults import Faults

if TYPE_CHECKING:
    from flask import Blueprint

_RETRY = 1.0
"""Every wait between tries lasts so long here: the real ones are random."""


class StoryClock:
    """The cluster's time."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._cluster.now

    def monotonic(self) -> float:
        """The same: a story's clock is never set."""
        return self._cluster.now


class StoryTerm(Term):
    """A term whose pauses are on the story's clock."""

    def __init__(self, epoch: int, wake: threading.Condition, pass_time: Callable[[float], None]) -> None:
        super().__init__(epoch, wake)
        self._pass_time = pass_time

    def pause(self, seconds: float | None) -> None:
        """The world goes on meanwhile."""
        self._pass_time(_RETRY if seconds is not None else 0.0)


class ProcessStorage:
    """The storage as one process reaches it."""

    def __init__(self, persister: MemoryPersister, faults: Faults, reachable: Callable[[], bool]) -> None:
        self._persister = persister
        self._faults = faults
        self._reachable = reachable

    def get(self, path: str) -> bytes | None:
        """See `Persister`."""
        self._require()
        return self._persister.get(path)

    def version(self, path: str) -> int | None:
        """See `Persister`."""
        self._require()
        return self._persister.version(path)

    def children(self, path: str) -> tuple[str, ...]:
        """See `Persister`."""
        self._require()
        return self._persister.children(path)

    def get_all(self, paths: Sequence[str]) -> Sequence[bytes | None]:
        """See `Persister`."""
        self._require()
        return self._persister.get_all(paths)

    def children_all(self, paths: Sequence[str]) -> Sequence[tuple[str, ...]]:
        """See `Persister`."""
        self._require()
        return self._persister.children_all(paths)

    def apply(self, operations: Sequence[Write], check: Check | None = None) -> None:
        """See `Persister`."""
        self._require()
        faults = self._faults
        if faults.writes_fail > 0:
            faults.writes_fail -= 1
            raise StorageUnavailable("ZooKeeper is away, the story says")
        for write in operations:
            if (why := faults.refuse_write(write)) is not None:
                raise InvalidSpec(write.path, why)
        self._persister.apply(operations, check)
        if faults.answers_lost > 0:
            faults.answers_lost -= 1
            raise StorageUnavailable("ZooKeeper's answer got lost, the story says")
        faults.carried_out()

    def _require(self) -> None:
        if not self._reachable():
            raise StorageUnavailable("this process does not reach ZooKeeper, the story says")


class StoryPlugin:
    """Publishes what the story says, anew after each take-over."""

    def __init__(self, services: Callable[[], Mapping[str, ServiceSpec] | None]) -> None:
        self._services = services
        self._targets: Targets | None = None

    def start(self, host: Host) -> None:
        """See `Plugin`."""

    def stop(self) -> None:
        """See `Plugin`."""

    def blueprints(self, host: Host) -> "Sequence[Blueprint]":  # noqa: ARG002 - it has none
        """See `Plugin`."""
        return ()

    def took_charge(self, targets: Targets) -> None:
        """See `Plugin`."""
        self._targets = targets
        self.publish()

    def publish(self) -> None:
        """Say what services should be, once anybody said it."""
        services = self._services()
        if self._targets is not None and services is not None:
            self._targets.publish_all(services)

    def on_change(self) -> None:
        """See `Plugin`."""

    def uninstalled(self) -> None:
        """See `Plugin`."""
