"""Free loopback ports for tests. Every process that runs tests has a block of them to itself, also beside other test
runs on the same machine.
"""

import fcntl
import itertools
import os
import socket
import tempfile
from pathlib import Path

_BLOCKS, _PER_BLOCK = range(24000, 32000, 250), 250
_held: dict[int, int] = {}
"""First ports of the blocks that this process has to itself, with the descriptor of the lock."""
_ports: "itertools.cycle[int] | None" = None


def held(first: int) -> bool:
    """Take the block of ports from `first` on until this process ends; False when another test run has it."""
    if first not in _held:
        file = Path(tempfile.gettempdir()) / f"edgelb-tests-{os.getuid()}-{first}.lock"
        lock = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        _held[first] = lock
    return True


def free_port() -> int:
    """A TCP port that nothing listens on now, at whatever address, below the kernel's ephemeral range."""
    global _ports
    if _ports is None:
        block = next((first for first in _BLOCKS if held(first)), None)
        if block is None:
            raise RuntimeError(f"all {len(_BLOCKS)} blocks of ports are taken by other test runs")
        _ports = itertools.cycle(range(block, block + _PER_BLOCK))
    for port in itertools.islice(_ports, _PER_BLOCK):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            # No SO_REUSEADDR: a port in TIME_WAIT or with a listener must not be handed out.
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"no free port among the {_PER_BLOCK} of this test run")
