"""Whether the executors of an agent keep to their memory and disk.

Knows when to look and what an executor may have; how memory is measured or limited is `isolation`'s, and what follows
from too much is the core's.
"""

import argparse
import asyncio
from collections.abc import Callable

from sdk.local.agent_views import over_quota
from sdk.local.containers import Containers
from sdk.local.core.agent_model import AgentState
from sdk.local.core.executor_resources import memory_limit
from sdk.local.core.wire import Json
from sdk.local.isolation import Excess, Groups, MemoryGuard

_MEMORY = "REASON_CONTAINER_LIMITATION_MEMORY"
_DISK = "REASON_CONTAINER_LIMITATION_DISK"


class Limits:
    """Of one agent; without a guard memory has no limit. `limited` is told container, reason, message and resources of
    what has too much.
    """

    def __init__(
        self,
        options: argparse.Namespace,
        state: AgentState,
        containers: Containers,
        memory: MemoryGuard | None,
        limited: Callable[[str, str, str, list[Json]], object],
    ) -> None:
        self._options = options
        self._state = state
        self._containers = containers
        self._memory = memory
        self._limited = limited
        self._watches: list[asyncio.Task[None]] = []

    async def recover(self) -> None:
        """Find the limits that an earlier process of this agent set."""
        if self._memory is not None:
            await asyncio.to_thread(self._memory.recover, {run.container_id for run in self._state.runs.values()})
            self.apply()

    def apply(self) -> None:
        """Give every executor the limit that it and its tasks have now."""
        if self._memory is not None:
            for run in self._state.runs.values():
                self._memory.limit(run.container_id, memory_limit(self._state, run))

    def start(self) -> None:
        """Look now and then, until `stop`."""
        if self._options.enforce_container_disk_quota:
            self._watches.append(asyncio.create_task(self._watch_disk()))
        if self._memory is not None:
            self._watches.append(asyncio.create_task(self._watch_memory(self._memory)))

    async def stop(self) -> None:
        """Look no more."""
        for watch in self._watches:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    async def _watch_disk(self) -> None:
        """Tell of executors whose sandboxes outgrow their disk resources."""
        while True:
            await asyncio.sleep(self._options.container_disk_watch_interval)
            # Only references are read in the thread; a run that ends meanwhile is no longer found afterwards.
            for container_id, message, exceeded in await asyncio.to_thread(
                over_quota, self._state, self._options.work_dir
            ):
                self._limited(container_id, _DISK, message, exceeded)

    async def _watch_memory(self, guard: MemoryGuard) -> None:
        """Tell of executors of which the kernel killed something, or which are seen to have too much."""
        while True:
            await asyncio.sleep(self._options.container_memory_watch_interval)
            for container in list(self._containers.containers.values()):
                if container.pid is None:
                    continue
                excess = await asyncio.to_thread(guard.excess, container.container_id, container.sandbox, container.pid)
                if excess is not None:
                    self.exceeded(container.container_id, excess)

    def look(self, executor_id: str) -> None:
        """Before an executor says that its task ended: whether it was the kernel that ended it."""
        if not isinstance(self._memory, Groups):
            return
        for run in list(self._state.runs.values()):
            container = self._containers.containers.get(run.container_id)
            if run.executor_id == executor_id and container is not None and container.pid is not None:
                excess = self._memory.excess(run.container_id, container.sandbox, container.pid)
                if excess is not None:
                    self.exceeded(run.container_id, excess)

    def exceeded(self, container_id: str, excess: Excess) -> None:
        """It went beyond its memory."""
        self._limited(container_id, _MEMORY, excess.message, excess.resources)
