"""Telling the worker that serves what its servers shall be, and knowing what it was told.

Knows which servers take a reload, which HAProxy does not take at all, and of which it is not known what became of an
order. Does not know where servers come from. Whoever uses it holds the lock of the fast path (lane.py).
"""

import contextlib
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from pool_executor.contract import BackendFacts, Server, Servers, options_of
from pool_executor.lbmgr.haproxy.errand import GONE, Step, carry_out
from pool_executor.lbmgr.haproxy.orders import Capabilities
from pool_executor.lbmgr.haproxy.runtime import Reply, SocketFailed
from pool_executor.lbmgr.haproxy.worker import Worker
from pool_executor.lbmgr.servers.bulk import Bulk
from pool_executor.lbmgr.servers.difference import Finding
from pool_executor.lbmgr.servers.held import Held
from pool_executor.lbmgr.servers.way import NeedsReload, Orders, way
from pool_executor.lbmgr.status.metrics import Counters
from pool_executor.lbmgr.structure.content import ServerRef

_log = structlog.get_logger()

# So many servers are told before others get their turn. HAProxy looks servers up one by one, so in a backend of 50,000
# an order takes a millisecond: fewer are told at once there.
_MOST_AT_ONCE, _LEAST_AT_ONCE, _SLICE = 100, 4, 0.01
_MOST_TOLD = 3
_STILL_CONNECTED = "Server still has connections"
# A server that takes the place of another one waits so many seconds for that one's connections, before it takes a
# reload.
_PATIENCE = 1.0
_NONE: Mapping[str, Server] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A server that HAProxy does not take, in this form and with these options, even from a file."""

    server: Server
    words: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The servers of a backend as one worker was told them; `retired` are names of servers that are to be deleted."""

    worker: Worker
    servers: Mapping[str, Server]
    retired: Collection[str]


class Teller:
    """One worker at a time."""

    def __init__(self, capabilities: Capabilities, counters: Counters) -> None:
        self._capabilities = capabilities
        self._counters = counters
        self._worker: Worker | None = None
        self._facts: Mapping[str, BackendFacts] = {}
        self.at_once = _MOST_AT_ONCE
        """How many servers are told in a few milliseconds."""
        self.held = Held({})
        self.pending: dict[ServerRef, str] = {}
        """The servers that take a reload, and why."""
        self.succeeding: dict[ServerRef, float] = {}
        """The servers whose place is taken by a removed one that has connections, and until when they wait for it."""
        self.bulk = Bulk()
        self.refused: dict[ServerRef, Refusal] = {}
        self.suspect: set[str] = set()
        """The backends of which it is not known what HAProxy made of an order."""

    # -- the worker

    def take_over(self, worker: Worker, backends: Mapping[str, BackendFacts], held: Held) -> None:
        """This worker serves from now on, and has these servers."""
        if self._worker is not None and self._worker is not worker:
            self._worker.close()
        self._worker, self._facts, self.held = worker, backends, held
        self._begin_anew()

    def forget(self) -> None:
        """There is no worker any more."""
        if self._worker is not None:
            self._worker.close()
        self._worker = None
        self._begin_anew()

    def _begin_anew(self) -> None:
        self.pending, self.succeeding, self.suspect = {}, {}, set()
        self.bulk.clear()

    def doubt(self) -> None:
        """It is not known which servers the worker has."""
        self.suspect.update(self._facts)

    def differing(self, wanted: Servers) -> list[ServerRef]:
        """The servers of the worker's backends that are not what they shall be."""
        return differing(self.held.all, {backend: wanted.get(backend, _NONE) for backend in self._facts})

    # -- refusals

    def refuse(self, refusals: Mapping[ServerRef, Refusal], wanted: Servers) -> None:
        """HAProxy does not take these servers; one that has changed since HAProxy was asked is not meant."""
        meant = {
            ref: one for ref, one in refusals.items() if wanted.get(ref.backend, _NONE).get(ref.name) == one.server
        }
        self.refused.update(meant)
        for ref in meant:
            self.pending.pop(ref, None)
        self._counters.count("server_refused", len(meant))

    def left_out(self, backends: Mapping[str, BackendFacts]) -> set[ServerRef]:
        """The servers that were refused, and have the same options in these backends."""
        for ref, one in list(self.refused.items()):
            facts = backends.get(ref.backend)
            if facts is None or options_of(one.server, facts.options) != one.words:
                del self.refused[ref]
        return set(self.refused)

    @property
    def needs_reload(self) -> str | None:
        """Why what is served has to be loaded anew, as a phrase; None when it has not."""
        # First it is looked what HAProxy has: it may be put right without a reload.
        reasons = [reason for ref, reason in self.pending.items() if ref.backend not in self.suspect]
        more = f"; and {len(reasons) - _MOST_TOLD} more" if len(reasons) > _MOST_TOLD else ""
        return "; ".join(reasons[:_MOST_TOLD]) + more if reasons else None

    # -- comparing

    def snapshot(self, backend: str) -> Snapshot | None:
        """What the worker was told of a backend; None when it has no such backend."""
        if self._worker is None or backend not in self._facts:
            return None
        retired = {ref.name for ref in self.held.retired if ref.backend == backend}
        return Snapshot(worker=self._worker, servers=dict(self.held.of(backend)), retired=retired)

    def correct(
        self, backend: str, findings: Sequence[Finding], snapshot: Snapshot, wanted: Servers
    ) -> Sequence[Finding]:
        """Believe what was found, unless it was changed meanwhile, and tell what is not as it shall be.

        Gives the findings that counted.
        """
        counted: list[Finding] = []
        if self._worker is not snapshot.worker:
            return counted
        for one in findings:
            ref = ServerRef(backend, one.name)
            if self.held.get(ref) is not snapshot.servers.get(one.name) or ref in self.held.retired:
                continue
            counted.append(one)
            if one.found is None:
                self.held.drop(ref)
            else:
                self.held.put(ref, one.found)
        of_backend = {backend: wanted.get(backend, _NONE)}
        self.bring(differing({backend: self.held.of(backend)}, of_backend), wanted, looked=True)
        return counted

    # -- orders

    def urgent(self, refs: Iterable[ServerRef], wanted: Servers) -> list[ServerRef]:
        """Of many servers those that HAProxy must not use any more: they do not wait for the others."""
        gone = [ref for ref in refs if ref.name not in wanted.get(ref.backend, _NONE)]
        emptied = self.held.emptied(gone)
        return [ref for ref in gone if ref.backend not in emptied]

    def gather(self, refs: Iterable[ServerRef], wanted: Servers) -> None:
        """Of many servers have the new ones wait for a reload, if they come sooner that way."""
        new = [
            ref
            for ref in refs
            if ref.backend in self._facts
            and self.held.get(ref) is None
            and ref.name in wanted.get(ref.backend, _NONE)
            and ref not in self.held.retired
            and ref not in self.refused
        ]
        self.bulk.take(new, {name: len(servers) for name, servers in self.held.all.items()}, time.monotonic())

    def bring(self, refs: Iterable[ServerRef], wanted: Servers, *, looked: bool = False) -> None:
        """Tell the worker what these servers shall be; `looked`: what HAProxy has was just compared."""
        if self._worker is None:
            return
        steps: list[Step] = []
        for ref in refs:
            facts = self._facts.get(ref.backend)
            if facts is None:
                continue  # kept aside until a structure has its backend
            have, target = self.held.get(ref), wanted.get(ref.backend, _NONE).get(ref.name)
            if have == target:
                self._settled(ref)
                continue
            if ref in self.refused and have is None:
                continue
            if have is None and ref in self.bulk:
                self.pending[ref] = f"server {ref} is one of so many new ones that they come sooner that way"
                continue
            match way(ref, facts, self._capabilities, have, target, self.held.retired.get(ref)):
                case Orders() as orders:
                    steps.append((ref, orders))
                case NeedsReload(reason):
                    self.pending[ref] = reason
                    if have is not None and target is not None and have[1:4] != target[1:4]:
                        # Nobody knows who is where it was: it gets nothing until it is told where it is now.
                        steps.append((ref, Orders("removed", (f"set server {ref} state maint",), takes_out=True)))
        # What takes a server out of use goes first, but for the last servers of a backend: their successors do.
        emptied = self.held.emptied(ref for ref, orders in steps if orders.takes_out)
        last = [step for step in steps if step[1].takes_out and step[0].backend in emptied]
        steps = [step for step in steps if not (step[1].takes_out and step[0].backend in emptied)]
        steps.sort(key=lambda step: not step[1].takes_out)
        if not any(orders.then for _, orders in steps):
            steps, last = steps + last, []  # in one go
        for some in (steps, last):
            for at in range(0, len(some), _MOST_AT_ONCE):
                self._send(some[at : at + _MOST_AT_ONCE], wanted, looked=looked)

    def _settled(self, ref: ServerRef) -> None:
        self.pending.pop(ref, None)
        self.succeeding.pop(ref, None)
        self.bulk.drop(ref)

    def _send(self, steps: Sequence[Step], wanted: Servers, *, looked: bool) -> None:
        assert self._worker is not None, "there is nobody to send to"
        began = time.monotonic()
        try:
            done = carry_out(self._worker, steps)
        except SocketFailed as error:
            _log.warning("HAProxy did not answer to orders about servers; they are looked at", error=str(error))
            # What takes servers out of use may be said twice, and is worth another try on a new connection.
            with contextlib.suppress(SocketFailed):  # told already
                self._worker.run([line for _, orders in steps if orders.takes_out for line in orders.lines])
            self.suspect.update(ref.backend for ref, _ in steps)
            return
        each = (time.monotonic() - began) / len(steps)
        self.at_once = max(_LEAST_AT_ONCE, min(_MOST_AT_ONCE, int(_SLICE / max(each, 1e-6))))
        for (ref, orders), bad in zip(steps, done, strict=True):
            if bad is None:
                self._note(ref, orders, wanted.get(ref.backend, _NONE).get(ref.name))
            else:
                self._note_refusal(ref, bad, looked=looked)

    def _note(self, ref: ServerRef, orders: Orders, target: Server | None) -> None:
        self._counters.count(f"server_{orders.kind}")
        if target is None or orders.kind != "removed":
            self._settled(ref)
        if target is None or orders.kind == "removed":
            self.held.retire(ref)
        else:
            self.held.put(ref, target)

    def _note_refusal(self, ref: ServerRef, bad: Reply, *, looked: bool) -> None:
        if bad.command.startswith("del server") and bad.text.startswith(_STILL_CONNECTED):
            now = time.monotonic()
            if now < self.succeeding.setdefault(ref, now + _PATIENCE):
                return
            self.pending[ref] = f"server {ref} is another one than before, and that one still has connections"
            return
        self._counters.count("command_failed")
        self.pending[ref] = f"HAProxy refused: {bad.command}: {bad.text}"
        if not looked:
            self.suspect.add(ref.backend)

    def delete_retired(self, most: int) -> None:
        """Delete removed servers that have no connections any more."""
        refs = list(self.held.retired)[:most]
        if not refs or self._worker is None:
            return
        try:
            replies = self._worker.run([f"del server {ref}" for ref in refs])
        except SocketFailed as error:
            _log.warning("HAProxy did not answer while servers were deleted", error=str(error))
            return
        odd: list[ServerRef] = []
        for ref, reply in zip(refs, replies, strict=True):
            # Moved to the end when it still has connections, so that the others get their turn.
            server = self.held.retired.pop(ref)
            if not reply.ok and not reply.text.startswith(GONE):
                self.held.retired[ref] = server
                if not reply.text.startswith(_STILL_CONNECTED):
                    odd.append(ref)
        # An order of which no answer came may have brought it back.
        with contextlib.suppress(SocketFailed):  # the next round says it again
            self._worker.run([f"set server {ref} state maint" for ref in odd])


def differing(before: Servers, after: Servers) -> list[ServerRef]:
    """The servers in which the two differ."""
    found: list[ServerRef] = []
    for backend in before.keys() | after.keys():
        old, new = before.get(backend, _NONE), after.get(backend, _NONE)
        if old != new:
            found += [ServerRef(backend, name) for name in old.keys() | new.keys() if old.get(name) != new.get(name)]
    return found
