"""The states that a pool had: `<root>/history/<pool>/<when>-<uid>-<version>`, each its record as it was, compressed.

A state is written down before it is replaced or deleted, under a name that says which it is: written twice, it is the
same. Knows how many are kept. Does not know who may read them. Every function may raise StorageUnavailable.
"""

import zlib
from contextlib import suppress
from dataclasses import dataclass

import structlog

from scheduler.pools.stored.nodes import read_text
from scheduler.pools.stored.record import MAX_BYTES, Head, StoredPool, content_of, decode_head, pool_of
from scheduler.pools.words import texts
from sdk.errors import CorruptRecord
from sdk.storage.blobs import Blob
from sdk.storage.connection import NodeExists, NoNode, ZooKeeper
from sdk.storage.nodes import decode_json, encode_json

MOST = 20
"""States that are kept of a pool."""
MOST_GONE = 200
"""Pools that are gone, of which something is kept."""
#: A node of ZooKeeper holds less than 1 MB, and one request too.
_MOST_PACKED = 900_000
_MOST_UNPACKED = 2 * MAX_BYTES + 1_000_000

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A state that cannot be read any more."""

    name: str
    why: str


class PoolHistory:
    """Writes and reads the states of the pools of one root."""

    def __init__(self, zookeeper: ZooKeeper, root: str) -> None:
        self._zookeeper = zookeeper
        self._base = f"{root.rstrip('/')}/history"

    def keep(self, path: str, head: Head, data: bytes) -> None:
        """Write the state down that stands in the node at `path`; of one that is too large only a warning remains."""
        name = path.rpartition("/")[2]
        text = read_text(self._zookeeper, path, head) if head.blob is not None else None
        if head.blob is not None and text is None:
            return  # another state has taken its place meanwhile, and whoever wrote that has kept this one
        packed = zlib.compress(encode_json({"node": data.decode(), "text": text}))
        if len(packed) > _MOST_PACKED:
            _log.warning("A state of a pool is too large to be kept", pool=name, version=head.revision.version)
            return
        folder = f"{self._base}/{name}"
        if not self._zookeeper.exists(folder):
            self._forget_the_gone()
            self._zookeeper.ensure(folder)
        with suppress(NodeExists):
            self._zookeeper.create(f"{folder}/{int(head.written * 1000):015d}-{head.revision}", packed)
        for old in sorted(self._zookeeper.children(folder))[:-MOST]:
            self._zookeeper.delete(f"{folder}/{old}")

    def states(self, name: str) -> list[StoredPool | Lost]:
        """The states that are kept of a pool, the newest first, whether it is there now or not."""
        if texts.pool_name(name):
            return []
        folder = f"{self._base}/{name}"
        names = sorted(self._zookeeper.children(folder), reverse=True)
        return [found for each in names if (found := self._state(name, f"{folder}/{each}")) is not None]

    def _state(self, name: str, node: str) -> StoredPool | Lost | None:
        found = self._zookeeper.get(node)
        if found is None:
            return None  # somebody keeps newer ones
        try:
            return _unpacked(name, found[0])
        except (CorruptRecord, zlib.error) as error:
            return Lost(name=node.rpartition("/")[2], why=str(error))

    def _forget_the_gone(self) -> None:
        """Of pools that are gone, those whose last state is the oldest are forgotten when there are too many."""
        pools = set(self._zookeeper.children(self._base.removesuffix("history") + "pools"))
        gone = [each for each in self._zookeeper.children(self._base) if each not in pools]
        if len(gone) < MOST_GONE:
            return
        last = {each: max(self._zookeeper.children(f"{self._base}/{each}"), default="") for each in gone}
        for each in sorted(gone, key=last.__getitem__)[: len(gone) - MOST_GONE + 1]:
            with suppress(NoNode):
                self._zookeeper.delete(f"{self._base}/{each}", recursive=True)


def _unpacked(name: str, packed: bytes) -> StoredPool:
    """Raises CorruptRecord, or zlib's error."""
    unpacker = zlib.decompressobj()
    plain = unpacker.decompress(packed, _MOST_UNPACKED)
    if not unpacker.eof:
        raise CorruptRecord(name, "is cut off, or larger than any pool")
    value = decode_json(name, plain)
    if not isinstance(value, dict) or not isinstance(value.get("node"), str):
        raise CorruptRecord(name, "is not the state of a pool")
    text = value.get("text")

    def text_of(_: Blob) -> str | None:
        return text if isinstance(text, str) else None

    path = f"history/{name}"
    head = decode_head(path, value["node"].encode(), 0)
    content = content_of(path, head, text_of)
    if content is None:
        raise CorruptRecord(path, "names a text that was not kept")
    return pool_of(path, head, content)
