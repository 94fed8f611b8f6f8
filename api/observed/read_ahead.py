"""Nodes that are asked for together before they are needed: hundreds of questions in the time of a few.

Knows nothing of what the nodes hold. Each answer is given once: whoever asks again wants to know how it is now.
"""

from collections.abc import Iterable

from sdk.storage.connection import ZooKeeper


class ReadAhead:
    """Of one request; where nothing is asked for in advance, of any number. Raises what a connection raises."""

    def __init__(self, zookeeper: ZooKeeper) -> None:
        self._zookeeper = zookeeper
        self._nodes: dict[str, bytes | None] = {}
        self._folders: dict[str, list[str]] = {}

    def nodes(self, paths: Iterable[str]) -> None:
        """Ask for these nodes."""
        wanted = list(paths)
        self._nodes |= zip(wanted, self._zookeeper.get_all(wanted), strict=True)

    def folders(self, paths: Iterable[str]) -> None:
        """Ask for these nodes' children, and for those children themselves."""
        wanted = list(paths)
        self._folders |= zip(wanted, self._zookeeper.children_all(wanted), strict=True)
        self.nodes(f"{path}/{name}" for path in wanted for name in self._folders[path])

    def data(self, path: str) -> bytes | None:
        """What the node holds, None when there is none."""
        if path in self._nodes:
            return self._nodes.pop(path)
        found = self._zookeeper.get(path)
        return None if found is None else found[0]

    def children(self, path: str) -> list[str]:
        """Names of the children, sorted; empty when there is no such node."""
        return self._folders.pop(path) if path in self._folders else self._zookeeper.children(path)
