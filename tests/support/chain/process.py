"""Our programs as processes, each with its log in a file."""

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.support import nursery

ROOT = Path(__file__).parents[3]


class Process:
    """One program that can be ended and started again."""

    def __init__(self, log: Path, command: Sequence[str]) -> None:
        self.log = log
        self._command = command
        self._process: nursery.Process | None = None

    @property
    def pid(self) -> int:
        """Of the one that runs."""
        assert self._process is not None, "it was not started"
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether it does not run."""
        return self._process is None or self._process.poll() is not None

    def start(self) -> None:
        """Start it, without waiting for anything."""
        with self.log.open("ab") as log:
            self._process = nursery.popen(self._command, cwd=ROOT, stdout=log, stderr=log)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None, "it was not started"
        self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(20)

    def stop(self) -> None:
        """SIGTERM; SIGKILL when it is still there after a while."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()


def edgelb(directory: Path, name: str, *arguments: str) -> Process:
    """`edgelb run ...`; `name` is that of the log."""
    command = [sys.executable, "-m", "api.cli.main", "run", *arguments, "--log-format", "json"]
    return Process(directory / f"{name}.log", command)


def lbmgr(directory: Path, name: str, *arguments: str, before: Sequence[str] = ()) -> Process:
    """One lbmgr; `before` are words of the command line in front, such as `unshare`."""
    command = [*before, sys.executable, "-m", "pool_executor.lbmgr", *arguments]
    return Process(directory / f"{name}.log", command)
