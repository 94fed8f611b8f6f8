"""Free loopback ports for tests, a block per pytest-xdist worker so that workers never race for one."""

import itertools
import os
import random
import socket

_FIRST, _PER_WORKER = 24000, 400
_counter: "itertools.count[int] | None" = None


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nothing listens on now, below the kernel's ephemeral range."""
    global _counter
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw") or 0)
    if _counter is None:
        # Two runs on one machine begin in different places.
        _counter = itertools.count(random.randrange(_PER_WORKER))
    base = _FIRST + worker * _PER_WORKER
    for _ in range(_PER_WORKER):
        port = base + next(_counter) % _PER_WORKER
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            # No SO_REUSEADDR: a port in TIME_WAIT or with a listener must not be handed out.
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"no free port between {base} and {base + _PER_WORKER - 1}")
