"""What is published for a pool, read as a load balancer reads it."""

from collections.abc import Mapping

from pool_executor.contract import (
    Blob,
    Endpoints,
    Server,
    Structure,
    apply,
    decode_blob,
    decode_endpoints,
    decode_segment,
    decode_shard,
    decode_shards,
    decode_structure,
)
from sdk.storage.connection import ZooKeeper


class Rendered:
    """One pool below `root`."""

    def __init__(self, session: ZooKeeper, root: str, pool: str) -> None:
        self._session = session
        self.path = f"{root}/rendered/{pool}"

    def structure(self) -> Structure | None:
        found = self._session.get(f"{self.path}/structure")
        return decode_structure(found[0]) if found else None

    def endpoints(self) -> Endpoints | None:
        found = self._session.get(f"{self.path}/endpoints")
        return decode_endpoints(found[0]) if found else None

    def text(self, blob: Blob) -> str:
        whole = self._session.get(f"{self.path}/parts/{blob.sha256}")
        if whole is not None:
            return decode_blob(blob, [whole[0]])
        chunks, index = [], 0
        while (piece := self._session.get(f"{self.path}/parts/{blob.sha256}.{index}")) is not None:
            chunks.append(piece[0])
            index += 1
        return decode_blob(blob, chunks)

    def texts(self) -> Mapping[str, str]:
        """The text of each part of the structure."""
        head = self.structure()
        assert head is not None
        return {name: self.text(part.blob) for name, part in head.parts.items()}

    def servers(self) -> dict[str, dict[str, Server]]:
        """The servers, from the base and all that came after it; LookupError when nothing is published yet."""
        head = self.endpoints()
        if head is None:
            raise LookupError(f"no endpoints at {self.path} yet")
        servers: dict[str, dict[str, Server]] = {}
        if head.shards is not None:
            for blob in decode_shards(self.text(head.shards)).values():
                servers.update(decode_shard(self.text(blob)))
        number = head.since
        for segment in head.segments:
            for operation in decode_segment(segment, self.text(segment.blob)):
                number += 1
                if number > head.base:
                    apply(servers, [operation])
        for operation in head.operations:
            number += 1
            if number > head.base:
                apply(servers, [operation])
        assert number == head.sequence
        return servers
