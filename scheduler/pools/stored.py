"""The stored form of a pool: the V2 API's shape with all defaults filled in, and a uid. Pure.

Knows the JSON of a node below `<root>/pools` and how large it may be. Does not know how it is read and written.
"""

from collections.abc import Mapping
from typing import NamedTuple

from scheduler.pools.model import Pool, Revision
from scheduler.pools.problems import InvalidPool, Problem
from scheduler.pools.schema import dump_pool, read_pool
from sdk.errors import CorruptRecord
from sdk.storage.connection import decode_json, encode_json


class StoredPool(NamedTuple):
    """A pool as it stands in ZooKeeper, and which state of it that is."""

    pool: Pool
    revision: Revision

    @property
    def version(self) -> int:
        """How often it was written, 1 after its creation: the number that people see."""
        return self.revision.version

    @property
    def etag(self) -> str:
        """The revision as HTTP's entity tag."""
        return f'"{self.revision}"'


_MAX_BYTES = 512_000


def encode(pool: Pool, uid: str) -> bytes:
    """The node's data; raises InvalidPool when that is too large."""
    shape = dump_pool(pool)
    data = encode_json(shape | {"uid": uid} if uid else shape)
    # Half of ZooKeeper's packet: the pool also has to fit into a multi beside other nodes.
    if len(data) > _MAX_BYTES:
        rule = f"is {len(data)} bytes long when stored; the limit is {_MAX_BYTES}: split it into several pools"
        raise InvalidPool((Problem(path="pool", rule=rule),))
    return data


def uid_of(path: str, data: bytes) -> str:
    """The uid in the node's data; `""` when there is none, or when the data cannot be read."""
    try:
        return _uid(decode_json(path, data))
    except CorruptRecord:
        return ""  # whoever asks is about to overwrite it, which mends it


def _uid(value: object) -> str:
    uid = value.get("uid") if isinstance(value, Mapping) else None
    return uid if isinstance(uid, str) else ""


def decode(path: str, data: bytes, node_version: int) -> StoredPool:
    """The pool in the node; raises CorruptRecord when it is none, or one of another name."""
    value = decode_json(path, data)
    shape = {key: item for key, item in value.items() if key != "uid"} if isinstance(value, Mapping) else value
    try:
        pool = read_pool(shape)
    except InvalidPool as error:
        raise CorruptRecord(path, f"is not a pool that this release understands: {error}") from error
    if pool.name != path.rpartition("/")[2]:
        raise CorruptRecord(path, f"holds a pool of the name {pool.name}")
    return StoredPool(pool, Revision(_uid(value), node_version + 1))
