"""Reading and writing nodes over a session. Does not know what they mean."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sdk.errors import SdkError
from sdk.storage.kazoo_answers import results, stat_of
from sdk.storage.nodes import (
    Check,
    Create,
    Delete,
    NodeExists,
    NoNode,
    NotEmpty,
    Op,
    Set,
    Stat,
    check_size,
    decode_json,
)
from sdk.storage.session import Session

# Path, version and framing of one operation inside a packet, estimated generously.
_OP_OVERHEAD_BYTES = 200
# Nodes that are asked for before the first answer is waited for: answers of half a megabyte each fit into memory.
_TOGETHER = 16


class Requests:
    """Reads and writes raise StorageUnavailable at once while there is no connection, and after the session's timeout
    when no answer came; a write that raised it may or may not have been applied. They raise a StorageConflict when the
    node is not as expected. All methods may be called from any thread.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._client = session.client

    # -- reading -------------------------------------------------------------------------------------------------------

    def get(self, path: str) -> tuple[bytes, int] | None:
        """Data and version of a node, None when there is none."""
        try:
            data, stat = self._session.do(path, self._client.get_async, path)
        except NoNode:
            return None
        return data or b"", stat.version

    def get_all(self, paths: Sequence[str]) -> list[bytes | None]:
        """The data of several nodes, asked for together; None for each that is not there."""
        found = self._ask_all(paths, self._client.get_async)
        return [None if one is None else one[0] or b"" for one in found]

    def children_all(self, paths: Sequence[str]) -> list[list[str]]:
        """`children` of several nodes, asked for together."""
        return [sorted(one or ()) for one in self._ask_all(paths, self._client.get_children_async)]

    def stat(self, path: str) -> Stat | None:
        """The facts about a node, None when there is none."""
        return stat_of(self._session.do(path, self._client.exists_async, path))

    def exists(self, path: str) -> bool:
        """Whether the node is there."""
        return self.stat(path) is not None

    def children(self, path: str) -> list[str]:
        """Names of the children, sorted; empty when there is no such node."""
        try:
            return sorted(self._session.do(path, self._client.get_children_async, path))
        except NoNode:
            return []

    def get_json(self, path: str) -> tuple[Any, int] | None:
        """Value and version of a JSON node; raises CorruptRecord when it is not JSON."""
        found = self.get(path)
        return None if found is None else (decode_json(path, found[0]), found[1])

    # -- writing -------------------------------------------------------------------------------------------------------

    def create(
        self, path: str, data: bytes = b"", *, ephemeral: bool = False, sequence: bool = False, parents: bool = True
    ) -> str:
        """Create a node and return its path (longer than asked when `sequence`); raises NodeExists."""
        check_size(path, len(data))
        created: str = self._session.do(
            path,
            lambda: self._client.create_async(path, data, ephemeral=ephemeral, sequence=sequence, makepath=parents),
        )
        return created

    def set(self, path: str, data: bytes, version: int = -1) -> int:
        """Write a node and return its new version; raises NoNode, or BadVersion unless `version` fits or is -1."""
        check_size(path, len(data))
        new_version: int = self._session.do(path, self._client.set_async, path, data, version).version
        return new_version

    def put(self, path: str, data: bytes) -> int:
        """Create or overwrite a node, parents included, and return its version."""
        while True:
            try:
                return self.set(path, data)
            except NoNode:
                try:
                    self.create(path, data)
                except NodeExists:
                    continue  # somebody created it in between: overwrite that
                return 0

    def delete(self, path: str, version: int = -1, *, recursive: bool = False) -> bool:
        """Delete a node; False when there was none. Raises BadVersion, or NotEmpty unless `recursive`."""
        while True:
            try:
                self._session.do(path, self._client.delete_async, path, version)
            except NoNode:
                return False
            except NotEmpty:
                if not recursive:
                    raise
                for child in self.children(path):
                    self.delete(f"{path.rstrip('/')}/{child}", recursive=True)
                continue  # children may appear while we delete: ask again
            return True

    def ensure(self, path: str) -> None:
        """Make the node and its parents exist."""
        self._session.do(path, self._client.ensure_path_async, path)

    def multi(self, ops: Sequence[Op]) -> list[int | str | None]:
        """All operations or none: one result each, the path of a Create, the new version of a Set, else None.

        Raises the StorageConflict of the first operation that does not fit.
        """
        return results(ops, self._session.do(ops[0].path if ops else "/", self._transaction(ops).commit_async))

    def multi_soon(self, ops: Sequence[Op], done: Callable[[list[int | str | None] | SdkError], None]) -> None:
        """`multi` without waiting for the answer: `done` gets what it would return, or what it would raise.

        `done` may run on the connection's own thread: it must return at once and must not call ZooKeeper. Several of
        them are carried out in the order of their calls. Raises as `multi` does what is known at once.
        """
        path = ops[0].path if ops else "/"
        self._session.require_connected(path)
        pending = self._transaction(ops).commit_async()

        def answered(result: Any) -> None:
            try:
                outcome: list[int | str | None] | SdkError = results(ops, self._session.outcome(path, result))
            except SdkError as error:
                outcome = error
            done(outcome)

        pending.rawlink(answered)

    def _transaction(self, ops: Sequence[Op]) -> Any:
        check_size(
            ops[0].path if ops else "/",
            sum(len(op.path) + len(getattr(op, "data", b"")) + _OP_OVERHEAD_BYTES for op in ops),
        )
        transaction = self._client.transaction()
        for op in ops:
            match op:
                case Check():
                    transaction.check(op.path, op.version)
                case Create():
                    transaction.create(op.path, op.data, ephemeral=op.ephemeral)
                case Set():
                    transaction.set_data(op.path, op.data, op.version)
                case Delete():
                    transaction.delete(op.path, op.version)
        return transaction

    def _ask_all(self, paths: Sequence[str], call: Callable[..., Any]) -> Iterator[Any]:
        """The answers to `call` in the order of the paths, None where there is no node."""
        for at in range(0, len(paths), _TOGETHER):
            for path, pending in [(path, self._session.ask(path, call, path)) for path in paths[at : at + _TOGETHER]]:
                try:
                    yield self._session.answer(path, pending)
                except NoNode:
                    yield None
