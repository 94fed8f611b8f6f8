"""Lines of child processes: why one ended, and what a log that cannot be written does to them."""

from pathlib import Path

from api.cli.child_output import LogFiles, Persistent, reason
from api.cli.supervisor import ending

ZOOKEEPER = """\
2026-11-29 20:56:49,969 WARN ServerCnxnFactory - maxCnxns is not configured, using default value 0.
2026-11-29 20:56:49,980 ERROR ZooKeeperCriticalThread - Severe unrecoverable error, from thread : SyncThread:0
java.io.IOException: No space left on device
\tat java.base/java.io.FileOutputStream.writeBytes(Native Method)
\tSuppressed: java.io.IOException: No space left on device
\t\t... 11 more
2026-11-29 20:56:50,044 ERROR ServiceUtils - Exiting JVM with code 10
"""
PYTHON = """\
Traceback (most recent call last):
  File "a.py", line 1, in <module>
    main()
OSError: [Errno 28] No space left on device

"""


def test_the_reason_of_an_end_is_the_last_exception_or_the_last_line() -> None:
    """Java's and Python's traces, a sentence of a command, and silence."""
    assert reason(ZOOKEEPER.splitlines()) == "java.io.IOException: No space left on device"
    assert reason(PYTHON.splitlines()) == "OSError: [Errno 28] No space left on device"
    assert reason(["started", "Error: 'nonsense' is not host:port", ""]) == "Error: 'nonsense' is not host:port"
    assert reason(["started", "stopping"]) == "stopping"
    assert reason(["", "  "]) is None


def test_an_end_is_told_with_its_reason() -> None:
    """Where there is one: a process that was killed, or that ended in peace, gave none."""
    assert ending(10, ZOOKEEPER.splitlines()) == "ended with status 10 (java.io.IOException: No space left on device)"
    assert ending(1, []) == "ended with status 1"
    assert ending(0, ["done"]) == "ended with status 0"
    assert ending(-9, ["working"]) == "was killed by SIGKILL"


def test_lines_that_cannot_be_written_are_counted_and_told_of_later(tmp_path: Path) -> None:
    """A full disk costs lines of the log, and nothing else."""
    output = Persistent(LogFiles(tmp_path))
    log = tmp_path / "one.log"
    log.symlink_to("/dev/full")
    output.line("one", "first")
    output.told("one", "second")
    output.line("two", "of another")
    log.unlink()
    output.line("one", "third")
    output.line("one", "fourth")
    third, loss, fourth = log.read_text().splitlines()
    assert (third, fourth) == ("third", "fourth")
    assert loss.endswith("one 2 lines could not be written: No space left on device")
    assert (tmp_path / "two.log").read_text() == "of another\n"
