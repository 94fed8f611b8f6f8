"""One worker of HAProxy that was proven to serve, and orders to it over one lasting connection.

Knows which process answers on the stats socket by its marker. Does not know files, reloads or what the orders mean.
"""

from collections.abc import Sequence
from pathlib import Path

from pool_executor.lbmgr.haproxy.orders import Command, ReplaceFile, ReplaceMap, Run
from pool_executor.lbmgr.haproxy.runtime import Reply, Runtime, SocketFailed

_LIST_TIMEOUT = 30.0
_ANOTHER = "another configuration answers on the stats socket"


class Worker:
    """One process and one connection to it, which is made when it is needed. One thread at a time uses it."""

    def __init__(
        self, admin: Path, marker: str, pid: int, *, timeout: float, connection: Runtime | None = None
    ) -> None:
        self._admin = admin
        self._timeout = timeout
        self._runtime = connection
        self.marker = marker
        """What it has read."""
        self.pid = pid

    def another(self, timeout: float) -> "Worker":
        """The same process over a connection of its own."""
        return Worker(self._admin, self.marker, self.pid, timeout=timeout)

    def close(self) -> None:
        """End the connection; the next order makes it anew."""
        if self._runtime is not None:
            self._runtime.close()
            self._runtime = None

    def ping(self, timeout: float) -> str | None:
        """Why it does not answer on a new connection within `timeout` seconds; None when it does."""
        try:
            with Runtime(self._admin, timeout) as runtime:
                info = runtime.info()
        except SocketFailed as error:
            return str(error)
        return None if info.get("description") == self.marker else _ANOTHER

    def run(self, lines: Sequence[str], timeout: float | None = None) -> list[Reply]:
        """A reply for each line; raises SocketFailed."""
        try:
            return self._connected().run(lines, timeout)
        except SocketFailed:
            self.close()
            raise

    def ask(self, lines: Sequence[str]) -> list[str]:
        """The answers to lines that change nothing, which may be long; raises SocketFailed."""
        return [reply.text for reply in self.run(lines, _LIST_TIMEOUT)]

    def send(self, commands: Sequence[Command], maps: Path) -> str | None:
        """Send commands in order; the first refusal as text. `maps` is the directory of map files."""
        batch: list[str] = []
        try:
            for command in (*commands, None):
                if isinstance(command, Run):
                    batch.append(command.line.replace("{maps}", str(maps)))
                    continue
                bad = next((reply for reply in self.run(batch) if not reply.ok), None)
                batch = []
                if bad is None and isinstance(command, ReplaceMap):
                    reply = self._connected().replace_map(f"{maps}/{command.part}", command.entries)
                    bad = None if reply.ok else reply
                elif bad is None and isinstance(command, ReplaceFile):
                    reply = self._connected().replace_file(command.kind, command.path, command.lines, command.staple)
                    bad = None if reply.ok else reply
                if bad is not None:
                    return f"{bad.command}: {bad.text}"
        except SocketFailed as error:
            self.close()
            return str(error)
        return None

    def _connected(self) -> Runtime:
        """The connection to the worker; made anew only to the very process that was proven."""
        if self._runtime is None:
            runtime = Runtime(self._admin, self._timeout)
            try:
                description = runtime.info().get("description")
            except SocketFailed:
                runtime.close()
                raise
            if description != self.marker:
                runtime.close()
                raise SocketFailed(_ANOTHER)
            self._runtime = runtime
        return self._runtime
