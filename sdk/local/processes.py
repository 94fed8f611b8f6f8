"""Processes of this machine as /proc shows them: who is alive, who belongs to whom, who listens, and ending them.

Knows Linux. A process is named by its pid and start time, because pids are used again. What is gone, or somebody
else's, has no command line, no environment and no parent.
"""

import contextlib
import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path

_LISTEN = "0A"


def start_time(pid: int) -> int | None:
    """Clock ticks after boot at which a process started; None when there is none, or only its corpse."""
    fields = _stat(pid)
    if fields is None or fields[0] in ("Z", "X"):
        return None
    # Field 22 of proc(5); the list starts at field 3.
    return int(fields[19])


def alive(pid: int) -> bool:
    """Whether the process exists and is more than a corpse."""
    return start_time(pid) is not None


def parent(pid: int) -> int | None:
    """Process id of the parent."""
    fields = _stat(pid)
    return None if fields is None else int(fields[1])


def command_line(pid: int) -> list[str]:
    """The process' arguments."""
    text = _read(pid, "cmdline").decode(errors="replace").rstrip("\0")
    return text.split("\0") if text else []


def name(pid: int) -> str:
    """The short name of what the process runs, as `ps` shows it; empty when it is gone."""
    return _read(pid, "comm").decode(errors="replace").strip()


def environment(pid: int) -> dict[str, str]:
    """The variables that the process was started with."""
    entries = _read(pid, "environ").decode(errors="replace").split("\0")
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


def everyone() -> Iterator[int]:
    """Process ids of this machine; some may be gone by the time they are looked at."""
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _stat(pid: int) -> list[str] | None:
    # The name in parentheses may hold spaces and parentheses.
    return _read(pid, "stat").decode(errors="replace").rpartition(")")[2].split() or None


def _read(pid: int, file: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{file}").read_bytes()
    except OSError:
        return b""


def descendants(root: int) -> list[int]:
    """All processes below `root`, parents before children."""
    children: dict[int, list[int]] = {}
    for pid in everyone():
        above = parent(pid)
        if above is not None:
            children.setdefault(above, []).append(pid)
    found, waiting = [], [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def members(sandbox: str | None, leader: int | None = None) -> set[int]:
    """The living processes of a container: the leader's session and descendants, and who has its sandbox, or that of a
    nested container, in the environment.
    """
    parents: dict[int, int] = {}
    found: set[int] = set()
    mark = f"MESOS_SANDBOX={sandbox}".encode()
    nested = mark + b"/tasks/"
    for pid in everyone():
        fields = _stat(pid)
        if fields is None or fields[0] in ("Z", "X") or pid == os.getpid():
            continue
        parents[pid] = int(fields[1])
        if (leader is not None and (pid == leader or int(fields[3]) == leader)) or (
            sandbox and any(item == mark or item.startswith(nested) for item in _read(pid, "environ").split(b"\0"))
        ):
            found.add(pid)
    grown = True
    while grown:
        more = {pid for pid, above in parents.items() if above in found and pid not in found}
        found |= more
        grown = bool(more)
    return found


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Signal each process that still exists and is ours."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def kill_all(sandbox: str, leader: int | None = None) -> bool:
    """SIGKILL a container until nothing of it is left; children born meanwhile are found in the next round.

    False when there was nothing to kill.
    """
    for number in range(20):
        found = members(sandbox, leader)
        if not found:
            return number > 0
        # Stopped processes cannot fork between being seen and being killed.
        send(found, signal.SIGSTOP)
        send(found | members(sandbox, leader), signal.SIGKILL)
    return True


def listeners(ports: set[int]) -> dict[int, str]:
    """Who listens on which of `ports`: `pid 123 (python3 ...)`, or `a process of another user`."""
    return {
        port: "a process of another user" if pid is None else f"pid {pid} ({' '.join(command_line(pid))[:120]})"
        for port, pid in holders(ports).items()
    }


def holders(ports: set[int]) -> dict[int, int | None]:
    """The process ids of those who listen on `ports`, None for a process of another user; free ones are left out."""
    inodes: dict[str, int] = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            port = int(fields[1].rsplit(":", 1)[1], 16)
            if fields[3] == _LISTEN and port in ports:
                inodes[fields[9]] = port
    found: dict[int, int | None] = dict.fromkeys(inodes.values())
    return found | {inodes[inode]: pid for inode, pid in _owners(set(inodes)).items()}


def _owners(inodes: set[str]) -> dict[str, int]:
    owners: dict[str, int] = {}
    if not inodes:
        return owners
    for pid in everyone():
        try:
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                target = str(descriptor.readlink())
                if target.startswith("socket:[") and target[8:-1] in inodes:
                    owners[target[8:-1]] = pid
        except OSError:
            continue
    return owners
