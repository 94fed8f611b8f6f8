"""Having a directory for oneself: agents and clusters must not share theirs.

Knows a lock file with the holder's process id; what is in the directory is the holder's business.
"""

import fcntl
import os
from pathlib import Path


class InUse(Exception):
    """Another process works in this directory; the text says which, and what to do."""


def lock(work_dir: Path, who: str = "agent", advice: str = "give this one another --work-dir") -> int:
    """Claim a work directory for this process until it ends; returns the open file. InUse when it is taken.

    The kernel gives the lock back however the process ends, and executors do not inherit it.
    """
    path = work_dir / "lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise InUse(f"another {who} (pid {holder}) works in {work_dir}: stop it, or {advice}") from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor
