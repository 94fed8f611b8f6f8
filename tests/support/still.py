"""Processes that hang: stopped by a signal, with all their sockets and files.

The signal is taken by one thread, and the others learn of it from that one: on a busy machine they work on for a while
after it was sent.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.wait import wait_until


def stop(pid: int) -> None:
    """Stop it; returns when none of its threads runs any more."""
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: _stands_still(pid), what=f"process {pid} to stand still")


@contextmanager
def standing_still(pid: int) -> Iterator[None]:
    """It does nothing within the block, and goes on after it."""
    try:
        stop(pid)
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _stands_still(pid: int) -> bool:
    stats = [stat.read_text() for stat in Path(f"/proc/{pid}/task").glob("*/stat")]
    return bool(stats) and all(stat.rpartition(") ")[2].startswith("T") for stat in stats)
