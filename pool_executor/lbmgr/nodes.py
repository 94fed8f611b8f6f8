"""The pool's nodes in ZooKeeper, as those see them who follow and report. Does not know how they are reached."""

from collections.abc import Sequence
from typing import Protocol

from pool_executor.contract import Blob


class Nodes(Protocol):
    """The pool's nodes in ZooKeeper, see `watch.PoolNodes`."""

    @property
    def connected(self) -> bool:
        """Whether ZooKeeper answers."""

    def fetch(self, blobs: Sequence[Blob]) -> Sequence[str]:
        """The texts of parts, asked for together."""

    def instances(self) -> int:
        """How many instances the pool has."""

    def publish(self, status: bytes) -> None:
        """Keep the status node at these bytes."""
