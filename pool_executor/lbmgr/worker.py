"""The worker that was proven to serve: orders to it over one lasting connection, and the servers it still holds.

Knows which process answers on the stats socket by its marker. Does not know files, reloads or bundles.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog

from pool_executor.bundle import Server
from pool_executor.lbmgr.content import ServerRef
from pool_executor.lbmgr.decision import Command, ReplaceMap, Run
from pool_executor.lbmgr.process import Serving
from pool_executor.lbmgr.runtime import Reply, Runtime, SocketFailed

_log = structlog.get_logger()

_DELETE_AT_ONCE = 50
_LIST_TIMEOUT = 30.0


class Worker:
    """One at a time: `take_over` makes another process the worker. One thread uses it."""

    def __init__(self, admin: Path) -> None:
        self._admin = admin
        self._runtime: Runtime | None = None
        self.pid: int | None = None
        self.marker = ""
        """What the last worker has read; kept after its end."""
        self.retired: dict[ServerRef, Server] = {}
        """Servers in maintenance that are to be deleted once they have no connections."""

    def take_over(self, serving: Serving, marker: str) -> None:
        """From now on this process is the worker."""
        self.disconnect()
        self._runtime, self.pid, self.marker = serving.runtime, serving.pid, marker
        # It read files that have exactly the servers that are wanted, so nothing is left over in it.
        self.retired = {}

    def forget(self) -> None:
        """There is no worker any more."""
        self.disconnect()
        self.pid = None

    def disconnect(self) -> None:
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

    def send(self, commands: Sequence[Command], maps: Path) -> str | None:
        """Send commands in order; the first refusal as text. `maps` is the directory of map files."""
        batch: list[str] = []
        try:
            for command in (*commands, None):
                if isinstance(command, Run):
                    batch.append(command.line.replace("{maps}", str(maps)))
                    continue
                bad = next((reply for reply in self._run(batch) if not reply.ok), None)
                batch = []
                if bad is None and isinstance(command, ReplaceMap):
                    reply = self._connected().replace_map(f"{maps}/{command.part}", command.entries)
                    bad = None if reply.ok else reply
                if bad is not None:
                    return f"{bad.command}: {bad.text}"
        except SocketFailed as error:
            self.disconnect()
            return str(error)
        return None

    def ask(self, commands: Sequence[str]) -> list[str]:
        """The answers to commands that change nothing; raises SocketFailed."""
        return [reply.text for reply in self._run(commands, _LIST_TIMEOUT)]

    def servers_state(self) -> str:
        """`show servers state`; raises SocketFailed."""
        return self._run(["show servers state"], _LIST_TIMEOUT)[0].text

    def retire(self, retired: Mapping[ServerRef, Server], revived: Sequence[ServerRef]) -> None:
        """Note which servers were put into maintenance, and which came back."""
        self.retired = {ref: server for ref, server in self.retired.items() if ref not in revived} | dict(retired)

    def delete_retired(self) -> None:
        """Delete servers in maintenance that have no connections any more."""
        refs = list(self.retired)[:_DELETE_AT_ONCE]
        if not refs:
            return
        try:
            replies = self._run([f"del server {ref}" for ref in refs])
        except SocketFailed as error:
            _log.warning("HAProxy did not answer while servers were deleted", error=str(error))
            return
        for ref, reply in zip(refs, replies, strict=True):
            # Moved to the end when it still has connections, so that the others get their turn.
            server = self.retired.pop(ref)
            if not reply.ok and not reply.text.startswith(("No such server", "No such backend")):
                self.retired[ref] = server

    def _connected(self) -> Runtime:
        """The connection to the worker; made anew only to the very process that was proven."""
        if self._runtime is None:
            runtime = Runtime(self._admin)
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

    def _run(self, lines: Sequence[str], timeout: float | None = None) -> list[Reply]:
        try:
            return self._connected().run(lines, timeout)
        except SocketFailed:
            self.disconnect()
            raise


_ANOTHER = "another configuration answers on the stats socket"
