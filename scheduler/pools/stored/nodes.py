"""The nodes of one pool: `<root>/pools/<name>`, and below it the text of one that is too large for a node.

Knows in which order they are written and read, so that nobody ever sees one half of a pool. Every function may raise
StorageUnavailable.
"""

from collections import OrderedDict
from contextlib import suppress

from scheduler.pools.stored.own_writings import OwnWritings
from scheduler.pools.stored.record import Head, StoredPool, content_of, decode_content, decode_head, of_head, pool_of
from scheduler.pools.stored.sparse import Known
from sdk.errors import CorruptRecord
from sdk.storage.blobs import encode_blob, read_blob
from sdk.storage.connection import (
    BadVersion,
    Check,
    Delete,
    NodeExists,
    NoNode,
    Op,
    ZooKeeper,
)

#: A newer state may be written between reading the node and reading its text.
_TRIES = 5
_MOST_LARGE = 16


def _folder(path: str) -> str:
    return f"{path}/parts"


class Large:
    """The large pools that somebody has read last: one that changes is read again in the places that changed alone."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Known] = OrderedDict()

    def pool(self, path: str, head: Head, content: object) -> StoredPool:
        """As `pool_of` makes it."""
        if head.blob is None:
            self._known.pop(path, None)
            return pool_of(path, head, content)
        stored = pool_of(path, head, content, self._known.get(path))
        self.keep(path, Known(content, stored.pool))
        return stored

    def keep(self, path: str, known: Known) -> None:
        """This is what was read last of a pool."""
        self._known[path] = known
        self._known.move_to_end(path)
        while len(self._known) > _MOST_LARGE:
            self._known.popitem(last=False)


def read_pool(
    zookeeper: ZooKeeper,
    path: str,
    found: tuple[bytes, int] | None = None,
    large: Large | None = None,
    own: OwnWritings | None = None,
    last: StoredPool | None = None,
) -> StoredPool | None:
    """The pool at `path`, None without one; `found` are data and version of the node if they were read already.

    `large` is for who reads again and again, `own` for who may have written it, `last` is how it was read last:
    in the same state it is not read again. Raises CorruptRecord when what is stored is not a pool.
    """
    for _ in range(_TRIES):
        found = found or zookeeper.get(path)
        if found is None or not found[0]:
            return None  # an empty node is one whose text is just being written
        head = decode_head(path, *found)
        if last is not None and last.revision == head.revision:
            return last
        known = own.text(path.rpartition("/")[2], head.blob) if own is not None and head.blob is not None else None
        if known is not None:
            if large is not None:
                large.keep(path, known)
            return of_head(known.value, head)
        content = content_of(path, head, lambda blob: read_blob(zookeeper.get_all, _folder(path), blob))
        if head.blob is None or content is not None:
            return pool_of(path, head, content) if large is None else large.pool(path, head, content)
        found = None
    raise CorruptRecord(path, "names a text that does not exist")


def write_text(zookeeper: ZooKeeper, path: str, text: str) -> list[Op]:
    """Have the text beside the node; what has to hold when the node comes to name it.

    Raises NoNode without the node: making it as well would bring a pool back that somebody has just deleted.
    """
    folder = _folder(path)
    nodes = [(folder, b""), *((f"{folder}/{name}", data) for name, data in encode_blob(text))]
    for node, data in nodes:
        with suppress(NodeExists):  # named by its content, it is the same
            zookeeper.create(node, data, parents=False)
    return [Check(node) for node, _ in nodes[1:]]


def read_text(zookeeper: ZooKeeper, path: str, head: Head) -> str | None:
    """The text beside the node; None when there is none, or another one by now."""
    try:
        return read_blob(zookeeper.get_all, _folder(path), head.blob) if head.blob is not None else None
    except CorruptRecord:
        return None


def read_content(zookeeper: ZooKeeper, path: str, head: Head | None) -> object:
    """What the record holds, as it was written; None when it is not there."""
    if head is None or head.blob is None:
        return head and head.content
    text = read_text(zookeeper, path, head)
    try:
        return None if text is None else decode_content(path, text)
    except CorruptRecord:
        return None  # it is about to be written anew, which mends it


def remove_texts(zookeeper: ZooKeeper, path: str, node_version: int) -> None:
    """Remove the texts that the node does not name, if it still has this version: a later writer has one of his own."""
    folder = _folder(path)
    nodes = zookeeper.children(folder)
    found = zookeeper.get(path) if nodes else None
    if found is None or found[1] != node_version:
        return
    blob = decode_head(path, *found).blob
    waste = [name for name in nodes if blob is None or name.partition(".")[0] != blob.sha256]
    with suppress(BadVersion, NoNode):  # whoever was faster removes them
        if waste:
            zookeeper.multi([Check(path, node_version), *(Delete(f"{folder}/{name}") for name in waste)])


def removal(zookeeper: ZooKeeper, path: str, node_version: int) -> list[Op]:
    """The operations that remove the node with its texts at once."""
    folder = _folder(path)
    if not zookeeper.exists(folder):
        return [Delete(path, node_version)]
    texts = [Delete(f"{folder}/{name}") for name in zookeeper.children(folder)]
    return [*texts, Delete(folder), Delete(path, node_version)]
