"""What a test run has started ends with it, also when it is killed: ZooKeeper, HAProxy, schedulers, whole stacks.

A process of its own waits at a pipe from the test run, and knows what that started by a variable in its environment. A
run that ends in order says so: what its tests leave then is their mistake, and stays to be seen. One that is
interrupted does not.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

MARK = "TESTS_OF_PROCESS"
"""Its value in the environment of whatever this test run starts."""
_DONE = b"done"
_PATIENCE = 10.0
_PACKAGES = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Until the end of this block: what is started ends with this process."""
    mark = f"{os.getpid()}-{time.monotonic_ns()}"
    before = os.environ.get(MARK)
    # Without the mark of a run above, of which this process is one: its guardian would end ours with us.
    environment = {name: value for name, value in os.environ.items() if name != MARK}
    guardian = subprocess.Popen(
        [sys.executable, "-m", __name__, mark],
        cwd=_PACKAGES,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.environ[MARK] = mark
    said = _DONE
    try:
        yield
    except KeyboardInterrupt:
        said = b""
        raise
    finally:
        if before is None:
            del os.environ[MARK]
        else:
            os.environ[MARK] = before
        guardian.communicate(said)


def _marked(mark: str) -> list[int]:
    entry, found = f"{MARK}={mark}".encode(), []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # it is gone, or somebody else's
            if entry in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found


def _end_all(mark: str) -> None:
    """Kill them until there are none: some may just have started others."""
    deadline = time.monotonic() + _PATIENCE
    while (found := _marked(mark)) and time.monotonic() < deadline:
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


if __name__ == "__main__":
    if sys.stdin.buffer.read() != _DONE:
        _end_all(sys.argv[1])
