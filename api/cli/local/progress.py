"""How far a simulated cluster has come, asked from its master every few seconds: 50,000 tasks take a minute.

Knows two names of /metrics/snapshot. A master that is busy or not there yet is asked again.
"""

import json
import threading
import time
from collections.abc import Callable
from types import TracebackType

import urllib3

EVERY = 3.0
"""Seconds between two lines."""


class Progress:
    """A thread that says how many tasks run, from `with` to `stop` or the end of the block."""

    def __init__(self, url: str, tasks: int, say: Callable[[str], object], every: float = EVERY) -> None:
        """`url` is the master's, `tasks` how many are to run."""
        self._url = f"{url}/metrics/snapshot"
        self._tasks = tasks
        self._say = say
        self._every = every
        self._ended = threading.Event()
        # What serves runs in this process: a program that ends shall not wait for an answer of itself.
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)
        self._begun = time.monotonic()

    def __enter__(self) -> "Progress":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Say nothing more."""
        self._ended.set()

    def _run(self) -> None:
        http = urllib3.PoolManager(retries=False, timeout=30.0)
        while not self._ended.wait(self._every):
            try:
                found = sentence(http.request("GET", self._url).data, self._tasks)
            except urllib3.exceptions.HTTPError:
                continue
            # It may have taken a while to answer, and all tasks run by now.
            if found is not None and not self._ended.is_set():
                self._say(f"{found} after {time.monotonic() - self._begun:.0f} s ...")


def sentence(answer: bytes, tasks: int) -> str | None:
    """How far it is by an answer of /metrics/snapshot; None when that says nothing about it. Pure."""
    try:
        metrics = json.loads(answer)
        agents, running = int(metrics["master/slaves_active"]), int(metrics["master/tasks_running"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return f"{agents:,} agents, {running:,} of {tasks:,} tasks run" if running else f"{agents:,} agents, no task yet"
