"""Processes as /proc shows them."""

import os
import socket
import subprocess
import sys

from sdk.local import processes
from tests.support.wait import wait_until

GONE = 2**22 + 1
"""Above the largest process id that Linux gives."""


def test_what_is_gone_has_neither_start_time_nor_parent_nor_words() -> None:
    """Asking about a process that has ended is no error."""
    assert not processes.alive(GONE)
    assert processes.start_time(GONE) is None
    assert processes.parent(GONE) is None
    assert processes.command_line(GONE) == []
    assert processes.environment(GONE) == {}
    assert processes.descendants(GONE) == []


def test_this_process_is_found_with_its_parent_and_environment() -> None:
    """Parent and environment are those that Python knows."""
    assert processes.alive(os.getpid())
    assert processes.parent(os.getpid()) == os.getppid()
    assert processes.environment(os.getpid())["PATH"]
    assert os.getpid() in processes.descendants(os.getppid())


def test_a_corpse_is_not_alive() -> None:
    """A child that ended and was not waited for still has a parent, but no life."""
    child = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.read()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not processes.alive(child.pid)
    assert processes.parent(child.pid) == os.getpid()
    child.wait()
    child.stdout.close()


def test_a_listener_is_told_with_its_process() -> None:
    """Only ports that were asked for, and only while something listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert processes.listeners({port})[port].startswith(f"pid {os.getpid()} (")
    assert processes.listeners({port}) == {}


def test_ending_a_container_that_is_empty_says_so() -> None:
    """Whoever cleans up learns whether there was anything."""
    assert processes.kill_all("/no/such/sandbox") is False
    child = subprocess.Popen(["sleep", "60"], env={**os.environ, "MESOS_SANDBOX": "/sandbox/of/this/test"})
    # The kernel shows an environment a moment after exec only.
    wait_until(lambda: "MESOS_SANDBOX" in processes.environment(child.pid), 10, "the child's environment")
    assert processes.kill_all("/sandbox/of/this/test") is True
    assert child.wait(10) < 0
