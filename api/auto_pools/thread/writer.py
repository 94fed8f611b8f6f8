"""Generated pools and their ledgers, written to ZooKeeper while this process is in charge.

Knows that a pool of people is never written over, that the ledger is written before the pool that follows from it, and
that nothing is written that is there already. Does not know when (worker.py). Every method may raise
StorageUnavailable, and LeadershipLost when another process is in charge.
"""

from collections.abc import Callable
from typing import TypeVar

from api.auto_pools.claims.ledger import Ledger
from api.auto_pools.thread.ledger_store import LedgerStore
from api.auto_pools.thread.printed_texts import PrintedTexts
from scheduler.pools.model import Pool, PoolType
from scheduler.pools.problems import InvalidPool
from scheduler.pools.stored.own_writings import OwnWritings
from scheduler.pools.stored.record import StoredPool
from scheduler.pools.stored.store import PoolExists, PoolMissing, PoolStore, VersionMismatch
from sdk.errors import CorruptRecord, LeadershipLost
from sdk.storage.connection import BadVersion, Check, NoNode, ZooKeeper

AUTHOR = "labels"
"""Stands as the author of what is written here."""
#: Somebody else may write the pool at the same time, but not for ever.
_TRIES = 5

T = TypeVar("T")


class Refused(Exception):
    """The pool cannot be stored as things are; the message says why, and what to do."""


class Writer:
    """Of one epoch of the lock at `path`."""

    def __init__(self, zookeeper: ZooKeeper, root: str, path: str, epoch: int, own: OwnWritings) -> None:
        """`own` is told of pools that are written."""
        self._pools = PoolStore(zookeeper, root, own=own)
        self.ledgers = LedgerStore(zookeeper, root)
        self.printed = PrintedTexts(zookeeper, root)
        self._path = path
        self._checks = (Check(path, epoch),)

    def put(self, pool: Pool, known: StoredPool | None) -> StoredPool:
        """Store the pool; `known` is what stands there as far as is known. Raises Refused."""
        for _ in range(_TRIES):
            try:
                if known is None:
                    return self._fenced(lambda: self._pools.create(pool, AUTHOR, self._checks))
                _require_ours(known)
                if known.pool == pool:
                    return known
                tag = str(known.revision)
                return self._fenced(lambda: self._pools.replace(pool, tag, AUTHOR, self._checks))  # noqa: B023 - called here
            except (PoolExists, PoolMissing, VersionMismatch):
                known = self._there(pool.name)
            except InvalidPool as error:
                raise Refused(str(error)) from error
            except CorruptRecord as error:
                raise Refused(f"what is stored of pool {pool.name} cannot be read: {error}") from error
        raise Refused(f"pool {pool.name} is written by somebody else again and again")

    def delete(self, known: StoredPool) -> None:
        """Remove the pool, if it is still ours. Raises Refused."""
        found: StoredPool | None = known
        for _ in range(_TRIES):
            if found is None:
                return
            _require_ours(found)
            name, tag = found.pool.name, str(found.revision)
            try:
                self._fenced(lambda: self._pools.delete(name, tag, self._checks))  # noqa: B023 - called here
                return
            except (PoolMissing, VersionMismatch):
                found = self._there(name)

    def put_ledger(self, template: str, ledger: Ledger) -> None:
        """Store how old claims are."""
        self._fenced(lambda: self.ledgers.put(template, ledger, self._checks))

    def delete_ledger(self, template: str) -> None:
        """Forget how old claims were."""
        self._fenced(lambda: self.ledgers.delete(template, self._checks))

    def remember(self, template: str, text: str) -> None:
        """A pool of this text was stored."""
        self._fenced(lambda: self.printed.put(template, text, self._checks))

    def forget(self, template: str) -> None:
        """Keep no text of it."""
        self._fenced(lambda: self.printed.delete(template, self._checks))

    def standing(self, name: str) -> Pool | None:
        """The generated pool that stands there. Raises Refused."""
        found = self._there(name)
        return found.pool if found is not None and found.pool.type is PoolType.DYNAMIC else None

    def _there(self, name: str) -> StoredPool | None:
        try:
            return self._pools.get(name)
        except CorruptRecord as error:
            raise Refused(f"what is stored of pool {name} cannot be read: {error}") from error

    def _fenced(self, write: Callable[[], T]) -> T:
        try:
            return write()
        except (BadVersion, NoNode) as error:
            if error.path == self._path:
                raise LeadershipLost(f"{self._path}: another process took over") from error
            raise


def _require_ours(known: StoredPool) -> None:
    if known.pool.type is not PoolType.DYNAMIC:
        name = known.pool.name
        rule = f"a pool {name} that people made is in the way, and is left as it is"
        raise Refused(f"{rule}: create it under another name (edgelb show {name} --json), then delete it")
