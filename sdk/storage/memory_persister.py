"""A persister in memory, for simulations and tests of everything above it; nothing survives the process."""

import threading
from collections.abc import Sequence

from sdk.errors import InvalidSpec, LeadershipLost
from sdk.storage.persister import MAX_PACKET_BYTES, Check, Put, Write, packet_bytes

_Tree = dict[str, tuple[bytes, int]]


class MemoryPersister:
    """Behaves as ZooKeeper does, versions, missing parents and the packet limit included."""

    def __init__(self) -> None:
        self._nodes: _Tree = {}
        self._lock = threading.Lock()

    def get(self, path: str) -> bytes | None:
        """The data of a node, None when there is none."""
        node = self._nodes.get(path)
        return None if node is None else node[0]

    def version(self, path: str) -> int | None:
        """How often the node was written since it was made, None when there is none."""
        node = self._nodes.get(path)
        return None if node is None else node[1]

    def children(self, path: str) -> tuple[str, ...]:
        """Names of the children, sorted; empty when there is no such node."""
        prefix = path.rstrip("/") + "/"
        with self._lock:
            names = {node[len(prefix) :].partition("/")[0] for node in self._nodes if node.startswith(prefix)}
        return tuple(sorted(names))

    def get_all(self, paths: Sequence[str]) -> Sequence[bytes | None]:
        """`get` of several nodes."""
        return [self.get(path) for path in paths]

    def children_all(self, paths: Sequence[str]) -> Sequence[tuple[str, ...]]:
        """`children` of several nodes."""
        found: dict[str, list[str]] = {path: [] for path in paths}
        with self._lock:
            for node in self._nodes:
                parent, _, name = node.rpartition("/")
                if parent in found:
                    found[parent].append(name)
        return [tuple(sorted(found[path])) for path in paths]

    def apply(self, operations: Sequence[Write], check: Check | None = None) -> None:
        """Carry out all operations in order, or none; see `Persister.apply`."""
        size = packet_bytes(operations)
        if size > MAX_PACKET_BYTES:
            raise InvalidSpec(
                operations[0].path, f"{size} bytes do not fit into one ZooKeeper packet of {MAX_PACKET_BYTES}"
            )
        with self._lock:
            if check is not None and self.version(check.path) != check.version:
                raise LeadershipLost(
                    f"{check.path}: has version {self.version(check.path)}, not {check.version}; nothing was written"
                )
            for operation in operations:
                if isinstance(operation, Put):
                    _put(self._nodes, operation)
                else:
                    _remove(self._nodes, operation.path)


def _put(nodes: _Tree, operation: Put) -> None:
    parts = operation.path.split("/")[1:-1]
    for depth in range(1, len(parts) + 1):
        nodes.setdefault("/" + "/".join(parts[:depth]), (b"", 0))
    present = nodes.get(operation.path)
    nodes[operation.path] = (operation.data, 0 if present is None else present[1] + 1)


def _remove(nodes: _Tree, path: str) -> None:
    for node in [node for node in nodes if node == path or node.startswith(f"{path}/")]:
        del nodes[node]
