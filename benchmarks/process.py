"""A process under test: how it is started and ended, and what it costs in CPU and memory.

What it started itself counts, but HAProxy does not: that works for the traffic and is counted by itself.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_MEGABYTE = 1_000_000
HAPROXY = "haproxy"


class Process:
    """One program, with its output in a file."""

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        self.name = name
        self._command = list(command)
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def module(cls, name: str, arguments: Sequence[str], log: Path) -> "Process":
        """`python -m` with these arguments, in this checkout."""
        return cls(name, [sys.executable, "-m", *arguments], log)

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None, f"{self.name} was not started"
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it; what it is told by the environment does not reach it."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("EDGELB_")}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def tell(self, number: int = signal.SIGTERM) -> None:
        """Send the signal."""
        assert self._process is not None, f"{self.name} was not started"
        self._process.send_signal(number)

    def wait(self, patience: float) -> None:
        """Until it has ended by itself."""
        assert self._process is not None, f"{self.name} was not started"
        self._process.wait(patience)

    def end(self, number: int = signal.SIGTERM, patience: float = 20.0) -> None:
        """Send the signal and wait; SIGKILL when that takes too long. Harmless when it does not run."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def cpu(self) -> float:
        """Seconds of CPU so far."""
        return sum(seconds(pid) for pid in tree(self.pid) if name_of(pid) != HAPROXY)

    def memory(self) -> float:
        """Resident memory in MB. Files that several of its processes have mapped, as Python's libraries, count once."""
        found = [resident(pid) for pid in tree(self.pid) if name_of(pid) != HAPROXY]
        return sum(own for own, _ in found) + max((shared for _, shared in found), default=0.0)

    def said(self, lines: int = 20) -> str:
        """The end of its output."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:]) if self._log.exists() else ""


def tree(pid: int) -> Iterator[int]:
    """The process and all below it, parents first."""
    yield pid
    for child in children(pid):
        yield from tree(child)


def children(pid: int) -> list[int]:
    """What the process started and has not collected yet."""
    found: list[int] = []
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (thread / "children").read_text().split())
    except OSError:
        # It has ended meanwhile.
        return found
    return sorted(found)


def kill(pids: Iterable[int]) -> None:
    """SIGKILL for all of them; some may end with the others."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def name_of(pid: int) -> str:
    """The name of its program; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def command_of(pid: int) -> list[str]:
    """Its command line."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode().rstrip("\0").split("\0")


def seconds(pid: int) -> float:
    """Seconds of CPU of one process; 0 when it has ended."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / _TICKS if fields else 0.0


def resident(pid: int) -> tuple[float, float]:
    """Resident memory of one process in MB, its own and that of files; 0 when it has ended."""
    try:
        fields = Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:
        return 0.0, 0.0
    pages, shared = int(fields[1]), int(fields[2])
    return (pages - shared) * _PAGE / _MEGABYTE, shared * _PAGE / _MEGABYTE


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
