"""Processes of this machine as /proc shows them: who is alive, who belongs to a sandbox, and ending all of that.

Knows Linux. Identifies a process by pid and start time, because pids are used again.
"""

import contextlib
import os
import signal
from collections.abc import Iterable
from pathlib import Path


def start_time(pid: int) -> int | None:
    """Clock ticks after boot at which a process started; None when there is none, or only its corpse."""
    fields = _stat(pid)
    if fields is None or fields[0] in ("Z", "X"):
        return None
    # Field 22 of proc(5); the list starts at field 3.
    return int(fields[19])


def _stat(pid: int) -> list[str] | None:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            # The name in parentheses may hold spaces and parentheses.
            return file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def members(sandbox: str | None, leader: int | None = None) -> set[int]:
    """The living processes of a container: the leader's session and descendants, and who has its sandbox in the
    environment.
    """
    parents: dict[int, int] = {}
    found: set[int] = set()
    mark = f"MESOS_SANDBOX={sandbox}".encode()
    for pid in (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        fields = _stat(pid)
        if fields is None or fields[0] in ("Z", "X") or pid == os.getpid():
            continue
        parents[pid] = int(fields[1])
        if (leader is not None and (pid == leader or int(fields[3]) == leader)) or (
            sandbox and _has_environment(pid, mark)
        ):
            found.add(pid)
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in found and pid not in found}
        found |= more
        grown = bool(more)
    return found


def _has_environment(pid: int, mark: bytes) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return mark in file.read().split(b"\0")
    except OSError:
        return False


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Signal each process that still exists and is ours."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def kill_all(sandbox: str, leader: int | None = None) -> None:
    """SIGKILL a container until nothing of it is left; children born meanwhile are found in the next round."""
    for _ in range(20):
        found = members(sandbox, leader)
        if not found:
            return
        # Stopped processes cannot fork between being seen and being killed.
        send(found, signal.SIGSTOP)
        send(found | members(sandbox, leader), signal.SIGKILL)
