"""The pools as one server of the API reads and writes them: single ones in ZooKeeper, all of them from its own watch.

A list of pools costs no question to ZooKeeper then. What was written through this server is in the next list; what
others write comes some milliseconds later.
"""

import threading
from collections.abc import Callable

from scheduler.pools.model import Pool
from scheduler.pools.stored.history import PoolHistory
from scheduler.pools.stored.own_writings import OwnWritings
from scheduler.pools.stored.record import StoredPool
from scheduler.pools.stored.store import PoolStore, PoolView
from sdk.errors import StorageUnavailable
from sdk.storage.connection import SessionState, ZooKeeper

#: How long the first view, or a change of one's own, is waited for; then others must have changed the pool meanwhile.
_PATIENCE = 2.0


class LivePools:
    """Watches from its making on. Thread-safe; raises what the store raises."""

    def __init__(self, zookeeper: ZooKeeper, root: str) -> None:
        self._zookeeper = zookeeper
        self.history = PoolHistory(zookeeper, root)
        self._store = PoolStore(zookeeper, root, own=OwnWritings(), history=self.history)
        self._changed = threading.Condition()
        self._view: PoolView | None = None
        self._store.watch(self._on_pools)

    def get(self, name: str) -> StoredPool | None:
        """One pool as it is at this moment."""
        view = self._view
        return self._store.get(name, view.get(name) if view is not None else None)

    def expect(self, name: str, expected: str | None) -> StoredPool | None:
        """See PoolStore."""
        return self._store.expect(name, expected)

    def all(self) -> PoolView:
        """All pools. Raises StorageUnavailable while nobody knows whether they are still so."""
        if self._zookeeper.state is SessionState.CONNECTED:
            view = self._wait(lambda _view: True)
            if view is not None and self._zookeeper.state is SessionState.CONNECTED:
                return view
        raise StorageUnavailable(f"ZooKeeper at {self._zookeeper.address} is {self._zookeeper.state.value}")

    def create(self, pool: Pool, author: str) -> StoredPool:
        """See PoolStore."""
        return self._known(self._store.create(pool, author))

    def replace(self, pool: Pool, expected: str | None, author: str) -> StoredPool:
        """See PoolStore."""
        return self._known(self._store.replace(pool, expected, author))

    def set_template(self, name: str, template: str, expected: str | None, author: str) -> StoredPool:
        """See PoolStore."""
        return self._known(self._store.set_template(name, template, expected, author))

    def delete(self, name: str, expected: str | None) -> None:
        """See PoolStore."""
        self._store.delete(name, expected)
        self._wait(lambda view: name not in view and name not in view.unreadable)

    def _known(self, stored: StoredPool) -> StoredPool:
        def known(view: PoolView) -> bool:
            found = view.get(stored.pool.name)
            return found is not None and found.revision.uid == stored.revision.uid and found.version >= stored.version

        self._wait(known)
        return stored

    def _wait(self, condition: Callable[[PoolView], bool]) -> PoolView | None:
        with self._changed:
            self._changed.wait_for(lambda: self._view is not None and condition(self._view), _PATIENCE)
            return self._view

    def _on_pools(self, view: PoolView) -> None:
        with self._changed:
            self._view = view
            self._changed.notify_all()
