"""The command line on a terminal: progress in place, colours, NO_COLOR."""

import contextlib
import json
import os
import pty
import subprocess
import sys

import pytest

from api.client.client import ApiClient
from sdk.storage.connection import ZooKeeper
from tests.integration.api.conftest import Scheduler, instance, publish_instance, publish_rendered
from tests.integration.api.test_runtime import pod, say
from tests.support.pools import minimal

pytestmark = pytest.mark.integration


def on_terminal(server: str, *arguments: str, stdin: str = "", **environment: str) -> tuple[int, str]:
    """Run `edgelb` with stdout and stderr on a terminal; exit code and all that was written to it."""
    master, slave = pty.openpty()
    inherited = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    process = subprocess.Popen(
        [sys.executable, "-m", "api.cli.main", *arguments],
        stdin=subprocess.PIPE,
        stdout=slave,
        stderr=slave,
        env={**inherited, "EDGELB_API": server, "TERM": "xterm", "COLUMNS": "200", **environment},
        text=True,
    )
    os.close(slave)
    assert process.stdin is not None
    process.stdin.write(stdin)
    process.stdin.close()
    written = b""
    # Linux ends a terminal whose other side is closed with EIO instead of an empty read.
    with contextlib.suppress(OSError):
        while chunk := os.read(master, 65536):
            written += chunk
    os.close(master)
    return process.wait(30), written.decode()


@pytest.fixture
def ready(server: str, connection: ZooKeeper, zk_root: str, scheduler: Scheduler) -> None:
    """A pool `web`, and what makes it ready as soon as it is written a second time."""
    ApiClient(server).create(minimal())
    publish_rendered(connection, zk_root, pool_version=2)
    publish_instance(connection, zk_root, instance(), pool_version=2)
    say(scheduler, [pod()])


@pytest.mark.usefixtures("ready")
def test_progress_is_drawn_in_place_on_a_terminal(server: str) -> None:
    """The last state stays on the screen."""
    code, screen = on_terminal(server, "update", "-", "--wait", stdin=json.dumps(minimal()))

    assert code == 0
    assert "pool web: ready: 1 of 1 instances serve the current configuration" in screen
    assert "\x1b[" in screen


@pytest.mark.usefixtures("ready")
def test_words_are_coloured_on_a_terminal_unless_no_color_is_set(server: str) -> None:
    """https://no-color.org"""
    on_terminal(server, "update", "-", stdin=json.dumps(minimal()))
    _, coloured = on_terminal(server, "status", "web")
    _, plain = on_terminal(server, "status", "web", NO_COLOR="1")

    assert "\x1b[32mready\x1b[0m" in coloured
    assert "\x1b[" not in plain
    assert "web is ready" in plain
