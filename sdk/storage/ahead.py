"""Nodes that are going to be read, asked for together: one after the other each costs a way to ZooKeeper and back."""

from collections.abc import Sequence

from sdk.storage.persister import Persister


class Ahead:
    """What was asked for is read from memory, everything else from the persister."""

    def __init__(self, persister: Persister) -> None:
        self._persister = persister
        self._data: dict[str, bytes | None] = {}
        self._children: dict[str, tuple[str, ...]] = {}

    def ask(self, *, data: Sequence[str] = (), children: Sequence[str] = ()) -> None:
        """Read the data of some nodes, and the names of the children of some."""
        self._data.update(zip(data, self._persister.get_all(data), strict=True))
        self._children.update(zip(children, self._persister.children_all(children), strict=True))

    def get(self, path: str) -> bytes | None:
        """The data of a node, None when there is none."""
        return self._data[path] if path in self._data else self._persister.get(path)

    def children(self, path: str) -> tuple[str, ...]:
        """Names of the children, sorted; empty when there is no such node."""
        return self._children[path] if path in self._children else self._persister.children(path)
