"""Pools in ZooKeeper: the nodes below `<root>/pools`, changed under conditions.

Knows revisions (an ETag is one) and that somebody else may write at any moment. Does not check pools: what comes in is
a `Pool`. Every method may raise StorageUnavailable.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from scheduler.pools.model import Pool, Revision
from scheduler.pools.problems import InvalidPool, Problem
from scheduler.pools.stored.hidden import hides, revealed
from scheduler.pools.stored.history import PoolHistory
from scheduler.pools.stored.mismatch import VersionMismatch, mismatch
from scheduler.pools.stored.nodes import read_content, read_pool, removal, remove_texts, write_text
from scheduler.pools.stored.own_writings import OwnWritings
from scheduler.pools.stored.present import Now, cookie_key
from scheduler.pools.stored.record import StoredPool, encode_content
from scheduler.pools.stored.sparse import with_unknown, written
from scheduler.pools.stored.view import PoolView
from scheduler.pools.stored.watch import PoolWatch, watch_pools
from scheduler.pools.words import texts
from sdk.clock import Clock, SystemClock
from sdk.errors import CorruptRecord
from sdk.storage.blobs import Blob
from sdk.storage.connection import (
    BadVersion,
    Check,
    Create,
    NodeExists,
    NoNode,
    NotEmpty,
    Op,
    Set,
    StorageConflict,
    ZooKeeper,
)

# What its callers need of all pools comes from here, too.
__all__ = ["PoolExists", "PoolMissing", "PoolStore", "PoolView", "PoolWatch", "VersionMismatch"]


T = TypeVar("T")


class PoolExists(Exception):
    """There is a pool of that name already."""


class PoolMissing(Exception):
    """There is no pool of that name."""


class _Written(NamedTuple):
    stored: StoredPool
    content: Mapping[str, Any] | None
    """Its JSON, unless another release wrote something into it."""


class PoolStore:
    """Reads and writes the pools of one root.

    The `checks` of a change have to hold when it is written; it raises the StorageConflict of one that does not.
    """

    def __init__(
        self,
        zookeeper: ZooKeeper,
        root: str,
        clock: Clock | None = None,
        own: OwnWritings | None = None,
        history: PoolHistory | None = None,
    ) -> None:
        """`own` is for who writes large pools again and again, or watches them in the same process; `history` keeps
        the states that are replaced and deleted.
        """
        self._own = own
        self._history = history
        self._zookeeper = zookeeper
        self._base = f"{root.rstrip('/')}/pools"
        self._clock = clock or SystemClock()

    def _path(self, name: str) -> str:
        # The last line of defence: no caller may reach another node through a pool name.
        if problem := texts.pool_name(name):
            raise InvalidPool((Problem(path="pool.name", value=name, rule=problem),))
        return f"{self._base}/{name}"

    def get(self, name: str, last: StoredPool | None = None) -> StoredPool | None:
        """The pool, or None; `last` is how it was read last. Raises CorruptRecord when what is stored is not a pool."""
        return read_pool(self._zookeeper, self._path(name), last=last)

    def expect(self, name: str, expected: str | None = None) -> StoredPool | None:
        """The pool as `replace` and `delete` would find it, None where it is damaged."""
        path = self._path(name)
        found = self._zookeeper.get(path)
        if found is None or not found[0]:
            raise _missing(name)
        now = Now.of(path, *found)
        if expected not in (None, str(now.revision)):
            raise mismatch(f"pool {name}", str(expected), now.revision)
        return read_pool(self._zookeeper, path) if now.head is not None else None

    def all(self) -> PoolView:
        """All pools, one after the other; not one moment in time when somebody writes meanwhile."""
        pools, unreadable = {}, {}
        for name in self._zookeeper.children(self._base):
            try:
                if stored := self.get(name):
                    pools[name] = stored
            except (CorruptRecord, InvalidPool) as error:
                unreadable[name] = str(error)
        return PoolView(pools, unreadable)

    def create(self, pool: Pool, author: str = "", checks: Sequence[Check] = ()) -> StoredPool:
        """Store a new pool; raises PoolExists, or InvalidPool when it is too large or hides a value."""
        path = self._path(pool.name)
        pool = revealed(pool, None)
        now = self._clock.now()
        stored = StoredPool(pool, Revision(secrets.token_hex(6), 1), now, author, cookie_key(), written=now)
        content = written(pool)
        data, text = encode_content(stored, content)
        self._zookeeper.ensure(self._base)
        # The parent is written along: whoever replaces a pool checks that no pool was created since he looked.
        announced = Set(self._base, b"")
        while True:
            try:
                if text is None:
                    self._zookeeper.multi([*checks, announced, Create(path, data)])
                    return self._noted(stored, content)
                # A text stands below its node, so that comes first, empty: to readers there is no pool yet.
                self._zookeeper.create(path)
            except NodeExists as error:
                found = self._zookeeper.get(path)
                if found is None:
                    continue  # it is gone again
                if found[0]:
                    raise PoolExists(f"pool {pool.name} exists already; update it, or delete it first") from error
            try:
                there = write_text(self._zookeeper, path, text) if text is not None else []
                self._begun(pool, content, text)
                self._zookeeper.multi([*checks, announced, Set(path, data, 0), *there])
            except (BadVersion, NoNode) as error:
                if _fails(checks, error):
                    raise
                continue  # somebody else was faster
            return self._noted(stored, content)

    def replace(
        self, pool: Pool, expected: str | None = None, author: str = "", checks: Sequence[Check] = ()
    ) -> StoredPool:
        """Store new content of an existing pool; it keeps its uid, and fields that only a newer release knows.

        `expected` is the revision as text that it must have, None for any. Raises PoolMissing, VersionMismatch,
        InvalidPool when it is too large or hides a value that is not stored, CorruptRecord when a newer release wrote
        it in a form of its own.
        """
        path = self._path(pool.name)

        def replaced(now: Now) -> tuple[list[Op], _Written]:
            template = now.head.template if now.head is not None else ""
            meant = revealed(pool, self._known(pool.name)) if hides(pool) else pool
            return self._written(path, now, meant, author, template)

        return self._kept(path, *self._change(pool.name, expected, replaced, checks))

    def set_template(self, name: str, template: str, expected: str | None = None, author: str = "") -> StoredPool:
        """Store the pool with another HAProxy template, `""` for none; `expected` and errors as in `replace`.

        Raises CorruptRecord when the pool is damaged.
        """
        path = self._path(name)

        def replaced(now: Now) -> tuple[list[Op], _Written]:
            stored = read_pool(self._zookeeper, path)
            if stored is None:
                raise _missing(name)
            return self._written(path, now, stored.pool, author, template)

        return self._kept(path, *self._change(name, expected, replaced))

    def _written(self, path: str, now: Now, pool: Pool, author: str, template: str) -> tuple[list[Op], _Written]:
        revision = now.revision._replace(version=now.revision.version + 1)
        stored = StoredPool(pool, revision, now.created, author, now.cookie_key, template, self._clock.now())
        own = self._own.of(pool.name, now.revision) if self._own is not None else None
        content, plain = written(pool, own), True
        if own is None:
            known = with_unknown(Pool, content, read_content(self._zookeeper, path, now.head))
            content, plain = known, known == content
        data, text = encode_content(stored, content)
        checks = [] if text is None else write_text(self._zookeeper, path, text)
        if plain:
            self._begun(pool, content, text)
        return [Set(path, data, now.node_version), *checks], _Written(stored, content if plain else None)

    def _kept(self, path: str, done: _Written, node_version: int) -> StoredPool:
        remove_texts(self._zookeeper, path, node_version)
        return self._noted(*done)

    def _begun(self, pool: Pool, content: Mapping[str, Any], text: str | None) -> None:
        if self._own is not None and text is not None:
            self._own.begin(pool, content, Blob.of(text))

    def _noted(self, stored: StoredPool, content: Mapping[str, Any] | None) -> StoredPool:
        if self._own is not None:
            self._own.note(stored, content)
        return stored

    def _known(self, name: str) -> Pool | None:
        try:
            stored = self.get(name)
        except CorruptRecord:
            return None
        return stored.pool if stored is not None else None

    def delete(self, name: str, expected: str | None = None, checks: Sequence[Check] = ()) -> None:
        """Remove a pool; `expected` as in `replace`. Raises PoolMissing, VersionMismatch."""
        path = self._path(name)

        def gone(now: Now) -> tuple[list[Op], None]:
            return removal(self._zookeeper, path, now.node_version), None

        self._change(name, expected, gone, checks)

    def _change(
        self,
        name: str,
        expected: str | None,
        change: Callable[[Now], tuple[list[Op], T]],
        checks: Sequence[Check] = (),
    ) -> tuple[T, int]:
        """Carry `change` out on the state that is stored, if it is the expected one; what it gave, and the version of
        the node afterwards.
        """
        path = self._path(name)
        while True:
            parent = self._zookeeper.stat(self._base)
            found = self._zookeeper.get(path) if parent else None
            if parent is None or found is None or not found[0]:
                raise _missing(name)
            now = Now.of(path, *found)
            if expected not in (None, str(now.revision)):
                raise mismatch(f"pool {name}", str(expected), now.revision)
            if self._history is not None and now.head is not None:
                self._history.keep(path, now.head, found[0])
            try:
                ops, result = change(now)
                # The version alone does not tell a pool that was deleted and created again: it counts from the start.
                self._zookeeper.multi([*checks, Check(self._base, parent.version), *ops])
            except (BadVersion, NoNode) as error:
                if _fails(checks, error):
                    raise
                continue  # something was written in between: look again
            except NotEmpty:
                for child in self._zookeeper.children(path):
                    self._zookeeper.delete(f"{path}/{child}", recursive=True)
                continue
            return result, found[1] + 1

    def watch(self, callback: Callable[[PoolView], None]) -> PoolWatch:
        """Call back with all pools once they are known, then at every change; on the connection's callback thread."""
        return watch_pools(self._zookeeper, self._base, callback, self._own)


def _fails(checks: Sequence[Check], error: StorageConflict) -> bool:
    return any(check.path == error.path for check in checks)


def _missing(name: str) -> PoolMissing:
    return PoolMissing(f"pool {name} not found; create it first")
