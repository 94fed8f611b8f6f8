"""A file that is read again when it changes: credentials and certificates are renewed without a restart.

What was read last holds as long as the file is missing, half written or wrong; that is logged once per change.
"""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import structlog

from sdk.clock import Clock, SystemClock
from sdk.errors import SdkError

T = TypeVar("T")
_log = structlog.get_logger()
_LOOK = 1.0
"""Seconds between two looks at the files."""

_Marks = tuple[tuple[int, ...] | None, ...]


class Reread(Generic[T]):
    """What stands in some files that belong together. From any thread."""

    def __init__(self, files: Sequence[Path], read: Callable[[], T], *, clock: Clock | None = None) -> None:
        """`read` reads them all; raises SdkError, here as well when they cannot be used at the start."""
        self._files = tuple(files)
        self._read = read
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._marks = self._look()
        self._value = read()
        self._next = self._clock.monotonic() + _LOOK

    def get(self) -> T:
        """What was read last: the present content, or that of a second ago."""
        if self._clock.monotonic() >= self._next and self._lock.acquire(blocking=False):
            try:
                self._again()
            finally:
                self._lock.release()
        return self._value

    def _again(self) -> None:
        self._next = self._clock.monotonic() + _LOOK
        # Before it is read: what is written meanwhile has another mark, and is read at the next look.
        marks = self._look()
        if marks == self._marks:
            return
        self._marks = marks
        names = ", ".join(map(str, self._files))
        try:
            self._value = self._read()
        except SdkError as error:
            _log.error(
                "Changed files cannot be used; what they held before goes on to hold", files=names, why=str(error)
            )
        else:
            _log.info("Changed files were read again", files=names)

    def _look(self) -> _Marks:
        return tuple(map(_mark, self._files))


def _mark(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    # The change of its status, too: one that nobody may read yet has the same content when somebody may.
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
