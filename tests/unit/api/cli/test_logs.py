"""How processes log: also to what takes nothing any more."""

import subprocess
import sys
from pathlib import Path

import pytest

LOGGING = """
import logging, sys
import structlog
from api.cli import logs
from sdk.local import log
logs.configure("info", sys.argv[1])
logging.raiseExceptions = False
for number in range(1000):
    structlog.get_logger().info("hello", number=number)
    logging.getLogger("kazoo").error("hello")
    log.master("hello")
print("went on", flush=True)
"""


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_log_line_that_cannot_be_written_is_no_error(form: str) -> None:
    """Neither ours nor a library's, nor one of the embedded Mesos: their callers expect none."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", LOGGING, form], stdout=subprocess.PIPE, stderr=full, text=True, check=False
        )
    assert done.stdout == "went on\n"


FAILING = """
import logging, sys
import structlog
from api.cli import logs
logs.configure("info", sys.argv[1])
def fail(secret):
    raise ValueError("broken on purpose")
try:
    fail("".join(("s3", "cret")))
except ValueError:
    structlog.get_logger().exception("It failed")
    logging.getLogger("kazoo").exception("It failed")
"""


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_traceback_shows_no_values(form: str) -> None:
    """Local variables hold secrets, and some of them are longer than a screen."""
    done = subprocess.run([sys.executable, "-c", FAILING, form], capture_output=True, text=True, check=True)
    assert done.stderr.count("broken on purpose") == 2
    assert "s3cret" not in done.stderr
