"""The stream that processes log to: what it cannot take is lost, and the process goes on.

Knows that a disk may be full, a terminal closed and a pipe's reader dead. None of these is a reason for a load
balancer, a scheduler or a supervisor to end, and a log line is written at places where nobody expects an error.
"""

import os
import sys
from contextlib import suppress
from typing import TextIO, cast


class _StandardError:
    """`write` and `flush`, as logging and structlog use them, on what `sys.stderr` is at that moment."""

    def write(self, text: str) -> int:
        # Python keeps what a full disk did not take, up to its buffer's size, and tries it again with the next line.
        with suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()


STDERR = cast(TextIO, _StandardError())
"""Standard error without OSError. One object: structlog keeps a lock for each that it is given, for ever."""


def abandon() -> None:
    """Give up what standard error has not taken. Python would end with 120 for it, whatever came of the process."""
    try:
        sys.stderr.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stderr.fileno())
        os.close(nowhere)
