"""An event loop on a thread of its own, for servers that tests start and stop."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, Self


class LoopThread:
    """Runs coroutines for other threads. A context manager, which ends whatever still runs."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.run(_end_all())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Return when it is done; raises what it raises."""
        asyncio.run_coroutine_threadsafe(work, self.loop).result(20)


async def _end_all() -> None:
    # A connection that is just being accepted gets a task while the others end.
    while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    # Transports that were closed or aborted close their sockets in calls that the loop has queued before this one.
    await asyncio.sleep(0)


async def stop_listening(server: asyncio.Server) -> None:
    """Close a server's sockets, and lose no connection that it has just accepted.

    The transport of one that is accepted in the turn in which its server is closed is never made, nor its socket closed
    (asyncio of Python 3.11).
    """
    loop = asyncio.get_running_loop()
    for listening in server.sockets:
        loop.remove_reader(listening.fileno())
    await asyncio.sleep(0)  # the transports of those that were accepted are made now
    server.close()
