"""What is published for a pool, read as a load balancer reads it."""

from collections.abc import Mapping

from pool_executor.contract import Blob, Endpoints, Server, Structure, decode_endpoints, decode_structure, read_whole
from sdk.storage.blobs import read_blobs
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
        [found] = read_blobs(self._session.get_all, f"{self.path}/parts", [blob])
        return found

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
        return read_whole(head, lambda blobs: [self.text(blob) for blob in blobs]).servers
