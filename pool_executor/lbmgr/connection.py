"""The way to ZooKeeper, made on a thread of its own.

kazoo takes as long to import as all the rest of lbmgr: HAProxy is started from the files on disk meanwhile, and Mesos
hears of the task. Does not know what is read there.
"""

import threading
from typing import TYPE_CHECKING

import structlog

from pool_executor.lbmgr.agent import Agent

if TYPE_CHECKING:
    from pool_executor.lbmgr.watch import PoolNodes

_log = structlog.get_logger()

_CLOSE_SECONDS = 1.0


def prepare() -> None:
    """Import what a connection needs, beside a time in which there is only waiting. Returns at once."""
    threading.Thread(target=_imported, name="importing", daemon=True).start()


def _imported() -> None:
    try:
        from pool_executor.lbmgr import watch  # noqa: F401 - it is there then
    except Exception as error:  # noqa: BLE001 - whoever needs it meets the same, and tells it
        _log.debug("What a connection needs cannot be imported", error=str(error))


class Connection:
    """Of one agent, which is attached when there is a session to be had. Opened and closed by one thread."""

    def __init__(self, agent: Agent, *, hosts: str, root: str, pool: str, task_id: str) -> None:
        self._agent = agent
        self._hosts, self._root, self._pool, self._task_id = hosts, root, pool, task_id
        self._nodes: PoolNodes | None = None
        self._thread = threading.Thread(target=self._open, name="to ZooKeeper")
        self.failure: str | None = None
        """Why there never will be one; the agent was stopped then."""

    def open(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def close(self) -> None:
        """End the session, but do not wait for a ZooKeeper that hangs: the status node goes with the session then."""
        self._thread.join()
        if self._nodes is not None:
            closing = threading.Thread(target=self._nodes.close, name="closing", daemon=True)
            closing.start()
            closing.join(_CLOSE_SECONDS)

    def _open(self) -> None:
        try:
            from pool_executor.lbmgr.watch import PoolNodes

            self._nodes = PoolNodes(
                self._hosts, root=self._root, pool=self._pool, task_id=self._task_id, hearer=self._agent
            )
            self._agent.attach(self._nodes)
        except Exception as error:  # noqa: BLE001 - whatever it was, somebody must hear of it
            _log.exception("ZooKeeper cannot be followed")
            self.failure = f"ZooKeeper at {self._hosts} cannot be followed: {type(error).__name__}: {error}"
            self._agent.stop()
