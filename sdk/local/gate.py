"""Starting a process in two steps: it exists and waits while its group and limits are set, then it becomes the command.

Between fork and exec nothing of Python may run safely in a process with threads, so the waiting is done by a small
program of its own, which is replaced by the command: same pid, same session, same user.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

# Nobody opens the gate: the agent died, and what it wanted to start shall not run without limits.
_PROGRAM = """
import os, sys
if os.read(0, 1) != b"!":
    sys.exit(1)
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
try:
    os.execvp(sys.argv[1], sys.argv[2:])
except OSError as error:
    sys.exit(f"Failed to execute '{sys.argv[1]}': {error}")
"""


def start_gated(
    arguments: Sequence[str], executable: str | None, prepare: Callable[[int], None], **options: Any
) -> "subprocess.Popen[bytes]":
    """Start a process and call `prepare` with its pid before it runs the command.

    When that raises, the process is ended and the exception passed on.
    """
    command = [sys.executable, "-I", "-S", "-c", _PROGRAM, executable or arguments[0], *arguments]
    reader, writer = os.pipe()
    try:
        process = subprocess.Popen(command, stdin=reader, **options)
    except BaseException:
        os.close(writer)
        raise
    finally:
        os.close(reader)
    try:
        prepare(process.pid)
        os.write(writer, b"!")
    except BaseException:
        process.kill()
        process.wait()
        raise
    finally:
        os.close(writer)
    return process
