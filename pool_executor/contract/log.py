"""The head of the endpoints, `R/rendered/<pool>/endpoints`: a log of operations over shards. Pure.

Every operation has a number that counts up for ever. The head holds the last ones itself; those before them stand in
segments, and the servers as they were after some operation (the base) in shards. So a change costs one small node,
whoever follows reads only that, and whoever comes new or has fallen behind reads the base and what came after it.
Segments, the base's list of shards and shards are parts: immutable nodes named by their content (sdk.storage.blobs).
"""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from pool_executor.contract.record import Record, dump, load
from pool_executor.contract.servers import Operation, Put, Remove, Server, Servers, decode_server, encode_server
from sdk.errors import CorruptRecord
from sdk.storage.blobs import Blob

SCHEMA = 1
#: Backends are spread over so many shards.
SHARDS = 64


class Segment(NamedTuple):
    """Operations `first` to `last` in a part."""

    first: int
    last: int
    blob: Blob


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """The head. `operations` are the last ones, up to number `sequence`; `segments` join them without a gap."""

    pool: str
    lineage: str
    """Another one whenever the log begins anew: numbers of different lineages have nothing to do with each other."""
    epoch: int
    """The leadership under which it was written."""
    sequence: int
    """The number of the last operation."""
    base: int
    """The number of the last operation that the shards include."""
    shards: Blob | None
    """The base's list of shards; None when the base has no servers."""
    segments: tuple[Segment, ...] = ()
    operations: tuple[Operation, ...] = ()
    stamps: Mapping[str, float] = field(default_factory=dict)
    """When what happened to the change behind the last operations, in epoch seconds of whoever wrote it."""

    @property
    def inline_from(self) -> int:
        """The number of the first of `operations`, or the next one's."""
        return self.sequence - len(self.operations) + 1

    @property
    def since(self) -> int:
        """Whoever has the servers after this operation, or a later one, can go on without the base."""
        return (self.segments[0].first if self.segments else self.inline_from) - 1

    def continues(self, lineage: str, sequence: int) -> bool:
        """Whether who has the servers of this lineage after this operation needs only what came after it."""
        return self.lineage == lineage and self.since <= sequence <= self.sequence


def encode_endpoints(head: Endpoints, operations: Iterable[bytes] | None = None) -> bytes:
    """The bytes of the node; `operations` are those of the head by `encode_operation`, where they are kept."""
    if operations is None:
        operations = map(encode_operation, head.operations)
    rest = dump(
        {
            "schema": SCHEMA,
            "pool": head.pool,
            "lineage": head.lineage,
            "epoch": head.epoch,
            "sequence": head.sequence,
            "base": head.base,
            "shards": None if head.shards is None else list(head.shards),
            "segments": [[one.first, one.last, *one.blob] for one in head.segments],
            "stamps": dict(head.stamps),
        }
    )
    return rest[:-1] + b',"operations":[' + b",".join(operations) + b"]}"


def decode_endpoints(data: bytes, lineage: str = "", after: int = 0) -> Endpoints:
    """The head that `data` holds; raises CorruptRecord with the path of the first thing that is wrong.

    Who has the servers of this lineage after the operation `after` gets none of the operations up to that one: then the
    cost follows the change, not the head.
    """
    record = load(data, "endpoints")
    if (schema := record.integer("schema", 1)) != SCHEMA:
        raise CorruptRecord("schema", f"is {schema}; this program reads schema {SCHEMA}")
    stamps, items = record.mapping("stamps"), record.items("operations")
    head = Endpoints(
        pool=record.text("pool"),
        lineage=record.text("lineage"),
        epoch=record.integer("epoch", 0),
        sequence=record.integer("sequence", 0),
        base=record.integer("base", 0),
        shards=_decode_blob(record.items("shards"), "shards") if record.has("shards") else None,
        segments=tuple(_decode_segment(item, f"segments[{at}]") for at, item in enumerate(record.items("segments"))),
        stamps={name: stamps.number(name) for name in stamps.names()},
    )
    _check_numbers(head, len(items))
    known = min(len(items), max(0, after + len(items) - head.sequence)) if head.lineage == lineage else 0
    return replace(head, operations=decode_operations(items[known:], "operations"))


def _check_numbers(head: Endpoints, inline: int) -> None:
    inline_from = head.sequence - inline + 1
    since = expected = (head.segments[0].first if head.segments else inline_from) - 1
    for at, segment in enumerate(head.segments):
        if segment.first != expected + 1 or segment.last < segment.first:
            raise CorruptRecord(f"segments[{at}]", f"has operations {segment.first} to {segment.last} after {expected}")
        expected = segment.last
    if expected + 1 != inline_from or since < 0:
        raise CorruptRecord("operations", f"begin with number {inline_from}, after {expected}")
    if not since <= head.base <= head.sequence:
        raise CorruptRecord("base", f"is {head.base}, and operations {since + 1} to {head.sequence} are there")


def encode_operations(operations: Iterable[Operation]) -> list[object]:
    """The JSON of operations: `["+", <backend>, <server>]` and `["-", <backend>, <name>]`."""
    return [_operation(one) for one in operations]


def encode_operation(operation: Operation) -> bytes:
    """The bytes of one operation."""
    return dump(_operation(operation))


def _operation(one: Operation) -> list[object]:
    return ["+", one.backend, encode_server(one.server)] if isinstance(one, Put) else ["-", one.backend, one.name]


def decode_operations(items: Sequence[object], path: str) -> tuple[Operation, ...]:
    """The operations in a list of JSON."""
    return tuple(_decode_operation(item, f"{path}[{at}]") for at, item in enumerate(items))


def _decode_operation(item: object, path: str) -> Operation:
    match item:
        case ["+", str(backend), value]:
            return Put(backend, decode_server(value, path))
        case ["-", str(backend), str(name)]:
            return Remove(backend, name)
    raise CorruptRecord(path, f"is {item!r:.80}, which is no operation")


def _decode_segment(item: object, path: str) -> Segment:
    match item:
        case [int(first), int(last), *blob]:
            return Segment(first, last, _decode_blob(blob, path))
    raise CorruptRecord(path, f"is {item!r:.80}; it must be first and last number, sha256 and size")


def _decode_blob(item: Sequence[object], path: str) -> Blob:
    match item:
        case [str(sha256), int(size)] if len(sha256) == 64 and not set(sha256) - set("0123456789abcdef") and size >= 0:
            return Blob(sha256, size)
    raise CorruptRecord(path, f"is {item!r:.80}; it must be a sha256 and a size")


# ---------------------------------------------------------------- parts


def encode_segment(operations: Iterable[Operation]) -> str:
    """The text of a segment."""
    return _text({"operations": encode_operations(operations)})


def decode_segment(segment: Segment, text: str) -> tuple[Operation, ...]:
    """The operations of a segment."""
    found = decode_operations(_record(text, "segment").items("operations"), "segment")
    if len(found) != segment.last - segment.first + 1:
        raise CorruptRecord("segment", f"has {len(found)} operations, not {segment.first} to {segment.last}")
    return found


def shard_of(backend: str) -> int:
    """In which shard the servers of a backend stand."""
    return zlib.crc32(backend.encode()) % SHARDS


def encode_shard(servers: Servers) -> str:
    """The text of a shard: the servers of its backends. Equal servers give equal texts."""
    return _text(
        {
            "servers": {
                backend: [encode_server(servers[backend][name]) for name in sorted(servers[backend])]
                for backend in sorted(servers)
            }
        }
    )


def decode_shard(text: str) -> dict[str, dict[str, Server]]:
    """The servers of a shard."""
    backends = _record(text, "shard").mapping("servers")
    found: dict[str, dict[str, Server]] = {}
    for backend in backends.names():
        path = f"shard.servers.{backend:.80}"
        servers = [decode_server(item, path) for item in backends.items(backend)]
        found[backend] = {server.name: server for server in servers}
    return found


def encode_shards(shards: Mapping[int, Blob]) -> str:
    """The text of the base's list of shards; empty ones are not in it."""
    return _text({"shards": {str(number): list(shards[number]) for number in sorted(shards)}})


def decode_shards(text: str) -> dict[int, Blob]:
    """The list of shards."""
    listed = _record(text, "shards").mapping("shards")
    for name in listed.names():
        if not name.isdecimal() or int(name) >= SHARDS:
            raise CorruptRecord(f"shards.{name:.80}", f"is not a number below {SHARDS}")
    return {int(name): _decode_blob(listed.items(name), f"shards.{name}") for name in listed.names()}


def _text(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _record(text: str, what: str) -> Record:
    return load(text.encode(), what)
