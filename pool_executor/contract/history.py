"""What the log of endpoints says: the servers as they are, or only what came after an operation. Pure.

Knows in which parts operations and servers stand. Does not know where parts are: whoever asks gives their texts.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from pool_executor.contract.log import Endpoints, decode_segment, decode_shard, decode_shards
from pool_executor.contract.servers import Operation, Server, apply
from sdk.storage.blobs import Blob

Fetch = Callable[[Sequence[Blob]], Sequence[str]]
"""The texts of parts, which are asked for together; may raise CorruptRecord."""


class Whole(NamedTuple):
    """Everything that a head leads to."""

    servers: dict[str, dict[str, Server]]
    """After the head's last operation, by backend and name."""
    shards: Mapping[int, Blob]
    """The parts of the base by number."""
    behind: Sequence[Operation]
    """The operations after the base."""


def operations_after(head: Endpoints, sequence: int, fetch: Fetch) -> Sequence[Operation]:
    """The operations after number `sequence`, which is not before `head.since`."""
    inline = head.operations[max(0, sequence + 1 - head.inline_from) :]
    segments = [segment for segment in head.segments if segment.last > sequence]
    if not segments:
        return inline
    found: list[Operation] = []
    for segment, text in zip(segments, fetch([segment.blob for segment in segments]), strict=True):
        found += decode_segment(segment, text)[max(0, sequence + 1 - segment.first) :]
    return (*found, *inline)


def read_whole(head: Endpoints, fetch: Fetch) -> Whole:
    """The servers, from the base and what came after it."""
    shards: Mapping[int, Blob] = {}
    servers: dict[str, dict[str, Server]] = {}
    if head.shards is not None:
        shards = decode_shards(fetch([head.shards])[0])
        for text in fetch(list(shards.values())):
            servers.update(decode_shard(text))
    behind = operations_after(head, head.base, fetch)
    apply(servers, behind)
    return Whole(servers, shards, behind)
