"""Pools in ZooKeeper: one node each below `<root>/pools`, in the V2 API's shape with all defaults filled in.

Knows the nodes, their versions (an ETag is the node's version + 1) and how to follow all of them. Does not check pools:
what comes in is a `Pool`. Every method may raise StorageUnavailable.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import structlog

from scheduler.pools import texts
from scheduler.pools.model import Pool
from scheduler.pools.problems import InvalidPool, Problem
from scheduler.pools.schema import dump_pool, read_pool
from sdk.errors import CorruptRecord
from sdk.storage.connection import BadVersion, Handle, NodeExists, NoNode, ZooKeeper, decode_json, encode_json

_log = structlog.get_logger()


class StoredPool(NamedTuple):
    """A pool as it stands in ZooKeeper, with the version of its node."""

    pool: Pool
    version: int

    @property
    def etag(self) -> str:
        """The version as HTTP's entity tag."""
        return f'"{self.version + 1}"'


class PoolExists(Exception):
    """There is a pool of that name already."""


class PoolMissing(Exception):
    """There is no pool of that name."""


class VersionMismatch(Exception):
    """The pool has another version than the caller expected; `actual` is its entity tag, or None when it is gone."""


class PoolView(Mapping[str, StoredPool]):
    """All pools at one moment. `unreadable` names nodes that could not be read and were never readable since we look.

    A pool in `unreadable` exists: whoever acts on absence must leave what belongs to it alone.
    """

    def __init__(self, pools: Mapping[str, StoredPool], unreadable: Mapping[str, str]) -> None:
        self._pools = dict(sorted(pools.items()))
        self.unreadable: Mapping[str, str] = dict(sorted(unreadable.items()))

    def __getitem__(self, name: str) -> StoredPool:
        return self._pools[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._pools)

    def __len__(self) -> int:
        return len(self._pools)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PoolView) and (self._pools, self.unreadable) == (other._pools, other.unreadable)

    def __hash__(self) -> int:
        return hash(tuple(self._pools.items()))


class PoolStore:
    """Reads and writes the pools of one root."""

    def __init__(self, zookeeper: ZooKeeper, root: str) -> None:
        self._zookeeper = zookeeper
        self._base = f"{root.rstrip('/')}/pools"

    def _path(self, name: str) -> str:
        # The last line of defence: no caller may reach another node through a pool name.
        if problem := texts.pool_name(name):
            raise InvalidPool((Problem(path="pool.name", value=name, rule=problem),))
        return f"{self._base}/{name}"

    def names(self) -> list[str]:
        """Names of all pools, sorted."""
        return self._zookeeper.children(self._base)

    def get(self, name: str) -> StoredPool | None:
        """The pool, or None. Raises CorruptRecord when what is stored is not a pool."""
        path = self._path(name)
        found = self._zookeeper.get(path)
        return None if found is None else _stored(path, *found)

    def all(self) -> PoolView:
        """All pools, one after the other; not one moment in time when somebody writes meanwhile."""
        pools, unreadable = {}, {}
        for name in self.names():
            try:
                if stored := self.get(name):
                    pools[name] = stored
            except (CorruptRecord, InvalidPool) as error:
                unreadable[name] = str(error)
        return PoolView(pools, unreadable)

    def create(self, pool: Pool) -> StoredPool:
        """Store a new pool; raises PoolExists, or InvalidPool when it is too large for one node."""
        path = self._path(pool.name)
        try:
            self._zookeeper.create(path, _encode(pool))
        except NodeExists as error:
            raise PoolExists(f"pool {pool.name} exists already; update it, or delete it first") from error
        return StoredPool(pool, 0)

    def replace(self, pool: Pool, expected_version: int = -1) -> StoredPool:
        """Store new content of an existing pool; raises PoolMissing, VersionMismatch, InvalidPool when too large."""
        path = self._path(pool.name)
        try:
            return StoredPool(pool, self._zookeeper.set(path, _encode(pool), expected_version))
        except NoNode as error:
            raise PoolMissing(f"pool {pool.name} not found; create it first") from error
        except BadVersion as error:
            raise VersionMismatch(_MISMATCH.format(pool.name)) from error

    def delete(self, name: str, expected_version: int = -1) -> None:
        """Remove a pool; raises PoolMissing, VersionMismatch."""
        path = self._path(name)
        try:
            existed = self._zookeeper.delete(path, expected_version, recursive=True)
        except BadVersion as error:
            raise VersionMismatch(_MISMATCH.format(name)) from error
        if not existed:
            raise PoolMissing(f"pool {name} not found")

    def watch(self, callback: Callable[[PoolView], None]) -> "PoolWatch":
        """Call back with all pools once they are known, then at every change; on the connection's callback thread."""
        return PoolWatch(self._zookeeper, self._base, callback)


_MISMATCH = "pool {} was changed by somebody else in between; read it again and repeat the change"


def _encode(pool: Pool) -> bytes:
    data = encode_json(dump_pool(pool))
    # Half of ZooKeeper's packet: the pool also has to fit into a multi beside other nodes.
    if len(data) > _MAX_BYTES:
        rule = f"is {len(data)} bytes long when stored; the limit is {_MAX_BYTES}: split it into several pools"
        raise InvalidPool((Problem(path="pool", rule=rule),))
    return data


_MAX_BYTES = 512_000


def _stored(path: str, data: bytes, version: int) -> StoredPool:
    try:
        pool = read_pool(decode_json(path, data))
    except InvalidPool as error:
        raise CorruptRecord(path, f"is not a pool that this release understands: {error}") from error
    if pool.name != path.rpartition("/")[2]:
        raise CorruptRecord(path, f"holds a pool of the name {pool.name}")
    return StoredPool(pool, version)


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
        self._pending.discard(name)
        if found is None:
            self._forget(name)
        else:
            try:
                self._pools[name] = _stored(f"{self._base}/{name}", *found)
                self._unreadable.pop(name, None)
            except CorruptRecord as error:
                _log.error("A pool cannot be read; what is known of it stays", pool=name, error=str(error))
                if name not in self._pools:
                    self._unreadable[name] = str(error)
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
            self._told = view
            self._callback(view)
