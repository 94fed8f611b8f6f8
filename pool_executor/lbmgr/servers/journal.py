"""The servers on disk: all of them as they were once, and the operations since.

    endpoints/servers.json    all servers after some operation, replaced as a whole
    endpoints/journal         operations since, one line for each time they were written; only appended to

Each line of the journal begins with its checksum: what a crash left half written is not read, and nothing after it.
Knows nothing of HAProxy. Raises OSError when the disk is full or gone.
"""

import json
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import structlog

from pool_executor.contract import (
    Operation,
    Server,
    Servers,
    apply,
    decode_operations,
    decode_shard,
    encode_operations,
    encode_shard,
)
from pool_executor.lbmgr.disk import replace_file, sync_path
from sdk.errors import CorruptRecord

_log = structlog.get_logger()
# A journal of so many operations, or of a quarter of the servers, is longer to read than all servers anew.
_FEW = 2_000


class Stored(NamedTuple):
    """The servers as they were after the operation `sequence`."""

    lineage: str
    sequence: int
    servers: dict[str, dict[str, Server]]


class Journal:
    """Below the directory of an instance's files. One thread uses it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._all, self._journal = directory / "servers.json", directory / "journal"
        self._operations = 0
        self._servers = 0
        self._usable = False
        """Whether what is written to the journal can be read after what is there."""

    def load(self) -> Stored | None:
        """The servers after the last operation that was written whole; None when there are none that can be read."""
        try:
            stored = _read_all(self._all.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, CorruptRecord) as error:
            _log.warning("The servers on disk cannot be used; waiting for ZooKeeper", error=str(error))
            return None
        return self._read_journal(stored)

    def append(self, lineage: str, sequence: int, operations: Sequence[Operation]) -> bool:
        """Write the operations up to number `sequence`; False when all servers have to be written instead."""
        if not self._usable or self._operations + len(operations) > max(_FEW, self._servers // 4):
            return False
        value = {"lineage": lineage, "sequence": sequence, "operations": encode_operations(operations)}
        body = json.dumps(value, separators=(",", ":")).encode()
        self._usable = False
        with open(self._journal, "ab") as file:
            file.write(b"%08x %s\n" % (zlib.crc32(body), body))
            file.flush()
            os.fsync(file.fileno())
        self._usable = True
        self._operations += len(operations)
        return True

    def write(self, lineage: str, sequence: int, servers: Servers) -> None:
        """Write all servers; the journal begins anew."""
        self._usable = False
        self._directory.mkdir(exist_ok=True)
        body = encode_shard(servers).encode()
        head = json.dumps({"lineage": lineage, "sequence": sequence, "crc": zlib.crc32(body)}).encode()
        replace_file(self._all, head + b"\n" + body)
        # After a crash here the journal holds operations that are older than the servers, which are skipped.
        with open(self._journal, "wb") as file:
            os.fsync(file.fileno())
        sync_path(self._directory)
        self._usable, self._operations, self._servers = True, 0, sum(map(len, servers.values()))

    def _read_journal(self, stored: Stored) -> Stored:
        sequence = stored.sequence
        try:
            data = self._journal.read_bytes()
        except OSError:
            data = b""
        whole = data.endswith(b"\n") or not data
        for line in data.split(b"\n")[:-1]:
            checksum, _, body = line.partition(b" ")
            if checksum != b"%08x" % zlib.crc32(body):
                whole = False
                break
            try:
                value = json.loads(body)
                if value["lineage"] != stored.lineage or value["sequence"] <= stored.sequence:
                    continue
                operations = decode_operations(value["operations"], "journal")
            except (ValueError, KeyError, TypeError, CorruptRecord) as error:
                _log.warning("A line of the journal cannot be read", error=str(error))
                whole = False
                break
            apply(stored.servers, operations)
            sequence = value["sequence"]
            self._operations += len(operations)
        if not whole:
            _log.warning("The journal of servers ends in the middle of a line; what stands before it is used")
        self._usable, self._servers = whole, sum(map(len, stored.servers.values()))
        return Stored(stored.lineage, sequence, stored.servers)


def _read_all(data: bytes) -> Stored:
    head, _, body = data.partition(b"\n")
    try:
        value = json.loads(head)
        lineage, sequence, checksum = str(value["lineage"]), int(value["sequence"]), value["crc"]
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptRecord("servers.json", f"has no head: {error}") from error
    if zlib.crc32(body) != checksum:
        raise CorruptRecord("servers.json", "is not what was written")
    return Stored(lineage, sequence, decode_shard(body.decode()))
