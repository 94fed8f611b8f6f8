"""Pools in ZooKeeper: one node each below `<root>/pools`, in the V2 API's shape with all defaults filled in, and a uid.

Knows the nodes, their revisions (an ETag is one) and how to follow all of them. Does not check pools: what comes in is
a `Pool`. Every method may raise StorageUnavailable.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping

import structlog

from scheduler.pools import texts
from scheduler.pools.model import Pool, Revision
from scheduler.pools.problems import InvalidPool, Problem
from scheduler.pools.stored import StoredPool, decode, encode, uid_of
from sdk.errors import CorruptRecord
from sdk.storage.connection import (
    BadVersion,
    Check,
    Create,
    Delete,
    Handle,
    NodeExists,
    NoNode,
    NotEmpty,
    Op,
    Set,
    ZooKeeper,
)

_log = structlog.get_logger()


class PoolExists(Exception):
    """There is a pool of that name already."""


class PoolMissing(Exception):
    """There is no pool of that name."""


class VersionMismatch(Exception):
    """The pool is not in the state that the caller expected; the message says in which one it is."""


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
        return None if found is None else decode(path, *found)

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
        path, uid = self._path(pool.name), secrets.token_hex(6)
        # The parent is written along: whoever replaces a pool checks that no pool was created since he looked.
        ops: list[Op] = [Set(self._base, b""), Create(path, encode(pool, uid))]
        self._zookeeper.ensure(self._base)
        try:
            self._zookeeper.multi(ops)
        except NodeExists as error:
            raise PoolExists(f"pool {pool.name} exists already; update it, or delete it first") from error
        return StoredPool(pool, Revision(uid, 1))

    def replace(self, pool: Pool, expected: str | None = None) -> StoredPool:
        """Store new content of an existing pool; it keeps its uid.

        `expected` is the revision as text that it must have, None for any. Raises PoolMissing, VersionMismatch,
        InvalidPool when it is too large.
        """
        path = self._path(pool.name)

        def written(revision: Revision) -> Op:
            return Set(path, encode(pool, revision.uid), revision.version - 1)

        return StoredPool(pool, self._change(pool.name, expected, written))

    def delete(self, name: str, expected: str | None = None) -> None:
        """Remove a pool; `expected` as in `replace`. Raises PoolMissing, VersionMismatch."""
        path = self._path(name)

        def gone(revision: Revision) -> Op:
            return Delete(path, revision.version - 1)

        if expected is not None:
            self._change(name, expected, gone)
        elif not self._zookeeper.delete(path, recursive=True):
            raise PoolMissing(f"pool {name} not found")

    def _change(self, name: str, expected: str | None, change: Callable[[Revision], Op]) -> Revision:
        """Carry `change` out on the revision that is stored, if it is the expected one; the revision afterwards."""
        path = self._path(name)
        while True:
            parent = self._zookeeper.stat(self._base)
            found = self._zookeeper.get(path) if parent else None
            if parent is None or found is None:
                raise PoolMissing(f"pool {name} not found; create it first")
            revision = Revision(uid_of(path, found[0]), found[1] + 1)
            if expected not in (None, str(revision)):
                raise VersionMismatch(_mismatch(name, str(expected), revision))
            try:
                # The version alone does not tell a pool that was deleted and created again: it counts from the start.
                self._zookeeper.multi([Check(self._base, parent.version), change(revision)])
            except (BadVersion, NoNode):
                continue  # something was written in between: look again
            except NotEmpty:
                for child in self._zookeeper.children(path):
                    self._zookeeper.delete(f"{path}/{child}", recursive=True)
                continue
            return revision._replace(version=revision.version + 1)

    def watch(self, callback: Callable[[PoolView], None]) -> "PoolWatch":
        """Call back with all pools once they are known, then at every change; on the connection's callback thread."""
        return PoolWatch(self._zookeeper, self._base, callback)


def _mismatch(name: str, expected: str, now: Revision) -> str:
    uid, _, version = expected.rpartition("-")
    again = "read it again and repeat the change"
    if uid == now.uid and version.isdecimal():
        seen = f"it is at version {now.version}, not {version}"
        return f"pool {name} was changed by somebody else in between: {seen}; {again}"
    why = "it was deleted and created again, or the tag is of another pool"
    return f"the tag {expected[:80]} is not of pool {name} as it is ({now}): {why}; {again}"


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
                self._pools[name] = decode(f"{self._base}/{name}", *found)
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
            self._callback(view)
            self._told = view
