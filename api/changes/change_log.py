"""The last changes in ZooKeeper, in one node that all API servers write.

Knows that another server may write at the same moment. Does not know which requests are changes.
"""

from api.changes.change import Change, appended, decode, encode
from sdk.errors import CorruptRecord
from sdk.storage.connection import BadVersion, NodeExists, NoNode, ZooKeeper


class ChangeLog:
    """Of one root. Every method may raise StorageUnavailable."""

    def __init__(self, zookeeper: ZooKeeper, root: str) -> None:
        self._zookeeper, self._path = zookeeper, f"{root.rstrip('/')}/changes"

    def last(self) -> tuple[Change, ...]:
        """The newest first; CorruptRecord."""
        found = self._zookeeper.get(self._path)
        return () if found is None else decode(self._path, found[0])

    def add(self, change: Change) -> None:
        """Keep one more. What cannot be read is given up: it must not keep later changes from being kept."""
        while True:
            found = self._zookeeper.get(self._path)
            try:
                before = () if found is None else decode(self._path, found[0])
            except CorruptRecord:
                before = ()
            data = encode(appended(before, change))
            try:
                if found is None:
                    self._zookeeper.create(self._path, data)
                else:
                    self._zookeeper.set(self._path, data, found[1])
            except (BadVersion, NodeExists, NoNode):
                continue  # somebody else was faster
            return
