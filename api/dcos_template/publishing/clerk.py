"""Threads for what takes its time, so that the worker's own never waits: reading, rendering, writing of many nodes.

Knows only jobs and that their outcome goes back to the worker's thread.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

Order = Callable[[Callable[[], None]], None]
"""Has something called on the worker's thread."""


class Clerk:
    """So many `threads`, of one name."""

    def __init__(self, name: str, threads: int, order: Order) -> None:
        self._order = order
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"template-{name}")

    def do(self, job: Callable[[], T], done: Callable[[T | Exception], None]) -> None:
        """Carry the job out on one of the threads, then call `done` with its outcome on the worker's."""

        def told() -> None:
            outcome = _outcome(job)
            self._order(lambda: done(outcome))

        self._pool.submit(told)

    def stop(self) -> None:
        """Begin nothing more and do not wait."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _outcome(job: Callable[[], T]) -> T | Exception:
    try:
        return job()
    except Exception as error:  # noqa: BLE001 - whoever asked for it judges it
        return error
