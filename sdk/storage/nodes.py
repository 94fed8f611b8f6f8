"""Nodes of ZooKeeper in values: what is known about one, the operations on them, and how one can be not as expected."""

import json
from dataclasses import dataclass
from typing import Any

from sdk.errors import CorruptRecord, InvalidSpec, SdkError

# The server drops a packet above jute.maxbuffer (1 MiB) and the client sees only a lost connection, so stay well below.
MAX_PACKET_BYTES = 900_000


class StorageConflict(SdkError):
    """An operation did not fit what is stored; nothing was changed."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path


class NodeExists(StorageConflict):
    """The node is there already."""


class NoNode(StorageConflict):
    """The node, or the parent of a node to create, is not there."""


class BadVersion(StorageConflict):
    """The node has another version than expected: somebody wrote in between."""


class NotEmpty(StorageConflict):
    """The node has children."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat:
    """The facts about a node; `created` and `modified` are transaction ids that never repeat."""

    version: int
    created: int
    modified: int
    children_version: int
    owner: int
    """Session id of an ephemeral node, else 0."""


@dataclass(frozen=True, slots=True)
class Check:
    """The node must exist with this version (-1: any)."""

    path: str
    version: int = -1


@dataclass(frozen=True, slots=True)
class Create:
    """The node must not exist, its parent must."""

    path: str
    data: bytes = b""
    ephemeral: bool = False


@dataclass(frozen=True, slots=True)
class Set:
    """The node must exist with this version (-1: any)."""

    path: str
    data: bytes
    version: int = -1


@dataclass(frozen=True, slots=True)
class Delete:
    """The node must exist with this version (-1: any) and have no children."""

    path: str
    version: int = -1


Op = Check | Create | Set | Delete


def encode_json(value: object) -> bytes:
    """The form of every JSON node: UTF-8, sorted keys."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def decode_json(path: str, data: bytes) -> Any:
    """The value in `data`; raises CorruptRecord that names `path`."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CorruptRecord(path, f"is not JSON: {error}") from error


def check_size(path: str, size: int) -> None:
    """Raises InvalidSpec for what the server would drop."""
    if size > MAX_PACKET_BYTES:
        raise InvalidSpec(path, f"{size} bytes do not fit into one ZooKeeper packet of {MAX_PACKET_BYTES}")
