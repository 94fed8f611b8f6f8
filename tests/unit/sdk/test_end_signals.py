"""Signals that end a process, on whichever thread they come."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROCESS = """
import os, signal, sys, threading
from sdk.end_signals import on_end_signals
stop, numbers = threading.Event(), []
on_end_signals(lambda number: (numbers.append(number.name), stop.set()))
other = threading.Thread(target=threading.Event().wait, daemon=True)
other.start()
def send():
    if sys.argv[2]:
        signal.pthread_kill(other.ident, int(sys.argv[1]))
    else:
        os.kill(os.getpid(), int(sys.argv[1]))
threading.Timer(0.1, send).start()
stop.wait()
print(*numbers)
"""


@pytest.mark.parametrize("thread", ["", "other"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_that_waits_ends_wherever_the_signal_comes(number: signal.Signals, thread: str) -> None:
    """The main thread is not woken by a signal that another one got."""
    done = subprocess.run(
        [sys.executable, "-c", PROCESS, str(int(number)), thread],
        cwd=Path(__file__).parents[3], capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == (f"{number.name}\n", "")
