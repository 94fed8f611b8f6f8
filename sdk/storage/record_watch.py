"""Following all records below a node: every change of one is told with all of them as they are then.

Knows that children come, change and go, and that one of them may be unreadable. Does not know what they hold.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

import structlog

from sdk.errors import CorruptRecord
from sdk.storage.connection import Handle, ZooKeeper
from sdk.storage.view import RecordView

_log = structlog.get_logger()

T = TypeVar("T")


class RecordWatch(Generic[T]):
    """Follows all records until closed. One that becomes unreadable stays as it was last understood."""

    def __init__(
        self,
        zookeeper: ZooKeeper,
        base: str,
        callback: Callable[[RecordView[T]], None],
        *,
        is_name: Callable[[str], bool],
        read: Callable[[str, tuple[bytes, int]], T | None],
    ) -> None:
        """`read` makes the record of the path, data and version of a node: None while there is none, CorruptRecord when
        it cannot be read. Nodes that are not called like a record are none.
        """
        self._zookeeper, self._base, self._callback = zookeeper, base, callback
        self._is_name, self._read = is_name, read
        # Touched only on the connection's one callback thread.
        self._watches: dict[str, Handle] = {}
        self._pending: set[str] = set()
        self._records: dict[str, T] = {}
        self._unreadable: dict[str, str] = {}
        self._told: RecordView[T] | None = None
        self._closed = False
        self._children = zookeeper.watch_children(base, self._on_children)

    def close(self) -> None:
        """End it; a callback that runs at this moment may still finish."""
        self._closed = True
        self._children.close()
        for watch in list(self._watches.values()):
            watch.close()

    def _on_children(self, names: list[str] | None) -> None:
        # A node that is not ours to understand is no record; the store cannot have written it.
        present = {name for name in names or () if self._is_name(name)}
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
            record = None if found is None else self._read(f"{self._base}/{name}", found)
        except CorruptRecord as error:
            _log.error("A record cannot be read; what is known of it stays", path=error.path, error=str(error))
            self._pending.discard(name)
            if name not in self._records:
                self._unreadable[name] = str(error)
        else:
            self._forget(name)
            if record is not None:
                self._records[name] = record
        self._tell()

    def _forget(self, name: str) -> None:
        self._pending.discard(name)
        self._records.pop(name, None)
        self._unreadable.pop(name, None)

    def _tell(self) -> None:
        if self._pending or self._closed:
            return
        view = RecordView(self._records, self._unreadable)
        if view != self._told:
            self._callback(view)
            self._told = view
