"""Bundles in ZooKeeper: the parts of a pool, then one head that names them.

Knows the nodes below `<root>/rendered`, the order of writes and what may be removed. Parts are named by their content,
so writing them needs no leadership; the head and every removal are in a multi that begins with the check of the lock's
epoch, so a process that lost the lock neither publishes nor takes away what its successor needs. A crash leaves at
worst parts that no head names; the next process in charge removes them. Does not know HAProxy or pools.
"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from api.dcos_template.build import endpoint_of
from api.dcos_template.endpoint import Endpoint
from api.dcos_template.text import Texts
from pool_executor.bundle import MAX_NODE_BYTES, Head, Part, decode_head, encode_head, encode_part, split_servers
from scheduler.pools.model import Revision
from sdk.errors import CorruptRecord, InvalidSpec
from sdk.storage.blobs import Blob, read_blob
from sdk.storage.connection import (
    BadVersion,
    Delete,
    NodeExists,
    NoNode,
    NotEmpty,
    Op,
    Set,
    ZooKeeper,
)

#: One packet must stay small; names of parts are short.
_DELETES_AT_ONCE = 100
_REMOVALS = 5

log = structlog.get_logger()


class Fence(Protocol):
    """What is used of Leadership."""

    @property
    def epoch(self) -> int:
        """Our epoch; raises LeadershipLost."""

    def write(self, ops: Sequence[Op]) -> list[int | str | None]:
        """A multi behind the epoch check; raises LeadershipLost."""


@dataclass(slots=True, kw_only=True)
class _Stored:
    """What is known to stand in ZooKeeper for one pool."""

    node_version: int
    head: Head | None
    nodes: set[str]
    """Names below `parts/`."""
    previous: frozenset[str] = frozenset()
    """sha256 of the parts of the head before `head`: readers may still be fetching them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The outcome: the head that stands now, and what was written for it."""

    head: Head
    written: bool
    parts_written: int
    bytes_written: int


class Publisher:
    """One thread uses it, while it is in charge. Every method may raise StorageUnavailable or LeadershipLost."""

    def __init__(self, zookeeper: ZooKeeper, fence: Fence, root: str) -> None:
        self._zookeeper = zookeeper
        self._fence = fence
        self._base = f"{root.rstrip('/')}/rendered"
        self._stored: dict[str, _Stored] = {}
        # The highest version ever used here: a pool that is deleted and made again must not count from the start,
        # because an instance that outlives the moment would take the new heads for old ones.
        self._highest: dict[str, int] = {}

    def forget(self) -> None:
        """Believe nothing that was read or written before: another process may have been in charge meanwhile."""
        self._stored.clear()

    def forget_pool(self, pool: str) -> None:
        """The same for one pool, after a write whose outcome is not known."""
        self._stored.pop(pool, None)

    def pools(self) -> list[str]:
        """Names of the pools that have something published."""
        return self._zookeeper.children(self._base)

    def publish(
        self, pool: str, texts: Texts, ports: Mapping[str, str], revision: Revision, task_revision: int
    ) -> Published:
        """Make these texts the bundle of the pool; nothing is written when they already are.

        Raises InvalidSpec when it has more files than one head can name.
        """
        stored = self._stored.get(pool) or self._load(pool)
        parts = {name: text.part for name, text in sorted(texts.items())}
        head = stored.head
        if (
            head is not None
            and (head.parts, head.ports, head.pool_uid, head.pool_version) == (parts, ports, *revision)
            and all(self._is_whole(stored, part.sha256) for part in parts.values())
        ):
            return Published(head=head, written=False, parts_written=0, bytes_written=0)
        version = max(head.version if head else 0, self._highest.get(pool, 0)) + 1
        new = Head(
            pool=pool,
            epoch=self._fence.epoch,
            version=version,
            pool_version=revision.version,
            pool_uid=revision.uid,
            task_revision=task_revision,
            ports=dict(ports),
            parts=parts,
        )
        data = encode_head(new)
        if len(data) > MAX_NODE_BYTES:
            rule = f"needs {len(parts)} files, whose list of {len(data)} bytes is too long: split it into several pools"
            raise InvalidSpec(f"pool {pool}", rule)
        written, size = self._write_parts(pool, stored, texts)
        try:
            (node_version,) = self._fence.write([Set(self._path(pool), data, stored.node_version)])
        except (BadVersion, NoNode):
            # Somebody removed or wrote the head by hand: what we know is wrong.
            self.forget_pool(pool)
            raise
        assert isinstance(node_version, int)
        self._highest[pool] = version
        stored.node_version = node_version
        stored.previous = _digests(head)
        stored.head = new
        return Published(head=new, written=True, parts_written=written, bytes_written=size)

    def endpoints(self, pool: str, revision: Revision, fresh: Texts) -> dict[str, set[Endpoint]]:
        """The endpoints of tasks, by backend, in those parts of the published bundle that differ from `fresh`.

        None at all when the bundle is of another version of the pool: then its services may have been others.
        """
        stored = self._stored.get(pool) or self._load(pool)
        head = stored.head
        found: dict[str, set[Endpoint]] = {}
        if head is None or (head.pool_uid, head.pool_version) != revision:
            return found
        for part in head.of_kind("config"):
            text = fresh.get(part.name)
            if text is not None and text.part.sha256 == part.sha256:
                continue
            for section in split_servers(self._readable(pool, part)):
                if section.kind == "backend":
                    ends = {end for server in section.servers if (end := endpoint_of(server))}
                    found.setdefault(section.name, set()).update(ends)
        return found

    def _readable(self, pool: str, part: Part) -> str:
        try:
            return read_blob(self._zookeeper.get, f"{self._path(pool)}/parts", Blob(part.sha256, part.size)) or ""
        except CorruptRecord as error:
            # Load balancers cannot read it either: what stood in it must not keep a new bundle from being published.
            log.warning("A part of the published bundle cannot be read", pool=pool, part=part.name, error=str(error))
            return ""

    def collect(self, pool: str) -> int:
        """Remove the parts that neither the head nor the one before names; how many nodes that were."""
        stored = self._stored.get(pool)
        if stored is None:
            return 0
        keep = _digests(stored.head) | stored.previous
        waste = sorted(name for name in stored.nodes if name.partition(".")[0] not in keep)
        for start in range(0, len(waste), _DELETES_AT_ONCE):
            batch = waste[start : start + _DELETES_AT_ONCE]
            try:
                self._fence.write([Delete(self._part_path(pool, name)) for name in batch])
            except NoNode:
                self.forget_pool(pool)  # removed by hand; the next look tells what is there
                return start
            stored.nodes.difference_update(batch)
        return len(waste)

    def remove(self, pool: str) -> None:
        """Remove everything of a pool that is gone."""
        stored = self._stored.get(pool) or self._load(pool, create=False)
        if stored is not None and stored.head is not None:
            self._highest[pool] = max(self._highest.get(pool, 0), stored.head.version)
        self.forget_pool(pool)
        # A process that was in charge before us may be writing its last parts, or somebody is removing too.
        for attempt in range(_REMOVALS, 0, -1):
            try:
                self._remove_tree(self._path(pool))
            except (NotEmpty, NoNode):
                if attempt == 1:
                    raise
            else:
                return

    def _remove_tree(self, path: str) -> None:
        """The node and all below it, whoever made them; behind the fence, so not ZooKeeper's own recursive deletion."""
        names = self._zookeeper.children(path)
        for start in range(0, len(names), _DELETES_AT_ONCE):
            batch = [f"{path}/{name}" for name in names[start : start + _DELETES_AT_ONCE]]
            try:
                self._fence.write([Delete(each) for each in batch])
            except NotEmpty:
                for each in batch:
                    self._remove_tree(each)
        if self._zookeeper.exists(path):
            self._fence.write([Delete(path)])

    # ------------------------------------------------------------

    def _load(self, pool: str, create: bool = True) -> _Stored:
        path = self._path(pool)
        if create:
            # The head's node comes first and empty, because parts stand below it; readers take empty for "not yet".
            self._zookeeper.ensure(f"{path}/parts")
        found = self._zookeeper.get(path)
        head = None
        if found is not None and found[0]:
            try:
                head = decode_head(found[0])
            except CorruptRecord as error:
                log.error("A bundle head cannot be read; writing a new one", pool=pool, error=str(error))
        stored = _Stored(
            node_version=found[1] if found else 0,
            head=head,
            nodes=set(self._zookeeper.children(f"{path}/parts")),
        )
        if create:
            self._stored[pool] = stored
        return stored

    def _write_parts(self, pool: str, stored: _Stored, texts: Texts) -> tuple[int, int]:
        in_head = _digests(stored.head)
        written = size = 0
        for text in texts.values():
            if text.part.sha256 in in_head and self._is_whole(stored, text.part.sha256):
                continue
            for node, data in encode_part(text.text):
                if node in stored.nodes:
                    continue
                # What stands there is of a process in charge before us, and its name says that it is the same.
                with contextlib.suppress(NodeExists):
                    self._zookeeper.create(self._part_path(pool, node), data)
                stored.nodes.add(node)
                written += 1
                size += len(data)
        return written, size

    def _is_whole(self, stored: _Stored, sha256: str) -> bool:
        """A head is written only after its parts, so one node of a part stands for all, unless somebody removed it."""
        return sha256 in stored.nodes or f"{sha256}.0" in stored.nodes

    def _path(self, pool: str) -> str:
        return f"{self._base}/{pool}"

    def _part_path(self, pool: str, node: str) -> str:
        return f"{self._base}/{pool}/parts/{node}"


def _digests(head: Head | None) -> frozenset[str]:
    return frozenset(part.sha256 for part in head.parts.values()) if head else frozenset()
