"""What a connection keeps up, and the watches among it, which stay armed.

`sdk.storage.upkeep` calls `refresh` after each event, reconnection and new session.

A watch is a level, not an edge: the node is read again each time, and the callback runs when what was read differs from
what it was told last. Events in between may therefore be merged, never lost; a callback that itself found ZooKeeper
away (it raises StorageUnavailable) was told nothing, and is called again.
"""

import contextlib
from collections.abc import Callable
from typing import Any, Protocol

from sdk.errors import StorageUnavailable
from sdk.storage.nodes import NoNode
from sdk.storage.session import AGAIN, Session

DataCallback = Callable[[tuple[bytes, int] | None], None]
ChildrenCallback = Callable[[list[str] | None], None]


class Keeper(Protocol):
    """Who calls `refresh`; `sdk.storage.upkeep.Upkeep` is the real one."""

    def schedule(self, kept: "Kept") -> None:
        """Have it refreshed soon."""

    def forget(self, kept: "Kept") -> None:
        """Never again."""


class Kept:
    """Something that is brought up to date after each event, reconnection and new session, on the keeper's thread."""

    wants_last_run = False
    """Whether `refresh` must run once more after `close`."""
    retry_after_error = False
    """Whether an unexpected error is worth another try; a callback that failed saw its value and gets the next one."""

    def __init__(self, session: Session, keeper: Keeper, path: str) -> None:
        self.path = path
        self.closed = False
        self.backoff = AGAIN.backoff()
        self._session = session
        self._keeper = keeper

    def refresh(self) -> None:
        """Bring the server and what is kept together; raises StorageUnavailable to be called again."""
        raise NotImplementedError

    def close(self) -> None:
        """End it."""
        self.closed = True
        self._keeper.forget(self)

    def _on_event(self, _event: object) -> None:
        # kazoo keeps watchers in a set and bound methods of one object are equal, so arming twice is harmless.
        if not self.closed:
            self._keeper.schedule(self)


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

    def __init__(self, session: Session, keeper: Keeper, path: str, callback: DataCallback) -> None:
        super().__init__(session, keeper, path)
        self._callback = callback

    def refresh(self) -> None:
        """Read anew, and tell what changed."""
        session = self._session
        found: tuple[bytes, Any] | None = None
        while found is None:
            try:
                found = session.do(self.path, session.client.get_async, self.path, watch=self._on_event)
            except NoNode:
                # Only `exists` arms a watch on a node that is not there.
                if session.do(self.path, session.client.exists_async, self.path, watch=self._on_event) is None:
                    break
        seen = None if found is None else (found[1].czxid, found[1].mzxid)
        value = None if found is None else (found[0] or b"", found[1].version)
        self._tell(seen, lambda: self._callback(value))


class QuickDataWatch(_Watch):
    """As DataWatch; the callback runs on the thread that reads from ZooKeeper, so that no other one has to be woken."""

    def __init__(self, session: Session, keeper: Keeper, path: str, callback: DataCallback) -> None:
        super().__init__(session, keeper, path)
        self._callback = callback

    def refresh(self) -> None:
        """Read anew: only what comes in the order of the answers is told."""
        # Whether there is a node is no question of the connection.
        with contextlib.suppress(NoNode):
            self._session.answer(self.path, self._ask())

    def _on_event(self, event: object) -> None:
        if self.closed or not self._session.connected.is_set():
            super()._on_event(event)
        else:
            self._ask()

    def _ask(self) -> Any:
        pending = self._session.client.get_async(self.path, watch=self._on_event)
        pending.rawlink(self._read)
        return pending

    def _read(self, pending: Any) -> None:
        try:
            data, stat = self._session.outcome(self.path, pending)
        except NoNode:
            # Only `exists` arms a watch on a node that is not there.
            self._session.client.exists_async(self.path, watch=self._on_event).rawlink(self._looked)
        except StorageUnavailable:
            self._keeper.schedule(self)
        else:
            self._tell((stat.czxid, stat.mzxid), lambda: self._callback((data or b"", stat.version)))

    def _looked(self, pending: Any) -> None:
        try:
            stat = self._session.outcome(self.path, pending)
        except StorageUnavailable:
            self._keeper.schedule(self)
            return
        if stat is None:
            self._tell(None, lambda: self._callback(None))
        else:
            self._ask()


class ChildrenWatch(_Watch):
    """The callback is told the names of a node's children, and None while there is no node."""

    def __init__(self, session: Session, keeper: Keeper, path: str, callback: ChildrenCallback) -> None:
        super().__init__(session, keeper, path)
        self._callback = callback

    def refresh(self) -> None:
        """Read anew, and tell what changed."""
        session = self._session
        found: tuple[list[str], Any] | None = None
        while found is None:
            try:
                found = session.do(
                    self.path,
                    session.client.get_children_async,
                    self.path,
                    watch=self._on_event,
                    include_data=True,
                )
            except NoNode:
                if session.do(self.path, session.client.exists_async, self.path, watch=self._on_event) is None:
                    break
        names = None if found is None else sorted(found[0])
        # The version too: a child that was deleted and made again in between is news, although the names are the same.
        seen = None if found is None or names is None else (found[1].czxid, found[1].cversion, tuple(names))
        self._tell(seen, lambda: self._callback(names))
