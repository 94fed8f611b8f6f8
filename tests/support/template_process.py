"""A template process, run within the process of a test."""

import queue
import threading

from api.auto_pools.thread.context import Rules
from api.dcos_template.main import work


class Template:
    """It works until it is stopped; `health` is the address of its health port."""

    def __init__(self, zk: str, root: str, *listeners: str, auto_pools: Rules | None = None) -> None:
        self._stop = threading.Event()
        addresses: queue.Queue[str] = queue.Queue()
        self._thread = threading.Thread(
            target=work,
            args=(zk, root, listeners, self._stop),
            kwargs={"on_health": addresses.put, "auto_pools": auto_pools},
        )
        self._thread.start()
        self.health = addresses.get(timeout=20)

    def stop(self) -> None:
        """End it, and wait until it has."""
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()
