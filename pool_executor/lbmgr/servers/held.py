"""The servers that one worker of HAProxy has, as far as it was told. Values only; whoever uses it holds its lock.

Beside them those that were removed and are in maintenance until they have no connections and can be deleted.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from pool_executor.contract import Server, Servers, State
from pool_executor.lbmgr.structure.content import ServerRef

_NONE: Mapping[str, Server] = {}


class Held:
    """`servers` belongs to it from now on."""

    def __init__(self, servers: dict[str, dict[str, Server]]) -> None:
        self._servers = servers
        self.usable = Counter({backend: sum(map(_usable, found.values())) for backend, found in servers.items()})
        """How many servers of each backend shall take requests."""
        self.drained = [
            ServerRef(backend, name)
            for backend, found in servers.items()
            for name, server in found.items()
            if server.weight == 0
        ]
        """Those that may have to be drained: a file can only say that their weight is 0."""
        self.retired: dict[ServerRef, Server] = {}

    def get(self, ref: ServerRef) -> Server | None:
        """The server, None when it was removed or never there."""
        return self._servers.get(ref.backend, _NONE).get(ref.name)

    def of(self, backend: str) -> Mapping[str, Server]:
        """The servers of a backend by name."""
        return self._servers.get(backend, _NONE)

    @property
    def all(self) -> Servers:
        """By backend and name."""
        return self._servers

    def emptied(self, refs: Iterable[ServerRef]) -> set[str]:
        """The backends that have no usable servers without these."""
        gone = Counter(ref.backend for ref in refs if (server := self.get(ref)) is not None and _usable(server))
        return {backend for backend, number in gone.items() if number >= self.usable[backend]}

    def put(self, ref: ServerRef, server: Server) -> None:
        """It is there in this form."""
        before = self.get(ref)
        self.usable[ref.backend] += _usable(server) - (_usable(before) if before is not None else 0)
        self._servers.setdefault(ref.backend, {})[ref.name] = server
        self.retired.pop(ref, None)

    def drop(self, ref: ServerRef) -> Server | None:
        """It is not there any more."""
        before = self._servers.get(ref.backend, {}).pop(ref.name, None)
        if before is not None:
            self.usable[ref.backend] -= _usable(before)
        return before

    def retire(self, ref: ServerRef) -> None:
        """It is in maintenance, to be deleted."""
        before = self.drop(ref)
        if before is not None:
            self.retired[ref] = before


def _usable(server: Server) -> int:
    return int(server.state is State.READY and server.weight != 0)
