"""The servers of one pool as they are published, and the log that leads to them. Pure.

Knows what the next head of the endpoints is: operations stand in it until they are too many, then in a segment; from
time to time the servers as they are become the base, and old segments go. Does not know which servers are wanted, nor
how nodes are written. Times are the caller's, in seconds of a clock that does not jump.
"""

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pool_executor.contract import (
    Blob,
    Endpoints,
    Operation,
    Put,
    Remove,
    Segment,
    Server,
    encode_endpoints,
    encode_operation,
    encode_segment,
    shard_of,
)

#: A head holds operations of at most so many bytes of JSON itself, as `weight` counts them.
INLINE = 16_000
#: What one write takes at most: packed as a segment it is far below one packet.
SEGMENT = 600_000
#: What readers that are a little behind still find: operations of so many seconds.
KEEP = 10.0
#: From so many operations in segments on, the base is made anew, or from this share of the servers.
_MOST_BEHIND, _SHARE = 2_000, 0.1
# Backends of more servers have a table of the numbers of these: it takes as much memory as half of the servers do, and
# those of a few are looked through as soon.
_TABLE_FROM = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """What is to be written: the head, and the text of a part that it names besides those that are there."""

    head: Endpoints
    data: bytes
    segment: str | None


def weight(operation: Operation) -> int:
    """About how many bytes of JSON the operation is."""
    match operation:
        case Put(backend, server):
            return 50 + len(backend) + len(server.name) + len(server.address) + len(server.task)
        case Remove(backend, name):
            return 12 + len(backend) + len(name)


class _Kept(NamedTuple):
    segment: Segment
    at: float


@dataclass(slots=True)
class Compaction:
    """The next base on its way: which shards are written anew, and after which operation it holds."""

    base: int
    shards: Mapping[int, Sequence[str]]
    """The backends in each shard that is written anew."""
    blobs: dict[int, Blob | None] = field(default_factory=dict)
    """What has become of each shard; None: it is empty now."""


class Journal:
    """Of one pool. Every method that changes it is to be followed by a write of its head."""

    def __init__(self, pool: str, lineage: str) -> None:
        self.pool = pool
        self.lineage = lineage
        self.servers: dict[str, dict[str, Server]] = {}
        self.count = 0
        """How many servers there are."""
        self._numbers: dict[str, set[int]] = {}
        """Of large backends."""
        self._sequence = 0
        self._base = 0
        self._list: Blob | None = None
        self._shards: dict[int, Blob] = {}
        self._segments: deque[_Kept] = deque()
        self._inline: list[Operation] = []
        self._encoded: list[bytes] = []
        """Of the first of them: the next heads hold them again."""
        self._inline_weight = 0
        self._dirty: set[int] = set()
        self.unsaved = False
        """Whether the head would be another one although no operation was added."""
        # Of the parts that the last head names, and those of the one before.
        self._named: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())
        self._names_now: frozenset[str] | None = None
        """Of the parts that the next head names; None: segments or base are others than at the last one."""

    @classmethod
    def resume(
        cls,
        head: Endpoints,
        servers: Mapping[str, Mapping[str, Server]],
        shards: Mapping[int, Blob],
        behind: Iterable[Operation],
        now: float,
    ) -> "Journal":
        """Go on with what is published; `behind` are the operations that the base does not include."""
        made = cls(head.pool, head.lineage)
        made.servers = {backend: dict(of_backend) for backend, of_backend in servers.items()}
        made.count = sum(map(len, made.servers.values()))
        made._numbers = {name: _numbers(ones) for name, ones in made.servers.items() if len(ones) > _TABLE_FROM}
        made._sequence, made._base, made._list = head.sequence, head.base, head.shards
        made._shards = dict(shards)
        made._segments = deque(_Kept(segment, now) for segment in head.segments)
        made._inline = list(head.operations)
        made._inline_weight = sum(map(weight, head.operations))
        made._dirty = {shard_of(operation.backend) for operation in behind}
        made._named = (made._names(), frozenset())
        return made

    # ------------------------------------------------------------ what is

    @property
    def sequence(self) -> int:
        """The number of the last operation."""
        return self._sequence

    @property
    def complete(self) -> bool:
        """Whether base and log together tell everything; a log that began anew has to be compacted first."""
        first = self._segments[0].segment.first if self._segments else self._sequence - len(self._inline) + 1
        return first - 1 <= self._base

    def server(self, backend: str, name: str) -> Server | None:
        """The server of that name, None when there is none."""
        of_backend = self.servers.get(backend)
        return None if of_backend is None else of_backend.get(name)

    def numbers(self, backend: str) -> set[int]:
        """The numbers that servers of the backend have."""
        known = self._numbers.get(backend)
        return known if known is not None else _numbers(self.servers.get(backend, {}))

    def names(self) -> frozenset[str]:
        """The sha256 of every part that the head names, or the one before it did."""
        return self._names().union(*self._named)

    def _names(self) -> frozenset[str]:
        if self._names_now is None:
            blobs = [kept.segment.blob for kept in self._segments]
            blobs += self._shards.values()
            blobs += [self._list] if self._list else []
            self._names_now = frozenset(blob.sha256 for blob in blobs)
        return self._names_now

    # ------------------------------------------------------------ changes

    def change(self, operation: Operation) -> None:
        """Carry an operation out and add it to the log."""
        self._carry_out(operation)
        self._inline.append(operation)
        self._inline_weight += weight(operation)

    def begin_with(self, operations: Iterable[Operation]) -> None:
        """Carry out the first operations of a log, which are none of it but its base: there is no head before a
        compaction is done.

        For the first servers of a large pool, which nobody has to be told one by one.
        """
        for operation in operations:
            self._carry_out(operation)

    def _carry_out(self, operation: Operation) -> None:
        match operation:
            case Put(backend, server):
                of_backend = self.servers.setdefault(backend, {})
                self.count += server.name not in of_backend
                of_backend[server.name] = server
                if (numbers := self._numbers.get(backend)) is not None:
                    numbers.add(server.id)
                elif len(of_backend) > _TABLE_FROM:
                    self._numbers[backend] = _numbers(of_backend)
            case Remove(backend, name):
                of_backend = self.servers[backend]
                gone = of_backend.pop(name)
                if (numbers := self._numbers.get(backend)) is not None:
                    numbers.discard(gone.id)
                self.count -= 1
                if not of_backend:
                    del self.servers[backend]
                    self._numbers.pop(backend, None)
        self._dirty.add(shard_of(operation.backend))
        self._sequence += 1

    def write(self, epoch: int, stamps: Mapping[str, float], now: float, leaving: Collection[str] = ()) -> Write:
        """The head as it is now; `leaving` are parts that are being removed at this moment."""
        text = None
        if self._inline_weight > INLINE:
            text, blob, kept = self._segment(leaving)
            first, last = self._sequence - len(self._inline) + 1, self._sequence - len(kept)
            self._segments.append(_Kept(Segment(first, last, blob), now))
            self._names_now = None
            self._encoded = self._encoded[len(self._inline) - len(kept) :]
            self._inline, self._inline_weight = kept, sum(map(weight, kept))
        self._encoded += map(encode_operation, self._inline[len(self._encoded) :])
        self._drop_old(now)
        self._named, self.unsaved = (self._names(), self._named[0]), False
        head = Endpoints(
            pool=self.pool,
            lineage=self.lineage,
            epoch=epoch,
            sequence=self._sequence,
            base=self._base,
            shards=self._list,
            segments=tuple(kept.segment for kept in self._segments),
            operations=tuple(self._inline),
            stamps=stamps,
        )
        return Write(head=head, data=encode_endpoints(head, self._encoded), segment=text)

    def _segment(self, leaving: Collection[str]) -> tuple[str, Blob, list[Operation]]:
        """A segment of the operations in the head, and those that stay there.

        A part that is being removed can neither be named nor made: one operation less is another part.
        """
        end = len(self._inline)
        while (blob := Blob.of(text := encode_segment(self._inline[:end]))).sha256 in leaving:
            end -= 1
        return text, blob, self._inline[end:]

    def _drop_old(self, now: float) -> None:
        """Forget segments that the base includes and that nobody needs to catch up."""
        while self._segments and self._segments[0].segment.last <= self._base and now >= self._segments[0].at + KEEP:
            self._segments.popleft()
            self._names_now = None

    # ------------------------------------------------------------ the base

    @property
    def behind(self) -> int:
        """How many operations in segments the base does not include."""
        return max(0, (self._sequence - len(self._inline)) - self._base)

    @property
    def wants_compaction(self) -> bool:
        """Whether a new base is due, however busy the pool is."""
        return self.behind > max(_MOST_BEHIND, self.count * _SHARE)

    def start_compaction(self) -> Compaction:
        """Begin a new base after the last operation; later changes make shards dirty again.

        A shard may be read some operations later than it begins: whoever loads the base carries all operations after it
        out, and the last word on each server is the same.
        """
        backends: dict[int, list[str]] = {number: [] for number in self._dirty}
        for backend in self.servers:
            if (number := shard_of(backend)) in backends:
                backends[number].append(backend)
        self._dirty = set()
        return Compaction(base=self._sequence, shards=backends)

    def copy_of(self, backends: Iterable[str]) -> dict[str, dict[str, Server]]:
        """The servers of these backends as they are now."""
        return {backend: dict(self.servers[backend]) for backend in backends if backend in self.servers}

    def shards_with(self, compaction: Compaction) -> dict[int, Blob]:
        """The shards of the base with those that were written anew."""
        found = dict(self._shards)
        for number, blob in compaction.blobs.items():
            if blob is None:
                found.pop(number, None)
            else:
                found[number] = blob
        return found

    def finish_compaction(self, compaction: Compaction, listed: Blob | None) -> None:
        """All parts of the new base are stored, `listed` its list of shards; the next head names it."""
        self._shards = self.shards_with(compaction)
        self._list, self._base, self.unsaved, self._names_now = listed, compaction.base, True, None

    def abandon_compaction(self, compaction: Compaction) -> None:
        """The base stays as it was."""
        self._dirty |= compaction.shards.keys()


def _numbers(servers: Mapping[str, Server]) -> set[int]:
    return {server.id for server in servers.values()}
