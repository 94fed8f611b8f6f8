"""The allocator gives back what is free, unless the environment says otherwise."""

import subprocess
import sys

import pytest

_USED = """
import ctypes
from pathlib import Path
from api.process.allocator import give_back_early

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

give_back_early()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
size = 4_000_000
def used():
    block = libc.malloc(size)
    ctypes.memset(block, 1, size)
    return block

libc.free(used())  # from now on glibc would take blocks of this size for ordinary ones
before = resident()
large, small = used(), libc.malloc(1000)
libc.free(large)
print(resident() - before < size // 2)
"""


@pytest.mark.parametrize(("environment", "given_back"), [({}, True), ({"MALLOC_ARENA_MAX": "8"}, False)])
def test_what_was_needed_for_a_moment_is_given_back(environment: dict[str, str], given_back: bool) -> None:
    done = subprocess.run([sys.executable, "-c", _USED], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(given_back)
