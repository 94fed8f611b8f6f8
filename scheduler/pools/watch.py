"""Following all pools: every change of one is told with all of them as they are then."""

from collections.abc import Callable

import structlog

from scheduler.pools import texts
from scheduler.pools.nodes import read_pool
from scheduler.pools.stored import StoredPool
from scheduler.pools.view import PoolView
from sdk.errors import CorruptRecord
from sdk.storage.connection import Handle, ZooKeeper

_log = structlog.get_logger()


class PoolWatch:
    """Follows all pools until closed. A pool that becomes unreadable stays as it was last understood."""

    def __init__(self, zookeeper: ZooKeeper, base: str, callback: Callable[[PoolView], None]) -> None:
        self._zookeeper, self._base, self._callback = zookeeper, base, callback
        # Touched only on the connection's one callback thread.
        self._watches: dict[str, Handle] = {}
        self._pending: set[str] = set()
        self._pools: dict[str, StoredPool] = {}
        self._unreadable: dict[str, str] = {}
        self._told: PoolView | None = None
        self._closed = False
        self._children = zookeeper.watch_children(base, self._on_children)

    def close(self) -> None:
        """End it; a callback that runs at this moment may still finish."""
        self._closed = True
        self._children.close()
        for watch in list(self._watches.values()):
            watch.close()

    def _on_children(self, names: list[str] | None) -> None:
        # A node that is not ours to understand (a name no pool can have) is no pool; the store cannot have written it.
        present = {name for name in names or () if texts.pool_name(name) is None}
        for name in set(self._watches) - present:
            self._watches.pop(name).close()
            self._forget(name)
        for name in sorted(present - set(self._watches)):
            self._pending.add(name)
            self._watches[name] = self._zookeeper.watch_data(f"{self._base}/{name}", self._data_callback(name))
        self._tell()

    def _data_callback(self, name: str) -> Callable[[tuple[bytes, int] | None], None]:
        def on_data(found: tuple[bytes, int] | None) -> None:
            if name in self._watches:
                self._on_data(name, found)

        return on_data

    def _on_data(self, name: str, found: tuple[bytes, int] | None) -> None:
        try:
            stored = None if found is None else read_pool(self._zookeeper, f"{self._base}/{name}", found)
        except CorruptRecord as error:
            _log.error("A pool cannot be read; what is known of it stays", pool=name, error=str(error))
            self._pending.discard(name)
            if name not in self._pools:
                self._unreadable[name] = str(error)
        else:
            self._forget(name)
            if stored is not None:
                self._pools[name] = stored
        self._tell()

    def _forget(self, name: str) -> None:
        self._pending.discard(name)
        self._pools.pop(name, None)
        self._unreadable.pop(name, None)

    def _tell(self) -> None:
        if self._pending or self._closed:
            return
        view = PoolView(self._pools, self._unreadable)
        if view != self._told:
            self._callback(view)
            self._told = view
