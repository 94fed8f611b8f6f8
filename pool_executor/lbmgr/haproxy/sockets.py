"""The directory of an instance's unix sockets: short, private, and removed even when its owner was killed.

A path of a unix socket has at most 107 bytes and real sandbox paths are longer, so it is made under /run or /tmp.
"""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

import structlog

_log = structlog.get_logger()
_PREFIX = "edgelb-"
_LOCK = "lock"


class SocketDirectory:
    """A directory of mode 0700 that holds a lock as long as this process lives."""

    def __init__(self) -> None:
        parents = [parent for parent in (Path("/run"), Path("/tmp")) if os.access(parent, os.W_OK | os.X_OK)]  # noqa: S108 - made with mkdtemp
        if not parents:
            raise PermissionError("neither /run nor /tmp can be written; HAProxy's sockets need one of them")
        for parent in parents:
            _remove_leftovers(parent)
        while True:
            self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parents[0]))
            try:
                self._lock = os.open(self.path / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
                fcntl.flock(self._lock, fcntl.LOCK_EX)
                if (self.path / _LOCK).exists():
                    return
                os.close(self._lock)
            except FileNotFoundError:
                continue  # another instance took the directory for a leftover before it was locked: make a new one

    def close(self) -> None:
        """Remove the directory."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _remove_leftovers(parent: Path) -> None:
    """Remove directories whose owner is gone: the kernel dropped its lock, whichever way it died."""
    for path in parent.glob(f"{_PREFIX}*"):
        try:
            if path.is_symlink() or path.stat().st_uid != os.geteuid():
                continue
            lock = os.open(path / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            continue  # somebody else's, or just being made
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Under the lock: one who made the directory just now and waits for it must find it whole or gone.
            shutil.rmtree(path, ignore_errors=True)
            _log.info("Removed the sockets of an instance that is gone", path=str(path))
        except OSError:
            continue  # in use
        finally:
            os.close(lock)
