"""What stands in ZooKeeper for a pool, as the process that publishes it has to know it.

Knows the nodes below `<root>/rendered/<pool>` and how they are read and made. What cannot be read is as good as not
there: it is written anew. Does not know what is wanted.
"""

import contextlib
import uuid
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

import structlog

from api.dcos_template.publishing.journal import Journal
from api.dcos_template.publishing.problem import decode_problem
from pool_executor.contract import (
    MAX_NODE_BYTES,
    Structure,
    decode_endpoints,
    decode_structure,
    encode_blob,
    read_whole,
)
from sdk.errors import CorruptRecord
from sdk.storage.blobs import read_blobs
from sdk.storage.connection import Create, NodeExists, ZooKeeper, decode_json

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """The nodes of one pool below `base`, which is `<root>/rendered`."""

    base: str
    pool: str

    @property
    def top(self) -> str:
        """What everything of the pool stands below."""
        return f"{self.base}/{self.pool}"

    @property
    def structure(self) -> str:
        """The head of the structure."""
        return f"{self.top}/structure"

    @property
    def endpoints(self) -> str:
        """The head of the endpoints."""
        return f"{self.top}/endpoints"

    @property
    def problem(self) -> str:
        """The record of what is wrong with the pool."""
        return f"{self.top}/problem"

    @property
    def acceptance(self) -> str:
        """The acceptance of a removal."""
        return f"{self.top}/acceptance"

    @property
    def parts(self) -> str:
        """What the parts stand below."""
        return f"{self.top}/parts"

    def part(self, node: str) -> str:
        """One node of a part."""
        return f"{self.parts}/{node}"


@dataclass(slots=True, kw_only=True)
class Published:
    """What is known to stand there. Node versions are None where there is no node yet."""

    structure: Structure | None = None
    structure_node: int | None = None
    structure_doubted: bool = False
    """Whether another head of the structure may stand there than is known: the endpoints need not wait for that."""
    structure_before: frozenset[str] = frozenset()
    """sha256 of the parts of the head before: readers may still be fetching them."""
    journal: Journal
    endpoints_node: int | None = None
    nodes: set[str] = field(default_factory=set)
    """Names below `parts`."""
    leaving: frozenset[str] = frozenset()
    """sha256 of parts that are being removed at this moment: they are neither there nor can they be made."""
    problem: bytes | None = None
    """The record of what is wrong."""
    accepted: float | None = None
    """Which hold somebody said may end."""

    @property
    def held_since(self) -> float | None:
        """Which hold the record tells of."""
        try:
            problem = decode_problem("problem", self.problem) if self.problem else None
        except CorruptRecord:
            return None  # it is written anew in a moment
        return problem.held.since if problem and problem.held else None

    def has(self, sha256: str) -> bool:
        """Whether a part is there: its first node is written last."""
        return sha256 in self.nodes or f"{sha256}.0" in self.nodes

    def names(self) -> frozenset[str]:
        """The sha256 of every part that a reader may be fetching."""
        structure = self.structure.parts.values() if self.structure else ()
        return self.structure_before | self.journal.names() | {part.sha256 for part in structure}


def load(zookeeper: ZooKeeper, paths: Paths, now: Callable[[], float]) -> Published:
    """Read everything of a pool but the text of its structure; may raise StorageUnavailable."""
    zookeeper.ensure(paths.parts)
    journal, endpoints_node = _load_endpoints(zookeeper, paths, now)
    structure, structure_node = load_structure(zookeeper, paths)
    problem = zookeeper.get(paths.problem)
    return Published(
        structure=structure,
        structure_node=structure_node,
        journal=journal,
        endpoints_node=endpoints_node,
        # Last, so that everything that a head names is found.
        nodes=set(zookeeper.children(paths.parts)),
        problem=problem[0] if problem else None,
        accepted=accepted_hold(zookeeper, paths),
    )


def accepted_hold(zookeeper: ZooKeeper, paths: Paths) -> float | None:
    """Which hold (`since`) somebody said may end; None when nobody did."""
    found = zookeeper.get(paths.acceptance)
    try:
        return None if found is None else float(decode_json(paths.acceptance, found[0])["since"])
    except (CorruptRecord, KeyError, TypeError, ValueError):
        return -1.0  # not ours; it is removed once nothing is held


def load_structure(zookeeper: ZooKeeper, paths: Paths) -> tuple[Structure | None, int | None]:
    """The head of the structure and the version of its node; None where there is none, or none that can be read."""
    found = zookeeper.get(paths.structure)
    if found is None:
        return None, None
    try:
        return decode_structure(found[0]), found[1]
    except CorruptRecord as error:
        log.error("The head of a structure cannot be read; writing a new one", pool=paths.pool, error=str(error))
        return None, found[1]


def _load_endpoints(zookeeper: ZooKeeper, paths: Paths, now: Callable[[], float]) -> tuple[Journal, int | None]:
    found = zookeeper.get(paths.endpoints)
    if found is None:
        return Journal(paths.pool, _lineage()), None
    data, node = found
    try:
        head = decode_endpoints(data)
        whole = read_whole(head, lambda blobs: read_blobs(zookeeper.get_all, paths.parts, blobs))
    except CorruptRecord as error:
        log.error("The published endpoints cannot be read; beginning anew", pool=paths.pool, error=str(error))
        return Journal(paths.pool, _lineage()), node
    return Journal.resume(head, *whole, now()), node


def _lineage() -> str:
    return uuid.uuid4().hex[:12]


def write_parts(zookeeper: ZooKeeper, paths: Paths, texts: Iterable[str], there: Collection[str]) -> set[str]:
    """Make sure that these texts stand there as parts; the names of the nodes that were written."""
    written: dict[str, bytes] = {}
    for text in texts:
        written.update((node, data) for node, data in encode_blob(text) if node not in there)
    batch: list[Create] = []
    for node, data in written.items():
        if batch and sum(len(one.data) for one in batch) + len(data) > MAX_NODE_BYTES:
            _create(zookeeper, batch)
            batch = []
        batch.append(Create(paths.part(node), data))
    if batch:
        _create(zookeeper, batch)
    return set(written)


def _create(zookeeper: ZooKeeper, batch: list[Create]) -> None:
    """All in one packet, in this order: a part's first node is the last of its."""
    try:
        zookeeper.multi(batch)
    except NodeExists:
        for one in batch:
            # What stands there is of a process in charge before us, and its name says that it is the same.
            with contextlib.suppress(NodeExists):
                zookeeper.create(one.path, one.data, parents=False)
