"""Memory of a process that makes millions of objects at its start, which live as long as it does.

Knows the garbage collector: looking through all of them for garbage again and again would stop the process for a second
at a time.
"""

import gc
import os
import sys
from typing import NoReturn

# What comes and goes is let go of without the collector: it needs to look rarely.
_THRESHOLDS = (50_000, 20, 100)


def filling() -> None:
    """From here on objects are made that stay."""
    gc.disable()


def settle() -> None:
    """All of them are made: what there is now is not looked at any more."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    gc.enable()


def leave(status: int) -> NoReturn:
    """End the process at once: taking apart millions of objects takes many seconds and serves nobody."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
