"""A client of ZooKeeper for masters and agents: one that is away is looked for every second, for ever.

Knows kazoo's settings. Its own default grows to a minute between two tries, which on one machine is a minute without
a leader.
"""

import logging

from kazoo.client import KazooClient
from kazoo.retry import KazooRetry

_SILENT = logging.getLogger("sdk.local.zookeeper_client")
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False


def client(hosts: str, timeout: float, *, silent: bool = False) -> KazooClient:
    """A client that is not started yet, whose session lasts `timeout` seconds; `silent` keeps kazoo's log to itself."""
    retry = KazooRetry(max_tries=-1, delay=0.1, backoff=2, max_jitter=0.1, max_delay=1.0)
    return KazooClient(hosts=hosts, timeout=timeout, connection_retry=retry, **({"logger": _SILENT} if silent else {}))
