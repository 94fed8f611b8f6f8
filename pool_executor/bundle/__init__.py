"""The bundle: what dcos-template publishes for a pool and what lbmgr acknowledges.

Knows the JSON of the head and of the instance status, the form of a server line, the skeleton of a part and how a part
is packed into ZooKeeper nodes. Knows nothing of ZooKeeper itself, of pools or of HAProxy's other keywords. The written
contract is docs/reference/contracts.md.
"""

from pool_executor.bundle.codec import SCHEMA, decode_head, decode_status, encode_head, encode_status
from pool_executor.bundle.model import (
    HOSTS_MAPS,
    INSTANCE_FILE,
    ROUTES_MAPS,
    VERDICTS,
    BackendHealth,
    Death,
    HaproxyInfo,
    Head,
    InstanceStatus,
    Kind,
    Part,
    Verdict,
    port_key,
    port_variable,
)
from pool_executor.bundle.nodes import MAX_NODE_BYTES, MAX_PART_BYTES, PartDecoder, decode_part, encode_part
from pool_executor.bundle.servers import (
    MAX_SERVER_ID,
    Section,
    Server,
    count_servers,
    parse_server,
    replace_servers,
    skeleton,
    split_servers,
)

__all__ = [
    "HOSTS_MAPS",
    "INSTANCE_FILE",
    "MAX_NODE_BYTES",
    "MAX_PART_BYTES",
    "MAX_SERVER_ID",
    "ROUTES_MAPS",
    "SCHEMA",
    "VERDICTS",
    "BackendHealth",
    "Death",
    "HaproxyInfo",
    "Head",
    "InstanceStatus",
    "Kind",
    "Part",
    "PartDecoder",
    "Section",
    "Server",
    "Verdict",
    "count_servers",
    "decode_head",
    "decode_part",
    "decode_status",
    "encode_head",
    "encode_part",
    "encode_status",
    "parse_server",
    "port_key",
    "port_variable",
    "replace_servers",
    "skeleton",
    "split_servers",
]
