"""What a store needs of the thing it writes to: a tree of nodes, changed by all-or-nothing batches.

Knows the writes and their meaning; `sdk.storage.zookeeper_persister` and `sdk.storage.memory_persister` carry them out,
and one behaviour suite (tests/contracts/storage) runs on both.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from sdk.storage.connection import MAX_PACKET_BYTES, Check

__all__ = ["MAX_PACKET_BYTES", "Check", "Persister", "Put", "Readable", "Remove", "Write", "packet_bytes", "walk"]

# Path, flags, ACL and framing of one operation inside a packet, estimated generously.
_OPERATION_BYTES = 200


@dataclass(frozen=True, slots=True)
class Put:
    """Afterwards the node holds `data`; missing parents are made, empty."""

    path: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Remove:
    """Afterwards neither the node nor anything below it exists."""

    path: str


Write = Put | Remove


class Readable(Protocol):
    """A tree of nodes. Paths are absolute, without a slash at the end. Raises StorageUnavailable when it is away."""

    def get(self, path: str) -> bytes | None:
        """The data of a node, None when there is none."""

    def children(self, path: str) -> tuple[str, ...]:
        """Names of the children, sorted; empty when there is no such node."""


class Persister(Readable, Protocol):
    """One that can be changed."""

    def get_all(self, paths: Sequence[str]) -> Sequence[bytes | None]:
        """`get` of several nodes, asked for together."""

    def children_all(self, paths: Sequence[str]) -> Sequence[tuple[str, ...]]:
        """`children` of several nodes, asked for together."""

    def version(self, path: str) -> int | None:
        """How often the node was written since it was made, None when there is none."""

    def apply(self, operations: Sequence[Write], check: Check | None = None) -> None:
        """Carry out all operations in order, or none.

        With `check`, only while that node has that version; raises LeadershipLost otherwise. Raises InvalidSpec when
        the whole does not fit into one packet. After StorageUnavailable it may or may not have happened; since every
        operation names its outcome, doing it again is right.
        """


def packet_bytes(operations: Sequence[Write]) -> int:
    """How large the operations are on the wire, estimated from above."""
    return sum(
        len(operation.path) + _OPERATION_BYTES + (len(operation.data) if isinstance(operation, Put) else 0)
        for operation in operations
    )


def walk(persister: Persister, path: str) -> Iterator[str]:
    """`path` and everything below it, children before their parents; `path` itself is given even if it is not there."""
    for name in persister.children(path):
        yield from walk(persister, f"{path.rstrip('/')}/{name}")
    yield path
