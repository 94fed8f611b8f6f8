"""The C library's allocator, set so that a process gives back what it needed for a moment.

glibc raises the size from which on a block is returned to the system with every large block that is freed, and has an
arena for nearly every thread. A process that reads a snapshot of a whole cluster keeps tens of megabytes that way.
"""

import ctypes
import os

# The numbers of glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
#: Bytes: blocks from this size on are the system's again as soon as they are free.
_LARGE = 256 * 1024
_ARENAS = 2


def give_back_early() -> None:
    """Does nothing where the environment says how it shall be, nor with another C library. To be called before there
    are threads."""
    if any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in os.environ):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    for option, value in ((_MMAP_THRESHOLD, _LARGE), (_TRIM_THRESHOLD, _LARGE), (_ARENA_MAX, _ARENAS)):
        mallopt(option, value)
