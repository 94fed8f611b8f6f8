"""What a test run leaves behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sdk.local import processes
from tests.support.wait import wait_until

RUN = """
import signal, subprocess, sys
from tests.support.guardian import guarded
# Whoever started all this in the background of a shell has it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
with guarded():
    first = subprocess.Popen(["setsid", "sh", "-c", "sleep 1000 & sleep 1000; true"], stdout=subprocess.DEVNULL)
    print(first.pid, flush=True)
    sys.stdin.read()
"""


@contextmanager
def run() -> Iterator[tuple["subprocess.Popen[str]", list[int]]]:
    """A test run, and what it has started."""
    with subprocess.Popen(
        [sys.executable, "-c", RUN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    ) as running:
        assert running.stdout is not None
        shell = int(running.stdout.readline())
        both = wait_until(lambda: found if len(found := processes.descendants(shell)) == 2 else None, what="sleeps")
        try:
            yield running, [shell, *both]
        finally:
            running.kill()
            for pid in [shell, *both]:
                if processes.alive(pid):
                    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_what_a_killed_run_has_started_ends(number: signal.Signals) -> None:
    """In whatever session or process group it is, and with its children."""
    with run() as (running, started):
        running.send_signal(number)
        wait_until(lambda: not any(map(processes.alive, started)), 20, "the end of all")


def test_what_a_run_leaves_that_ends_in_order_stays() -> None:
    """It is the mistake of a test, which is to be seen."""
    with run() as (running, started):
        running.communicate("")
        assert running.returncode == 0
        assert all(map(processes.alive, started))
