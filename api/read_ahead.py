"""Nodes that are asked for together before they are needed: hundreds of questions in the time of a few.

Knows nothing of what the nodes hold. Each answer is given once: whoever asks again wants to know how it is now.
"""

from collections.abc import Iterable
from typing import Protocol

from sdk.storage.connection import ZooKeeper

Found = tuple[bytes, int] | None


class Reads(Protocol):
    """What is read of ZooKeeper."""

    def get(self, path: str) -> Found:
        """Data and version of a node, None when there is none."""

    def children(self, path: str) -> list[str]:
        """Names of the children, sorted; empty when there is no such node."""


class ReadAhead:
    """Of one request; not thread-safe. Raises what a connection raises."""

    def __init__(self, zookeeper: ZooKeeper) -> None:
        self._zookeeper = zookeeper
        self._nodes: dict[str, Found] = {}
        self._folders: dict[str, list[str]] = {}

    def nodes(self, paths: Iterable[str]) -> None:
        """Ask for these nodes."""
        wanted = list(paths)
        self._nodes |= zip(wanted, self._zookeeper.get_many(wanted), strict=True)

    def folders(self, paths: Iterable[str]) -> None:
        """Ask for these nodes' children, and for those children themselves."""
        wanted = list(paths)
        self._folders |= zip(wanted, self._zookeeper.children_many(wanted), strict=True)
        self.nodes(f"{path}/{name}" for path in wanted for name in self._folders[path])

    def get(self, path: str) -> Found:
        """Data and version of a node, None when there is none."""
        return self._nodes.pop(path) if path in self._nodes else self._zookeeper.get(path)

    def children(self, path: str) -> list[str]:
        """Names of the children, sorted; empty when there is no such node."""
        return self._folders.pop(path) if path in self._folders else self._zookeeper.children(path)
