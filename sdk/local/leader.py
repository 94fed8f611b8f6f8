"""Which master an agent talks to: the one it was given, or the leader in ZooKeeper, watched so that a new one is known
at once.

Knows nodes and addresses; does not connect to masters. Waiting is the agent's event loop's, watching kazoo's threads'.
"""

import asyncio
import json
import re
import threading
from contextlib import suppress

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import KazooException, NoNodeError

from sdk import zookeeper_address
from sdk.local.zookeeper_client import client

_NODE = re.compile(r"json\.info_(\d+)")
_PATIENCE = 5.0


class Leader:
    """Of one agent; `master` is `host:port` or `zk://host:port/path`.

    While ZooKeeper is away, or no master is published there, the last known leader stays: it may well lead on.
    """

    def __init__(self, master: str) -> None:
        self._master = master
        self._known: str | None = None
        self._changed = asyncio.Event()
        self._client: KazooClient | None = None
        self._hosts = self._path = ""
        # Two looks at once could tell the older answer last.
        self._lock = threading.Lock()
        if not master.startswith("zk://"):
            self._known = master.removeprefix("http://")

    async def __aenter__(self) -> "Leader":
        """Begin to watch; returns at once."""
        if self._known is not None:
            return self
        loop = asyncio.get_running_loop()
        address = zookeeper_address.parse(self._master)
        self._path = address.path or "/"
        self._hosts = address.ensemble
        # What there is to be said about ZooKeeper is said by `address`, when somebody needs it.
        self._client = watcher = client(self._hosts, 10.0, silent=True)

        def tell(found: str) -> None:
            # An agent that ends is not interested any more.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._learn, found)

        def look(_event: object = None) -> None:
            with self._lock:
                found = self._look(look)
                if found is not None:
                    tell(found)

        def listener(state: str) -> None:
            if state == KazooState.CONNECTED:
                watcher.handler.spawn(look)

        watcher.add_listener(listener)
        watcher.start_async()
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Watch no more. Nothing of ours is in ZooKeeper: nobody has to wait until it has heard of that."""
        if self._client is not None:
            threading.Thread(target=_end, args=(self._client,), name="leader-end", daemon=True).start()

    def _look(self, look: object) -> str | None:
        """The leader's address; `look` is called at the next change. None when there is none to be had now."""
        assert self._client is not None
        try:
            if self._client.exists(self._path, watch=look) is None:
                return None
            numbered = [
                (int(match[1]), name)
                for name in self._client.get_children(self._path, watch=look)
                if (match := _NODE.fullmatch(name))
            ]
            for _, name in sorted(numbered):
                # One that went away between the two requests is a change of its own, and the next one leads.
                with suppress(NoNodeError):
                    return address(self._client.get(f"{self._path}/{name}")[0])
        except KazooException:
            # The connection is lost, or the path just went away: the next connection, or its change, looks again.
            return None
        return None

    def _learn(self, found: str) -> None:
        if found != self._known:
            self._known = found
            self._changed.set()

    async def address(self) -> str:
        """`host:port` of the leading master; OSError when none becomes known within a few seconds."""
        self._changed.clear()
        if self._known is None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), _PATIENCE)
            self._changed.clear()
        if self._known is not None:
            return self._known
        if self._client is not None and not self._client.connected:
            raise OSError(f"ZooKeeper does not answer at {self._hosts}")
        raise OSError(f"no master is published below {self._master}")

    async def changed(self, timeout: float | None = None) -> bool:
        """Return True as soon as another master leads than `address` told last, False after `timeout` seconds."""
        try:
            await asyncio.wait_for(self._changed.wait(), timeout)
        except TimeoutError:
            return False
        return True


def _end(watcher: KazooClient) -> None:
    watcher.stop()
    watcher.close()


def address(content: bytes) -> str | None:
    """`host:port` of the master that a node describes; None when it describes none."""
    try:
        found = json.loads(content)["address"]
        return f"{found['ip']}:{int(found['port'])}"
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
