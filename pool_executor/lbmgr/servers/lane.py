"""The fast path: operations on servers become orders to the worker of HAProxy that serves, and nothing else does.

Knows what the servers shall be, the log of endpoints as far as it was read. Does not know files, structures or
ZooKeeper, nor what an order says (teller.py). Servers of backends that the running structure does not have are kept
aside.

Two threads meet here: the one that reads the log (reader.py), and lbmgr's own, which loads structures. All that is
shared is guarded by one lock, held while a batch is sent and while servers are copied, never while HAProxy checks or
loads a configuration. A reload is handed over in three steps: `begin` copies the servers and notes from then on which
ones change, while operations go on to the old worker; `take_over` names the new worker with what it has read, and what
was noted is told to it at once; or `abandon`, and the old worker goes on.
"""

import threading
import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence

from pool_executor.contract import BackendFacts, Operation, Put, Server, Servers, Step
from pool_executor.lbmgr.haproxy.orders import Capabilities
from pool_executor.lbmgr.haproxy.worker import Worker
from pool_executor.lbmgr.servers.difference import Finding
from pool_executor.lbmgr.servers.held import Held
from pool_executor.lbmgr.servers.position import Position, Told
from pool_executor.lbmgr.servers.teller import Refusal, Snapshot, Teller, differing
from pool_executor.lbmgr.status.metrics import Counters
from pool_executor.lbmgr.structure.content import ServerRef

# So many last steps are told, for those who look at one change.
_STEPS = 20
# So long servers are told one by one, of a tenth of a second, while no reload brings them.
_GATHERED_SLICE = 0.05


class Lane:
    """The servers of one instance."""

    def __init__(self, capabilities: Capabilities, counters: Counters) -> None:
        self._lock = threading.Lock()
        self._teller = Teller(capabilities, counters)
        self._wanted: dict[str, dict[str, Server]] = {}
        self._touched: set[ServerRef] | None = None
        """The servers that changed since `begin`; None while no reload is under way."""
        self._unsaved: list[Operation] | None = []
        """What the files lack; None when they need all servers anew."""
        self._stamps: Mapping[str, float] = {}
        self._recent: deque[Step] = deque(maxlen=_STEPS)
        self._counters = counters
        self.position = Position()
        self.known = False
        """Whether it is known which servers there shall be."""

    # -- the log

    def follow(self, operations: Sequence[Operation], position: Position, stamps: Mapping[str, float]) -> None:
        """Carry out the operations, after which the log has been read up to `position`."""
        refs = list(dict.fromkeys(map(_ref, operations)))
        with self._lock:
            for one in operations:
                self._note(one)
            if not (few := len(refs) <= self._teller.at_once) or self._teller.bulk:
                self._teller.gather(refs, self._wanted)
            if few:
                self._teller.bring(refs, self._wanted)
                self._read(position, stamps, operations)
            else:
                self._teller.bring(self._teller.urgent(refs, self._wanted), self._wanted)
        if not few:
            self._bring_slowly(refs)
            with self._lock:
                self._read(position, stamps, operations)

    def replace(self, servers: dict[str, dict[str, Server]], position: Position, stamps: Mapping[str, float]) -> None:
        """All servers are these, as they stand in the log at `position`."""
        with self._lock:
            refs = differing(self._wanted, servers)
            self._wanted = servers
            for ref in refs:
                self._teller.refused.pop(ref, None)
            if self._touched is not None:
                self._touched.update(refs)
            self._teller.gather(refs, servers)
            self._teller.bring(self._teller.urgent(refs, servers), servers)
        self._bring_slowly(refs)
        with self._lock:
            self._read(position, stamps, None)

    def _read(self, position: Position, stamps: Mapping[str, float], operations: Sequence[Operation] | None) -> None:
        """Everything up to `position` is carried out; `operations` led to it, None: they are not known."""
        # Not before: what is written to the files has to be read again with its position, or not at all.
        if operations is None:
            self._unsaved = None
        elif self._unsaved is not None:
            self._unsaved.extend(operations)
        self.position, self.known = position, True
        applied = time.time()
        self._stamps = dict(stamps) | {"applied": applied}
        self._recent.append(Step(position.sequence, stamps.get("seen", applied), applied))
        self._counters.took("endpoints", self._stamps)

    def _note(self, operation: Operation) -> None:
        ref = _ref(operation)
        if isinstance(operation, Put):
            self._wanted.setdefault(ref.backend, {})[ref.name] = operation.server
        elif (of_backend := self._wanted.get(ref.backend)) is not None:
            of_backend.pop(ref.name, None)
            if not of_backend:
                del self._wanted[ref.backend]
        self._teller.refused.pop(ref, None)
        if self._touched is not None:
            self._touched.add(ref)

    def _bring_slowly(self, refs: Sequence[ServerRef]) -> None:
        """Many servers, in slices between which others get their turn."""
        # What is still there of those that go is the last of its backend: its successors come first.
        refs = sorted(refs, key=lambda ref: ref.name not in self._wanted.get(ref.backend, ()))
        at = 0
        while at < len(refs):
            with self._lock:
                end = at + self._teller.at_once
                self._teller.bring(refs[at:end], self._wanted)
            at = end

    # -- reloads

    def begin(self) -> Servers:
        """The servers as they shall be now; from here on it is noted which ones change."""
        with self._lock:
            self._touched = set()
            return self._copy()

    def gone(self) -> set[ServerRef]:
        """The servers that were there at `begin` and shall not be any more."""
        with self._lock:
            return {ref for ref in self._touched or () if ref.name not in self._wanted.get(ref.backend, ())}

    def take_over(self, worker: Worker, backends: Mapping[str, BackendFacts], held: Held) -> None:
        """`worker` serves from now on, and has read files with exactly these servers, as they were at `begin`."""
        with self._lock:
            touched, self._touched = self._touched, None
            self._teller.take_over(worker, backends, held)
            refs = self._teller.differing(self._wanted) if touched is None else list({*touched, *held.drained})
            self._teller.gather(refs, self._wanted)
            self._teller.bring(self._teller.urgent(refs, self._wanted), self._wanted)
        self._bring_slowly(refs)

    def abandon(self) -> None:
        """The reload did not come about."""
        with self._lock:
            self._touched = None

    def forget(self) -> None:
        """There is no worker any more."""
        with self._lock:
            self._teller.forget()

    def refuse(self, refusals: Mapping[ServerRef, Refusal]) -> None:
        """HAProxy does not take these servers, and does everything else."""
        with self._lock:
            self._teller.refuse(refusals, self._wanted)

    def left_out(self, backends: Mapping[str, BackendFacts]) -> set[ServerRef]:
        """The servers that were refused and are still the same in these backends."""
        with self._lock:
            return self._teller.left_out(backends)

    @property
    def needs_reload(self) -> str | None:
        """Why what is served has to be loaded anew, as a phrase; None when it has not."""
        if not self._teller.pending:  # asked ten times a second, and nobody shall wait for that
            return None
        with self._lock:
            return self._teller.needs_reload

    # -- what there is

    def wanted(self) -> Servers:
        """The servers as they shall be now."""
        with self._lock:
            return self._copy()

    def _copy(self) -> dict[str, dict[str, Server]]:
        return {backend: dict(servers) for backend, servers in self._wanted.items()}

    def told(self) -> Told:
        """How far HAProxy has the servers."""
        with self._lock:
            return Told(
                position=self.position,
                stamps=self._stamps,
                recent=tuple(self._recent),
                refused=dict(self._teller.refused),
            )

    @property
    def usable(self) -> Mapping[str, int]:
        """How many servers each backend of the worker shall be able to use."""
        with self._lock:
            return dict(self._teller.held.usable)

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
    def retired(self) -> int:
        """How many removed servers still have to be deleted."""
        return len(self._teller.held.retired)

    def delete_retired(self, most: int) -> None:
        """Delete removed servers that have no connections any more."""
        with self._lock:
            self._teller.delete_retired(most)

    def reload_is_far(self) -> None:
        """None is made soon: what comes sooner with one is told all the same."""
        with self._lock:
            self._teller.bulk.give_up(time.monotonic())

    def tell_waiting(self) -> None:
        """Tell of servers whose place may be free now, and some of those that wait for a reload that is not made."""
        if self._teller.succeeding:
            with self._lock:
                self._teller.bring(list(self._teller.succeeding), self._wanted)
        end = time.monotonic() + _GATHERED_SLICE
        while self._teller.bulk and time.monotonic() < end:
            with self._lock:
                refs = self._teller.bulk.told_one_by_one(self._teller.at_once, time.monotonic())
                if not refs:
                    return
                self._teller.bring(refs, self._wanted)

    def doubt(self) -> None:
        """It is not known which servers the worker has read."""
        with self._lock:
            self._teller.doubt()

    def take_suspects(self) -> list[str]:
        """The backends of which it is not known what HAProxy made of an order; they are looked at now."""
        if not self._teller.suspect:
            return []
        with self._lock:
            found, self._teller.suspect = sorted(self._teller.suspect), set()
        return found

    def suspect_again(self, backends: Collection[str]) -> None:
        """They could not be looked at."""
        with self._lock:
            self._teller.suspect.update(backends)

    def snapshot(self, backend: str) -> Snapshot | None:
        """What the worker was told of a backend; None when it has no such backend, or a reload is under way."""
        with self._lock:
            return self._teller.snapshot(backend) if self._touched is None else None

    def correct(self, backend: str, findings: Sequence[Finding], snapshot: Snapshot) -> Sequence[Finding]:
        """See `Teller.correct`."""
        with self._lock:
            return self._teller.correct(backend, findings, snapshot, self._wanted)


def _ref(operation: Operation) -> ServerRef:
    name = operation.server.name if isinstance(operation, Put) else operation.name
    return ServerRef(operation.backend, name)
