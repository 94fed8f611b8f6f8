"""The one place that opens a connection to ZooKeeper: a session, requests over it, and what it keeps up.

Knows how these belong together, and what its users need of each. Does not know what the nodes mean.
"""

import threading
from collections.abc import Callable
from typing import Protocol

from sdk.storage.ephemeral import Ephemeral
from sdk.storage.kept import ChildrenCallback, ChildrenWatch, DataCallback, DataWatch, Kept, QuickDataWatch
from sdk.storage.nodes import (
    MAX_PACKET_BYTES,
    BadVersion,
    Check,
    Create,
    Delete,
    NodeExists,
    NoNode,
    NotEmpty,
    Op,
    Set,
    Stat,
    StorageConflict,
    decode_json,
    encode_json,
)
from sdk.storage.requests import Requests
from sdk.storage.session import Session, SessionState
from sdk.storage.upkeep import Upkeep
from sdk.zookeeper_address import ZooKeeperAddress

# What its callers need of the nodes and the session comes from here, too.
__all__ = [
    "MAX_PACKET_BYTES",
    "BadVersion",
    "Check",
    "Create",
    "Delete",
    "Ephemeral",
    "Handle",
    "NoNode",
    "NodeExists",
    "NotEmpty",
    "Op",
    "SessionState",
    "Set",
    "Stat",
    "StorageConflict",
    "ZooKeeper",
    "connect",
    "decode_json",
    "encode_json",
]


class Handle(Protocol):
    """A watch or an ephemeral node; `close` ends it."""

    def close(self) -> None:
        """End it; a callback that runs at this moment may still finish."""


def connect(
    hosts: str | ZooKeeperAddress,
    *,
    session_timeout: float = 6.0,
    on_state: Callable[[SessionState], None] | None = None,
) -> "ZooKeeper":
    """Start connecting to an ensemble and return at once; connecting goes on, with backoff, until `close`.

    `hosts` is `host:port[,host:port]` with an optional `/chroot`, or `zk://[user:password@]host:port[,..][/chroot]`;
    anything else raises InvalidSpec.
    `on_state` runs on the connection's own thread: it must return at once and must not call ZooKeeper.
    """
    return ZooKeeper(hosts, session_timeout=session_timeout, on_state=on_state)


class ZooKeeper(Requests):
    """A connection that comes back by itself.

    All methods may be called from any thread. Callbacks of watches run one after the other on one thread of this
    object, where calls to ZooKeeper are allowed.
    """

    def __init__(
        self,
        hosts: str | ZooKeeperAddress,
        *,
        session_timeout: float = 6.0,
        on_state: Callable[[SessionState], None] | None = None,
    ) -> None:
        super().__init__(Session(hosts, timeout=session_timeout, on_state=on_state))
        self._upkeep = Upkeep(self._session)
        self._session.on_connected = self._upkeep.schedule_all
        self._closing = threading.Lock()
        self._upkeep.start()
        self._session.start()

    # -- session -------------------------------------------------------------------------------------------------------

    @property
    def address(self) -> str:
        """The ensemble, without credentials."""
        return self._session.address

    @property
    def state(self) -> SessionState:
        """What may be assumed about the session now."""
        return self._session.state

    @property
    def session(self) -> tuple[int, bytes] | None:
        """Id and password of the session while connected; the id is the `owner` of its ephemeral nodes."""
        return self._session.identity

    @property
    def session_timeout(self) -> float:
        """Seconds without contact after which the server ends the session."""
        return self._session.timeout

    def add_listener(self, on_state: Callable[[SessionState], None]) -> None:
        """Also tell `on_state` about changes, under the same rules as in `connect`; the present state is not told."""
        self._session.add_listener(on_state)

    def remove_listener(self, on_state: Callable[[SessionState], None]) -> None:
        """Undo `add_listener`."""
        self._session.remove_listener(on_state)

    def wait_connected(self, timeout: float | None = None) -> bool:
        """Wait until there is a session; False when `timeout` seconds passed first."""
        return self._session.connected.wait(timeout)

    def close(self) -> None:
        """End the session, and with it its ephemeral nodes; stop all callbacks. May be called twice."""
        if self._closing.acquire(blocking=False):  # for good
            self._upkeep.close()
            self._session.close()

    # -- what stays ----------------------------------------------------------------------------------------------------

    def watch_data(self, path: str, callback: DataCallback) -> Handle:
        """Call back with (data, version), or None without a node: once as soon as it is known, then at every change."""
        return self._keep(DataWatch(self._session, self._upkeep, path, callback))

    def watch_data_quickly(self, path: str, callback: DataCallback) -> Handle:
        """The same for a callback that returns at once and does not call ZooKeeper: it costs and takes less."""
        return self._keep(QuickDataWatch(self._session, self._upkeep, path, callback))

    def watch_children(self, path: str, callback: ChildrenCallback) -> Handle:
        """Call back with the sorted names of the children, or None without a node: as `watch_data` does."""
        return self._keep(ChildrenWatch(self._session, self._upkeep, path, callback))

    def keep_ephemeral(self, path: str, data: bytes) -> Ephemeral:
        """Keep an ephemeral node in place: made again after a session loss or a deletion, parents included.

        The path must belong to this process alone: a node of another session found there is replaced.
        """
        node = Ephemeral(self._session, self._upkeep, self, path, data)
        self._keep(node)
        return node

    def _keep(self, kept: Kept) -> Handle:
        self._upkeep.keep(kept)
        return kept
