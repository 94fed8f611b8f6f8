"""Keeps the cores awake while something is measured.

An idle virtual machine halts its cores, and each wake-up then costs about a millisecond, once for each process that a
change passes. A loop at idle priority on each core runs only when nothing else does: what is left is the speed of the
machine itself.
"""

import multiprocessing
import os
from pathlib import Path
from types import TracebackType


class Awake:
    """One process for each core."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("forkserver")
        self._processes = [context.Process(target=_spin, daemon=True) for _ in range(os.cpu_count() or 1)]

    def __enter__(self) -> "Awake":
        for process in self._processes:
            process.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.terminate()
            process.join()


def _spin() -> None:
    # Linux shares the processor between sessions first: in a session of its own, of the least weight, idle priority is
    # idle to everybody.
    os.setsid()
    weight = Path("/proc/self/autogroup")
    if weight.exists():
        weight.write_text("19")
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    while True:
        pass
