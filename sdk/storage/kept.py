"""What a connection keeps up: watches that stay armed, and ephemeral nodes that come back.

A part of the connection, whose worker calls `refresh` after each event, reconnection and new session.

A watch is a level, not an edge: the node is read again each time, and the callback runs when what was read differs from
what it was told last. Events in between may therefore be merged, never lost; a callback that itself found ZooKeeper
away (it raises StorageUnavailable) was told nothing, and is called again.
"""

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sdk.errors import StorageUnavailable
from sdk.retry import Policy
from sdk.storage.nodes import BadVersion, Create, Delete, NodeExists, NoNode, Stat, check_size

if TYPE_CHECKING:
    from sdk.storage.connection import ZooKeeper

AGAIN = Policy(first=0.1, most=5.0)
DataCallback = Callable[[tuple[bytes, int] | None], None]
ChildrenCallback = Callable[[list[str] | None], None]


def stat_of(raw: Any) -> Stat | None:
    """Of kazoo's ZnodeStat."""
    if raw is None:
        return None
    return Stat(
        version=raw.version,
        created=raw.czxid,
        modified=raw.mzxid,
        children_version=raw.cversion,
        owner=raw.ephemeralOwner,
    )


class Kept:
    """Something that is brought up to date after each event, reconnection and new session, on the worker's thread."""

    wants_last_run = False
    """Whether `refresh` must run once more after `close`."""
    retry_after_error = False
    """Whether an unexpected error is worth another try; a callback that failed saw its value and gets the next one."""

    def __init__(self, zookeeper: "ZooKeeper", path: str) -> None:
        self.path = path
        self.closed = False
        self.backoff = AGAIN.backoff()
        self._zookeeper = zookeeper

    def refresh(self) -> None:
        """Bring the server and what is kept together; raises StorageUnavailable to be called again."""
        raise NotImplementedError

    def close(self) -> None:
        """End it."""
        self.closed = True
        self._zookeeper._forget(self)

    def _on_event(self, _event: object) -> None:
        # kazoo keeps watchers in a set and bound methods of one object are equal, so arming twice is harmless.
        if not self.closed:
            self._zookeeper._schedule(self)


class _Watch(Kept):
    _told: object = object()
    """What the callback was told last; nothing yet."""

    def _tell(self, seen: object, call: Callable[[], None]) -> None:
        """Run the callback unless it knows `seen` already. It knows it once it came to an end, good or bad."""
        if seen == self._told or self.closed:
            return
        try:
            call()
        except StorageUnavailable:
            raise
        except Exception:
            self._told = seen
            raise
        self._told = seen


class DataWatch(_Watch):
    """The callback is told the data and version of a node, and None while there is none."""

    def __init__(self, zookeeper: "ZooKeeper", path: str, callback: DataCallback) -> None:
        super().__init__(zookeeper, path)
        self._callback = callback

    def refresh(self) -> None:
        """Read anew, and tell what changed."""
        zookeeper = self._zookeeper
        found: tuple[bytes, Any] | None = None
        while found is None:
            try:
                found = zookeeper._do(self.path, zookeeper._client.get_async, self.path, watch=self._on_event)
            except NoNode:
                # Only `exists` arms a watch on a node that is not there.
                if zookeeper._do(self.path, zookeeper._client.exists_async, self.path, watch=self._on_event) is None:
                    break
        seen = None if found is None else (found[1].czxid, found[1].mzxid)
        value = None if found is None else (found[0] or b"", found[1].version)
        self._tell(seen, lambda: self._callback(value))


class QuickDataWatch(_Watch):
    """As DataWatch; the callback runs on the thread that reads from ZooKeeper, so that no other one has to be woken."""

    def __init__(self, zookeeper: "ZooKeeper", path: str, callback: DataCallback) -> None:
        super().__init__(zookeeper, path)
        self._callback = callback

    def refresh(self) -> None:
        """Read anew: only what comes in the order of the answers is told."""
        # Whether there is a node is no question of the connection.
        with contextlib.suppress(NoNode):
            self._zookeeper._answer(self.path, self._ask())

    def _on_event(self, event: object) -> None:
        if self.closed or not self._zookeeper._connected.is_set():
            super()._on_event(event)
        else:
            self._ask()

    def _ask(self) -> Any:
        pending = self._zookeeper._client.get_async(self.path, watch=self._on_event)
        pending.rawlink(self._read)
        return pending

    def _read(self, pending: Any) -> None:
        try:
            data, stat = self._zookeeper._outcome(self.path, pending)
        except NoNode:
            # Only `exists` arms a watch on a node that is not there.
            self._zookeeper._client.exists_async(self.path, watch=self._on_event).rawlink(self._looked)
        except StorageUnavailable:
            self._zookeeper._schedule(self)
        else:
            self._tell((stat.czxid, stat.mzxid), lambda: self._callback((data or b"", stat.version)))

    def _looked(self, pending: Any) -> None:
        try:
            stat = self._zookeeper._outcome(self.path, pending)
        except StorageUnavailable:
            self._zookeeper._schedule(self)
            return
        if stat is None:
            self._tell(None, lambda: self._callback(None))
        else:
            self._ask()


class ChildrenWatch(_Watch):
    """The callback is told the names of a node's children, and None while there is no node."""

    def __init__(self, zookeeper: "ZooKeeper", path: str, callback: ChildrenCallback) -> None:
        super().__init__(zookeeper, path)
        self._callback = callback

    def refresh(self) -> None:
        """Read anew, and tell what changed."""
        zookeeper = self._zookeeper
        found: tuple[list[str], Any] | None = None
        while found is None:
            try:
                found = zookeeper._do(
                    self.path,
                    zookeeper._client.get_children_async,
                    self.path,
                    watch=self._on_event,
                    include_data=True,
                )
            except NoNode:
                if zookeeper._do(self.path, zookeeper._client.exists_async, self.path, watch=self._on_event) is None:
                    break
        names = None if found is None else sorted(found[0])
        # The version too: a child that was deleted and made again in between is news, although the names are the same.
        seen = None if found is None or names is None else (found[1].czxid, found[1].cversion, tuple(names))
        self._tell(seen, lambda: self._callback(names))


class Ephemeral(Kept):
    """An ephemeral node that this process keeps in place; see `ZooKeeper.keep_ephemeral`."""

    wants_last_run = True
    retry_after_error = True

    def __init__(self, zookeeper: "ZooKeeper", path: str, data: bytes) -> None:
        super().__init__(zookeeper, path)
        check_size(path, len(data))
        self._data = data
        self._told = True
        """Whether the watch said something, or was never armed."""
        self._known: tuple[int, int, bytes] | None = None
        """What we wrote last: in which session, as which version, and what. Spares two of three requests."""

    def set(self, data: bytes) -> None:
        """Write soon, at the latest after the next connection; of several calls the last one counts."""
        check_size(self.path, len(data))
        self._data = data
        if not self.closed:
            self._zookeeper._schedule(self)

    def close(self) -> None:
        """Remove the node, as soon as there is a connection."""
        self.closed = True
        self._zookeeper._schedule(self)

    def refresh(self) -> None:
        """Make the node what it shall be; called on the connection's own thread."""
        zookeeper, data = self._zookeeper, self._data
        session = zookeeper.session
        if session is None:
            raise StorageUnavailable("there is no session")
        if self.closed:
            self._remove(session[0])
            return
        try:
            self._write(session[0], data)
        except (NodeExists, NoNode, BadVersion):
            # It changed while we looked (the old session ended, or somebody removed it): look again.
            self._told, self._known = True, None
            zookeeper._schedule(self)

    def _on_event(self, event: object) -> None:
        self._told = True
        super()._on_event(event)

    def _write(self, session: int, data: bytes) -> None:
        zookeeper = self._zookeeper
        known = self._known if self._known is not None and self._known[0] == session else None
        if self._told or known is None:
            self._told = False
            stat = zookeeper.stat(self.path)
            if stat is None:
                zookeeper.create(self.path, data, ephemeral=True)
                known = session, 0, data
            elif stat.owner != session:
                zookeeper.multi([Delete(self.path, stat.version), Create(self.path, data, ephemeral=True)])
                known = session, 0, data
            elif known is None or stat.version != known[1]:
                found = zookeeper.get(self.path)
                known = None if found is None else (session, found[1], found[0])
            # It has no children: this watch tells of its end alone. One on its data would tell of each of our writes.
            zookeeper._do(self.path, zookeeper._client.get_children_async, self.path, watch=self._on_event)
        if known is None:
            raise NoNode(self.path, "went while it was looked at")
        if known[2] != data:
            known = session, zookeeper.set(self.path, data, known[1]), data
        self._known = known

    def _remove(self, session_id: int) -> None:
        zookeeper = self._zookeeper
        stat = zookeeper.stat(self.path)
        if stat is not None and stat.owner == session_id:
            zookeeper.delete(self.path)
        zookeeper._forget(self)
