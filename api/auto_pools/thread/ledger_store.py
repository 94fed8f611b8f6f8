"""Where it stands how old claims are: `<root>/auto-pools/<template>`, one node for each pool template.

A short ledger stands in the node, for people to read. A longer one has its shards below it, each named by its content,
and the node names them: one write of the node changes all at once, and shards in which nothing changed are not written
again. Does not know what entries mean. Every method may raise StorageUnavailable.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from api.auto_pools.claims.ledger import (
    MOST_BYTES,
    SHARDS,
    Ledger,
    Shard,
    decode_entries,
    encode_entries,
    entries_of,
    shard_of,
    size_of,
)
from api.auto_pools.templates.stored_template import name_problem
from sdk.errors import CorruptRecord, InvalidSpec
from sdk.storage.blobs import Blob, BlobMissing, encode_blob, read_blobs
from sdk.storage.connection import (
    BadVersion,
    Check,
    Create,
    Delete,
    NodeExists,
    NoNode,
    NotEmpty,
    Op,
    Set,
    StorageConflict,
    ZooKeeper,
    decode_json,
)
from sdk.storage.nodes import encode_json

#: Bytes of entries that stand in the node itself.
_MOST_INLINE = 20_000
#: Bytes of a shard: what says to be longer was not written by us.
_LONGEST = 4 * MOST_BYTES
#: Bytes of a packed one, unpacked.
_LONGEST_PACKED = 64 * 1024 * 1024
#: Bytes of what is written at once: a server takes a bit more.
_MOST_AT_ONCE = 500_000
_MOST_WASTE = 256
_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A ledger as it was read or written last, and the texts in which its shards stand; none where they have none."""

    ledger: Ledger
    blobs: tuple[Blob | None, ...]


class LedgerStore:
    """Of one root. The `checks` have to hold when something is written; the StorageConflict of one is raised."""

    def __init__(self, zookeeper: ZooKeeper, root: str) -> None:
        self._zookeeper = zookeeper
        self._base = f"{root.rstrip('/')}/auto-pools"
        self._known: dict[str, _Known] = {}

    def names(self) -> list[str]:
        """The templates that have one."""
        return self._zookeeper.children(self._base)

    def get(self, template: str) -> Ledger | None:
        """The ledger; raises CorruptRecord when there is none that can be read."""
        path = self._path(template)
        for _ in range(_TRIES):
            found = self._zookeeper.get(path)
            if found is None:
                return None
            with suppress(BlobMissing):  # it was replaced while it was read
                return self._read(template, path, decode_json(path, _unpacked(path, found[0])))
        raise CorruptRecord(path, "names shards that do not exist")

    def put(self, template: str, ledger: Ledger, checks: Sequence[Check] = ()) -> None:
        """Write it, whatever stood there."""
        path = self._path(template)
        if _is_short(ledger):
            self._write(path, encode_entries(ledger.items()).encode(), {}, checks)
            self._known.pop(template, None)
            return
        known = self._known.get(template)
        blobs = tuple(self._blob(known, number, shard) for number, shard in enumerate(ledger.shards))
        shards = {blob: shard for blob, shard in zip(blobs, ledger.shards, strict=True) if blob is not None}
        self._write(path, encode_json({"shards": blobs}), shards, checks)
        self._known[template] = _Known(ledger=ledger, blobs=blobs)

    def delete(self, template: str, checks: Sequence[Check] = ()) -> None:
        """Remove it, if it is there."""
        path = self._path(template)
        self._known.pop(template, None)
        while self._zookeeper.exists(path):
            names = self._zookeeper.children(path)[:_MOST_WASTE]
            try:
                self._zookeeper.multi([*checks, *(Delete(f"{path}/{name}") for name in names), Delete(path)])
            except NotEmpty:
                self._zookeeper.multi([*checks, *(Delete(f"{path}/{name}") for name in names)])
            except NoNode as error:
                if _fails(checks, error):
                    raise

    def _blob(self, known: _Known | None, number: int, shard: Shard) -> Blob | None:
        if known is not None and shard is known.ledger.shards[number]:
            return known.blobs[number]
        return Blob.of(encode_entries(shard.items())) if shard else None

    def _read(self, template: str, path: str, record: Any) -> Ledger:
        if not isinstance(record, Mapping) or "shards" not in record:
            return Ledger.of(entries_of(record, path))
        blobs = tuple(_blobs(path, record["shards"]))
        texts = iter(read_blobs(self._zookeeper.get_all, path, (blob for blob in blobs if blob is not None)))
        shards = [{} if blob is None else decode_entries(next(texts), f"{path}/{blob.sha256}") for blob in blobs]
        if all(shard_of(app) == number for number, shard in enumerate(shards) for app in shard):
            ledger = Ledger(tuple(shards))
            self._known[template] = _Known(ledger=ledger, blobs=blobs)
            return ledger
        return Ledger.of({app: entry for shard in shards for app, entry in shard.items()})  # another release's shards

    def _write(self, path: str, head: bytes, shards: Mapping[Blob, Shard], checks: Sequence[Check]) -> None:
        """Have the node hold `head`, and below it just the shards."""
        while True:
            try:
                found = self._zookeeper.get(path)
                there = set(self._zookeeper.children(path)) if found is not None else set()
                ops: list[Op] = [] if found is not None else [Create(path, encode_entries(()).encode())]
                for blob, shard in shards.items():
                    # Of several pieces the first one is written last.
                    if not there & {blob.sha256, f"{blob.sha256}.0"}:
                        for name, data in encode_blob(encode_entries(shard.items())):
                            ops = self._room(ops, len(data), checks)
                            ops += [Create(f"{path}/{name}", data)] if name not in there else []
                named = {blob.sha256 for blob in shards}
                waste = [name for name in there if name.partition(".")[0] not in named]
                ops = self._room(ops, len(head), checks)
                removed = (Delete(f"{path}/{name}") for name in waste[:_MOST_WASTE])
                self._zookeeper.multi([*checks, *ops, Set(path, head, found[1] if found is not None else 0), *removed])
                return
            except (NodeExists, NoNode, BadVersion) as error:
                if _fails(checks, error):
                    raise
                self._zookeeper.ensure(self._base)

    def _room(self, ops: list[Op], more: int, checks: Sequence[Check]) -> list[Op]:
        """The operations, or none after they were carried out, where so many bytes do not fit on top."""
        if ops and sum(len(getattr(op, "data", b"")) for op in ops) + more > _MOST_AT_ONCE:
            self._zookeeper.multi([*checks, *ops])
            return []
        return ops

    def _path(self, template: str) -> str:
        # The last line of defence: no caller may reach another node through a name.
        if problem := name_problem(template):
            raise InvalidSpec("poolTemplate.name", f"{template[:80]} invalid: {problem}")
        return f"{self._base}/{template}"


def _unpacked(path: str, data: bytes) -> bytes:
    """The text of a node. Long ledgers stood packed in their node before they had shards."""
    if data.startswith(b"{"):
        return data
    unpacking = zlib.decompressobj()
    try:
        text = unpacking.decompress(data, _LONGEST_PACKED)
    except zlib.error as error:
        raise CorruptRecord(path, f"is no ledger: {error}") from error
    if not unpacking.eof:
        raise CorruptRecord(path, "ends early, or is too long")
    return text


def _is_short(ledger: Ledger) -> bool:
    size = 0
    for item in ledger.items():
        size += size_of(*item)
        if size > _MOST_INLINE:
            return False
    return True


def _blobs(path: str, told: Any) -> Iterator[Blob | None]:
    if not isinstance(told, list) or len(told) != SHARDS:
        raise CorruptRecord(path, f"must name {SHARDS} shards")
    for at, one in enumerate(told):
        match one:
            case None:
                yield None
            case [str(sha256), int(size)] if 0 <= size <= _LONGEST and sha256.isalnum():
                yield Blob(sha256, size)
            case _:
                raise CorruptRecord(f"{path}: shards[{at}]", "must be the name and the size of a text")


def _fails(checks: Sequence[Check], error: StorageConflict) -> bool:
    return any(check.path == error.path for check in checks)
