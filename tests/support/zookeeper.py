"""The real ZooKeeper for tests: one server per run, a root of its own per test, and sessions with patience."""

import contextlib
from collections.abc import Iterator

from sdk.local.zookeeper import ZooKeeperServer
from sdk.storage.connection import ZooKeeper, connect

__all__ = ["ZooKeeperServer", "session"]

_PATIENCE = 10.0
"""Seconds in which the server may be silent before a call fails: more than the product allows it, on a busy machine."""
_CONNECTED = 60.0


@contextlib.contextmanager
def session(server: ZooKeeperServer) -> Iterator[ZooKeeper]:
    """A connected session, which is closed in the end, also when it never was connected."""
    made = connect(server.address, session_timeout=_PATIENCE)
    try:
        assert made.wait_connected(_CONNECTED), f"no session with ZooKeeper at {server.address}"
        yield made
    finally:
        made.close()
