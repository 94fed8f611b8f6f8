"""The persister on ZooKeeper: every `apply` is one multi.

Knows which nodes it has seen, so that the common case (one record is written again) is a single round trip. That
knowledge is only a guess: when ZooKeeper disagrees, the multi is built again from what is really there.
"""

from collections.abc import Iterable, Sequence

from sdk.errors import LeadershipLost, StorageUnavailable
from sdk.storage.connection import BadVersion, Check, Create, Delete, NodeExists, NoNode, NotEmpty, Op, Set, ZooKeeper
from sdk.storage.persister import Put, Write, walk

# The first try is built on guesses; after that only another writer can make a multi fail, and there should be none.
_TRIES = 5


class ZooKeeperPersister:
    """Reads and writes below one connection. `apply` is for one thread at a time, reading for any."""

    def __init__(self, zookeeper: ZooKeeper) -> None:
        self._zookeeper = zookeeper
        self._seen: set[str] = set()

    def get(self, path: str) -> bytes | None:
        """The data of a node, None when there is none."""
        found = self._zookeeper.get(path)
        return None if found is None else found[0]

    def version(self, path: str) -> int | None:
        """How often the node was written since it was made, None when there is none."""
        stat = self._zookeeper.stat(path)
        return None if stat is None else stat.version

    def children(self, path: str) -> tuple[str, ...]:
        """Names of the children, sorted; empty when there is no such node."""
        return tuple(self._zookeeper.children(path))

    def get_all(self, paths: Sequence[str]) -> Sequence[bytes | None]:
        """`get` of several nodes, asked for together."""
        return self._zookeeper.get_all(paths)

    def children_all(self, paths: Sequence[str]) -> Sequence[tuple[str, ...]]:
        """`children` of several nodes, asked for together."""
        return [tuple(names) for names in self._zookeeper.children_all(paths)]

    def apply(self, operations: Sequence[Write], check: Check | None = None) -> None:
        """Carry out all operations in order, or none; see `Persister.apply`."""
        for attempt in range(_TRIES):
            builder = _Multi(self, self._seen if attempt == 0 else None)
            for operation in operations:
                builder.add(operation)
            ops = [*([check] if check else []), *builder.ops]
            # Whatever comes out of this, only a clean success leaves the guesses in place.
            self._seen = set()
            try:
                if ops:
                    self._zookeeper.multi(ops)
            except (NodeExists, NoNode, NotEmpty, BadVersion) as error:
                if check is not None and error.path == check.path:
                    raise LeadershipLost(f"{check.path}: another process took over; nothing was written") from error
                continue
            self._seen = builder.seen
            return
        raise StorageUnavailable(f"{operations[0].path} is being changed by somebody else all the time")


class _Multi:
    """Turns puts and removes into creates, sets and deletes; `guess` are paths believed to be there."""

    def __init__(self, persister: ZooKeeperPersister, guess: Iterable[str] | None) -> None:
        self.ops: list[Op] = []
        self.seen: set[str] = set(guess or ())
        self._persister = persister
        self._guessing = guess is not None
        self._gone: set[str] = set()

    def add(self, operation: Write) -> None:
        """Append what `operation` takes."""
        if isinstance(operation, Put):
            self._put(operation)
        else:
            self._remove(operation.path)

    def _there(self, path: str) -> bool:
        if path in self.seen:
            return True
        if path in self._gone or self._guessing:
            return False
        there = self._persister.version(path) is not None
        (self.seen if there else self._gone).add(path)
        return there

    def _put(self, operation: Put) -> None:
        if self._there(operation.path):
            self.ops.append(Set(operation.path, operation.data))
            return
        self._make_parents(operation.path)
        self._create(operation.path, operation.data)

    def _make_parents(self, path: str) -> None:
        parent = path.rpartition("/")[0]
        if parent and not self._there(parent):
            self._make_parents(parent)
            self._create(parent, b"")

    def _create(self, path: str, data: bytes) -> None:
        self.ops.append(Create(path, data))
        self.seen.add(path)
        self._gone.discard(path)

    def _remove(self, path: str) -> None:
        # Guesses do not help here: a child that we do not know of would stop the whole multi.
        really = [*walk(self._persister, path)]
        if self._persister.version(path) is None:
            really.remove(path)
        made = {op.path for op in self.ops if isinstance(op, Create) and _at_or_below(op.path, path)}
        for node in sorted({*really, *made} - self._gone, key=lambda node: node.count("/"), reverse=True):
            self.ops.append(Delete(node))
            self.seen.discard(node)
            self._gone.add(node)
        self.seen = {node for node in self.seen if not _at_or_below(node, path)}


def _at_or_below(node: str, path: str) -> bool:
    return node == path or node.startswith(f"{path}/")
