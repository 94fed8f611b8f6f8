"""The fast path: operations on servers become orders to the worker of HAProxy that serves, and nothing else does.

Knows what the servers shall be (the log of endpoints as far as it was read) and what the worker has. Does not know
files, structures, reloads or ZooKeeper. Servers of backends that the running structure does not have are kept aside.

Two threads meet here: the one that reads the log (reader.py), and lbmgr's own, which loads structures. All that is
shared is guarded by one lock, held while a batch is sent and while servers are copied, never while HAProxy checks or
loads a configuration. A reload is handed over in three steps: `begin` copies the servers and notes from then on which
ones change, while operations go on to the old worker; `take_over` names the new worker with what it has read, and what
was noted is told to it at once; or `abandon`, and the old worker goes on.
"""

import contextlib
import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from pool_executor.contract import BackendFacts, Operation, Put, Server, Servers, options_of
from pool_executor.lbmgr.content import ServerRef
from pool_executor.lbmgr.difference import Finding
from pool_executor.lbmgr.held import Held
from pool_executor.lbmgr.metrics import Counters
from pool_executor.lbmgr.orders import Capabilities
from pool_executor.lbmgr.runtime import Reply, SocketFailed
from pool_executor.lbmgr.way import NeedsReload, Orders, way
from pool_executor.lbmgr.worker import Worker

_log = structlog.get_logger()

# So many servers are told before the lock is let go of: a few milliseconds.
_AT_ONCE = 100
_MOST_TOLD = 3
_GONE = ("No such server", "No such backend")


@dataclass(frozen=True, slots=True)
class Position:
    """How far the log was read."""

    lineage: str = ""
    sequence: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A server that HAProxy does not take, in this form, even from a file."""

    server: Server
    words: str
    """Its options."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The servers of a backend as one worker was told them; `retired` are names of servers that are to be deleted."""

    worker: Worker
    servers: Mapping[str, Server]
    retired: Collection[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Up to where HAProxy has the servers, when that happened, and which it does not take."""

    position: Position
    stamps: Mapping[str, float]
    refused: Mapping[ServerRef, Refusal]


class Lane:
    """The servers of one instance."""

    def __init__(self, capabilities: Capabilities, counters: Counters) -> None:
        self._capabilities = capabilities
        self._counters = counters
        self._lock = threading.Lock()
        self._wanted: dict[str, dict[str, Server]] = {}
        self._worker: Worker | None = None
        self._facts: Mapping[str, BackendFacts] = {}
        self._held = Held({})
        self._touched: set[ServerRef] | None = None
        """The servers that changed since `begin`; None while no reload is under way."""
        self._unsaved: list[Operation] | None = []
        """What the files lack; None when they need all servers anew."""
        self.position = Position()
        self.known = False
        """Whether it is known which servers there shall be."""
        self.stamps: Mapping[str, float] = {}
        self.pending: dict[ServerRef, str] = {}
        """The servers that take a reload, and why."""
        self.refused: dict[ServerRef, Refusal] = {}
        self.suspect: set[str] = set()
        """The backends of which it is not known what HAProxy made of an order."""

    # -- the log

    def follow(self, operations: Sequence[Operation], position: Position, stamps: Mapping[str, float]) -> None:
        """Carry out the operations, after which the log has been read up to `position`."""
        refs = dict.fromkeys(
            ServerRef(one.backend, one.server.name if isinstance(one, Put) else one.name) for one in operations
        )
        with self._lock:
            for one in operations:
                self._note(one)
            if self._unsaved is not None:
                self._unsaved.extend(operations)
            if few := len(refs) <= _AT_ONCE:
                self._bring(list(refs))
                self._read(position, stamps)
            else:
                self._bring(self._urgent(refs))
        if not few:
            self._bring_slowly(list(refs))
            with self._lock:
                self._read(position, stamps)

    def replace(self, servers: dict[str, dict[str, Server]], position: Position, stamps: Mapping[str, float]) -> None:
        """All servers are these, as they stand in the log at `position`."""
        with self._lock:
            refs = _differing(self._wanted, servers)
            self._wanted = servers
            self._unsaved = None
            for ref in refs:
                self.refused.pop(ref, None)
            if self._touched is not None:
                self._touched.update(refs)
            self._bring(self._urgent(refs))
        self._bring_slowly(refs)
        with self._lock:
            self._read(position, stamps)

    def nothing_there(self) -> None:
        """There is no log: what is served goes on."""
        self.known = True

    def _read(self, position: Position, stamps: Mapping[str, float]) -> None:
        self.position, self.known = position, True
        self.stamps = dict(stamps) | {"applied": time.time()}

    def _note(self, operation: Operation) -> None:
        if isinstance(operation, Put):
            self._wanted.setdefault(operation.backend, {})[operation.server.name] = operation.server
            ref = ServerRef(operation.backend, operation.server.name)
        else:
            ref = ServerRef(operation.backend, operation.name)
            of_backend = self._wanted.get(operation.backend)
            if of_backend is not None:
                of_backend.pop(operation.name, None)
                if not of_backend:
                    del self._wanted[operation.backend]
        self.refused.pop(ref, None)
        if self._touched is not None:
            self._touched.add(ref)

    # -- reloads

    def begin(self) -> Servers:
        """The servers as they shall be now; from here on it is noted which ones change."""
        with self._lock:
            self._touched = set()
            return self._copy()

    def wanted(self) -> Servers:
        """The servers as they shall be now."""
        with self._lock:
            return self._copy()

    def _copy(self) -> Servers:
        return {backend: dict(servers) for backend, servers in self._wanted.items()}

    def refuse(self, refusals: Mapping[ServerRef, Refusal]) -> None:
        """HAProxy does not take these servers, and does everything else."""
        with self._lock:
            self.refused.update(refusals)
            for ref in refusals:
                self.pending.pop(ref, None)
        self._counters.count("server_refused", len(refusals))

    def left_out(self, backends: Mapping[str, BackendFacts]) -> set[ServerRef]:
        """The servers that were refused and are still the same in these backends."""
        with self._lock:
            for ref, one in list(self.refused.items()):
                facts = backends.get(ref.backend)
                if facts is None or options_of(one.server, facts.options) != one.words:
                    del self.refused[ref]
            return set(self.refused)

    def take_over(
        self,
        worker: Worker,
        backends: Mapping[str, BackendFacts],
        servers: dict[str, dict[str, Server]],
    ) -> None:
        """`worker` serves from now on, and has read files with exactly these servers, as they were at `begin`."""
        held = Held(servers)
        drained = [
            ServerRef(backend, name)
            for backend, found in servers.items()
            for name, server in found.items()
            if server.weight == 0
        ]
        with self._lock:
            before, touched = self._worker, self._touched
            self._worker, self._facts, self._held = worker, backends, held
            refs = _differing(servers, self._of_backends()) if touched is None else [*touched, *drained]
            self._touched = None
            self.pending, self.suspect = {}, set()
            self._bring(self._urgent(refs))
            if before is not None and before is not worker:
                before.close()
        self._bring_slowly(refs)

    def doubt(self) -> None:
        """It is not known which servers the worker has read."""
        with self._lock:
            self.suspect.update(self._facts)

    def abandon(self) -> None:
        """The reload did not come about."""
        with self._lock:
            self._touched = None

    def forget(self) -> None:
        """There is no worker any more."""
        with self._lock:
            if self._worker is not None:
                self._worker.close()
            self._worker = None
            self.pending, self.suspect = {}, set()

    def _of_backends(self) -> Servers:
        return {backend: self._wanted.get(backend, {}) for backend in self._facts}

    @property
    def needs_reload(self) -> str | None:
        """Why what is served has to be loaded anew, as a phrase; None when it has not."""
        with self._lock:
            # First it is looked what HAProxy has: it may be put right without a reload.
            reasons = [reason for ref, reason in self.pending.items() if ref.backend not in self.suspect]
        more = f"; and {len(reasons) - _MOST_TOLD} more" if len(reasons) > _MOST_TOLD else ""
        return "; ".join(reasons[:_MOST_TOLD]) + more if reasons else None

    def told(self) -> Told:
        """How far HAProxy has the servers."""
        with self._lock:
            return Told(position=self.position, stamps=self.stamps, refused=dict(self.refused))

    # -- files

    @property
    def unsaved(self) -> bool:
        """Whether the files lack something."""
        return self._unsaved is None or bool(self._unsaved)

    def take_unsaved(self) -> tuple[Position, list[Operation] | None]:
        """The operations that the files lack; None when they need all servers anew."""
        with self._lock:
            unsaved, self._unsaved = self._unsaved, []
            return self.position, unsaved

    def take_all(self) -> tuple[Position, Servers]:
        """All servers, for the files."""
        with self._lock:
            self._unsaved = []
            return self.position, self._copy()

    def resume(self, servers: dict[str, dict[str, Server]], position: Position) -> None:
        """These were the servers in an earlier life; the files have them."""
        with self._lock:
            self._wanted, self.position, self._unsaved, self.known = servers, position, [], True

    def save_all(self) -> None:
        """The files have to be made anew."""
        with self._lock:
            self._unsaved = None

    # -- looking after

    @property
    def usable(self) -> Mapping[str, int]:
        """How many servers each backend of the worker shall be able to use."""
        with self._lock:
            return dict(self._held.usable)

    @property
    def retired(self) -> int:
        """How many removed servers still have to be deleted."""
        return len(self._held.retired)

    def delete_retired(self, most: int) -> None:
        """Delete removed servers that have no connections any more."""
        with self._lock:
            refs = list(self._held.retired)[:most]
            if not refs or self._worker is None:
                return
            try:
                replies = self._worker.run([f"del server {ref}" for ref in refs])
            except SocketFailed as error:
                _log.warning("HAProxy did not answer while servers were deleted", error=str(error))
                return
            for ref, reply in zip(refs, replies, strict=True):
                # Moved to the end when it still has connections, so that the others get their turn.
                server = self._held.retired.pop(ref)
                if not reply.ok and not reply.text.startswith(_GONE):
                    self._held.retired[ref] = server

    # -- comparing

    def take_suspects(self) -> list[str]:
        """The backends of which it is not known what HAProxy made of an order; they are looked at now."""
        if not self.suspect:
            return []
        with self._lock:
            found, self.suspect = sorted(self.suspect), set()
        return found

    def suspect_again(self, backend: str) -> None:
        """It could not be looked at."""
        with self._lock:
            self.suspect.add(backend)

    def snapshot(self, backend: str) -> Snapshot | None:
        """What the worker was told of a backend; None when it has no such backend, or a reload is under way."""
        with self._lock:
            if self._worker is None or self._touched is not None or backend not in self._facts:
                return None
            retired = {ref.name for ref in self._held.retired if ref.backend == backend}
            return Snapshot(worker=self._worker, servers=dict(self._held.of(backend)), retired=retired)

    def correct(self, backend: str, findings: Sequence[Finding], snapshot: Snapshot) -> list[Finding]:
        """Believe what was found, unless it was changed meanwhile, and tell HAProxy again; the ones that counted."""
        counted: list[Finding] = []
        with self._lock:
            if self._worker is not snapshot.worker:
                return []
            for one in findings:
                ref = ServerRef(backend, one.name)
                if self._held.get(ref) is not snapshot.servers.get(one.name) or ref in self._held.retired:
                    continue
                counted.append(one)
                if one.found is None:
                    self._held.drop(ref)
                else:
                    self._held.put(ref, one.found)
            self._bring([ServerRef(backend, one.name) for one in counted])
        return counted

    # -- orders

    def _shall_be(self, ref: ServerRef) -> Server | None:
        return self._wanted.get(ref.backend, {}).get(ref.name)

    def _urgent(self, refs: Iterable[ServerRef]) -> list[ServerRef]:
        """Of many servers those that HAProxy must not use any more: they do not wait for the others."""
        gone = [ref for ref in refs if self._shall_be(ref) is None]
        emptied = self._held.emptied(gone)
        return [ref for ref in gone if ref.backend not in emptied]

    def _bring_slowly(self, refs: Sequence[ServerRef]) -> None:
        """Many servers, in slices between which others get their turn."""
        # What is still there of those that go is the last of its backend: its successors come first.
        refs = sorted(refs, key=lambda ref: self._shall_be(ref) is None)
        for at in range(0, len(refs), _AT_ONCE):
            with self._lock:
                self._bring(refs[at : at + _AT_ONCE])

    def _bring(self, refs: Sequence[ServerRef]) -> None:
        """Tell the worker what these servers shall be."""
        if self._worker is None:
            return
        steps: list[tuple[ServerRef, Orders]] = []
        for ref in refs:
            facts = self._facts.get(ref.backend)
            if facts is None:
                continue  # kept aside until a structure has its backend
            have, wanted = self._held.get(ref), self._shall_be(ref)
            if have == wanted:
                self.pending.pop(ref, None)
                continue
            if ref in self.refused and have is None:
                continue
            match way(ref, facts, self._capabilities, have, wanted, self._held.retired.get(ref)):
                case Orders() as orders:
                    steps.append((ref, orders))
                case NeedsReload(reason):
                    self.pending[ref] = reason
                    if have is not None and wanted is not None and have[1:4] != wanted[1:4]:
                        # Nobody knows who is where it was: it gets nothing until it is told where it is now.
                        steps.append((ref, Orders("removed", (f"set server {ref} state maint",), takes_out=True)))
        # What takes a server out of use goes first, but for the last servers of a backend: their successors do.
        emptied = self._held.emptied(ref for ref, orders in steps if orders.takes_out)
        steps.sort(key=lambda step: (2 if step[0].backend in emptied else 0) if step[1].takes_out else 1)
        for at in range(0, len(steps), _AT_ONCE):
            self._send(steps[at : at + _AT_ONCE])

    def _send(self, steps: Sequence[tuple[ServerRef, Orders]]) -> None:
        assert self._worker is not None, "there is nobody to send to"
        try:
            replies = iter(self._worker.run([line for _, orders in steps for line in orders.lines]))
        except SocketFailed as error:
            if self._touched is None:
                _log.warning("HAProxy did not answer to orders about servers; they are looked at", error=str(error))
            self._send_once_more([line for _, orders in steps if orders.takes_out for line in orders.lines])
            self.suspect.update(ref.backend for ref, _ in steps)
            return
        for ref, orders in steps:
            self._told(ref, orders, [next(replies) for _ in orders.lines])

    def _send_once_more(self, lines: Sequence[str]) -> None:
        """What takes servers out of use may be said twice; it is worth another try, on a new connection."""
        if self._worker is not None and lines:
            with contextlib.suppress(SocketFailed):  # told already
                self._worker.run(lines)

    def _told(self, ref: ServerRef, orders: Orders, replies: Sequence[Reply]) -> None:
        wanted = self._shall_be(ref)
        at = next((at for at, reply in enumerate(replies) if not _done(orders, reply)), None)
        if at is not None:
            self._counters.count("command_failed")
            self.pending[ref] = f"HAProxy refused: {replies[at].command}: {replies[at].text}"
            self.suspect.add(ref.backend)
            return
        self._counters.count(f"server_{orders.kind}")
        if wanted is None or orders.kind != "removed":
            self.pending.pop(ref, None)
        if wanted is None or orders.kind == "removed":
            self._held.retire(ref)
        else:
            self._held.put(ref, wanted)


def _done(orders: Orders, reply: Reply) -> bool:
    return reply.ok or (orders.kind == "removed" and reply.text.startswith(_GONE))


def _differing(before: Servers, after: Servers) -> list[ServerRef]:
    """The servers in which the two differ."""
    found: list[ServerRef] = []
    for backend in before.keys() | after.keys():
        old, new = before.get(backend, {}), after.get(backend, {})
        if old != new:
            found += [ServerRef(backend, name) for name in old.keys() | new.keys() if old.get(name) != new.get(name)]
    return found
